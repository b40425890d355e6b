"""A place for the copy of a submission while it is packed; what somebody left who was killed goes at the next start.

Whoever lives holds a lock on his directory (flock(2)), which ends with him, and which can be seen from every container
that has the same directory for temporary files.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "sockspec-taken-"
_YOUNG_S = 60
"""Between making a directory and locking it nobody may take it for left."""


@contextmanager
def directory() -> Iterator[Path]:
    """A directory of our own, until the block ends."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name, _opened(Path(name)) as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield Path(name)


def sweep() -> None:
    """Remove what others of this user have left who are gone."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError), _opened(path) as held:  # BlockingIOError: somebody is at it
            found = os.fstat(held)
            if found.st_uid == os.geteuid() and found.st_mtime < time.time() - _YOUNG_S:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield held
    finally:
        os.close(held)
