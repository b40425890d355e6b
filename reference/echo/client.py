"""An echo client: sends its standard input, and prints what comes back until the server closes.

Usage: client.py HOST PORT
Source: RFC 862, "TCP Based Echo Service". Left out on purpose: time limits, errors in reading the input.
"""

import os
import signal
import socket
import sys
import threading
from contextlib import suppress


def send_input(connection, sending, failures):
    while data := os.read(0, 65536):  # what there is by now; sys.stdin.read() would hold back a typed line
        with sending:
            try:
                connection.sendall(data)  # send() alone may take only part of the data
            except (ConnectionResetError, TimeoutError) as error:
                failures.append(f"client: {error.strerror}")
            except OSError:
                return  # the server has closed: recv() in the main thread finds that out, too
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)  # without this, the server waits for more, and we wait for its end


signal.signal(signal.SIGINT, signal.SIG_DFL)  # without this, Ctrl-C ends in a traceback
host, port = sys.argv[1:] if len(sys.argv) == 3 else ("", "")
if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):  # int() takes "1_0", too
    print("usage: client.py HOST PORT, where PORT is 1 to 65535", file=sys.stderr)
    sys.exit(2)
try:
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
except (OSError, UnicodeError) as error:
    sys.exit(f"client: cannot look up {host}: {getattr(error, 'strerror', error)}")
for family, kind, protocol, _, address in addresses:  # a name may have several, and the first may not answer
    try:
        connection = socket.socket(family, kind, protocol)
        connection.connect(address)
        break
    except OSError as error:
        reason = error.strerror
else:
    sys.exit(f"client: cannot connect to {host} port {port}: {reason}")
# Without a thread, full buffers end in a deadlock; if it were no daemon, we would outstay a server that left early.
sending, failures = threading.Lock(), []
threading.Thread(target=send_input, args=(connection, sending, failures), daemon=True).start()
try:
    while data := connection.recv(65536):  # any number of bytes, however the server grouped them; b"" is the end
        while data:
            data = data[os.write(1, data) :]  # like send(), write() may take only part
except OSError as error:
    sys.exit(f"client: {error.strerror}")
# The kernel reports a reset once: if sendall() was told, recv() took it for an orderly end. So ask the sender.
with suppress(OSError):
    connection.shutdown(socket.SHUT_RDWR)  # sendall() may be waiting for room that will never come
with connection, sending:
    sys.exit(*failures)
