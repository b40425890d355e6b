"""UDP sockets as the kernel has them: whose they are, what is unread, what was dropped, what is still on its way."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sockspec.isolation import ipv6_works
from sockspec.kernel import datagrams, look
from sockspec.kernel import threads as proc
from sockspec.kernel.datagrams import Bound, bound, delivering
from sockspec.kernel.look import Rest
from tests.stage import Stage, shown

pytest_plugins = ["tests.stage"]

Open = Callable[..., socket.socket]
BIND = (
    "struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};"
    "int s = socket(AF_INET, SOCK_DGRAM, 0); bind(s, (struct sockaddr *)&a, sizeof a); char b[9];"
)
needs_ipv6 = pytest.mark.skipif(not ipv6_works(), reason="this machine has no IPv6")


@pytest.fixture
def udp() -> Iterator[Open]:
    """Opens UDP sockets that are bound, at 127.0.0.1 or elsewhere."""
    with ExitStack() as opened:

        def open_one(host: str = "127.0.0.1") -> socket.socket:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            one = opened.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            one.bind((host, 0))
            return one

        yield open_one


def seen(opened: socket.socket) -> Bound:
    """That socket as the kernel has it."""
    (found,) = bound(opened.getsockname()[1])
    return found


def test_a_bound_socket_is_seen_where_it_is(udp: Open) -> None:
    opened = udp("127.0.0.2")
    assert seen(opened).local == opened.getsockname()
    assert seen(opened).remote == ("0.0.0.0", 0)


@needs_ipv6
@pytest.mark.parametrize("host", ["::1", "::"])
def test_an_ipv6_socket_is_seen_where_it_is(udp: Open, host: str) -> None:
    opened = udp(host)
    assert seen(opened).local == opened.getsockname()[:2]


def test_a_connected_socket_is_seen_with_whom_it_talks_to(udp: Open) -> None:
    here, there = udp(), udp()
    here.connect(there.getsockname())
    assert seen(here).remote == there.getsockname()


def test_a_socket_without_a_port_is_not_seen() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        assert opened.fileno() and bound(0) == []


@pytest.mark.parametrize("data", [b"", b"hello", bytes(65_507)], ids=["empty", "short", "longest"])
def test_an_unread_datagram_is_seen_until_it_is_read(udp: Open, data: bytes) -> None:
    here, there = udp(), udp()
    here.sendto(data, there.getsockname())
    assert shown(lambda: seen(there).read_queue > 0)
    there.recv(1)
    assert seen(there).read_queue == 0


def test_a_datagram_that_found_no_room_is_counted(udp: Open) -> None:
    here, there = udp(), udp()
    there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    for _ in range(50):
        here.sendto(bytes(1000), there.getsockname())
    assert shown(lambda: seen(there).drops > 0)


def test_a_closed_socket_is_gone(udp: Open) -> None:
    opened = udp()
    port = opened.getsockname()[1]
    opened.close()
    assert bound(port) == []


def test_a_kernel_without_ipv6_has_no_table_for_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, udp: Open) -> None:
    monkeypatch.setitem(datagrams._TABLES, socket.AF_INET6, tmp_path / "udp6")
    assert seen(udp())


@pytest.mark.parametrize(("backlogs", "is_delivering"), [("0", False), ("2", True)])
def test_a_packet_in_a_backlog_is_on_its_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, backlogs: str, is_delivering: bool
) -> None:
    idle = " ".join(["00000007"] + ["00000000"] * 12)
    (tmp_path / "stat").write_text(f"{idle}\n{' '.join(['00000007'] * 11)} 0000000{backlogs} 00000001\n")
    monkeypatch.setattr(datagrams, "_BACKLOGS", tmp_path / "stat")
    assert delivering() is is_delivering


def test_an_old_kernel_tells_nothing_of_its_backlogs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("00000007 00000001 00000001\n")
    monkeypatch.setattr(datagrams, "_BACKLOGS", tmp_path / "stat")
    assert not delivering()


def test_in_the_end_nothing_is_on_its_way(udp: Open) -> None:
    here, there = udp(), udp()
    here.sendto(b"hello", there.getsockname())
    assert shown(lambda: not delivering())


# --- settled


@pytest.fixture
def talking(stage: Stage) -> Stage:
    """A stage whose programs talk in datagrams."""
    stage.watch.datagrams = True
    return stage


WAITS = {
    "recv": "recv(s, b, 9, 0);",
    "recvfrom": "recvfrom(s, b, 9, 0, NULL, NULL);",
    "poll": "struct pollfd p = {s, POLLIN, 0}; poll(&p, 1, -1);",
    "select": "fd_set f; FD_ZERO(&f); FD_SET(s, &f); select(s + 1, &f, 0, 0, 0);",
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=list(WAITS))
def test_a_program_that_waits_for_a_datagram_has_settled(talking: Stage, wait: str) -> None:
    talking.c(BIND + wait)
    assert talking.rest() is Rest.SETTLED


def test_a_time_limit_for_a_datagram_is_a_timer(talking: Stage) -> None:
    limit = "struct timeval t = {1000, 0}; setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);"
    talking.c(f"{BIND} {limit} recv(s, b, 9, 0);")
    assert talking.rest() is Rest.WAITING


def test_datagrams_that_nobody_reads_are_no_motion(talking: Stage) -> None:
    talking.c(
        f"{BIND} socklen_t n = sizeof a; getsockname(s, (void *)&a, &n); sendto(s, b, 9, 0, (void *)&a, n); pause();"
    )
    assert talking.rest() is Rest.SETTLED


def test_who_waits_for_a_datagram_that_is_there_is_about_to_wake(
    talking: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = talking.c(BIND + WAITS["recv"])
    assert talking.rest() is Rest.SETTLED
    mine = [each for each in bound() if each.inode in proc.sockets(program.pids())]
    monkeypatch.setattr(look, "bound", lambda: [Bound(m.local, m.remote, m.inode, 768, 0) for m in mine])
    assert talking.watch.look().rest is Rest.MOVING


def test_with_a_datagram_on_its_way_nothing_has_settled(talking: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    talking.c(BIND + WAITS["recv"])
    assert talking.rest() is Rest.SETTLED
    monkeypatch.setattr(look, "delivering", lambda: True)
    assert talking.watch.look().rest is Rest.MOVING


def test_without_datagrams_nobody_looks_for_them(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "delivering", lambda: True)
    stage.c("pause();")
    assert stage.rest() is Rest.SETTLED
