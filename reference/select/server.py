"""A select server: prints what every client does, in one thread that waits for all of them at once.

Usage: server.py PORT
Left out on purpose: answers. What is sent here is printed, and nothing goes back.
"""

import select
import signal
import socket
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # without this, Ctrl-C ends in a traceback
port = sys.argv[1] if len(sys.argv) == 2 else ""
if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):  # int() takes "1_0", too
    print("usage: server.py PORT, where PORT is 1 to 65535", file=sys.stderr)
    sys.exit(2)

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
# Without this, bind() fails for about a minute after we closed a connection first (TIME_WAIT).
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    # "" is every address of this machine; "127.0.0.1" would shut out all other machines.
    listener.bind(("", int(port)))
    # Clients that arrive together wait in this queue; in a short one they find no room.
    listener.listen(128)
except OSError as error:
    sys.exit(f"server: cannot bind to port {port}: {error.strerror}")
# select() may name the listener for a client that has left again by now; accept() would then wait for another one.
listener.setblocking(False)

addresses = {}  # of the clients that are here, by connection; one that is gone is no longer asked for its address
while True:
    # The only place to wait. It returns what can be read now without waiting: new clients, bytes, ends.
    readable, _, _ = select.select([listener, *addresses], [], [])
    for ready in readable:
        if ready is listener:
            try:
                connection, address = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                continue
            addresses[connection] = address
            print(f"{address}: connected", flush=True)  # without flush, it would wait in a buffer if this is a pipe
            continue
        try:
            data = ready.recv(4096)  # 1 to 4096 bytes, however the client grouped them; b"" is the end
        except OSError:
            data = b""  # a reset: this client is gone as well
        if data:
            print(f"{addresses[ready]} {len(data)} bytes: {data}", flush=True)
        else:
            print(f"{addresses[ready]}: disconnected", flush=True)
            # Still in the list, a closed connection would make the next select() fail.
            del addresses[ready]
            ready.close()
