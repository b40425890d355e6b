"""Taking in what somebody handed in: a clean copy of one submission, plain files and directories and nothing else.

Each member is laid by us, name by name, below an open directory, with one of two modes and one time for all. What
cannot be taken is refused in words. A copy travels to a sandbox as a tar stream, and is laid there by the same rules.
"""

import errno
import hashlib
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec

from sockspec.complaint import SuiteError, UsageError
from sockspec.members import (
    ENDING,
    OPEN_DIRECTORY,
    Bounds,
    Member,
    Readable,
    is_junk,
    members,
    of_directory,
    of_tar,
    parts,
)
from sockspec.members import Refused as Refused
from sockspec.visible import visible

BOUNDS = Bounds()
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TIME_S = 946_684_800  # 2000-01-01: make and zip take it, and it is in nobody's future
_MOST_NAMED = 20
_NO_NAME_HERE = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)


class Taken(msgspec.Struct, frozen=True):
    """A clean copy of a submission."""

    directory: Path
    """Where its files are: the directory that was given, or the only one inside it."""
    left_out: list[str]
    """What was not taken over, and what it is, a line each: links, devices, FIFOs, sockets."""


class Entry(msgspec.Struct, frozen=True):
    """One submission of a class, not looked into yet."""

    name: str
    path: Path


def submissions(class_directory: Path) -> list[Entry]:
    """Every subdirectory and archive of a directory, sorted by name; two of one name are a UsageError."""
    try:
        with os.scandir(class_directory) as listing:
            found = [entry for entry in listing if not entry.name.startswith(".") and _is_one(entry)]
    except OSError as error:
        raise UsageError(f"cannot read {class_directory}: {error.strerror}") from None
    entries = sorted((Entry(_without_ending(entry), Path(entry.path)) for entry in found), key=_order)
    seen: dict[str, Entry] = {}
    for entry in entries:
        # As it is shown: a journal and a gradebook have it so, and could not tell those that look alike apart.
        other = seen.setdefault(visible(entry.name), entry)
        if other is not entry:
            both = f"{visible(other.path.name)} and {visible(entry.path.name)}"
            raise UsageError(f"{class_directory}: {both} are two submissions of one name; move one of them away")
    return entries


def strays(class_directory: Path) -> list[str]:
    """The files of a class's directory that are no submissions, as they are shown; those with a dot are nobody's."""
    with os.scandir(class_directory) as listing:
        return sorted(visible(entry.name) for entry in listing if not entry.name.startswith(".") and not _is_one(entry))


def _is_one(entry: "os.DirEntry[str]") -> bool:
    # A link is listed here and refused when it is taken: left out in silence it would be somebody's zero.
    return entry.is_dir(follow_symlinks=False) or entry.is_symlink() or ENDING.search(entry.name) is not None


def _without_ending(entry: "os.DirEntry[str]") -> str:
    return entry.name if entry.is_dir(follow_symlinks=False) else ENDING.sub("", entry.name)


def _order(entry: Entry) -> tuple[bytes, bytes]:
    return os.fsencode(entry.name), os.fsencode(entry.path.name)


def take(source: Path, directory: Path, bounds: Bounds = BOUNDS) -> Taken:
    """Lay a clean copy of a submission into a directory that does not exist yet; Refused leaves nothing there."""
    return _laid(members(source, bounds), directory, bounds)


def unpack(stream: Readable, directory: Path, bounds: Bounds = BOUNDS) -> Taken:
    """Lay out what `pack` made; the same rules hold, for the stream may come from anywhere."""
    return _laid(of_tar(stream, 2 * bounds.content_bytes, bounds), directory, bounds)


def pack(directory: Path) -> Iterator[bytes]:
    """A clean copy as a tar stream; equal copies give equal streams."""
    with _opened(directory) as root:
        for member in of_directory(root, b"", BOUNDS):
            yield _header(member)
            count = 0
            for chunk in member.content:
                count += len(chunk)
                yield chunk
            if count != member.size:
                raise SuiteError(f"{directory}: {visible(member.path)} changed while it was read")
            yield bytes(-count % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _header(member: Member) -> bytes:
    info = tarfile.TarInfo(member.path.decode("utf-8", "surrogateescape"))
    info.type = tarfile.DIRTYPE if member.kind == "directory" else tarfile.REGTYPE
    info.mode = 0o755 if member.executable else 0o644
    info.size, info.mtime = member.size, _TIME_S
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def digest(directory: Path) -> str:
    """A hash of a clean copy: its names, which files are executable, and what is in them."""
    total = hashlib.sha256()
    with _opened(directory) as root:
        for member in of_directory(root, b"", BOUNDS):
            content = hashlib.sha256()
            for chunk in member.content:
                content.update(chunk)
            # No name contains a NUL, so no two lists of members read the same.
            total.update(b"%b\0%b\0%d\0" % (member.path, member.kind.encode(), member.executable))
            total.update(content.digest())
    return total.hexdigest()


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, OPEN_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _laid(found: Iterator[Member], directory: Path, bounds: Bounds) -> Taken:
    try:
        directory.mkdir(mode=0o755)
        with _opened(directory) as root:
            copy = _Copy(root, bounds)
            for member in found:
                copy.lay(member)
            copy.settle()
            only = copy.only_directory()
    except Refused:
        shutil.rmtree(directory)
        raise
    except OSError as error:
        if error.errno not in _NO_NAME_HERE:
            raise SuiteError(f"cannot lay out a submission in {directory}: {error.strerror}") from error
        shutil.rmtree(directory)
        raise Refused(f"a name that this machine cannot have: {error.strerror}") from None
    more = len(copy.left_out) - _MOST_NAMED
    return Taken(directory / only, copy.left_out[:_MOST_NAMED] + ([f"({more} more)"] if more > 0 else []))


class _Copy:
    """A clean copy as it grows, below an open directory."""

    def __init__(self, root: int, bounds: Bounds) -> None:
        self._root, self._bounds = root, bounds
        self._bytes, self._files, self._directories = 0, 0, 0
        self.left_out: list[str] = []

    def lay(self, member: Member) -> None:
        """Lay one member, or note that it was left out."""
        names = parts(member.path, self._bounds)
        if not names or any(map(is_junk, names)):
            return
        if member.kind == "directory":
            os.close(self._entered(names))
        elif member.kind == "file":
            self._lay_file(member, names)
        else:
            self.left_out.append(f"{visible(member.path)}: {member.kind}")

    def _lay_file(self, member: Member, names: list[bytes]) -> None:
        self._files += 1
        if self._files > self._bounds.files:
            raise Refused(f"more than {self._bounds.files:,} files")
        with ExitStack() as held:
            parent = self._entered(names[:-1])
            held.callback(os.close, parent)
            _make_way(parent, names[-1])
            descriptor = os.open(names[-1], _NEW, 0o600, dir_fd=parent)
            held.callback(os.close, descriptor)
            for chunk in member.content:
                self._bytes += len(chunk)
                if self._bytes > self._bounds.content_bytes:
                    raise Refused(f"more than {self._bounds.content_bytes >> 20} MiB")
                rest = memoryview(chunk)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
            os.fchmod(descriptor, 0o755 if member.executable else 0o644)
            os.utime(descriptor, (_TIME_S, _TIME_S))

    def _entered(self, names: list[bytes]) -> int:
        """The directory at that place, open; what is missing on the way is made."""
        here = os.dup(self._root)
        for name in names:
            with ExitStack() as held:
                held.callback(os.close, here)
                here = self._child(here, name)
        return here

    def _child(self, parent: int, name: bytes) -> int:
        with suppress(FileNotFoundError, NotADirectoryError):
            return os.open(name, OPEN_DIRECTORY, dir_fd=parent)
        self._directories += 1
        if self._directories > self._bounds.directories:
            raise Refused(f"more than {self._bounds.directories:,} directories")
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=parent)  # a file of that name came earlier, and the last one counts
        os.mkdir(name, 0o755, dir_fd=parent)
        return os.open(name, OPEN_DIRECTORY, dir_fd=parent)

    def settle(self) -> None:
        """Modes and times of the directories, once nothing more is written to them."""
        for _, _, _, directory in os.fwalk(b".", topdown=False, dir_fd=self._root):
            os.fchmod(directory, 0o755)
            os.utime(directory, (_TIME_S, _TIME_S))

    def only_directory(self) -> str:
        """The name of the one directory at the top, if there is nothing else."""
        with os.scandir(self._root) as listing:
            found = list(listing)
            return found[0].name if len(found) == 1 and found[0].is_dir(follow_symlinks=False) else ""


def _make_way(parent: int, name: bytes) -> None:
    """Remove what came earlier under that name; a directory that is not empty is a contradiction."""
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        try:
            os.rmdir(name, dir_fd=parent)
        except OSError:
            raise Refused(f"{visible(name)} is both a file and a directory") from None
