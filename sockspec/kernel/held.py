"""Which sockets are a program's: those among its open files; where these may not be read, those of its user."""

import os
from collections.abc import Iterable

from sockspec.kernel import threads as proc
from sockspec.kernel.datagrams import Bound
from sockspec.kernel.sockets import Socket


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
