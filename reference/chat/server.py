"""A chat server: tells everyone what one of them says, in one thread that waits for all of them at once.

Usage: server.py PORT
Left out on purpose: names that are taken, a word to those who break the rules (they are closed), and IPv6.
"""

import json
import select
import signal
import socket
import sys
from contextlib import suppress

MOST_UNSENT = 1 << 20  # who does not read that much misses the rest; without a limit, it would cost all our memory
clients = {}  # by connection


class Client:
    nick = None  # until it has said hello
    received = unsent = b""  # a buffer each way: nobody waits for another's half packet, or for another to read


def tell(**fields):
    data = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    if len(data) <= 65535:  # what is longer has no length in two bytes, and is not told
        for client in clients.values():
            if client.nick is not None and len(client.unsent) < MOST_UNSENT:
                client.unsent += len(data).to_bytes(2, "big") + data  # "big": the more significant byte first


def serve(connection, client):
    try:
        if client.unsent and connection in writable:
            client.unsent = client.unsent[connection.send(client.unsent) :]  # it may take only a part
        if connection in readable:
            if not (data := connection.recv(65536)):
                raise ConnectionError("the client has left")
            client.received += data
            # One recv() may end anywhere: behind several packets, or in the middle of a length.
            while (end := 2 + int.from_bytes(client.received[:2], "big")) <= len(client.received):
                packet, client.received = client.received[2:end], client.received[end:]
                match json.loads(packet.decode()):
                    case {"type": "hello", "nick": str(nick)} if client.nick is None and nick.encode():
                        client.nick = nick
                        tell(type="join", nick=nick)
                    case {"type": "chat", "message": str(message)} if client.nick is not None:
                        tell(type="chat", nick=client.nick, message=message)
                    case _:
                        raise ValueError("not what the protocol knows")
    except (OSError, ValueError, RecursionError):  # it is gone, or sent what is no packet: that ends nobody else
        del clients[connection]
        connection.close()
        if client.nick is not None:
            tell(type="leave", nick=client.nick)


signal.signal(signal.SIGINT, signal.SIG_DFL)  # without this, Ctrl-C ends in a traceback
port = sys.argv[1] if len(sys.argv) == 2 else ""
if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):  # int() takes "1_0", too
    sys.exit("usage: server.py PORT, where PORT is 1 to 65535")
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
# Without this, bind() fails for about a minute after we closed a connection first (TIME_WAIT).
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    listener.bind(("", int(port)))  # "" is every address of this machine
    listener.listen(128)  # clients that arrive together wait in this queue
    listener.setblocking(False)  # the client that select() names may leave again: accept() would wait for another one
except OSError as error:
    sys.exit(f"server: cannot bind to port {port}: {error.strerror}")

while True:
    unsent = [connection for connection, client in clients.items() if client.unsent]
    readable, writable, _ = select.select([listener, *clients], unsent, [])  # the only place to wait
    with suppress(BlockingIOError, ConnectionAbortedError):
        connection, _ = listener.accept()
        connection.setblocking(False)  # without this, send() waits for a client that does not read
        clients[connection] = Client()
    for connection, client in list(clients.items()):
        serve(connection, client)
