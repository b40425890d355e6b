"""The hostile submissions: what each tries, which verdict it must get, and how it is laid out.

`fixtures/hostile/VERDICT/NAME/` has the files that can be stored, and a `hostile.toml` beside them. What cannot be
stored is made when the submission is laid: links, FIFOs, sockets, odd names, and copies of a known-good program.
Nothing here starts anything.
"""

import contextlib
import os
import shutil
import socket
import tomllib
from pathlib import Path

import msgspec

from sockspec import house
from sockspec.verdict import Role

HOSTILE = house.FIXTURES / "hostile"
TABLE = "hostile.toml"


class Piece(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that is made when the submission is laid; exactly one of the fields after the name is given."""

    name: str
    good: str = ""
    """A known-good program of the same exercise: `c-iterative/server.c`."""
    text: str | None = None
    link: str = ""
    hardlink: str = ""
    fifo: bool = False
    socket: bool = False

    def lay(self, directory: Path, programs: Path) -> None:
        path = directory / self.name
        if self.good:
            shutil.copyfile(programs / self.good, path)
        elif self.text is not None:
            path.write_text(self.text)
        elif self.link:
            path.symlink_to(self.link)
        elif self.hardlink:
            path.hardlink_to(directory / self.hardlink)
        elif self.fifo:
            os.mkfifo(path)
        elif self.socket:
            # Its name may have 108 bytes, and a test's directory has more.
            with socket.socket(socket.AF_UNIX) as bound, contextlib.chdir(directory):
                bound.bind(self.name)


class Hostile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One hostile submission."""

    sentence: str
    """What it tries."""
    exercise: str
    role: Role
    verdict: str = ""
    """What it must get; the directory it is filed under."""
    name: str = ""
    only: list[str] = []
    """Requirements that are enough to see it; all of them if there are none."""
    must_not: list[str] = []
    """Texts that may be in no report, and paths (they begin with `/`) that may not come to be on this machine."""
    also: list[str] = []
    """Other verdicts that are as right: which limit is met first depends on the machine."""
    lay: list[Piece] = []

    @property
    def directory(self) -> Path:
        return HOSTILE / self.verdict / self.name

    @property
    def texts(self) -> list[str]:
        return [mark for mark in self.must_not if not mark.startswith("/")]

    @property
    def paths(self) -> list[Path]:
        return [Path(mark) for mark in self.must_not if mark.startswith("/")]

    def laid(self, directory: Path) -> Path:
        """The submission as it is handed in."""
        target = directory / self.name
        shutil.copytree(self.directory, target, ignore=shutil.ignore_patterns(TABLE))
        for piece in self.lay:
            piece.lay(target, house.FIXTURES / "programs" / self.exercise)
        return target


def hostile() -> list[Hostile]:
    """All of them, by verdict and name."""
    return [
        msgspec.structs.replace(
            msgspec.convert(tomllib.loads(path.read_text()), Hostile),
            verdict=path.parent.parent.name,
            name=path.parent.name,
        )
        for path in sorted(HOSTILE.glob(f"*/*/{TABLE}"))
    ]
