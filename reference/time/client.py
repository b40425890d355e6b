"""A time client (RFC 868): prints the time that a server sends beside the time of this machine.

Usage: client.py HOST PORT
Left out on purpose: time limits. It waits for as long as the server keeps the connection open.
"""

import signal
import socket
import sys
import time

UNTIL_1970 = 2208988800  # seconds from 1900, when the protocol's clock starts, to 1970, when ours does

signal.signal(signal.SIGINT, signal.SIG_DFL)  # without this, Ctrl-C ends in a traceback
host, port = sys.argv[1:] if len(sys.argv) == 3 else ("", "")
if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):  # int() takes "1_0", too
    print("usage: client.py HOST PORT, where PORT is 1 to 65535", file=sys.stderr)
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

message = b""
try:
    with connection:
        # One recv() may return any part of the four bytes; b"" is the end, which may come too early.
        while len(message) < 4 and (data := connection.recv(4 - len(message))):
            message += data
except OSError as error:
    sys.exit(f"client: {error.strerror}")
if len(message) < 4:
    sys.exit(f"client: the server closed after {len(message)} of 4 bytes")

# "big": the most significant byte comes first, on every machine.
print("NIST time  :", int.from_bytes(message, "big"))
print("System time:", (int(time.time()) + UNTIL_1970) % 2**32)
