"""`sockspec.toml`: what it says of one exercise, or in a table of its own for each of several.

Every key is optional. What is wrong with the file is a UsageError that names the place.
"""

import re
import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

from sockspec import house
from sockspec.complaint import UsageError, nearest
from sockspec.verdict import Role

MANIFEST = "sockspec.toml"
_MOST_TEXT_BYTES, _MOST_MANIFEST_BYTES = 1 << 20, 16 << 10
_IN_TOML = {
    "str": "a string",
    "int": "an integer",
    "float": "a float",
    "bool": "a boolean",
    "array": "an array",
    "object": "a table",
}
"""What TOML calls the kinds of values that our reader names otherwise."""
_Kind = TypeVar("_Kind", bound=msgspec.Struct)


class Program(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one program is built and started."""

    build: str | None = None
    run: str | None = None
    port: int | None = None


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a manifest for several exercises says of one of them."""

    directory: str = ""
    server: Program = Program()
    client: Program = Program()


class One(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a manifest for one exercise says."""

    exercise: str | None = None
    server: Program = Program()
    client: Program = Program()


class Part(msgspec.Struct, frozen=True):
    """What is said of one exercise, in either form, and where."""

    exercise: str | None
    directory: Path
    programs: dict[Role, Program]
    prefix: str
    """What a program's table is called behind: nothing, or `echo.`."""


class Manifest(msgspec.Struct, frozen=True):
    """A manifest that was read: about one exercise, or with a table for each of several; empty if there is none."""

    path: Path
    one: One = One()
    tables: dict[str, Table] = {}

    def part(self, exercise: str | None) -> Part:
        """What it says of that exercise, or of the only one; UsageError if it does not say which, or has others."""
        if not self.tables:
            one = self.one
            return Part(one.exercise, self.path.parent, {"server": one.server, "client": one.client}, "")
        names = list(self.tables)
        if exercise is None and len(names) > 1:
            raise UsageError(f"{self.path}: for which exercise? It has {', '.join(names)}; say --exercise {names[0]}")
        if exercise not in (None, *names):
            near = nearest(exercise or "", names)
            raise UsageError(f"{self.path}: there is no table [{exercise}]{near} There are {', '.join(names)}.")
        name = exercise or names[0]
        table = self.tables[name]
        return Part(name, self._below(name), {"server": table.server, "client": table.client}, f"{name}.")

    def _below(self, name: str) -> Path:
        """The directory that a table names: the manifest's own or one below it, reached by no link."""
        top, named = self.path.parent, self.tables[name].directory
        place = top / named
        try:
            below = not Path(named).is_absolute() and place.resolve() == top.resolve() / named
            twice = place != top and (place / MANIFEST).exists()
        except (OSError, RuntimeError, ValueError):  # links in a circle, a NUL, a name that no directory can have
            below = twice = False
        if not below:
            raise UsageError(
                f"{self.path}, {name}.directory: {named!r} has to be a directory below this one, and no link"
            )
        if twice:
            raise UsageError(f"{place / MANIFEST} and {self.path} are both about {name}; keep one of them")
        return place


def read(path: Path) -> Manifest:
    """What that file says."""
    try:
        text = opening(path)
        if len(text) > _MOST_MANIFEST_BYTES:
            raise UsageError(f"{path} has more than {_MOST_MANIFEST_BYTES >> 10} KiB; a manifest has a few lines")
        stated = tomllib.loads(text.decode("utf-8-sig"))  # some editors begin with a byte order mark
    except RecursionError:
        raise UsageError(f"{path}: tables and lists in one another, too deep to be read") from None
    except (OSError, ValueError) as error:  # no TOML, no UTF-8, a number of a thousand digits
        raise UsageError(f"{path}: {error}") from None
    if set(stated) - set(One.__struct_fields__):
        return Manifest(path, tables=_tables(path, stated))
    return Manifest(path, _converted(path, [], stated, One))


def _converted(path: Path, within: list[str], stated: object, kind: type[_Kind]) -> _Kind:
    """The table below those names as that kind; UsageError says what is wrong, in the words of TOML, and where."""
    try:
        return msgspec.convert(stated, kind)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at `$.")
        where = ".".join([*within, *([place.removesuffix("`")] if place else [])])
        keys = [*kind.__struct_fields__, *Program.__struct_fields__]
        raise UsageError(f"{path}{f', {where}' if where else ''}: {_in_toml(said, keys)}") from None


def _in_toml(said: str, keys: list[str]) -> str:
    if unknown := re.search(r"unknown field `(.+)`", said):
        return f"unknown key {unknown[1]!r}{nearest(unknown[1], keys)}"
    kinds = [_IN_TOML.get(kind.removesuffix(" | null"), kind) for kind in re.findall(r"`(.+?)`", said)]
    return f"expected {kinds[0]}, got {kinds[1]}" if len(kinds) == 2 else said


def _tables(path: Path, stated: dict[str, object]) -> dict[str, Table]:
    """The table of each exercise, in the order of the file."""
    known, keys = house.exercises(), One.__struct_fields__
    for name in stated:
        if name not in known and name not in keys:
            raise UsageError(
                f"{path}: unknown key {name!r}{nearest(name, [*keys, *known])} There are {', '.join(keys)},"
                f" or else a table for each exercise: {', '.join(known)}."
            )
    if both := [name for name in stated if name in keys]:
        name = next(name for name in stated if name in known)
        raise UsageError(
            f"{path}: {both[0]!r} is for a file about one exercise, and {name!r} for one about several."
            f" With a table for each exercise, a program's own is [{name}.server] or [{name}.client]."
        )
    for name, table in stated.items():
        if not isinstance(table, dict):
            raise UsageError(f"{path}: {name!r} has to be a table, like [{name}.server] with `run = ...` in it")
    return {name: _converted(path, [name], table, Table) for name, table in stated.items()}


def opening(path: Path) -> bytes:
    """The first part of a file, more than anybody writes by hand; a file of any size may be handed in."""
    with path.open("rb") as file:
        return file.read(_MOST_TEXT_BYTES)
