"""The catalogue: every requirement of every exercise, read from `suites/<exercise>/requirements.toml`.

An entry is a few fields. What all exercises share is stated once, in `shared/requirements.toml` beside the engine, and
taken by an exercise with `shared = ["port-in-use", ...]`; a table of the same name there overrides single fields.
"""

import importlib
import re
import tomllib
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from sockspec import house
from sockspec.complaint import SuiteError, UsageError, nearest
from sockspec.verdict import Level, Role

SHARED = Path(__file__).with_name("shared") / "requirements.toml"

STEPS = {
    "C1": "ask the system for a socket",
    "C2": "look up the name",
    "C3": "connect",
    "C4": "send and receive",
    "C5": "close",
    "S1": "ask the system for a socket",
    "S2": "bind to the port",
    "S3": "listen",
    "S4": "accept a connection",
    "S5": "send and receive",
    "S6": "go back and accept another connection",
}
"""The steps of the sockets API, the client's way and the server's way."""


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sentence that a program has to satisfy."""

    slug: str
    """`echo.server.in-pieces`: permanent, never reused."""
    level: Level
    step: Literal["C1", "C2", "C3", "C4", "C5", "S1", "S2", "S3", "S4", "S5", "S6"]
    sentence: str
    clause: str
    reason: str
    """One sentence about the network, not about the test."""
    hint: str
    passable: dict[str, str] = {}
    """Universal mutants that may pass although this is a MUST, each with why: `hangs = "It does listen."`."""

    @property
    def exercise(self) -> str:
        return self.slug.split(".")[0]

    @property
    def role(self) -> Role:
        return self.slug.split(".")[1]  # type: ignore[return-value]


class Conversation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shortest correct visit of an exercise: what a client sends, and what our end answers to a client."""

    request: str
    reply: str = ""
    reply_hex: str = ""
    """The reply of an exercise whose messages are no text."""
    client_ends: Literal["request", "reply", ""] = "request"
    """What a client ends its side behind; in HTTP it does not, and some servers take it for gone if it does."""
    request_varies: bool = False
    """What a client says is its own affair: our server takes any request that there is."""
    reply_varies: bool = False
    """What a server says is its own affair: a short visit takes any reply that there is."""
    names_clients: bool = False
    """What a server says of a client it prints, with the client's address; in a short visit any such line will do."""
    meaning: str = ""
    """The function of the suite, by its full name, that puts what is sent into words in which nothing varies."""
    farewell: str = ""
    """What somebody types to end a client, where the server's end is not the usual one."""
    output_varies: str = ""
    """A regular expression: the parts of a client's output that are others each time."""

    def __post_init__(self) -> None:
        if self.reply and self.reply_hex:
            raise ValueError("`reply` and `reply_hex` are two ways to say one thing")
        bytes.fromhex(self.reply_hex)
        try:
            re.compile(self.output_varies)
        except re.error as error:
            raise ValueError(f"`output_varies` is no regular expression: {error}") from error

    def request_bytes(self) -> bytes:
        """What a client sends."""
        return self.request.encode()

    def reply_bytes(self) -> bytes:
        """What our end answers to a client."""
        return bytes.fromhex(self.reply_hex) or self.reply.encode()

    def meaning_function(self) -> Callable[[bytes], bytes] | None:
        """The function that `meaning` names; None where the bytes themselves are what is compared."""
        module, _, function = self.meaning.rpartition(".")
        found: Callable[[bytes], bytes] | None = getattr(importlib.import_module(module), function) if module else None
        return found

    def without_variation(self, output: bytes) -> bytes:
        """A client's output with `...` in place of all that may be another each time."""
        return re.sub(self.output_varies.encode(), b"...", output) if self.output_varies else output


class Exercise(msgspec.Struct, frozen=True):
    """An exercise as its suite states it."""

    name: str
    title: str
    conversation: Conversation
    names: dict[str, list[str]]
    """Names a submission may give its programs, without their endings, by role. Not every exercise has both roles."""
    default_port: int | dict[Role, int] | None
    """The port of a program that is given none, or one for each role; None where the port is not optional."""
    requirements: dict[str, Requirement]
    transport: Literal["tcp", "udp"] = "tcp"
    directory: dict[str, str] = {}
    """The files, by name, of the directory that programs are started in; without any it is the submission's own."""
    terminal: list[Role] = []
    """Whose standard input and output are a terminal."""
    arguments: dict[Role, list[str]] = msgspec.field(
        default_factory=lambda: {"server": ["{port}"], "client": ["{host}", "{port}"]}
    )
    """What a program is given on its command line, by role."""
    given: dict[str, str] = {}
    """What a client is given there besides, as long as a scenario does not say otherwise: `{"nick": "ada"}`."""

    def default_port_of(self, role: Role) -> int | None:
        """The port of a program of that role that is given none; None where the port is not optional."""
        return self.default_port.get(role) if isinstance(self.default_port, dict) else self.default_port


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SuiteError(f"{path}: {error}") from error


def _requirement(slug: str, fields: dict[str, Any], path: Path) -> Requirement:
    try:
        return msgspec.convert({"slug": slug, **fields}, Requirement)
    except msgspec.ValidationError as error:
        raise SuiteError(f"{path}, {slug}: {error}") from error


@cache
def exercise(name: str) -> Exercise:
    """The exercise of that name; UsageError names the nearest one if there is none."""
    if name not in house.exercises():
        raise UsageError(
            f"unknown exercise {name!r}{nearest(name, house.exercises())} There are: {', '.join(house.exercises())}."
        )
    path = house.SUITES / name / "requirements.toml"
    stated, common = _read(path), _read(SHARED)
    requirements = {}
    for role in ("client", "server", "both"):
        entries: dict[str, Any] = dict(stated.pop(role, {}))
        for taken in entries.pop("shared", []):
            if taken not in common.get(role, {}):
                raise SuiteError(f"{path}: no shared requirement {role}.{taken}{nearest(taken, common.get(role, {}))}")
            entries[taken] = {**common[role][taken], **entries.get(taken, {})}
        for entry, fields in entries.items():
            slug = f"{name}.{role}.{entry}"
            requirements[slug] = _requirement(slug, fields, path)
    order = list(STEPS)
    ordered = sorted(requirements.values(), key=lambda r: (r.role, order.index(r.step)))
    try:
        return msgspec.convert(
            {"name": name, "default_port": None, **stated, "requirements": {r.slug: r for r in ordered}}, Exercise
        )
    except msgspec.ValidationError as error:
        raise SuiteError(f"{path}: {error}") from error


def all_requirements() -> dict[str, Requirement]:
    """Every requirement of every exercise, by slug."""
    return {slug: entry for name in house.exercises() for slug, entry in exercise(name).requirements.items()}


def requirement(slug: str) -> Requirement:
    """The requirement with that slug; UsageError names the nearest one if there is none."""
    known = all_requirements()
    if slug not in known:
        raise UsageError(f"unknown requirement {slug!r}{nearest(slug, known)} `sockspec list` shows them all.")
    return known[slug]


def matching(slugs: list[str], pattern: str) -> set[str]:
    """The slugs that match a glob, which may leave out the exercise (`server.*`) or the role as well (`in-pieces`)."""
    return {slug for slug in slugs if any(fnmatchcase(slug, each) for each in (pattern, f"*.{pattern}"))}


def exercise_of(patterns: Iterable[str]) -> str | None:
    """The exercise that all of those globs name, as `echo.server.binary` does; None if they do not."""
    named = {pattern.split(".")[0] for pattern in patterns if pattern.count(".") == 2}
    return named.pop() if len(named) == 1 and named <= set(house.exercises()) else None


def select(slugs: list[str], patterns: list[str]) -> list[str]:
    """The slugs that match any of the globs, in their order; a glob that matches none is a UsageError."""
    if not patterns:
        return slugs
    chosen = set()
    for pattern in patterns:
        found = matching(slugs, pattern)
        if not found:
            tails = [s.split(".", 2)[2] for s in slugs]
            raise UsageError(
                f"no requirement matches {pattern!r}{nearest(pattern, [*slugs, *tails])} "
                "`sockspec list` shows them all."
            )
        chosen |= found
    return [slug for slug in slugs if slug in chosen]
