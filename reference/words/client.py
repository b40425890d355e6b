"""A words client: prints the word in each packet, until the server closes.

Usage: client.py HOST PORT
Left out on purpose: time limits. It waits for as long as the server keeps the connection open.
"""

import os
import signal
import socket
import sys


def receive(connection, size):
    data = b""
    # One recv() may return any part of what the server sent; b"" is the end, which may come too early.
    while len(data) < size and (piece := connection.recv(size - len(data))):
        data += piece
    return data


def write_output(data):
    while data:
        data = data[os.write(1, data) :]  # like send(), write() may take only part


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

try:
    with connection:
        write_output(b"Getting words:\n")
        while length := receive(connection, 2):
            size = int.from_bytes(length, "big")  # the more significant byte comes first
            word = receive(connection, size)
            if len(length) < 2 or len(word) < size:
                sys.exit("client: the server closed in the middle of a packet")
            write_output(b"    " + word + b"\n")
except OSError as error:
    sys.exit(f"client: {error.strerror}")
