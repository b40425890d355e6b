"""The threads of a process tree, read from /proc: asleep or not, in which call, and how often they were switched.

Nothing here stops or traces anybody. Reading another's `syscall` needs the right to trace it (ptrace(2), the same user
and a descendant is enough); without it the view is limited, and what sleeps may do so in any call. A process that is
gone while we read is left out.
"""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sockspec.kernel.calls import UNREAD, Call, parse, waits_for_child

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PF_EXITING = 0x4


@dataclass(frozen=True)
class Thread:
    """One thread at one moment. Two equal readings of it mean that it has not run in between."""

    pid: int
    tid: int
    state: str
    """R, S, D, T, t, Z, X or I, as proc(5) has it."""
    call: Call | None
    switches: tuple[int, int]
    """Voluntary and involuntary context switches so far."""

    @property
    def asleep(self) -> bool:
        return self.state in "SD" and self.call is not None


def _text(path: str) -> str:
    """A small file of /proc at once; unbuffered reads are a third of the price of open()."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 65536).decode("ascii", "replace")
    finally:
        os.close(fd)


def _thread(pid: int, tid: int) -> Thread | None:
    base = f"/proc/{pid}/task/{tid}"
    try:
        call = _call(base)
        status = _text(f"{base}/status")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state = status[status.index("\nState:") + 7 :].split(None, 1)[0]
    if call is UNREAD and state == "R":
        call = None
    if state == "D" and call is not None and not _waits_for_child(base, call):  # held up in the kernel, for a moment
        call = None
    words = status[status.rindex("\nvoluntary_ctxt_switches:") :].split()
    return Thread(pid, tid, state, call, (int(words[1]), int(words[3])))


def _waits_for_child(base: str, call: Call) -> bool:
    try:
        return waits_for_child(call, _text(f"{base}/wchan"))
    except PermissionError:
        return False


def _call(base: str) -> Call | None:
    try:
        line = _text(f"{base}/syscall")
    except PermissionError:
        return UNREAD
    call = parse(line)
    if call is not None and call.name == "restart_syscall":
        return parse(line, _text(f"{base}/wchan"))
    return call


def threads(pids: Iterable[int]) -> list[Thread]:
    """Every live thread of those processes; zombies have none."""
    found = []
    for pid in pids:
        for tid in _listing(f"/proc/{pid}/task"):
            thread = _thread(pid, int(tid))
            if thread is not None and thread.state not in "ZX":
                found.append(thread)
    return found


def _listing(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path), key=int)
    except (FileNotFoundError, ProcessLookupError):
        return []


def children(pid: int) -> list[int]:
    """The direct children of a process, zombies included (proc(5), task/TID/children)."""
    found = []
    for tid in _listing(f"/proc/{pid}/task"):
        try:
            found += [int(word) for word in _text(f"/proc/{pid}/task/{tid}/children").split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def everybody() -> list[int]:
    """Every process there is, in this PID namespace."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def owner(pid: int) -> int:
    """The user id a process runs as; -1 if there is no such process."""
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except (FileNotFoundError, ProcessLookupError):
        return -1


def tree(roots: Iterable[int]) -> list[int]:
    """Those processes and all their descendants, parents first."""
    found = list(roots)
    for pid in found:
        found += [child for child in children(pid) if child not in found]
    return found


def state(pid: int) -> str:
    """The state letter of a process, `X` if there is none."""
    try:
        return _stat(pid)[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def ended(pid: int) -> bool:
    """Whether no thread of that process is left; the first one may have ended, a zombie to look at, before the rest."""
    return state(pid) in "ZX" and len(_listing(f"/proc/{pid}/task")) <= 1


def exiting(pid: int) -> bool:
    """Whether it is on its way out: much memory takes the kernel a while to give back (PF_EXITING, linux/sched.h)."""
    try:
        fields = _stat(pid)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return fields[0] not in "ZX" and bool(int(fields[6]) & _PF_EXITING)


def zombies(pids: Iterable[int]) -> int:
    """How many of those have ended and were never waited for."""
    return sum(state(pid) == "Z" and ended(pid) for pid in pids)


def processor_s(pids: Iterable[int]) -> float:
    """Seconds of processor time used by those processes and by the children they have waited for."""
    ticks = 0
    for pid in pids:
        try:
            ticks += sum(int(word) for word in _stat(pid)[11:15])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return ticks / TICKS_PER_SECOND


def resident_bytes(pids: Iterable[int]) -> int:
    """Memory those processes hold and share with no file: anonymous resident pages, in bytes."""
    return sum(_told_bytes(pid, "RssAnon") for pid in pids)


def peak_bytes(pids: Iterable[int]) -> int:
    """The most that those processes have ever held, files they map included, each at its own time (VmHWM, proc(5))."""
    return sum(_told_bytes(pid, "VmHWM") for pid in pids)


def _told_bytes(pid: int, what: str) -> int:
    for tid in _listing(f"/proc/{pid}/task"):  # any thread that is left tells for all of them
        with suppress(FileNotFoundError, ProcessLookupError):
            status = _text(f"/proc/{pid}/task/{tid}/status")
            if (label := f"\n{what}:") in status:
                return int(status[status.index(label) + len(label) :].split(None, 1)[0]) * 1024
    return 0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on; the second may contain anything, so we read past its `)`."""
    line = _text(f"/proc/{pid}/stat")
    return line[line.rindex(")") + 2 :].split()


def has_timer(pid: int) -> bool:
    """Whether it has a POSIX timer, or catches SIGALRM or holds it back to fetch it: an alarm itself is not to be seen.

    True as well where we may not read it.
    """
    with suppress(FileNotFoundError, ProcessLookupError):
        status = _text(f"/proc/{pid}/status")
        masks = (int(status[status.index(f"\n{mask}:") + 8 :].split(None, 1)[0], 16) for mask in ("SigBlk", "SigCgt"))
        caught = next(masks) | next(masks)
        try:
            return bool(caught >> (signal.SIGALRM - 1) & 1 or _text(f"/proc/{pid}/timers"))
        except PermissionError:
            return True
    return False


def untold(pid: int) -> bool:
    """Whether we may not read which call it sleeps in."""
    try:
        return _call(f"/proc/{pid}") == UNREAD
    except (FileNotFoundError, ProcessLookupError):
        return False


def hidden(pid: int) -> bool:
    """Whether we may not read which files it has open; a link of its directory takes the same right (proc(5))."""
    try:
        os.readlink(f"/proc/{pid}/cwd")
    except PermissionError:
        return True
    except OSError:  # it has ended, or is too deep below the root to be told
        return False
    return False


def user(pid: int) -> int:
    """Whose sockets it opens, by its status: the files of a process that hides itself belong to root; -1 if gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        status = _text(f"/proc/{pid}/status")
        return int(status[status.index("\nUid:") + 5 :].split(None, 2)[1])
    return -1


def open_files(pid: int) -> int:
    """How many file descriptors it has open; what they are may be hidden, and still be counted (Linux 6.2)."""
    if not hidden(pid):
        return len(links(pid))
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/fd").stat().st_size
    return 0


def links(pid: int) -> dict[int, str]:
    """What each open file descriptor of a process is: `socket:[1234]`, `pipe:[77]`, `anon_inode:[timerfd]`.

    Nothing where that is hidden.
    """
    found: dict[int, str] = {}
    # A process whose first thread has ended shows its files below its other threads only.
    for tid in [str(pid), *_listing(f"/proc/{pid}/task")]:
        for name in _descriptors(f"/proc/{tid}/fd"):
            with suppress(FileNotFoundError, PermissionError):
                found[int(name)] = os.readlink(f"/proc/{tid}/fd/{name}")
        if found:
            break
    return found


def _descriptors(path: str) -> list[str]:
    try:
        return _listing(path)
    except PermissionError:
        return []


def awaited(pid: int, fd: int) -> list[int]:
    """The file descriptors that an epoll of a process waits for (proc(5), fdinfo); nothing where that is hidden."""
    try:
        lines = _text(f"/proc/{pid}/fdinfo/{fd}").splitlines()
    except OSError:
        return []
    return [int(line.split(None, 2)[1]) for line in lines if line.startswith("tfd:")]


def sockets(pids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """The sockets of those processes: inode to (pid, file descriptor), the first holder first."""
    found: dict[int, tuple[int, int]] = {}
    for pid in pids:
        for fd, link in links(pid).items():
            if link.startswith("socket:["):
                found.setdefault(int(link[8:-1]), (pid, fd))
    return found
