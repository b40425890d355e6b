"""A submission: a directory with somebody's client and/or server, and how those are built and started.

`sockspec.toml` says it, every key optional; what it leaves out is found by name. A directory of such directories, each
for an exercise, is as many submissions, and so is one whose `sockspec.toml` has a table for each of several exercises.
Nothing of a submission is imported.
"""

import os
import re
import shlex
from collections.abc import Container, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import msgspec

from sockspec import catalogue, house
from sockspec.catalogue import Exercise
from sockspec.complaint import UsageError, nearest
from sockspec.manifest import MANIFEST, Manifest, Part, opening, read
from sockspec.verdict import Role
from sockspec.visible import visible

ROLES: tuple[Literal["server", "client"], ...] = ("server", "client")
_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_MOST_NAMES = 8
_COMPILE = "cc -std=gnu17 -Wall -Wextra -g -O1 -pthread -o {program} {source}"


def is_file(path: Path) -> bool:
    """Whether a plain file is there; under a name that no file can have there is none."""
    try:
        return path.is_file()
    except OSError:  # ENAMETOOLONG, for one
        return False


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
        words = [str(directory / word) if is_file(directory / word) else word for word in self.words]
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

    handed_in: Path
    """What it comes from: the directory itself, or the one above it whose `sockspec.toml` names it."""
    directory: Path
    """Where its programs are built and run; no more than this is copied."""
    exercise: str
    sources: dict[Role, Source]

    @property
    def name(self) -> str:
        return self.handed_in.resolve().name

    @property
    def shown(self) -> dict[Role, str]:
        """What a reader knows its programs by."""
        return {role: source.shown for role, source in self.sources.items()}


class Wishes(msgspec.Struct, frozen=True):
    """What the command line says about a submission; it wins over the manifest."""

    exercise: str | None = None
    roles: tuple[Role, ...] = ROLES
    commands: dict[Role, str] = {}
    build: str = ""
    port: int | None = None
    about: str | None = None
    """The exercise that the requirements to be checked are of; it decides where names alone do not."""


def find_all(directory: Path, wishes: Wishes) -> list[Submission]:
    """The submission in that directory; where there is none in it itself, those in its subdirectories."""
    if wishes.exercise or wishes.commands:
        return [find(directory, wishes)]
    if _holds_one(directory, wishes):
        return _all_in(directory, wishes)
    with os.scandir(directory) as listing:
        below = sorted(entry.name for entry in listing if entry.is_dir(follow_symlinks=False))
    parts = [directory / name for name in below if not name.startswith(".")]
    meant = [part for part in parts if part.name in house.exercises() or _holds_one(part, wishes)]
    each = msgspec.structs.replace(wishes, about=None)  # of several directories one may be of any exercise
    return [one for part in meant for one in _all_in(part, each)] or [find(directory, wishes)]


def _all_in(directory: Path, wishes: Wishes) -> list[Submission]:
    """One submission for each table of its manifest; the only one, where that has none."""
    tables = _manifest(directory).tables
    each = [msgspec.structs.replace(wishes, exercise=name) for name in tables]
    return [find(directory, one) for one in each or [wishes]]


def _holds_one(directory: Path, wishes: Wishes) -> bool:
    entries = _entries(directory)
    return MANIFEST in entries or bool(_fitting(directory, entries, wishes))


def find(directory: Path, wishes: Wishes) -> Submission:
    """The submission in that directory; UsageError says what is missing or unclear."""
    manifest = _manifest(directory)
    part = manifest.part(wishes.exercise)
    entries = _entries(part.directory)
    exercise = _exercise(entries, part, str(manifest.path), wishes)
    roles = tuple(role for role in wishes.roles if role in exercise.names)
    if not roles:
        raise UsageError(f"{exercise.name} is an exercise without a {' or a '.join(wishes.roles)}")
    sources = {}
    for role in roles:
        if (source := _source(role, entries, part, str(manifest.path), exercise, wishes)) is not None:
            sources[role] = source
    if not sources:
        names = [exercise.names[role][0] for role in roles]
        raise UsageError(
            f"{part.directory}: nothing to run for {exercise.name}. {_there(part.directory, entries, names)}"
            f" {_expected(names)} Name any other in {MANIFEST} (`[{part.prefix}{roles[0]}]`, `run = ...`)"
            f" or on the command line (--{roles[0]}).{_below(part.directory, exercise.name)}"
        )
    return Submission(directory, part.directory, exercise.name, sources)


def _manifest(directory: Path) -> Manifest:
    path = directory / MANIFEST
    return read(path) if MANIFEST in _entries(directory) else Manifest(path)


def _exercise(entries: Mapping[str, os.DirEntry[str]], part: Part, path: str, wishes: Wishes) -> Exercise:
    if wishes.exercise or part.exercise is None:
        return catalogue.exercise(wishes.exercise or _only_fit(part.directory, entries, wishes))
    try:
        return catalogue.exercise(part.exercise)
    except UsageError as error:
        raise UsageError(f"{path}, exercise: {error}") from None


def _expected(names: Sequence[str]) -> str:
    """What is found by name, for programs of those names."""
    first, *others = names
    also = "".join(f", and {name} likewise" for name in others)
    return (
        f"Found by name are {first}.py, {first}.c, an executable {first}, and a Makefile with a target {first}{also}."
    )


def _there(directory: Path, entries: Mapping[str, os.DirEntry[str]], names: Sequence[str]) -> str:
    """What the directory has instead: most often a name is nearly right."""
    shown = [visible(name) + _but(directory, name, names) for name in entries][:_MOST_NAMES]
    more = ["..."] if len(entries) > _MOST_NAMES else []
    return f"It has {', '.join([*shown, *more])}." if shown else "It has no files."


def _but(directory: Path, name: str, names: Sequence[str]) -> str:
    """Why a file that might be meant is not taken."""
    if targets := sorted(_targets(directory, [name]))[:_MOST_NAMES]:
        return f" (targets: {visible(', '.join(targets))})"
    return " (not executable)" if name in names else ""


def _below(directory: Path, name: str) -> str:
    return f" Or is it in {directory / name}?" if (directory / name).is_dir() else ""


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
    if wishes.about in fitting:
        return str(wishes.about)
    if not fitting and not wishes.commands and MANIFEST not in entries:
        raise UsageError(
            f"{directory}: nothing to run. {_there(directory, entries, wishes.roles)} {_expected(wishes.roles)}"
            f" Name any other in {MANIFEST} (`[{wishes.roles[0]}]`, `run = ...`). Of several exercises each has a"
            f" directory, with that exercise's name or a {MANIFEST} of its own."
        )
    which = f"{', '.join(fitting[:-1])} and {fitting[-1]} fit" if fitting else f"there are {', '.join(known)}"
    near = _near(own_name, fitting or known)
    raise UsageError(
        f"{directory}: for which exercise? {which}; say it with --exercise {near}, in {MANIFEST}"
        f' (exercise = "{near}"), or with the name of the directory.'
    )


def _near(own_name: str, names: list[str]) -> str:
    """The exercise that a directory of that name may be for, or a word for whichever it is."""
    near = [name for name in names if name in own_name.lower()] + get_close_matches(own_name.lower(), names, n=1)
    return near[0] if near else "NAME"


def _source(
    role: Role, entries: Mapping[str, os.DirEntry[str]], part: Part, path: str, exercise: Exercise, wishes: Wishes
) -> Source | None:
    directory, stated, place = part.directory, part.programs[role], f"{path}, {part.prefix}{role}"
    port = wishes.port or stated.port
    if port is not None and not 1 <= port <= 65535:
        shown = port if port.bit_length() <= 64 else "so long a number"
        raise UsageError(f"{place}.port: {shown} is no port (1 to 65535)")
    build = wishes.build or stated.build or ""
    if text := wishes.commands.get(role):
        return Source(text, command(text, role, exercise, f"--{role}", port), build)
    if stated.run is not None:
        return Source(stated.run, command(stated.run, role, exercise, f"{place}.run", port), build)
    found = _candidates(role, directory, entries, exercise)
    if len(found) > 1:
        names = " and ".join(source.shown for source in found)
        raise UsageError(
            f"{directory}: which is the {role}, {names}?"
            f" Say it in {MANIFEST} (`[{part.prefix}{role}]`, `run = ...`) or with --{role}."
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


def _targets(directory: Path, entries: Container[str]) -> set[str]:
    """The plain targets of the Makefile, read as text: nothing in it is run to find out."""
    for name in _MAKEFILES:
        if name in entries:
            try:
                text = opening(directory / name).decode(errors="replace")
            except OSError as error:
                raise UsageError(f"cannot read {directory / name}: {error.strerror}") from None
            lines = [line.split(":")[0] for line in text.splitlines() if re.match(r"[\w./ -]+:(?!=)", line)]
            return {word for line in lines for word in line.split()}
    return set()


def command(text: str, role: Role, exercise: Exercise, place: str, port: int | None = None) -> Command:
    """A command line as a user writes it; UsageError names the place and the placeholder that does not exist."""
    try:
        if "\0" in text:
            raise ValueError("it contains a NUL")
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{place}: {text!r} is no command line: {error}") from None
    if not words:
        raise UsageError(f"{place}: the command is empty")
    names, allowed = [word.strip("{}") for word in exercise.arguments[role]], " and ".join(exercise.arguments[role])
    fields = {field for word in words for field in re.findall(r"\{([^{}]*)\}", word)}
    for field in sorted(fields - set(names)):
        raise UsageError(f"{place}: no placeholder {{{field}}}{nearest(field, names)} A {role} may be given {allowed}.")
    if "port" not in fields and port is None:
        fixed = exercise.default_port_of(role) or "N"
        raise UsageError(
            f"{place}: nothing in {text!r} tells the {role} its port. Put {{port}} where the port goes; or, if it"
            f" always uses the same one, say which: `port = {fixed}` under [{role}] in {MANIFEST}, or --port {fixed}."
        )
    return Command(tuple(words), port)
