"""A directory that programs run in, put back after every scenario: what one scenario left, the next does not find."""

import errno
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import NoReturn

from sockspec import account
from sockspec.complaint import SuiteError, UsageError

_MOST_DIRECTORIES, _MOST_ENTRIES, _MOST_BYTES = 1_000, 5_000, 256 << 20
_DEEPEST = 64
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_LEFT_OUT = {".git", ".hg", ".svn", ".venv", "__pycache__", "node_modules"}

_Seen = tuple[int, int, int, int]


def copy(source: Path, target: Path) -> None:
    """Copy what a submission consists of: directories and plain files; never a link, a device or a FIFO."""
    entries, total = 0, 0
    for number, (directory, names, files) in enumerate(os.walk(source, onerror=_unreadable)):
        names[:] = sorted(name for name in names if name not in _LEFT_OUT)
        below = target / Path(directory).relative_to(source)
        below.mkdir(parents=True, exist_ok=True)
        if number > _MOST_DIRECTORIES:
            _too_much(source)
        for name in sorted(files):
            found = (Path(directory) / name).lstat()
            entries, total = entries + 1, total + found.st_size
            if entries > _MOST_ENTRIES or total > _MOST_BYTES:
                _too_much(source)
            if stat.S_ISREG(found.st_mode):
                try:
                    shutil.copy2(Path(directory) / name, below / name, follow_symlinks=False)
                except OSError as error:
                    if error.errno in _NO_ROOM:
                        raise SuiteError(f"cannot copy to {target}: {error.strerror}; make room there") from error
                    _unreadable(error)


def _too_much(source: Path) -> NoReturn:
    raise UsageError(
        f"{source} holds more than {_MOST_ENTRIES:,} files, {_MOST_DIRECTORIES:,} directories or"
        f" {_MOST_BYTES >> 20} MiB;"
        " give the directory that has just the programs"
    )


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
            _remove(self.path)
            self._copy()
            return
        now = self._scan()
        if now == self._as_copied:
            return
        added = set(now) - set(self._as_copied)
        for name in sorted(name for name in added if name.rpartition("/")[0] not in added):
            _remove(self.path / name)
        for name, was in self._as_copied.items():
            if now.get(name) != was:
                self._copy_again(name, was[0])
        self._hand_over()

    def _copy_again(self, name: str, mode: int) -> None:
        source, target = self._pristine / name, self.path / name
        if source.is_dir():
            if not target.is_dir() or target.is_symlink():
                _remove(target)
                target.mkdir()
            os.chown(target, os.geteuid(), -1)  # chmod(2) is the owner's right
            target.chmod(stat.S_IMODE(mode))
            return
        _remove(target)
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
                        if name.count("/") < _DEEPEST:
                            pending.append(f"{name}/")
                    else:
                        found[name] = (seen.st_mode, seen.st_size, seen.st_ctime_ns, seen.st_ino)
        return found

    def remove(self) -> None:
        """Remove the copy."""
        _remove(self._parent)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        # At any depth: shutil.rmtree() ends at a thousand directories, one in another.
        subprocess.run(["rm", "-rf", "--", str(path)], check=False, capture_output=True)
    else:
        path.unlink(missing_ok=True)
