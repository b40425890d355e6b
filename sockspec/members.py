"""What somebody handed in, member by member: a directory or an archive, of which nothing is believed.

A directory is read below open descriptors, so that no path is followed out of it. What comes out of an archive is
counted as it comes, whatever its headers state. What is wrong with it is told by `Refused`, and ends no class.
"""

import bz2
import gzip
import lzma
import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol, Self, cast

import msgspec

from sockspec.visible import visible

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_FOREIGN = (".7z", ".rar", ".tar.zst", ".tar.lz", ".gz", ".bz2", ".xz", ".zst")
ENDING = re.compile("(" + "|".join(map(re.escape, sorted((*ENDINGS, *_FOREIGN), key=len, reverse=True))) + r")\Z", re.I)
"""How the name of an archive ends; of those that are not read here as well, which then are refused in words."""

_JUNK = {b".git", b".hg", b".svn", b".venv", b"__pycache__", b"node_modules", b"__MACOSX", b".DS_Store", b"Thumbs.db",
         b"desktop.ini", b".pytest_cache", b".mypy_cache", b".idea", b".vscode"}  # fmt: skip
_APPLE_DOUBLE = b"._"

OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_PLAIN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO would hold us for ever
_CHUNK_BYTES = 64 << 10
_ENTRY_OF_ZIP = b"PK\x01\x02"


class Refused(Exception):
    """This submission cannot be taken in; the message says why, on one line, with nothing raw in it."""

    @property
    def reason(self) -> str:
        return str(self)


class Bounds(msgspec.Struct, frozen=True):
    """How much one submission may be. `workdir` has to hold it, so no bound here is above its own."""

    content_bytes: int = 64 << 20
    archive_bytes: int = 64 << 20
    files: int = 5_000
    directories: int = 1_000
    members: int = 20_000
    """What an archive or one directory may list, with all that is left out."""
    ratio: int = 100
    """How many times its own size an archive may unpack to; the first MiB is free."""
    depth: int = 32
    name_bytes: int = 255
    path_bytes: int = 1_024


class Readable(Protocol):
    """Where bytes come from."""

    def read(self, size: int, /) -> bytes: ...


class Member(NamedTuple):
    """One thing that was handed in."""

    path: bytes
    kind: str
    """`file`, `directory`, or what it is instead: `a symbolic link`."""
    executable: bool = False
    size: int = 0
    """As it is stated; what counts is what comes out of `content`."""
    content: Iterable[bytes] = ()


def members(source: Path, bounds: Bounds) -> Iterator[Member]:
    """Everything in a directory or an archive, without what tools leave behind."""
    try:
        descriptor = os.open(source, _OPEN_PLAIN)
    except OSError as error:
        why = "it is a link, and links are not followed" if source.is_symlink() else f"cannot be read: {error.strerror}"
        raise Refused(why) from None
    with _held(descriptor):
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            yield from of_directory(descriptor, b"", bounds)
        elif stat.S_ISREG(found.st_mode):
            with os.fdopen(descriptor, "rb", closefd=False) as opened:
                yield from _of_archive(source.name, opened, found.st_size, bounds)
        else:
            raise Refused(f"it is {_what(found.st_mode)}, not a directory or an archive")


@contextmanager
def _held(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def parts(path: bytes, bounds: Bounds) -> list[bytes]:
    """The names that a member's path is made of; Refused if it leads anywhere but down."""
    names = [name for name in path.split(b"/") if name not in (b"", b".")]
    shown = visible(path[:100])
    if path.startswith(b"/") or b".." in names or b"\0" in path:
        raise Refused(f"a member is to be put outside: {shown}")
    if len(names) > bounds.depth:
        raise Refused(f"directories in directories, more than {bounds.depth} deep: {shown}...")
    if len(path) > bounds.path_bytes or any(len(name) > bounds.name_bytes for name in names):
        most = f"{bounds.name_bytes} bytes, or a path of more than {bounds.path_bytes}"
        raise Refused(f"a name of more than {most}: {shown}...")
    return names


def is_junk(name: bytes) -> bool:
    """Whether a tool left it there, and nobody misses it."""
    return name in _JUNK or name.startswith(_APPLE_DOUBLE)


# --- a directory


def of_directory(directory: int, below: bytes, bounds: Bounds) -> Iterator[Member]:
    """Everything below an open directory, sorted, a directory before what is in it."""
    try:
        with os.scandir(directory) as listing:
            names = sorted(os.fsencode(entry.name) for entry in islice(listing, bounds.members + 1))
        if len(names) > bounds.members:
            raise Refused(f"more than {bounds.members:,} entries in one directory")
        for name in names:
            if not is_junk(name):
                yield from _of_entry(directory, name, below + name, bounds)
    except OSError as error:
        raise Refused(f"cannot read {visible(below) or 'its directory'}: {error.strerror}") from None


def _of_entry(directory: int, name: bytes, path: bytes, bounds: Bounds) -> Iterator[Member]:
    mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        yield Member(path, _what(mode))
        return
    with _held(os.open(name, OPEN_DIRECTORY if stat.S_ISDIR(mode) else _OPEN_PLAIN, dir_fd=directory)) as descriptor:
        found = os.fstat(descriptor)  # what was opened counts; the name may stand for something else by now
        if stat.S_ISDIR(found.st_mode):
            parts(path, bounds)  # before it is entered: each level costs a descriptor
            yield Member(path, "directory", executable=True)
            yield from of_directory(descriptor, path + b"/", bounds)
        elif not stat.S_ISREG(found.st_mode):
            yield Member(path, _what(found.st_mode))
        elif found.st_nlink > 1:
            yield Member(path, "a hard link")
        else:
            content = iter(lambda: os.read(descriptor, _CHUNK_BYTES), b"")
            yield Member(path, "file", bool(found.st_mode & 0o111), found.st_size, content)


def _what(mode: int) -> str:
    kinds = {stat.S_IFLNK: "a symbolic link", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket",
             stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFDIR: "a directory"}  # fmt: skip
    return kinds.get(stat.S_IFMT(mode), "no plain file")


# --- an archive


def _of_archive(name: str, opened: IO[bytes], size_bytes: int, bounds: Bounds) -> Iterator[Member]:
    ending = match[0].lower() if (match := ENDING.search(name)) else ""
    if ending not in ENDINGS:
        raise Refused(f"{ending or 'this file'} is no archive that is read here; these are: {', '.join(ENDINGS)}")
    if size_bytes > bounds.archive_bytes:
        raise Refused(f"the archive has more than {bounds.archive_bytes >> 20} MiB")
    most = min(2 * bounds.content_bytes, max(1 << 20, bounds.ratio * size_bytes))
    if ending == ".zip":
        return _of_zip(opened, most, bounds)
    uncompressed: dict[str, Callable[[IO[bytes]], Readable]] = {
        ".tar": lambda raw: raw,
        ".tar.gz": lambda raw: gzip.GzipFile(fileobj=raw),
        ".tgz": lambda raw: gzip.GzipFile(fileobj=raw),
        ".tar.bz2": bz2.BZ2File,
        ".tar.xz": lzma.LZMAFile,
    }
    return of_tar(uncompressed[ending](opened), most, bounds)


@contextmanager
def _reading() -> Iterator[None]:
    """Whatever a library says of hostile bytes is about this submission."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:
        raise Refused(f"the archive is broken: {visible(str(error)[:200]) or type(error).__name__}") from None


class _Counted:
    """What comes out of a stream, up to a bound."""

    def __init__(self, stream: Readable, most_bytes: int) -> None:
        self._stream, self._most_bytes, self._count = stream, most_bytes, 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(min(size, _CHUNK_BYTES))
        self.count(len(data))
        return data

    def count(self, size: int) -> None:
        self._count += size
        if self._count > self._most_bytes:
            raise Refused(
                f"it unpacks to more than {self._most_bytes:,} bytes, which no honest archive of its size does"
            )


_MOST_HEADERS = 1 << 31
"""The squares of the bytes in pax headers, added up: tarfile looks through them in quadratic time (CVE-2024-6232)."""
_FOR_ALL, _MOST_FOR_ALL_BYTES = tarfile.XGLTYPE, 4096
"""A pax header for all members that follow is gone through again for each of them."""


class _Tar(tarfile.TarFile):
    """A tar, and what its headers have cost so far."""

    headers = 0


class _Header(tarfile.TarInfo):
    """A member of a tar; damage between two members is damage, and not the end of the archive."""

    def _proc_pax(self, tarfile: _Tar) -> Self:
        tarfile.headers += self.size**2
        if tarfile.headers > _MOST_HEADERS or (self.type == _FOR_ALL and self.size > _MOST_FOR_ALL_BYTES):
            raise Refused(f"its pax headers are larger than any honest archive's: {self.size:,} bytes")
        header: Self = super()._proc_pax(tarfile)  # type: ignore[misc]
        return header

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile)
        except _DAMAGE as error:
            raise Refused(f"the archive is broken: {visible(str(error))}") from None


_DAMAGE = (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError)  # type: ignore[attr-defined]


def of_tar(stream: Readable, most_bytes: int, bounds: Bounds) -> Iterator[Member]:
    """Everything in a tar stream of that many bytes at most, in its order."""
    counted = _Counted(stream, most_bytes)
    names: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape"}
    with _reading(), _Tar.open(mode="r|", fileobj=cast(IO[bytes], counted), tarinfo=_Header, **names) as archive:
        for number, info in enumerate(iter(archive.next, None)):
            if number >= bounds.members:
                raise Refused(f"the archive lists more than {bounds.members:,} members")
            archive.members.clear()  # type: ignore[attr-defined]  # it would remember them all
            yield _of_tar_member(archive, info)


def _of_tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    path = info.name.encode("utf-8", "surrogateescape")
    if info.isdir():
        return Member(path, "directory", executable=True)
    if info.isreg() and (content := archive.extractfile(info)):
        return Member(path, "file", bool(info.mode & 0o111), info.size, _chunks(content))
    kinds = {tarfile.SYMTYPE: "a symbolic link", tarfile.LNKTYPE: "a hard link", tarfile.FIFOTYPE: "a FIFO"}
    return Member(path, kinds.get(info.type, "a device" if info.isdev() else "no plain file"))


def _chunks(opened: IO[bytes]) -> Iterator[bytes]:
    with _reading():
        while chunk := opened.read(_CHUNK_BYTES):
            yield chunk


def _of_zip(opened: IO[bytes], most_bytes: int, bounds: Bounds) -> Iterator[Member]:
    counted = _Counted(opened, most_bytes)
    with _reading():
        # Its list is read as a whole, and an entry costs ten times its bytes: so they are counted before.
        if _occurrences(opened, _ENTRY_OF_ZIP) > bounds.members:
            raise Refused(f"the archive lists more than {bounds.members:,} members")
        with zipfile.ZipFile(opened) as archive:
            for info in archive.infolist():
                yield _of_zip_member(archive, info, counted)


def _occurrences(opened: IO[bytes], wanted: bytes) -> int:
    found, tail = 0, b""
    while chunk := opened.read(_CHUNK_BYTES):
        found += (tail + chunk).count(wanted)
        tail = (tail + chunk)[-len(wanted) + 1 :]
    opened.seek(0)
    return found


def _of_zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, counted: _Counted) -> Member:
    # A name without the flag for UTF-8 was decoded as one of 1981; this gives its bytes back.
    path = info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return Member(path, _what(mode))
    if path.endswith(b"/"):
        return Member(path, "directory", executable=True)
    return Member(path, "file", bool(mode & 0o111), info.file_size, _of_zip_content(archive, info, counted))


def _of_zip_content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, counted: _Counted) -> Iterator[bytes]:
    if info.flag_bits & 0x1:
        raise Refused("the archive is encrypted; it has to be handed in without a password")
    # The other methods unpack a whole block at once, and forty bytes of bzip2 can be 45 MB.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Refused(f"{visible(info.orig_filename)} is compressed with something else than deflate")
    with _reading(), archive.open(info) as content:
        while chunk := content.read(_CHUNK_BYTES):
            counted.count(len(chunk))
            yield chunk
