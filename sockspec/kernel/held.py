"""Which sockets are a program's: those among its open files; where these may not be read, those of its user.

And which of its threads wait for them.
"""

import os
from collections.abc import Iterable

from sockspec.kernel import threads as proc
from sockspec.kernel.calls import BYSTANDS, READS
from sockspec.kernel.datagrams import Bound
from sockspec.kernel.sockets import Socket

_OF_CLIENTS = ("socket:", "anon_inode:[eventpoll]")
"""What an open file is that clients may be behind: a socket, or an epoll of them."""


class Held:
    """The sockets of some processes."""

    def __init__(self, pids: Iterable[int]) -> None:
        pids = list(pids)
        self._inodes = proc.sockets(pids)
        self._users = {proc.user(pid) for pid in pids if proc.hidden(pid)}
        # A program that hides itself may run as the same user as we do.
        self._ours = proc.sockets([os.getpid()]) if self._users else {}

    def __contains__(self, found: Socket | Bound) -> bool:
        if found.inode in self._inodes:
            return True
        # Nobody's sockets, those of closed connections, have inode 0 and seem to be root's.
        return found.inode != 0 and found.user in self._users and found.inode not in self._ours


def waits_for_sockets(thread: proc.Thread) -> bool:
    """Whether it runs, or waits for something that may be a socket.

    Not a lock, a child or a signal, nor a pipe or an eventfd that it reads, nor an epoll without a socket.
    """
    call = thread.call
    if call is None:
        return True
    if call.name in BYSTANDS:
        return False
    reads, polls = call.name in READS, call.name.startswith("epoll")
    if not (reads or polls) or proc.hidden(thread.pid):
        return True
    links = proc.links(thread.pid)
    awaited = [call.fd] if reads else proc.awaited(thread.pid, call.fd)
    return any(links.get(fd, "socket:").startswith(_OF_CLIENTS) for fd in awaited)
