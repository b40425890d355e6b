"""A web server: answers every request with the same few words, and closes. BODY is all it ever says.

Usage: server.py [PORT]        (28333 if none is given)
Source: RFC 9112 (HTTP/1.1).
Left out on purpose: what the request asks for, more than one client at a time (the others wait), and IPv6.
"""

import signal
import socket
import sys
from contextlib import suppress

BODY = b"Hello!"
LONGEST_REQUEST = 65536


def answer(connection):
    request = b""
    # A request ends with a blank line. One recv() may return any part of it, half of the blank line included.
    while b"\r\n\r\n" not in request:
        piece = connection.recv(4096)
        # b"" is the end: who has left, or talks for ever, is not waited for.
        if not piece or len(request) > LONGEST_REQUEST:
            return
        request += piece
    head = [
        "HTTP/1.1 200 OK",
        "Content-Type: text/plain",
        f"Content-Length: {len(BODY)}",  # in bytes; without it, nobody knows whether the body is all there
        "Connection: close",  # without this, a client may send its next request here
        "",  # the blank line
        "",
    ]
    connection.sendall("\r\n".join(head).encode() + BODY)  # send() alone may take only part of the data


signal.signal(signal.SIGINT, signal.SIG_DFL)  # without this, Ctrl-C ends in a traceback
arguments = sys.argv[1:] or ["28333"]
port = arguments[0] if len(arguments) == 1 else ""
if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):  # int() takes "1_0", too
    print("usage: server.py [PORT], where PORT is 1 to 65535", file=sys.stderr)
    sys.exit(2)

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
# Without this, bind() fails for about a minute after we closed a connection first (TIME_WAIT), as we always do.
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
    # Without close(), which ends "with", every visit costs a file descriptor.
    # Without suppress(), one client that resets ends the service for all others.
    with connection, suppress(OSError):
        answer(connection)
