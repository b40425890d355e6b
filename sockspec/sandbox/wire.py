"""What passes between us and a container: an order and what it takes, in; what was found, line by line, out.

In: one line of JSON, then so many bytes of a tar stream and so many of recorded observations, as that line says. Out:
a line of JSON for everything that is told. Only the suite's own process holds that stream; even so each line is bounded
and has to fit the schema.
"""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import msgspec

from sockspec.complaint import SuiteError
from sockspec.scenario import Settings
from sockspec.submission import ROLES
from sockspec.verdict import Record, Role

MOST_LINE_BYTES = 1 << 19
"""What is told is kept in a journal, with a little more, and its lines are bounded as well."""
_MOST_OBSERVED_BYTES = 64 << 20


class Order(msgspec.Struct, frozen=True):
    """What a container is to do; with no submission, it records what the reference does."""

    exercise: str
    settings: Settings
    roles: tuple[Role, ...] = ROLES
    only: tuple[str, ...] = ()
    strict: bool = False
    jobs: int = 1
    commands: dict[Role, str] = {}
    build: str = ""
    port: int | None = None
    submission_bytes: int = 0
    observed_bytes: int = 0


class Reached(msgspec.Struct, frozen=True, tag="verdict"):
    """A verdict, the so many-th of so many."""

    done: int
    total: int
    record: Record


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The submission cannot be played at all, and why: nothing to run, an unclear manifest."""

    reason: str


class Faulted(msgspec.Struct, frozen=True, tag="fault"):
    """A fault of the suite or of the machine."""

    reason: str


class Observed(msgspec.Struct, frozen=True, tag="observed"):
    """A piece of what the reference did, to be given to other containers."""

    piece: bytes


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """All is told."""

    roles: dict[Role, str]
    warnings: list[str]
    seconds: float
    limited: bool = False
    """Whether it could not be seen all that programs did."""


Told = Reached | Refused | Faulted | Observed | Finished


def encode(told: Told) -> bytes:
    """One line."""
    return msgspec.json.encode(told) + b"\n"


def pieces(data: bytes) -> Iterator[Observed]:
    """The data in pieces that fit into lines."""
    size = MOST_LINE_BYTES // 2
    return (Observed(data[at : at + size]) for at in range(0, len(data), size))


def decode(stream: Iterable[bytes]) -> Iterator[Told]:
    """What is told, from the pieces of a stream as they come."""
    line = b""
    for piece in stream:
        *lines, line = (line + piece).split(b"\n")
        for each in lines:
            yield _decoded(each)
        if len(line) > MOST_LINE_BYTES:
            raise SuiteError(f"the container told a line of more than {MOST_LINE_BYTES >> 10} KiB")


def _decoded(line: bytes) -> Told:
    try:
        if len(line) > MOST_LINE_BYTES:
            raise msgspec.DecodeError("the line is too long")
        told: Told = msgspec.json.decode(line, type=Told)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SuiteError(f"the container told what cannot be understood: {error}") from None
    return told


def read_order(stream: BinaryIO) -> tuple[Order, bytes]:
    """The order and the observations; the submission's tar stream is what comes next on the stream."""
    order = msgspec.json.decode(stream.readline(MOST_LINE_BYTES), type=Order)
    if order.observed_bytes > _MOST_OBSERVED_BYTES:
        raise SuiteError(f"{order.observed_bytes} bytes of observations; at most {_MOST_OBSERVED_BYTES} are taken")
    return order, stream.read(order.observed_bytes)
