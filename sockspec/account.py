"""The ordinary users that programs run as where we are root, in a container: a wall between them and us.

Such a user has no capability and owns nothing but the private copies of his programs; all he runs can be ended at once,
daemons and fork bombs included. His limits are set by prlimit(1) before his program's first instruction: setting those
of another user's process afterwards takes a capability that we do without.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sockspec.kernel import threads as proc
from sockspec.limits import Limits, options

# RLIMIT_NPROC counts a user's processes on the whole machine, so no two containers may share a user: a fork bomb in one
# kept every program in another from being started. An engine may know no users above 65,535.
_FIRST = 1_000 + Path("/proc/self/ns/pid").stat().st_ino % 600 * 100
BUILDER, SUBMISSION, REFERENCE = _FIRST, _FIRST + 20, _FIRST + 60
"""Who builds a submission; who runs its programs, and who those of the reference: the first of as many as workers."""
_EVERYBODYS = ("/tmp", "/dev/shm")
_BEYOND = 32


def under(user: int, limits: Limits, command: Sequence[str]) -> list[str]:
    """The words that start a command as that user, bounded (prlimit(1), setpriv(1)).

    A few more processes than are allowed, so that the watch sees them; and all of them behind us in the queue for the
    processor (nice(1)), or a fork bomb would leave us next to none of it.
    """
    bounds = [*options(limits), f"--nproc={limits.processes + _BEYOND}"]
    return ["nice", "-n", "19", "prlimit", *bounds, "--", *_become(user), *command]


def _become(user: int) -> list[str]:
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs", "--"]


def first_to_die(pid: int) -> None:
    """When memory runs out the kernel shall choose that process and its children, not us (proc(5), oom_score_adj)."""
    with suppress(FileNotFoundError, ProcessLookupError, PermissionError):  # his file, without DAC_OVERRIDE
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000")


def give(path: Path, user: int) -> None:
    """Make all below that path his, links themselves included."""
    for directory, names, files in os.walk(path):
        for name in (*names, *files):
            os.chown(Path(directory) / name, user, user, follow_symlinks=False)
    os.chown(path, user, user, follow_symlinks=False)


def remove(path: Path) -> None:
    """Remove a file, or a directory with all below it at any depth, and whoever's it is."""
    if not _removed(path):
        # In a directory with the sticky bit an entry goes with its owner only, unless one has CAP_FOWNER (unlink(2)).
        subprocess.run(["chown", "-hR", str(os.geteuid()), "--", str(path)], check=False, capture_output=True)
        _removed(path)


def _removed(path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        # shutil.rmtree() ends at a thousand directories, one in another.
        return subprocess.run(["rm", "-rf", "--", str(path)], check=False, capture_output=True).returncode == 0
    try:
        path.unlink(missing_ok=True)
    except PermissionError:
        return False
    return True


@contextmanager
def scratch(*, passable: bool = False) -> Iterator[Path]:
    """A directory of ours until the block ends, whatever was left in it then; others may pass through it, or not."""
    path = Path(tempfile.mkdtemp(prefix="sockspec-"))
    if passable:  # a build may name its files by absolute paths
        path.chmod(0o711)
    try:
        yield path
    finally:
        remove(path)


def tidy(*users: int) -> None:
    """Remove what programs of those users have left where everybody may write: others may be at work there."""
    for shared in _EVERYBODYS:
        for entry in os.scandir(shared):
            with suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_uid in users:
                    remove(Path(entry.path))


def sweep(user: int) -> None:
    """End whatever runs as that user: kill(-1) reaches all of it at once, so nobody can fork away (kill(2))."""
    while any(proc.owner(pid) == user and not proc.ended(pid) for pid in proc.everybody()):
        words = [*_become(user), "sh", "-c", "kill -KILL -1"]
        with suppress(BlockingIOError):  # no process is left for us at this moment
            subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
