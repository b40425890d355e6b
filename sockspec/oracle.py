"""The oracle: what the reference did, facet by facet, and what another program is compared with.

A scenario runs against the reference first. Every expectation in it (`expect_bytes`, `expect_end`, ...) then records a
facet instead of comparing one; run against a submission, the same expectations take the facets in the same order.
What was recorded is kept between runs, under a key of all that it depends on: the reference, the suite, the engine, the
seed.
"""

import hashlib
import os
import sys
import zlib
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from sockspec.complaint import SuiteError

Kind = Literal["bytes", "message", "part", "end", "output", "exit", "datagram"]


class Facet(msgspec.Struct, frozen=True):
    """One thing that the reference was seen to do."""

    kind: Kind
    data: bytes = b""
    word: str = ""


class Script:
    """The facets of one scenario, being recorded or being compared with."""

    def __init__(self, facets: list[Facet] | None = None) -> None:
        self.recording = facets is None
        self.facets = facets or []
        self.place = 0
        """How many of them have been taken."""

    def record(self, facet: Facet) -> None:
        self.facets.append(facet)

    def take(self, kind: Kind) -> Facet:
        """The next facet; the scenario must ask for the same kinds in the same order every time."""
        if self.place >= len(self.facets) or self.facets[self.place].kind != kind:
            raise SuiteError(f"the scenario expects {kind!r} here, and did not when the reference ran")
        self.place += 1
        return self.facets[self.place - 1]


@cache
def fingerprint(*paths: Path) -> str:
    """A hash over the names and contents of all files below those directories."""
    digest = hashlib.sha256()
    for root in paths:
        for path in sorted(p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
            digest.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def key(parts: Iterable[object]) -> str:
    """The name under which a scenario's facets are kept."""
    return hashlib.sha256("\0".join([sys.version, *map(str, parts)]).encode()).hexdigest()


def kept(name: str) -> Path:
    """Where something is kept between runs (XDG base directories)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "sockspec", name)


class Shelf:
    """Recorded scenarios on disk, one compressed file each; what cannot be read is recorded again."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or kept("observations")
        self._grew = False

    def get(self, name: str) -> list[Facet] | None:
        try:
            stored = (self.directory / name).read_bytes()
            return msgspec.msgpack.decode(zlib.decompress(stored), type=list[Facet])
        except (OSError, zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def put(self, name: str, facets: list[Facet]) -> None:
        """Keep them if the disk lets us: without a shelf, the reference only runs more often."""
        temporary = self.directory / f"{name}.{os.getpid()}"
        with suppress(OSError):
            self.directory.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(zlib.compress(msgspec.msgpack.encode(facets), 1))
            temporary.replace(self.directory / name)
            self._grew = True

    def bundle(self) -> bytes:
        """All that is kept, in one piece."""
        return msgspec.msgpack.encode({path.name: path.read_bytes() for path in sorted(self.directory.iterdir())})

    def unbundle(self, bundled: bytes) -> None:
        """Keep what `bundle` gave; nothing of nothing."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for name, stored in msgspec.msgpack.decode(bundled or b"\x80", type=dict[str, bytes]).items():
            (self.directory / Path(name).name).write_bytes(stored)

    def prune(self, keep: int = 2000) -> None:
        """Remove the oldest beyond so many: every change of a suite or of the engine records anew."""
        if not self._grew:
            return
        with suppress(OSError):
            stored = sorted(self.directory.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
            for path in stored[keep:]:
                path.unlink(missing_ok=True)
