"""A web server that serves the files of the directory it was started in.

Usage: server.py [PORT]        (28333 if none is given)
Source: RFC 9112 (HTTP/1.1). Left out on purpose: directories in the directory, files that change while they are sent,
other methods than GET, more than one client at a time (the others wait), and IPv6.
"""

import os
import signal
import socket
import sys
from contextlib import suppress
from urllib.parse import unquote_to_bytes

LONGEST_REQUEST = 65536
TYPES = {b".txt": "text/plain", b".html": "text/html"}


def read_request(connection):
    request = b""
    # A request ends with a blank line. One recv() may return any part of it; b"" is the end.
    while b"\r\n\r\n" not in request:
        piece = connection.recv(4096)
        if not piece or len(request) > LONGEST_REQUEST:  # without a limit, a client could have all our memory
            raise ConnectionAbortedError
        request += piece
    return request


def answer(connection):
    words = read_request(connection).split(b"\r\n")[0].split(b" ")
    if len(words) != 3 or words[0] != b"GET":
        send_head(connection, "400 Bad Request", "text/plain", 0)
        return
    # What is behind the last slash, and only after %2F has become one: so no path leads out of the directory.
    name = unquote_to_bytes(words[1]).rpartition(b"/")[2]
    # A link may lead out of it as well. What is no file is a directory, say, or a FIFO, which would hold us up.
    if os.path.islink(name) or not os.path.isfile(name):
        body = b"There is no such file here.\n"
        send_head(connection, "404 Not Found", "text/plain", len(body))
        connection.sendall(body)
        return
    with open(name, "rb") as file:  # "b": without it, Python takes the bytes for text
        kind = TYPES.get(os.path.splitext(name)[1], "application/octet-stream")
        send_head(connection, "200 OK", kind, os.path.getsize(name))
        while data := file.read(65536):  # all at once would take as much memory as the file is long
            connection.sendall(data)  # send() alone may take only part of the data


def send_head(connection, status, kind, size):
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {size}", "Connection: close", "", ""]
    connection.sendall("\r\n".join(lines).encode())


signal.signal(signal.SIGINT, signal.SIG_DFL)  # without this, Ctrl-C ends in a traceback
arguments = sys.argv[1:] or ["28333"]
port = arguments[0] if len(arguments) == 1 else ""
if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):  # int() takes "1_0", too
    sys.exit("usage: server.py [PORT], where PORT is 1 to 65535")
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
# Without this, bind() fails for about a minute after we closed a connection first (TIME_WAIT), as we always do.
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    listener.bind(("", int(port)))  # "" is every address of this machine
    listener.listen(128)  # so many clients may wait for accept(); in a short queue they find no room
except OSError as error:
    sys.exit(f"server: cannot bind to port {port}: {error.strerror}")
while True:  # without the loop, the first client would be the last
    with suppress(ConnectionAbortedError):  # that one left while it waited in the queue
        connection, _ = listener.accept()
        with connection, suppress(OSError):  # one client that resets must not end the service for all others
            answer(connection)
