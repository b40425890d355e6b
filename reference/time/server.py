"""A time server (RFC 868): tells whoever connects the seconds since 1900, in four bytes, and closes.

Usage: server.py PORT
Left out on purpose: more than one client at a time (none can hold the others up), and IPv6.
"""

import signal
import socket
import sys
import time
from contextlib import suppress

UNTIL_1970 = 2208988800  # seconds from 1900, when the protocol's clock starts, to 1970, when ours does


def tell_the_time(connection):
    seconds = int(time.time()) + UNTIL_1970
    # "big": the most significant byte first, on every machine. Four bytes hold the time until 2036; then 0 comes again.
    message = (seconds % 2**32).to_bytes(4, "big")
    connection.sendall(message)  # send() alone may take only part of the data
    connection.shutdown(socket.SHUT_WR)  # the client has its end now, whatever becomes of the rest
    # close() on unread bytes is a reset, not an orderly end, and may cost the client the time. So discard what has
    # come, and wait for no more: recv() raises BlockingIOError instead. The limit is for a client that never stops.
    for _ in range(64):
        if not connection.recv(65536, socket.MSG_DONTWAIT):
            break


signal.signal(signal.SIGINT, signal.SIG_DFL)  # without this, Ctrl-C ends in a traceback
port = sys.argv[1] if len(sys.argv) == 2 else ""
if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):  # int() takes "1_0", too
    print("usage: server.py PORT, where PORT is 1 to 65535", file=sys.stderr)
    sys.exit(2)

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
# Without this, bind() fails for about a minute after we closed a connection first (TIME_WAIT), as we always do.
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    # "" is every address of this machine; "127.0.0.1" would shut out all other machines.
    listener.bind(("", int(port)))
    # Clients that arrive together wait in this queue; in a short one they find no room.
    listener.listen(128)
except OSError as error:
    sys.exit(f"server: cannot bind to port {port}: {error.strerror}")

# Without the loop, the first client would be the last.
while True:
    try:
        connection, _ = listener.accept()
    except ConnectionAbortedError:
        continue  # this one left while it waited in the queue
    # Without close(), which ends "with", every visit costs a file descriptor.
    # Without suppress(), one client that resets ends the service for all others.
    with connection, suppress(OSError):
        tell_the_time(connection)
