"""System calls as /proc/PID/task/TID/syscall shows them, and which of them wait without a limit.

Numbers are per architecture (the kernel's syscall tables). A call that is not known here counts as a timed wait: only
what provably waits for ever may settle a verdict at once, anything else is given our patience.
"""

import platform
from dataclasses import dataclass

_X86_64 = {
    0: "read", 1: "write", 2: "open", 7: "poll", 19: "readv", 20: "writev", 23: "select", 34: "pause", 35: "nanosleep",
    40: "sendfile", 42: "connect", 43: "accept", 44: "sendto", 45: "recvfrom", 46: "sendmsg", 47: "recvmsg",
    56: "clone", 58: "vfork", 61: "wait4", 73: "flock", 128: "rt_sigtimedwait", 130: "rt_sigsuspend", 202: "futex",
    219: "restart_syscall",
    230: "clock_nanosleep", 232: "epoll_wait", 247: "waitid", 257: "openat", 270: "pselect6", 271: "ppoll",
    275: "splice", 281: "epoll_pwait", 288: "accept4", 295: "preadv", 299: "recvmmsg", 307: "sendmmsg", 435: "clone3",
    441: "epoll_pwait2", 449: "futex_waitv",
}  # fmt: skip
_AARCH64 = {
    22: "epoll_pwait", 32: "flock", 56: "openat", 63: "read", 64: "write", 65: "readv", 66: "writev", 71: "sendfile",
    72: "pselect6", 73: "ppoll", 76: "splice", 95: "waitid", 98: "futex", 101: "nanosleep", 115: "clock_nanosleep",
    128: "restart_syscall", 133: "rt_sigsuspend", 137: "rt_sigtimedwait", 202: "accept", 203: "connect",
    206: "sendto", 207: "recvfrom", 211: "sendmsg", 212: "recvmsg", 220: "clone", 242: "accept4", 243: "recvmmsg",
    260: "wait4", 269: "sendmmsg", 441: "epoll_pwait2", 449: "futex_waitv",
}  # fmt: skip
NAMES = {"x86_64": _X86_64, "aarch64": _AARCH64}.get(platform.machine(), {})
"""The calls a thread may sleep in, by number, for this machine."""

READS = {"read", "readv", "preadv", "recvfrom", "recvmsg", "recvmmsg"}
WRITES = {"write", "writev", "sendto", "sendmsg", "sendmmsg"}
ACCEPTS = {"accept", "accept4"}
MULTIPLEXES = {"select", "pselect6", "poll", "ppoll", "epoll_wait", "epoll_pwait", "epoll_pwait2"}
SLEEPS = {"nanosleep", "clock_nanosleep"}
FORKS = {"vfork", "clone", "clone3"}
"""Waiting for a child of vfork(2) to go on by itself, without a limit; no signal but SIGKILL wakes who does."""
_CLONE_VFORK = 0x4000  # linux/sched.h
_MAKES_A_PROCESS = {"kernel_clone", "_do_fork", "do_fork"}
"""kernel/fork.c, by its age."""
BYSTANDS = {"futex", "futex_waitv", "wait4", "waitid", "pause", "rt_sigsuspend", "rt_sigtimedwait"} | SLEEPS
"""Waiting for a lock, a child, a signal or some time to pass, not for a client."""
_WAITS_FOR_EVER = READS | WRITES | ACCEPTS | FORKS | {
    "pause", "wait4", "waitid", "rt_sigsuspend", "flock", "sendfile", "splice",
    "open", "openat",  # of a FIFO, until somebody opens its other end (fifo(7))
}  # fmt: skip
_TIMEOUT_POINTER = {"select": 4, "pselect6": 4, "ppoll": 2, "futex": 3, "rt_sigtimedwait": 2, "epoll_pwait2": 3,
                    "futex_waitv": 3}  # fmt: skip
"""Which argument points to the timeout; a null pointer waits for ever (the man page of each call)."""
_TIMEOUT_MILLISECONDS = {"poll": 2, "epoll_wait": 3, "epoll_pwait": 3}
"""Which argument is the timeout itself; negative waits for ever."""

PLAIN = {
    "recvfrom": "recv", "recvmmsg": "recvmsg", "sendto": "send", "accept4": "accept", "pselect6": "select",
    "ppoll": "poll", "epoll_pwait": "epoll_wait", "epoll_pwait2": "epoll_wait", "clock_nanosleep": "sleep",
    "nanosleep": "sleep", "clone": "vfork", "clone3": "vfork", "openat": "open",
    "wait4": "wait", "waitid": "wait", "rt_sigsuspend": "pause", "restart_syscall": "sleep",
}  # fmt: skip
"""The function a programmer called, where the kernel names it otherwise."""


@dataclass(frozen=True)
class Call:
    """One system call a thread sleeps in."""

    name: str
    arguments: tuple[int, ...]

    @property
    def plain(self) -> str:
        """The name a programmer knows it by: `recv` for recvfrom."""
        return PLAIN.get(self.name, self.name)

    @property
    def fd(self) -> int:
        """The first argument, for the calls that take a file descriptor first."""
        return _signed(self.arguments[0])

    @property
    def takes_fd(self) -> bool:
        return self.name in READS | WRITES | ACCEPTS | {"connect"}

    @property
    def timed(self) -> bool:
        """Whether the wait ends by itself, as far as the arguments tell (a socket option may say otherwise)."""
        if self.name in _WAITS_FOR_EVER:
            return False
        if self.name in _TIMEOUT_POINTER:
            return self.arguments[_TIMEOUT_POINTER[self.name]] != 0
        if self.name in _TIMEOUT_MILLISECONDS:
            return _signed(self.arguments[_TIMEOUT_MILLISECONDS[self.name]]) >= 0
        return True


UNREAD = Call("unread", ())
"""Stands for the call of a thread that sleeps where we may not read in which: it may end by itself."""


def waits_for_child(call: Call, waits_in: str) -> bool:
    """Whether a thread in state D waits in that call for the child of a vfork(); a fork() may be held up there, too.

    `waits_in` is its wchan: the function that makes a process, and not one of those that copy it; `0` if not told.
    """
    if waits_in in _MAKES_A_PROCESS:
        return call.name in FORKS
    flags = call.arguments[0] if call.name == "clone" else _CLONE_VFORK if call.name == "vfork" else 0
    return waits_in == "0" and bool(flags & _CLONE_VFORK)


def _signed(argument: int) -> int:
    """The low 32 bits as a C int."""
    return ((argument & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


def parse(line: str, waits_in: str = "") -> Call | None:
    """The call of a line of /proc/PID/task/TID/syscall (proc(5)); None while the thread runs.

    `waits_in` is the thread's wchan: after a stop and a continue the kernel shows restart_syscall with the arguments of
    the call it restarts, and of those only poll() may wait for ever.
    """
    number, *arguments = line.split()
    if number == "running" or number == "-1":
        return None
    call = Call(NAMES.get(int(number), f"system call {number}"), tuple(int(word, 16) for word in arguments[:6]))
    if call.name == "restart_syscall" and "poll" in waits_in:
        return Call("poll", call.arguments)
    return call
