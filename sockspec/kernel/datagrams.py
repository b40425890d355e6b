"""UDP sockets as the kernel has them, and whether a datagram is on its way (proc(5), net/udp; softnet_stat).

Nothing counts the datagrams that have reached a socket. But on the loopback a datagram that has left waits in the
backlog of one of the processors, until it is put into the receive queue of a socket or dropped. So with every backlog
empty, what has not been received is in a queue, and a queue can be seen.
"""

import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from sockspec.kernel.sockets import Address, plain_address

_TABLES = {socket.AF_INET: Path("/proc/net/udp"), socket.AF_INET6: Path("/proc/net/udp6")}
_BACKLOGS = Path("/proc/net/softnet_stat")
_BACKLOG_COLUMN = 11  # net/core/net-procfs.c, softnet_seq_show(), since Linux 5.10


@dataclass(frozen=True)
class Bound:
    """One UDP socket that has a local port."""

    local: Address
    remote: Address
    """Port 0 while it is not connected, and takes datagrams from everybody."""
    inode: int
    read_queue: int
    """Bytes of memory that unread datagrams take up; an empty datagram takes some, too."""
    drops: int
    """Datagrams that found no room in its receive queue."""
    user: int = 0
    """Who opened it."""


def bound(port: int | None = None) -> list[Bound]:
    """Every UDP socket of this network that has a port, IPv4 and IPv6, or those on one port."""
    found = [
        _bound(line.split(), family)
        for family, table in _TABLES.items()
        if table.exists()  # a kernel may do without IPv6
        for line in table.read_text().splitlines()[1:]
    ]
    return found if port is None else [each for each in found if each.local[1] == port]


def delivering() -> bool:
    """Whether a packet waits in a backlog: it has been sent, and is in no receive queue yet."""
    lines = (line.split() for line in _BACKLOGS.read_text().splitlines())
    return any(int(words[_BACKLOG_COLUMN], 16) for words in lines if len(words) > _BACKLOG_COLUMN)


def _bound(words: list[str], family: int) -> Bound:
    return Bound(
        local=_address(words[1], family),
        remote=_address(words[2], family),
        inode=int(words[9]),
        read_queue=int(words[4].split(":")[1], 16),
        drops=int(words[12]),
        user=int(words[7]),
    )


def _address(word: str, family: int) -> Address:
    """`0100007F:0FA0`: the address in 32-bit words of this machine's byte order, and the port."""
    host, port = word.split(":")
    packed = b"".join(int(host[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(host), 8))
    return plain_address((socket.inet_ntop(family, packed), int(port, 16)))
