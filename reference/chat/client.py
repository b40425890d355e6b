"""A chat client: sends each line that is typed, and prints what the server tells; both whenever it comes.

Usage: client.py NICK HOST PORT
Leaves at a line that is /q, or at the end of the input.
Left out on purpose: an input line of its own. A message that comes while a line is typed is printed behind it.
"""

import json
import os
import re
import select
import signal
import socket
import sys


def packet(**fields):
    data = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    return len(data).to_bytes(2, "big") + data  # the length counts bytes, not letters


def show(told):
    match told:
        case {"type": "chat", "nick": str(nick), "message": str(message)}:
            line = f"{nick}: {message}"
        case {"type": "join" | "leave" as kind, "nick": str(nick)}:
            line = f"*** {nick} has {'joined' if kind == 'join' else 'left'} the chat"
        case _:
            return  # a later version of the protocol may have more to tell
    # Printed as it is, a message could clear the screen, or be a second line that looks like the server's.
    line = re.sub(r"[\x00-\x1f\x7f-\x9f]", "\ufffd", line)
    print(line.encode(errors="replace").decode(), flush=True)


signal.signal(signal.SIGINT, signal.SIG_DFL)  # without this, Ctrl-C ends in a traceback
nick, host, port = sys.argv[1:] if len(sys.argv) == 4 else ("", "", "")
if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):  # int() takes "1_0", too
    sys.exit("usage: client.py NICK HOST PORT, where PORT is 1 to 65535")
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

typed = received = b""
try:
    connection.sendall(packet(type="hello", nick=nick))
    while True:
        # Waiting for one of the two alone would make us deaf or dumb.
        ready, _, _ = select.select([0, connection], [], [])
        if connection in ready:
            if not (data := connection.recv(65536)):
                sys.exit("client: the server has closed the connection")
            received += data
            while (end := 2 + int.from_bytes(received[:2], "big")) <= len(received):
                told, received = received[2:end], received[end:]
                show(json.loads(told.decode()))
        if 0 in ready:
            data = os.read(0, 65536)
            *lines, typed = (typed + data).split(b"\n")
            for line in lines:
                if line == b"/q":
                    sys.exit()
                connection.sendall(packet(type="chat", message=line.decode(errors="replace")))
            if not data:
                sys.exit()
except OSError as error:
    sys.exit(f"client: {error.strerror}")
except (ValueError, RecursionError):
    sys.exit("client: the server sent what is no packet")
