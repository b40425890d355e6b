"""Commands: how a program of a submission, or of the reference, is started."""

import shlex
import string
from collections.abc import Mapping
from pathlib import Path

import msgspec

from sockspec.complaint import UsageError, nearest
from sockspec.verdict import Role

PLACEHOLDERS: dict[str, tuple[str, ...]] = {"server": ("port",), "client": ("host", "port")}


class Command(msgspec.Struct, frozen=True):
    """The words of a command line, with `{host}` and `{port}` where those go."""

    words: tuple[str, ...]
    port: int | None = None
    """The port of a program that cannot be told one."""

    def line(self, *, host: str = "", port: str = "") -> list[str]:
        """The command line for that host and port."""
        return [word.replace("{host}", host).replace("{port}", port) for word in self.words]

    def without_port(self, *, host: str = "") -> list[str]:
        """The command line of somebody who forgot the port, and all that goes with it."""
        return [word.replace("{host}", host) for word in self.words if "{port}" not in word]

    @property
    def takes_port(self) -> bool:
        return any("{port}" in word for word in self.words)


class Cast(msgspec.Struct, frozen=True):
    """Who plays: the programs of a submission or of the reference, by role, and the directory they run in."""

    name: str
    """`your` or `the reference`, as in `your server`."""
    commands: Mapping[Role, Command]
    directory: str

    def called(self, role: Role) -> str:
        return f"{self.name} {role}"


def command(text: str, role: str, place: str, port: int | None = None) -> Command:
    """A command line as a user writes it; UsageError names the place and the placeholder that does not exist."""
    try:
        words = shlex.split(text)
        fields = {field for word in words for _, field, _, _ in string.Formatter().parse(word) if field is not None}
    except ValueError as error:
        raise UsageError(f"{place}: {text!r} is no command line: {error}") from error
    if not words:
        raise UsageError(f"{place}: the command is empty")
    for field in sorted(fields - set(PLACEHOLDERS[role])):
        allowed = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS[role])
        raise UsageError(
            f"{place}: no placeholder {{{field}}}{nearest(field, PLACEHOLDERS[role])} There are: {allowed}."
        )
    return Command(tuple(words), port)


def resolved(command: Command, directory: Path) -> Command:
    """The command with names of the submission's own files made absolute, so that it runs from any directory."""
    words = [str(directory / word) if (directory / word).is_file() else word for word in command.words]
    return Command(tuple(words), command.port)
