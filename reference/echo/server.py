"""An echo server: sends every byte back to the client it came from, until that client ends its side.

Usage: server.py PORT
Source: RFC 862, "TCP Based Echo Service".
Left out on purpose: more than one client at a time (the others wait in the listen queue), and IPv6.
"""

import signal
import socket
import sys
from contextlib import suppress


def echo(connection):
    # recv() returns 1 to 65536 bytes, however the client grouped them; b"" is the end of its side.
    while data := connection.recv(65536):
        connection.sendall(data)  # send() alone may take only part of the data


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
    # Clients that arrive while we serve another wait in this queue; in a short one they find no room.
    listener.listen(128)
except OSError as error:
    sys.exit(f"server: cannot bind to port {port}: {error.strerror}")

# Without the loop, the first client would be the last.
while True:
    try:
        connection, _ = listener.accept()
    except ConnectionAbortedError:
        continue  # this one left while it waited in the queue
    # Without close(), which ends "with", a client waits for our end, and every visit costs a file descriptor.
    # Without suppress(), one client that resets, or leaves without reading, ends the service for all others.
    with connection, suppress(OSError):
        echo(connection)
