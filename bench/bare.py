"""The bare cost of the echo suite: the same programs started as often and the same bytes moved, with no verdict.

Usage: bare.py [--reference-first] DIRECTORY SERVER CLIENT     plays every case with those programs
       bare.py --counts                                        says how many programs and connections that is

A plain driver with blocking sockets, which finds out that a server listens by connecting to it. The table follows the
tests of the echo suite one by one: what each starts, and what it sends in which pieces. Where the driver differs from
the suite it is the cheaper: it stops and continues nobody, gives 127.0.0.1 where the suite gives a name or ::1, leaves
all buffers as they are, never waits for a program to come to rest, and a server's output is thrown away. bench.py
compares the counts with a real run (counted.py), and ends where they differ: the suite has changed since.
"""

import json
import os
import select
import shlex
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sockspec import house
from sockspec.environment import base_python, environment

KIB, MIB = 1 << 10, 1 << 20
HELLO, LINE = 6, 21  # the short conversation, `hello\n`; the line that is cut in two
CHUNK_BYTES = 256 * KIB
AT_ONCE_BYTES = 100_000  # fits into a connection although nobody reads; for more, sending gets a thread
FILL = -1  # as much as the program takes while nobody reads; then we leave
START_S = 30.0
FIRST_PORT = 31_000
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close at once, and nothing stays in TIME_WAIT


class Serves(NamedTuple):
    """A case of suites/echo/test_server.py or sockspec/shared/server.py, as far as it costs anything."""

    requirement: str
    connections: Sequence[Sequence[int]] = ()
    """To one start of the server: each connection with the sizes of the pieces that go there and come back."""
    refused: Sequence[str] = ()
    """Starts with such an argument, at which the program ends by itself; `-` for none at all, `taken` for its port."""
    again: bool = False
    """Started once more at the end, for one more short conversation."""
    second: bool = False
    """Started a second time after its first connection, on the same port; that one ends by itself."""


class Calls(NamedTuple):
    """A case of suites/echo/test_client.py or sockspec/shared/client.py."""

    requirement: str
    starts: Sequence[tuple[int, Sequence[int]]] = ()
    """The client's starts: the size of its input, and the sizes of the pieces in which we reply."""
    refused: Sequence[str] = ()


SIZES = [0, 1, 255, 256, 1023, 1024, 1025, 4095, 4096, 4097, 8191, 8192, 8193, 65535, 65536, 65537, MIB]
CUTS = [[at, LINE - at] for at in range(1, LINE)]
VISIT = [HELLO]
SERVER: list[Serves] = [
    Serves("listens-on-port", [VISIT]),
    Serves("every-address", [VISIT]),
    Serves("port-in-use", [VISIT], refused=["taken"]),
    Serves("error-messages", refused=["taken"]),
    Serves("privileged-port", refused=["taken"]),
    *[Serves("bad-port", refused=[port]) for port in ("abc", "-1", "65536", "70000", "85536", "-")],
    Serves("restart-at-once", [VISIT, []], again=True),
    Serves("shares-no-port", [VISIT] * 2, second=True),
    Serves("burst", [VISIT] * 5),
    Serves("design", [VISIT] * 2),
    Serves("closes", [VISIT]),
    Serves("next-client", [VISIT] * 3),
    Serves("hundred-clients", [VISIT] * 110),  # ten first, to see what it holds, and then the hundred
    Serves("empty-visit", [[], VISIT]),
    Serves("empty-visit", [[], VISIT]),  # while it is listened to
    Serves("empty-visit", [[], VISIT]),  # before it is accepted
    Serves("client-resets", [[], VISIT]),  # while it is listened to
    Serves("client-resets", [[], VISIT]),  # before it is accepted
    Serves("client-resets", [[FILL], VISIT]),  # while it is talked to
    Serves("idle-is-quiet", [VISIT]),
    Serves("interrupt", [VISIT]),
    Serves("own-socket", [[13]] * 3),
    Serves("waits-its-turn", [[5], [6]]),
    Serves("answers-at-once", [[9, 12]]),
    *[Serves("binary", [[size]]) for size in (256, 3, 4, 3)],
    *[Serves("sizes", [[size]]) for size in SIZES],
    Serves("in-pieces", [[1] * 5]),
    Serves("in-pieces", [[3, 2]]),
    Serves("in-pieces", [[7, 5]]),  # with a pause between the two
    Serves("in-pieces", CUTS),
    Serves("coalesced", [[10 * 10 + 90 * 11]]),
    Serves("large", [[8 * MIB]]),
    Serves("partial-send", [[8 * MIB]]),
    Serves("slow-reader", [[4 * MIB]]),
    Serves("half-close", [[40_000]]),
    Serves("nothing-extra", [[5]]),
    Serves("nothing-extra", [[6]]),
    Serves("client-vanishes", [[200 * KIB], VISIT]),
    Serves("client-vanishes", [[5], VISIT]),
]
CALL = (HELLO, [HELLO])
CLIENT: list[Calls] = [
    Calls("dotted-address", [CALL]),
    Calls("localhost", [CALL]),
    Calls("host-name", [CALL]),
    Calls("unknown-host", [CALL], refused=["taken"]),
    *[Calls("next-address", [CALL])] * 3,
    *[Calls("ipv6", [CALL])] * 2,
    Calls("connects-once", [CALL]),
    Calls("refused", [CALL], refused=["taken"]),
    *[Calls("error-messages", refused=[port]) for port in ("taken", "taken", "65536")],  # nobody, no such host, no port
    *[Calls("bad-port", refused=[port]) for port in ("abc", "-1", "65536", "85536", "-")],
    Calls("any-local-port", [CALL] * 2),
    *[Calls("prints-all", [(size, [size])]) for size in (1024, 21, 6)],
    *[Calls("sends-all", [(size, [size])]) for size in (1024, 21, 6)],
    *[Calls("sends-all", [(size, [size])]) for size in (1023, 1024, 1025, 4096, 65536, 100_000)],
    Calls("quiet", [CALL]),
    Calls("reply-in-pieces", [(16, [1] * 16)]),
    Calls("reply-in-pieces", [(16, [3] * 5 + [1])]),
    Calls("reply-in-pieces", [(LINE, cut) for cut in CUTS]),
    Calls("reads-to-the-end", [(12, [6, 6])]),
    Calls("server-leaves", [CALL, (HELLO, [])]),
    Calls("server-leaves", [(FILL, [])]),
    Calls("server-resets", [CALL, (12, [6])]),
    Calls("large", [(8 * MIB, [8 * MIB])]),
    Calls("partial-send", [(8 * MIB, [8 * MIB])]),
    Calls("empty-input", [CALL, (0, [])]),
    Calls("interactive", [(8, [4, 4])]),
    Calls("half-closes", [(HELLO, [3, 3])]),
]
MEETING_BYTES = 3000  # meets-reference-client, meets-reference-server and meet-each-other: a server and a client


class Cast(NamedTuple):
    """Whose programs play."""

    directory: str
    server: str
    client: str


REFERENCE = Cast(
    str(house.REFERENCE / "echo"),
    f"{base_python()} -IS server.py {{port}}",
    f"{base_python()} -IS client.py {{host}} {{port}}",
)
PAYLOAD = bytes(range(251)) * (8 * MIB // 251 + 1)


def main(arguments: list[str]) -> None:
    if arguments == ["--counts"]:
        print(json.dumps(counts()))
        return
    ports = Ports()
    if arguments[0] == "--reference-first":
        play(REFERENCE, ports)
    play(Cast(*arguments[-3:]), ports)


def counts() -> dict[str, int]:
    """What one pass over all cases starts, and the connections that have an end of ours."""
    refused = sum(len(case.refused) + case.second for case in SERVER) + sum(len(case.refused) for case in CLIENT)
    servers = sum(bool(case.connections) + case.again for case in SERVER)
    clients = sum(len(case.starts) for case in CLIENT)
    served = sum(len(case.connections) + case.again for case in SERVER)
    return {"programs": refused + servers + clients + 6, "connections": served + clients}


class Ports:
    """A port for each case, below the ephemeral range; none is used again for long."""

    def __init__(self) -> None:
        self._next = FIRST_PORT

    def next(self) -> int:
        self._next += 1
        return self._next


def play(cast: Cast, ports: Ports) -> None:
    """Every case of the suite, once."""
    for served in SERVER:
        serve(cast, served, ports.next())
    for called in CLIENT:
        call(cast, called, ports.next())
    for server, client in ((cast, REFERENCE), (REFERENCE, cast), (cast, cast)):
        meet(server, client, ports.next())


# --- the server


def serve(cast: Cast, case: Serves, port: int) -> None:
    for argument in case.refused:
        with listening(port):
            start(cast, cast.server, port=port if argument == "taken" else argument).wait()
    for connections in [*([case.connections] if case.connections else []), *([[VISIT]] if case.again else [])]:
        with running(cast, port):
            for number, pieces in enumerate(connections):
                talk(connect(port), pieces)
                if case.second and not number:
                    start(cast, cast.server, port=port).wait()


@contextmanager
def running(cast: Cast, port: int) -> Iterator[None]:
    """A server, started; it is killed in the end."""
    program = start(cast, cast.server, port=port)
    try:
        yield
    finally:
        program.kill()
        program.wait()


def connect(port: int) -> socket.socket:
    """A connection to a server that may not listen yet."""
    began = time.monotonic()
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            waited = time.monotonic() - began
            if waited > START_S:
                raise
            time.sleep(max(0.0003, waited / 16))
            continue
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        return connection


def talk(connection: socket.socket, pieces: Sequence[int]) -> None:
    """Send each piece and read as much back, end our side, see the end of the other."""
    with connection:
        for size in pieces:
            if size == FILL:
                fill(connection.fileno())
                return
            send(connection, size)
        if pieces:
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)


def send(connection: socket.socket, size: int) -> None:
    sender = None
    if size > AT_ONCE_BYTES:
        sender = threading.Thread(target=connection.sendall, args=(memoryview(PAYLOAD)[:size],))
        sender.start()
    else:
        connection.sendall(memoryview(PAYLOAD)[:size])
    while size:
        size -= len(connection.recv(min(size, CHUNK_BYTES))) or size
    if sender:
        sender.join()


def fill(fd: int) -> None:
    """Write until nobody has taken anything for a millisecond, or all is written."""
    os.set_blocking(fd, False)
    room = select.poll()
    room.register(fd, select.POLLOUT)
    left = 8 * MIB
    while left > 0 and room.poll(1):
        left -= os.write(fd, memoryview(PAYLOAD)[: min(left, CHUNK_BYTES)])


# --- the client


def call(cast: Cast, case: Calls, port: int) -> None:
    with listening(port) as listener:
        for size, pieces in case.starts:
            converse(cast, listener, port, size, pieces)
    for argument in case.refused:
        start(cast, cast.client, port=port if argument == "taken" else argument).wait()


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("", port))
        listener.listen(128)
        listener.settimeout(START_S)
        yield listener


def converse(cast: Cast, listener: socket.socket, port: int, size: int, pieces: Sequence[int]) -> None:
    program = start(cast, cast.client, port=port, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert program.stdin and program.stdout
    connection, _ = listener.accept()
    with connection, program.stdin, program.stdout:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        if size == FILL:
            fill(program.stdin.fileno())
        elif size > AT_ONCE_BYTES:
            mirror = threading.Thread(target=send_back, args=(connection,))
            mirror.start()
            program.communicate(PAYLOAD[:size])
            mirror.join()
        else:
            program.stdin.write(PAYLOAD[:size])
            program.stdin.close()
            while connection.recv(CHUNK_BYTES):
                pass
            for piece in pieces:
                connection.sendall(PAYLOAD[:piece])
            connection.shutdown(socket.SHUT_WR)
            program.stdout.read()
        connection.close()
        program.wait()


def send_back(connection: socket.socket) -> None:
    while data := connection.recv(CHUNK_BYTES):
        connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


def meet(server: Cast, client: Cast, port: int) -> None:
    with running(server, port):
        connect(port).close()
        program = start(client, client.client, port=port, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        program.communicate(PAYLOAD[:MEETING_BYTES])


def start(
    cast: Cast, command: str, *, port: int | str, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    words = [word.replace("{port}", str(port)).replace("{host}", "127.0.0.1") for word in shlex.split(command)]
    if port == "-":
        words = words[:-1]
    return subprocess.Popen(
        words, bufsize=0, cwd=cast.directory, env=ENVIRONMENT, stdin=stdin, stdout=stdout, stderr=subprocess.DEVNULL
    )


ENVIRONMENT = environment()

if __name__ == "__main__":
    main(sys.argv[1:])
