"""A datagram client: sends each line of its standard input as a datagram, and prints the reply to it.

Usage: client.py HOST PORT
Source: RFC 862, "UDP Based Echo Service". Left out on purpose: sending again what was lost, a second address of HOST.
"""

import os
import signal
import socket
import sys
import time

PATIENCE_S = 1.0


def reply_to(line):
    """The reply, or None if it did not come in time."""
    deadline = time.monotonic() + PATIENCE_S
    # Without a deadline, a server that keeps sending something else would keep us waiting for ever.
    while True:
        server.settimeout(max(deadline - time.monotonic(), 0.001))  # a limit of 0 would be an error at once
        try:
            reply = server.recv(65536)
        except TimeoutError:
            return None
        if reply == line:  # without this, a late reply to the line before would pass for the one to this line
            return reply


def lines():
    """The lines of standard input, without their newlines; each as soon as it is there."""
    rest = b""
    while data := os.read(0, 65536):
        *whole, rest = (rest + data).split(b"\n")
        yield from whole
    if rest:
        yield rest


signal.signal(signal.SIGINT, signal.SIG_DFL)  # without this, Ctrl-C ends in a traceback
host, port = sys.argv[1:] if len(sys.argv) == 3 else ("", "")
if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):  # int() takes "1_0", too
    print("usage: client.py HOST PORT, where PORT is 1 to 65535", file=sys.stderr)
    sys.exit(2)
try:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    server = socket.socket(family, kind, protocol)
    # No packet leaves. But from now on datagrams from anybody else are dropped, and a refusal (ICMP) is reported to us.
    server.connect(address)
except (OSError, UnicodeError) as error:
    sys.exit(f"client: cannot reach {host}: {getattr(error, 'strerror', error)}")
try:
    for line in lines():
        server.send(line)  # the datagram ends where the line ends, so it needs no newline
        reply = reply_to(line)
        sys.stdout.buffer.write(b"request timed out\n" if reply is None else reply + b"\n")
        sys.stdout.buffer.flush()  # without this, nobody sees it before the end
except OSError as error:
    sys.exit(f"client: {error.strerror}")
