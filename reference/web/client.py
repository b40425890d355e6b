"""A web client: asks for "/" and prints the whole answer, header lines and all, until the server closes.

Usage: client.py HOST [PORT]        (80 if none is given)
Source: RFC 9112 (HTTP/1.1). Left out on purpose: understanding the answer, and time limits.
"""

import os
import signal
import socket
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # without this, Ctrl-C ends in a traceback
arguments = [*sys.argv[1:], "80"] if len(sys.argv) == 2 else sys.argv[1:]
host, port = arguments if len(arguments) == 2 else ("", "")
if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):  # int() takes "1_0", too
    print("usage: client.py HOST [PORT], where PORT is 1 to 65535", file=sys.stderr)
    sys.exit(2)

try:
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
except (OSError, UnicodeError) as error:
    sys.exit(f"client: cannot look up {host}: {getattr(error, 'strerror', error)}")

# A name may have several addresses, and the first may not answer.
for family, kind, protocol, _, address in addresses:
    try:
        connection = socket.socket(family, kind, protocol)
        connection.connect(address)
        break
    except OSError as error:
        reason = error.strerror
else:
    sys.exit(f"client: cannot connect to {host} port {port}: {reason}")

name = f"[{host}]" if ":" in host else host  # an IPv6 address goes into brackets: a colon is what a port comes behind
lines = [
    "GET / HTTP/1.1",
    f"Host: {name}" if port == "80" else f"Host: {name}:{port}",  # one server may have many names
    "Connection: close",  # without this, the server keeps the connection open, and we wait for its end
    "",  # the blank line: without it, the server waits for more header lines
    "",
]
try:
    with connection:
        connection.sendall("\r\n".join(lines).encode())  # send() alone may take only part of the data
        # One recv() may return any part of the answer; b"" is its end.
        while data := connection.recv(65536):
            while data:
                data = data[os.write(1, data) :]  # like send(), write() may take only part
except OSError as error:
    sys.exit(f"client: {error.strerror}")
