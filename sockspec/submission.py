"""A submission: a directory with somebody's client and/or server, and how those are built and started.

`sockspec.toml` says it, every key optional; what it leaves out is found by name. A directory of such directories, each
for an exercise, is as many submissions. Nothing of a submission is imported.
"""

import os
import re
import shlex
import string
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from sockspec import catalogue, house
from sockspec.catalogue import Exercise
from sockspec.complaint import UsageError, nearest
from sockspec.verdict import Role

MANIFEST = "sockspec.toml"
ROLES: tuple[Literal["server", "client"], ...] = ("server", "client")
_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_MOST_TEXT_BYTES = 1 << 20
_COMPILE = "cc -std=gnu17 -Wall -Wextra -g -O1 -pthread -o {program} {source}"


class Command(msgspec.Struct, frozen=True):
    """The words of a command line, with `{host}`, `{port}` and whatever else where those go."""

    words: tuple[str, ...]
    port: int | None = None
    """The port of a program that cannot be told one."""

    def line(self, *, host: str = "", port: str = "") -> list[str]:
        """The command line for that host and port."""
        return [word.replace("{host}", host).replace("{port}", port) for word in self.words]

    def without_port(self, *, host: str = "") -> list[str]:
        """The command line of somebody who forgot the port, and all that goes with it."""
        return [word.replace("{host}", host) for word in self.words if "{port}" not in word]

    def given(self, words: Mapping[str, str]) -> "Command":
        """The same, with those words in place of their placeholders."""
        filled = list(self.words)
        for name, given in words.items():
            filled = [word.replace(f"{{{name}}}", given) for word in filled]
        return Command(tuple(filled), self.port)

    @property
    def takes_port(self) -> bool:
        return any("{port}" in word for word in self.words)

    def inside(self, directory: Path) -> "Command":
        """The same, with the names of files of that directory made absolute: it then runs from anywhere."""
        words = [str(directory / word) if (directory / word).is_file() else word for word in self.words]
        return Command(tuple(words), self.port)


class Cast(msgspec.Struct, frozen=True):
    """Who plays: the programs of a submission or of the reference, by role, and the directory they run in."""

    name: str
    """`your` or `the reference`, as in `your server`."""
    commands: Mapping[Role, Command]
    directory: str
    user: int | None = None
    """Who runs them, the first of as many user ids as there are workers; None for whoever we are ourselves."""

    def called(self, role: Role) -> str:
        return f"{self.name} {role}"


class Source(msgspec.Struct, frozen=True):
    """How one program of a submission comes to be."""

    shown: str
    """What a reader knows it by: `server.c`."""
    command: Command
    build: str = ""
    """The command that builds it, run in the directory of the submission; empty if there is nothing to build."""


class Submission(msgspec.Struct, frozen=True):
    """A directory, the exercise it is for, and its programs."""

    directory: Path
    exercise: str
    sources: dict[Role, Source]

    @property
    def name(self) -> str:
        return self.directory.resolve().name

    @property
    def shown(self) -> dict[Role, str]:
        """What a reader knows its programs by."""
        return {role: source.shown for role, source in self.sources.items()}


class _Program(msgspec.Struct, forbid_unknown_fields=True):
    build: str | None = None
    run: str | None = None
    port: int | None = None


class _Manifest(msgspec.Struct, forbid_unknown_fields=True):
    exercise: str | None = None
    server: _Program | None = None
    client: _Program | None = None


class Wishes(msgspec.Struct, frozen=True):
    """What the command line says about a submission; it wins over the manifest."""

    exercise: str | None = None
    roles: tuple[Role, ...] = ROLES
    commands: dict[Role, str] = {}
    build: str = ""
    port: int | None = None


def find_all(directory: Path, wishes: Wishes) -> list[Submission]:
    """The submission in that directory; where there is none in it itself, those in its subdirectories."""
    if wishes.exercise or wishes.commands or _holds_one(directory, wishes):
        return [find(directory, wishes)]
    with os.scandir(directory) as listing:
        below = sorted(entry.name for entry in listing if entry.is_dir(follow_symlinks=False))
    parts = [directory / name for name in below if not name.startswith(".")]
    meant = [part for part in parts if part.name in house.exercises() or _holds_one(part, wishes)]
    return [find(part, wishes) for part in meant or [directory]]


def _holds_one(directory: Path, wishes: Wishes) -> bool:
    entries = _entries(directory)
    return MANIFEST in entries or bool(_fitting(directory, entries, wishes))


def find(directory: Path, wishes: Wishes) -> Submission:
    """The submission in that directory; UsageError says what is missing or unclear."""
    entries = _entries(directory)
    manifest = _manifest(directory, entries)
    exercise = catalogue.exercise(wishes.exercise or manifest.exercise or _only_fit(directory, entries, wishes))
    roles = tuple(role for role in wishes.roles if role in exercise.names)
    if not roles:
        raise UsageError(f"{exercise.name} is an exercise without a {' or a '.join(wishes.roles)}")
    sources = {}
    for role in roles:
        if (source := _source(role, directory, entries, manifest, exercise, wishes)) is not None:
            sources[role] = source
    if not sources:
        raise UsageError(
            f"{directory}: nothing to run for {exercise.name}. A program is found by its name,"
            f" {_expected(exercise, roles)}, or named in {MANIFEST} (`[server]`, `run = ...`)"
            f" or on the command line (--server, --client).{_below(directory, exercise.name)}"
        )
    return Submission(directory, exercise.name, sources)


def _below(directory: Path, name: str) -> str:
    return f" Or is it in {directory / name}?" if (directory / name).is_dir() else ""


def _expected(exercise: Exercise, roles: tuple[Role, ...]) -> str:
    return " or ".join(f"{name}.py or {name}.c" for name in (exercise.names[role][0] for role in roles))


def _entries(directory: Path) -> dict[str, os.DirEntry[str]]:
    """The plain files of the directory itself, by name: a FIFO would hold whoever opens it, and no link is copied."""
    try:
        with os.scandir(directory) as listing:
            plain = [entry for entry in listing if entry.is_file(follow_symlinks=False)]
            return {entry.name: entry for entry in sorted(plain, key=lambda entry: entry.name)}
    except FileNotFoundError:
        beside = [path.name for path in directory.parent.glob("*")] if directory.parent.is_dir() else []
        raise UsageError(f"no such directory: {directory}{nearest(directory.name, beside)}") from None
    except NotADirectoryError:
        raise UsageError(f"{directory} is a file; give the directory that it is in") from None
    except OSError as error:
        raise UsageError(f"cannot read {directory}: {error.strerror}") from None


def _manifest(directory: Path, entries: Mapping[str, object]) -> _Manifest:
    if MANIFEST not in entries:
        return _Manifest()
    path = directory / MANIFEST
    try:
        return msgspec.convert(tomllib.loads(_opening(path).decode()), _Manifest)
    except msgspec.ValidationError as error:
        unknown = re.search(r"unknown field `(.+?)`", str(error))
        keys = [field for struct in (_Manifest, _Program) for field in struct.__struct_fields__]
        raise UsageError(f"{path}: {error}{nearest(unknown[1], keys) if unknown else ''}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: {error}") from None


def _opening(path: Path) -> bytes:
    """The first part of a file, more than anybody writes by hand; a file of any size may be handed in."""
    with path.open("rb") as file:
        return file.read(_MOST_TEXT_BYTES)


def _fitting(directory: Path, entries: Mapping[str, os.DirEntry[str]], wishes: Wishes) -> list[str]:
    """The exercises whose programs are there by name."""
    return [
        name
        for name in house.exercises()
        if any(_candidates(role, directory, entries, catalogue.exercise(name)) for role in wishes.roles)
    ]


def _only_fit(directory: Path, entries: Mapping[str, os.DirEntry[str]], wishes: Wishes) -> str:
    """The one exercise whose programs are there by name, or else the one that the directory is named after."""
    known, own_name = house.exercises(), directory.resolve().name
    fitting = _fitting(directory, entries, wishes)
    if len(fitting) == 1:
        return fitting[0]
    if own_name in (fitting or known):
        return own_name
    if not fitting and not wishes.commands and MANIFEST not in entries:
        raise UsageError(
            f"{directory}: nothing to run. A program is found by its name (server.py, server.c, client.py, client.c,"
            f" a Makefile with a target of that name), or named in {MANIFEST} (`[server]`, `run = ...`). Of several"
            f" exercises each has a directory, with that exercise's name or a {MANIFEST} of its own."
        )
    which = f"{', '.join(fitting[:-1])} and {fitting[-1]} fit" if fitting else f"there are {', '.join(known)}"
    raise UsageError(
        f"{directory}: for which exercise? {which}; say it with --exercise"
        f' {(fitting or known)[0]}, in {MANIFEST} (exercise = "{(fitting or known)[0]}"),'
        f" or with the name of the directory{nearest(own_name, known) or '.'}"
    )


def _source(
    role: Role,
    directory: Path,
    entries: Mapping[str, os.DirEntry[str]],
    manifest: _Manifest,
    exercise: Exercise,
    wishes: Wishes,
) -> Source | None:
    stated: _Program = getattr(manifest, role) or _Program()
    port = wishes.port or stated.port
    if port is not None and not 1 <= port <= 65535:
        raise UsageError(f"{directory / MANIFEST}, {role}.port: {port} is no port (1 to 65535)")
    build = wishes.build or stated.build or ""
    if text := wishes.commands.get(role):
        return Source(text, command(text, role, exercise, f"--{role}", port), build)
    if stated.run is not None:
        place = f"{directory / MANIFEST}, {role}.run"
        return Source(stated.run, command(stated.run, role, exercise, place, port), build)
    found = _candidates(role, directory, entries, exercise)
    if len(found) > 1:
        names = " and ".join(source.shown for source in found)
        raise UsageError(
            f"{directory}: which is the {role}, {names}?"
            f" Say it in {MANIFEST} (`[{role}]`, `run = ...`) or with --{role}."
        )
    if not found:
        return None
    source = found[0]
    return Source(source.shown, Command(source.command.words, port), build or source.build)


def _candidates(
    role: Role, directory: Path, entries: Mapping[str, os.DirEntry[str]], exercise: Exercise
) -> list[Source]:
    """What in the directory may be that program, by name: at most one for each of its names and languages."""
    targets = _targets(directory, entries)
    found = []
    for name in exercise.names.get(role, []):
        arguments = exercise.arguments[role]
        if f"{name}.py" in entries:
            found.append(Source(f"{name}.py", Command(("python3", f"{name}.py", *arguments))))
        if name in targets:
            found.append(Source(f"Makefile ({name})", Command((f"./{name}", *arguments)), f"make {name}"))
        elif f"{name}.c" in entries:
            build = _COMPILE.format(program=name, source=f"{name}.c")
            found.append(Source(f"{name}.c", Command((f"./{name}", *arguments)), build))
        elif name in entries and entries[name].is_file() and os.access(directory / name, os.X_OK):
            found.append(Source(name, Command((f"./{name}", *arguments))))
    return found


def _targets(directory: Path, entries: Mapping[str, object]) -> set[str]:
    """The plain targets of the Makefile, read as text: nothing in it is run to find out."""
    for name in _MAKEFILES:
        if name in entries:
            try:
                text = _opening(directory / name).decode(errors="replace")
            except OSError as error:
                raise UsageError(f"cannot read {directory / name}: {error.strerror}") from None
            lines = [line.split(":")[0] for line in text.splitlines() if re.match(r"[\w./ -]+:(?!=)", line)]
            return {word for line in lines for word in line.split()}
    return set()


def command(text: str, role: Role, exercise: Exercise, place: str, port: int | None = None) -> Command:
    """A command line as a user writes it; UsageError names the place and the placeholder that does not exist."""
    try:
        words = shlex.split(text)
        fields = {field for word in words for _, field, _, _ in string.Formatter().parse(word) if field is not None}
    except ValueError as error:
        raise UsageError(f"{place}: {text!r} is no command line: {error}") from None
    if not words:
        raise UsageError(f"{place}: the command is empty")
    names = [word.strip("{}") for word in exercise.arguments[role]]
    for field in sorted(fields - set(names)):
        near, allowed = nearest(field, names), " and ".join(exercise.arguments[role])
        raise UsageError(f"{place}: no placeholder {{{field}}}{near} A {role} may be given {allowed}.")
    return Command(tuple(words), port)
