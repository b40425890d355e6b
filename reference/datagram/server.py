"""A datagram echo server: returns each datagram to its sender, by itself, whoever that is.

Usage: server.py PORT
Source: RFC 862, "UDP Based Echo Service". Left out on purpose: IPv6.
"""

import signal
import socket
import sys
from contextlib import suppress

signal.signal(signal.SIGINT, signal.SIG_DFL)  # without this, Ctrl-C ends in a traceback
port = sys.argv[1] if len(sys.argv) == 2 else ""
if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):  # int() takes "1_0", too
    print("usage: server.py PORT, where PORT is 1 to 65535", file=sys.stderr)
    sys.exit(2)

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
# No SO_REUSEADDR here: nothing stays in TIME_WAIT, and with it a second server could take the port from the first.
try:
    # "" is every address of this machine; "127.0.0.1" would shut out all other machines.
    server.bind(("", int(port)))
except OSError as error:
    sys.exit(f"server: cannot bind to port {port}: {error.strerror}")

# No listen(), no accept(): one socket serves all clients, so without the sender we would not know whom to answer.
while True:
    # One recvfrom() returns one datagram; what does not fit is lost. So there is room for the longest, 65507 bytes.
    # b"" is a datagram without a byte, not an end: there is none.
    data, sender = server.recvfrom(65536)
    # Without suppress(), one datagram that cannot be answered (its sender says port 0, say) would end the service.
    with suppress(OSError):
        server.sendto(data, sender)
