"""A hello client: prints what it hears, byte for byte, until the server closes.

Usage: client.py HOST [PORT]        (3490 if none is given)
Left out on purpose: time limits. It waits for as long as the server keeps the connection open.
"""

import os
import signal
import socket
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # without this, Ctrl-C ends in a traceback
arguments = [*sys.argv[1:], "3490"] if len(sys.argv) == 2 else sys.argv[1:]
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

try:
    with connection:
        # One recv() may return any part of what the server said; b"" is its end.
        while data := connection.recv(65536):
            while data:
                data = data[os.write(1, data) :]  # like send(), write() may take only part
except OSError as error:
    sys.exit(f"client: {error.strerror}")
