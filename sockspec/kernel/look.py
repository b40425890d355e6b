"""One look at a program: does it run, does it wait on a timer, or has it settled?

Settled means that nothing more will happen unless we do something: every thread of every process sleeps in a wait
without a limit, no byte is on its way in either direction, nobody is about to wake, and a second reading of all
threads, context-switch counters included, equals the first. Loopback delivers in the sender's context and wakes the
receiver there, so nearly always a program that sleeps has nothing left to do; comparing the byte counts of both ends
closes the "nearly". For datagrams no counts are to be had, and the backlog of the loopback closes it.
"""

import ctypes
import errno
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from sockspec.kernel import threads as proc
from sockspec.kernel.calls import READS, WRITES
from sockspec.kernel.datagrams import bound, delivering
from sockspec.kernel.held import Held
from sockspec.kernel.sockets import SYN_RECV, SYN_SENT, Diagnostics, Info, Socket, own_info, plain_address
from sockspec.kernel.threads import Thread

_PIDFD_GETFD = 438  # the same number on every architecture (pidfd_getfd(2))
_libc = ctypes.CDLL(None, use_errno=True)


class Rest(Enum):
    """How much at rest a program is."""

    RUNNING = "runs"
    MOVING = "sleeps, but something is on its way to it or from it"
    WAITING = "sleeps, at least one thread on a timer"
    SETTLED = "waits without a limit, for us"
    STOPPED = "is stopped, and nobody continues it"
    GONE = "has no thread left"


@dataclass(frozen=True)
class Look:
    """What one look saw."""

    rest: Rest
    threads: tuple[Thread, ...]

    @property
    def asleep(self) -> bool:
        """It will do nothing before a timer ends or we do something."""
        return self.rest in (Rest.WAITING, Rest.SETTLED, Rest.GONE)


def look(
    diagnostics: Diagnostics,
    pids: Sequence[int],
    connections: Iterable[socket.socket],
    *,
    datagrams: bool = False,
    between: bool = False,
) -> Look:
    """Look at the processes of programs and at our ends of connections; at datagrams, or between programs, as well."""
    first = proc.threads(pids)
    seen = tuple(first)
    if not all(thread.asleep for thread in first):
        if not all(thread.asleep or thread.state in "Tt" for thread in first):
            return Look(Rest.RUNNING, seen)
        timed = any(thread.asleep and thread.call is not None and thread.call.timed for thread in first)
        return Look(Rest.WAITING if timed else Rest.STOPPED, seen)  # who wakes up may continue the stopped one
    unread = set()
    moving = False
    for connection in connections:
        theirs = far_end(diagnostics, connection)
        moving = moving or on_its_way(connection, theirs)
        if theirs is not None and theirs.read_queue:
            unread.add(theirs.inode)
    if between:
        ends = _between(diagnostics, pids)
        moving = moving or any(_travelling(ours, theirs) for ours, theirs in ends)
        unread |= {theirs.inode for _, theirs in ends if theirs.read_queue}
    if datagrams:
        moving = moving or delivering()
        unread |= {each.inode for each in bound() if each.read_queue}
    moving = moving or any(_about_to_wake(thread, unread) for thread in first)
    later = proc.tree(pids)
    if len(later) > len(pids) or proc.threads(later) != first:  # who was forked meanwhile may have ended meanwhile
        return Look(Rest.RUNNING, seen)
    if moving:
        return Look(Rest.MOVING, seen)
    if not first:
        return Look(Rest.GONE, ())
    if any(thread.call is not None and thread.call.timed for thread in first) or _hidden_timer(first):
        return Look(Rest.WAITING, seen)
    return Look(Rest.SETTLED, seen)


def far_end(diagnostics: Diagnostics, connection: socket.socket) -> Socket | None:
    """The program's end of one of our connections; None once the kernel has forgotten it, or before it knows it."""
    try:
        ours, theirs = connection.getsockname(), connection.getpeername()
    except OSError:
        return None
    return diagnostics.connection(plain_address(theirs), plain_address(ours))


def on_its_way(connection: socket.socket, theirs: Socket | None) -> bool:
    """Whether bytes are between the two ends: sent and not arrived, or waiting in a buffer although there is room."""
    ours = own_info(connection)
    if ours.state in (SYN_SENT, SYN_RECV):
        return True
    if theirs is None or theirs.info is None:
        return False
    return _underway(ours, theirs.info, not theirs.read_queue) or _underway(
        theirs.info, ours, not unread_bytes(connection)
    )


def _between(diagnostics: Diagnostics, pids: Sequence[int]) -> list[tuple[Socket, Socket]]:
    """The connections of programs with each other, each from both sides."""
    sockets, held = diagnostics.connected(), Held(pids)
    pairs = [(one, sockets.get((one.remote, one.local))) for one in sockets.values()]
    return [(one, other) for one, other in pairs if other is not None and (one in held or other in held)]


def _travelling(sender: Socket, receiver: Socket) -> bool:
    if sender.state in (SYN_SENT, SYN_RECV):
        return True
    if sender.info is None or receiver.info is None:
        return False
    return _underway(sender.info, receiver.info, not receiver.read_queue)


def _underway(sender: Info, receiver: Info, receiver_has_read: bool) -> bool:
    # What has not left yet is on its way only if the receiver has read all there was: then the window is open, and it
    # leaves with the next acknowledgement (Nagle, a delayed window update). Otherwise it waits for the receiver.
    return sender.sent > receiver.received or (sender.unsent > 0 and receiver_has_read)


def unread_bytes(connection: socket.socket) -> int:
    """Bytes that reached our end and that we have not read; asking for them with recv() would use up a reset."""
    return int.from_bytes(fcntl.ioctl(connection, termios.FIONREAD, b"\0\0\0\0"), "little")


def _about_to_wake(thread: Thread, unread: set[int]) -> bool:
    if thread.call is None or thread.call.name not in READS or not unread:
        return False
    return inode_of(thread.tid, thread.call.fd) in unread


def inode_of(tid: int, fd: int) -> int:
    """The inode of a socket that a thread holds; 0 for anything else."""
    try:
        link = os.readlink(f"/proc/{tid}/fd/{fd}")
    except OSError:
        return 0
    return int(link[8:-1]) if link.startswith("socket:[") else 0


def _hidden_timer(threads: Iterable[Thread]) -> bool:
    """Timers that the arguments of a call do not show: socket timeouts, alarm(), timer_create(), timerfd, io_uring."""
    threads = list(threads)
    pids = {thread.pid for thread in threads}
    if any(proc.hidden(pid) for pid in pids):  # there may be one
        return True
    for thread in threads:
        if thread.call is not None and thread.call.takes_fd and _socket_timeout(thread):
            return True
    if any(proc.has_timer(pid) for pid in pids):
        return True
    held = {link for pid in pids for link in proc.links(pid).values()}
    return bool(held & {"anon_inode:[timerfd]", "anon_inode:[io_uring]"})


def _socket_timeout(thread: Thread) -> bool:
    assert thread.call is not None
    if not inode_of(thread.tid, thread.call.fd):
        return False
    option = socket.SO_SNDTIMEO if thread.call.name in WRITES | {"connect"} else socket.SO_RCVTIMEO
    try:
        fd = borrow(thread.pid, thread.call.fd)
    except OSError as error:  # it has ended or closed it since; or we are refused, and there may be one
        return error.errno not in (errno.ESRCH, errno.EBADF)
    with socket.socket(fileno=fd) as borrowed:
        seconds, microseconds = struct.unpack("ll", borrowed.getsockopt(socket.SOL_SOCKET, option, 16))
        return bool(seconds or microseconds)


def borrow(pid: int, fd: int) -> int:
    """A file descriptor of ours for what a process has open as that one; OSError if we may not have it."""
    pidfd = os.pidfd_open(pid)
    try:
        borrowed = _libc.syscall(_PIDFD_GETFD, pidfd, fd, 0)
        if borrowed < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        return int(borrowed)
    finally:
        os.close(pidfd)
