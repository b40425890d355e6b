"""Files that are written whole or not at all, and into nothing that somebody else has laid there.

A directory may hold what a submission brought. So what is written goes to a new file under a name that nobody can know,
and then takes its place: a link in that place is replaced, and never followed.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sockspec.complaint import SuiteError, UsageError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""What an OSError says where a disk, or what we may use of it, is full."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DEVICES = Path("/dev")  # /dev/stdout is a link, to whatever that is


def write(path: Path, pieces: Iterable[bytes], *, lasting: bool = False) -> None:
    """Write the file, and the directories that it is in; an OSError leaves what was there, and nothing else.

    Lasting, it is on the disk before it takes its place: a crash leaves no half of it. A device or a pipe is written
    to: there is nothing to take its place.
    """
    if _is_stream(path):
        with path.open("wb") as stream:
            stream.writelines(pieces)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{secrets.token_hex(8)}.new")
    try:
        with open(os.open(beside, _NEW, 0o666), "wb") as file:  # noqa: PTH123
            file.writelines(pieces)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(path)
    finally:
        with suppress(OSError):  # it is not there if all went well
            beside.unlink()


def unwritten(path: Path, error: OSError) -> SuiteError | UsageError:
    """What there is to say of a file that could not be written: a fault of the machine where there is no room."""
    if error.errno in NO_ROOM:
        return SuiteError(f"cannot write {path}: {error.strerror}; make room there, and do it again")
    return UsageError(f"cannot write {path}: {error.strerror}")


def _is_stream(path: Path) -> bool:
    if path.parent == _DEVICES or path.parent == _DEVICES / "fd":
        return True
    with suppress(OSError):
        return stat.S_ISCHR(path.stat().st_mode) or stat.S_ISFIFO(path.stat().st_mode)
    return False
