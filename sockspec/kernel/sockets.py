"""Socket diagnostics: what the kernel holds for a TCP connection or a listener, asked over netlink (sock_diag(7)).

Looking does not touch: no probe connection eats the one accept() of a beginner's server. Listening sockets are dumped
(their table is short), a connection is asked for by its two addresses, which is some 20 microseconds each.
"""

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from sockspec.complaint import SuiteError

ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE, CLOSE_WAIT, LAST_ACK, LISTEN, CLOSING = range(
    1, 12
)
"""The states of a TCP socket, as include/net/tcp_states.h numbers them."""

Address = tuple[str, int]

_SOCK_DIAG_BY_FAMILY = 20  # linux/sock_diag.h
_REQUEST, _DUMP = 0x1, 0x300  # linux/netlink.h
_ERROR, _DONE = 2, 3
_INFO = 2  # INET_DIAG_INFO, linux/inet_diag.h
_ANY_STATE = 0x3FFF  # with TCP_BOUND_INACTIVE, for sockets that are only bound (Linux 6.8)
_CONNECTED = sum(1 << state for state in range(ESTABLISHED, CLOSING + 1) if state not in (TIME_WAIT, CLOSE, LISTEN))
_NO_COOKIE = b"\xff" * 8
_HEADER = struct.Struct("=IHHII")

_COUNTS = struct.Struct("=IIIII")


@dataclass(frozen=True)
class Info:
    """The part of struct tcp_info that tells what is on its way (linux/tcp.h)."""

    state: int
    sent: int
    """Bytes of data that have left at least once."""
    unsent: int
    """Bytes written by the program that have not left yet."""
    received: int
    """Bytes that arrived in order; an end of stream counts one."""

    @classmethod
    def of(cls, data: bytes) -> "Info":
        if len(data) < 216:
            raise SuiteError("this kernel's tcp_info has no bytes_sent; Linux 4.19 or newer is needed")
        received, _, _, unsent = struct.unpack_from("=QIII", data, 128)
        sent, resent = struct.unpack_from("=QQ", data, 200)
        return cls(data[0], sent - resent, unsent, received)


@dataclass(frozen=True)
class Socket:
    """One TCP socket as the kernel has it."""

    state: int
    local: Address
    remote: Address
    inode: int
    """0 while no program holds it: it waits in a listen queue, or was closed."""
    read_queue: int
    """Bytes not read yet; for a listening socket, finished connections that nobody has accepted yet."""
    write_queue: int
    """Bytes not acknowledged yet; for a listening socket, how many may wait."""
    user: int = 0
    """Who opened it."""
    info: Info | None = None


def own_info(connection: socket.socket) -> Info:
    """The same counts for a socket of our own (tcp(7), TCP_INFO)."""
    return Info.of(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256))


def plain_address(address: Address) -> Address:
    """The address without the IPv6 coat of an IPv4 one."""
    host, port = address[:2]
    return (host.removeprefix("::ffff:") if "." in host else host), port


class Diagnostics:
    """A netlink socket that answers questions about the TCP sockets of this network namespace."""

    def __init__(self) -> None:
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 4)  # NETLINK_SOCK_DIAG
        self._netlink.bind((0, 0))

    def close(self) -> None:
        self._netlink.close()

    def listening(self, port: int | None = None) -> list[Socket]:
        """Every listening TCP socket, IPv4 and IPv6, or those on one port."""
        found = [s for family in (socket.AF_INET, socket.AF_INET6) for s in self._dump(family, 1 << LISTEN)]
        return found if port is None else [s for s in found if s.local[1] == port]

    def on_port(self, port: int) -> list[Socket]:
        """Every TCP socket whose local port that is, TIME_WAIT included."""
        found = [s for family in (socket.AF_INET, socket.AF_INET6) for s in self._dump(family, _ANY_STATE)]
        return [s for s in found if s.local[1] == port]

    def connected(self) -> dict[tuple[Address, Address], Socket]:
        """Every TCP socket that has another end, by its two addresses, its own first."""
        found = [s for family in (socket.AF_INET, socket.AF_INET6) for s in self._dump(family, _CONNECTED)]
        return {(s.local, s.remote): s for s in found}

    def connection(self, local: Address, remote: Address) -> Socket | None:
        """The socket between those two addresses, as the one at `local` has it; None if the kernel knows none."""
        family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
        identity = (
            struct.pack("!HH", local[1], remote[1])
            + socket.inet_pton(family, local[0]).ljust(16, b"\0")
            + socket.inet_pton(family, remote[0]).ljust(16, b"\0")
            + b"\0\0\0\0"
            + _NO_COOKIE
        )
        found = list(self._ask(family, 0xFFFFFFFF, identity, _REQUEST))
        # A look-up that finds no connection falls back on the listening socket of that port.
        return found[0] if found and found[0].remote[1] == remote[1] else None

    def _dump(self, family: int, states: int) -> Iterator[Socket]:
        return self._ask(family, states, b"\0" * 40 + _NO_COOKIE, _REQUEST | _DUMP)

    def _ask(self, family: int, states: int, identity: bytes, flags: int) -> Iterator[Socket]:
        body = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 1 << (_INFO - 1), 0, states) + identity
        self._netlink.send(_HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, flags, 1, 0) + body)
        while True:
            answer = self._netlink.recv(1 << 20)
            at = 0
            while at < len(answer):
                length, kind, _, _, _ = _HEADER.unpack_from(answer, at)
                payload = answer[at + _HEADER.size : at + length]
                at += (length + 3) & ~3
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    self._refused(-struct.unpack_from("=i", payload)[0])
                    return
                yield _socket(payload)
            if not flags & _DUMP:
                return

    def _refused(self, number: int) -> None:
        if number != 2:  # ENOENT: no such connection, which is an answer
            raise SuiteError(f"the kernel gives no socket diagnostics here: {os.strerror(number)}")


def _socket(payload: bytes) -> Socket:
    """A struct inet_diag_msg and its attributes (linux/inet_diag.h)."""
    family, state = payload[0], payload[1]
    local_port, remote_port = struct.unpack_from("!HH", payload, 4)
    width = 4 if family == socket.AF_INET else 16
    local = socket.inet_ntop(family, payload[8 : 8 + width])
    remote = socket.inet_ntop(family, payload[24 : 24 + width])
    _, read_queue, write_queue, user, inode = _COUNTS.unpack_from(payload, 52)
    info, at = None, 72
    while at + 4 <= len(payload):
        length, kind = struct.unpack_from("=HH", payload, at)
        if kind == _INFO and state not in (LISTEN, TIME_WAIT):
            info = Info.of(payload[at + 4 : at + length])
        at += (length + 3) & ~3 or 4
    return Socket(
        state,
        plain_address((local, local_port)),
        plain_address((remote, remote_port)),
        inode,
        read_queue,
        write_queue,
        user,
        info,
    )
