"""The checks of an echo server the usual way: blocking sockets, and 5 seconds of patience for everything.

Usage: usual.py SERVER FIRST STEP

The checks in which the server has to refuse its arguments are all run. Of those that wait for an answer, which a silent
server keeps waiting until the timeout, every STEP-th is run, from number FIRST on. Prints as JSON the seconds of both
kinds, and how many there are of the second.
"""

import json
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

TIMEOUT_S = 5.0
PORT = 30_900
REFUSED = ["taken", "taken", "taken", "abc", "-1", "65536", "70000", "86436", ""]
"""What is given as a port in port-in-use (whose second half waits for an answer), error-messages, privileged-port and
bad-port."""

KIB, MIB = 1 << 10, 1 << 20
ASKED = {
    "listens-on-port": [6], "every-address": [6], "port-in-use": [6], "restart-at-once": [6], "shares-no-port": [6],
    "burst": [6],
    "closes": [6], "next-client": [6], "hundred-clients": [6], "empty-visit": [6], "client-resets": [6, 6, 6],
    "idle-is-quiet": [6], "interrupt": [6], "meets-reference-client": [3000], "own-socket": [13], "waits-its-turn": [6],
    "answers-at-once": [9], "binary": [256, 3, 4, 3],
    "sizes": [0, 1, 255, 256, 1023, 1024, 1025, 4095, 4096, 4097, 8191, 8192, 8193, 65535, 65536, 65537, MIB],
    "in-pieces": [5, 5, 7, 21], "coalesced": [1090], "large": [8 * MIB], "partial-send": [8 * MIB],
    "slow-reader": [4 * MIB], "half-close": [40_000], "nothing-extra": [5, 6], "client-vanishes": [6, 6],
}  # fmt: skip
"""The data of the cases of each requirement: how many bytes are the first that have to come back."""


def main(command: str, first: int, step: int) -> None:
    began = time.monotonic()
    for argument in REFUSED:
        check_refused(command, argument)
    refused_s = time.monotonic() - began
    sizes = [size for cases in ASKED.values() for size in cases]
    answers_s = [seconds_without_answer(command, size) for size in sizes[first::step]]
    print(json.dumps({"refused_s": refused_s, "answers_s": answers_s, "answers": len(sizes)}))


def check_refused(command: str, argument: str) -> None:
    """Given what is no port, or a port that is not to be had, the server ends with an error."""
    with socket.create_server(("", PORT)):
        line = words(command, str(PORT) if argument == "taken" else argument)
        assert subprocess.run(line, stderr=subprocess.DEVNULL, timeout=TIMEOUT_S).returncode != 0


def seconds_without_answer(command: str, size: int) -> float:
    began = time.monotonic()
    try:
        check_echo(command, b"x" * size)
    except TimeoutError:
        return time.monotonic() - began
    raise AssertionError(f"a silent server has answered {size} bytes")


def check_echo(command: str, data: bytes) -> None:
    """What a client sends comes back, and then the end."""
    with server(command), connect() as client:
        client.settimeout(TIMEOUT_S)
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        received = b""
        while part := client.recv(65536):
            received += part
        assert received == data


@contextmanager
def server(command: str) -> Iterator[None]:
    program = subprocess.Popen(words(command, str(PORT)))
    try:
        yield
    finally:
        program.kill()
        program.wait()


def connect() -> socket.socket:
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", PORT), timeout=TIMEOUT_S)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def words(command: str, port: str) -> list[str]:
    return shlex.split(command.replace("{port}", port))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
