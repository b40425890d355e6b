"""A directory that programs run in, put back after every scenario: what one scenario left, the next does not find."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sockspec import account, fresh
from sockspec.complaint import SuiteError, UsageError

_MOST_DIRECTORIES, _MOST_ENTRIES, _MOST_BYTES = 1_000, 5_000, 256 << 20
_DEEPEST, _LONGEST = 64, 2_000
_LEFT_OUT = {".git", ".hg", ".svn", ".venv", "__pycache__", "node_modules"}

_Seen = tuple[int, int, int, int]


class _Beyond(Exception):
    """There is more than is copied."""


def copy(source: Path, target: Path) -> None:
    """Copy what a submission consists of: directories and plain files; never a link, a device or a FIFO."""
    try:
        for directory, files in _walked(source):
            below = target / directory.relative_to(source)
            below.mkdir(parents=True, exist_ok=True)
            for name, seen in files:
                if stat.S_ISREG(seen.st_mode):
                    _copy_file(directory / name, below / name, target)
    except _Beyond:
        raise UsageError(f"{source} holds {_too_much()}; give the directory that has just the programs") from None


def excess(directory: Path) -> str:
    """What keeps a directory from being copied, in words; nothing if it can be."""
    try:
        for _ in _walked(directory):
            pass
    except _Beyond:
        return _too_much()
    except RecursionError:
        return "directories in directories, too deep to be copied"
    except UsageError as error:
        return str(error)
    return ""


def _too_much() -> str:
    return f"more than {_MOST_ENTRIES:,} files, {_MOST_DIRECTORIES:,} directories or {_MOST_BYTES >> 20} MiB"


def _walked(source: Path) -> Iterator[tuple[Path, list[tuple[str, os.stat_result]]]]:
    """Every directory with its files, as far as is copied."""
    entries, total = 0, 0
    for number, (directory, names, files) in enumerate(os.walk(source, onerror=_unreadable)):
        names[:] = sorted(name for name in names if name not in _LEFT_OUT)
        seen = [(name, (Path(directory) / name).lstat()) for name in sorted(files)]
        entries, total = entries + len(seen), total + sum(found.st_size for _, found in seen)
        if number > _MOST_DIRECTORIES or entries > _MOST_ENTRIES or total > _MOST_BYTES:
            raise _Beyond
        yield Path(directory), seen


def _copy_file(source: Path, target: Path, where: Path) -> None:
    try:
        shutil.copy2(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno in fresh.NO_ROOM:
            raise SuiteError(f"cannot copy to {where}: {error.strerror}; make room there") from error
        _unreadable(error)


def _unreadable(error: OSError) -> None:
    raise UsageError(f"cannot read {error.filename}: {error.strerror}") from None


class Workdir:
    """A private copy of a directory; if it has an owner, a user who is not us, it is his and nobody else looks in."""

    def __init__(self, pristine: Path, *, owner: int | None = None) -> None:
        self._pristine = pristine
        self._owner = owner
        self._parent = Path(tempfile.mkdtemp(prefix="sockspec-"))
        self._parent.chmod(0o755)
        self.path = self._parent / "work"
        self._copy()

    def _copy(self) -> None:
        copy(self._pristine, self.path)
        if self._owner is not None:
            self.path.chmod(0o700)
        self._hand_over()

    def _hand_over(self) -> None:
        if self._owner is not None:
            account.give(self.path, self._owner)
        self._as_copied = self._scan()

    def restore(self) -> None:
        """Remove what was added, and copy again what was changed or removed."""
        if self.path.is_symlink() or not self.path.is_dir():
            account.remove(self.path)
            self._copy()
            return
        now = self._scan()
        if now == self._as_copied:
            return
        added = set(now) - set(self._as_copied)
        for name in sorted(name for name in added if name.rpartition("/")[0] not in added):
            account.remove(self.path / name)
        for name, was in self._as_copied.items():
            if now.get(name) != was:
                self._copy_again(name, was[0])
        self._hand_over()

    def _copy_again(self, name: str, mode: int) -> None:
        source, target = self._pristine / name, self.path / name
        if source.is_dir():
            if not target.is_dir() or target.is_symlink():
                account.remove(target)
                target.mkdir()
            os.chown(target, os.geteuid(), -1)  # chmod(2) is the owner's right
            target.chmod(stat.S_IMODE(mode))
            return
        account.remove(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)

    def _scan(self) -> dict[str, _Seen]:
        """Every entry below, with what changes when it is written to (ctime cannot be set); a directory by its mode.

        Deeper than anything that was copied nobody looks: it was added, and goes with the directory that it is in.
        """
        found: dict[str, _Seen] = {"": (self.path.stat().st_mode, 0, 0, 0)}
        pending = [""]
        for below in pending:
            with os.scandir(self.path / below) as listing:
                for entry in listing:
                    name, seen = f"{below}{entry.name}", entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        found[name] = (seen.st_mode, 0, 0, 0)
                        if name.count("/") < _DEEPEST and len(os.fsencode(name)) < _LONGEST:
                            pending.append(f"{name}/")
                    else:
                        found[name] = (seen.st_mode, seen.st_size, seen.st_ctime_ns, seen.st_ino)
        return found

    def remove(self) -> None:
        """Remove the copy."""
        account.remove(self._parent)
