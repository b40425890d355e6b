"""Socket diagnostics: what the kernel says of listeners and connections, asked without touching them."""

import os
import socket
from collections.abc import Callable, Iterator

import pytest

from sockspec.complaint import SuiteError
from sockspec.isolation import ipv6_works
from sockspec.kernel import sockets
from sockspec.kernel.look import far_end, on_its_way, unread_bytes
from sockspec.kernel.sockets import (
    CLOSE_WAIT,
    ESTABLISHED,
    FIN_WAIT2,
    LISTEN,
    TIME_WAIT,
    Diagnostics,
    Info,
    Socket,
    own_info,
    plain_address,
)
from sockspec.peer import LINGER_NOT
from tests.stage import shown

pytest_plugins = ["tests.stage"]

LOOPBACK = "127.0.0.1"
KERNEL = tuple(int(number) for number in os.uname().release.split(".")[:2])
Listen = Callable[..., socket.socket]
Pair = tuple[socket.socket, socket.socket]
needs_ipv6 = pytest.mark.skipif(not ipv6_works(), reason="::1 does not work here")
either_family = pytest.mark.parametrize(
    ("bound", "called"),
    [
        pytest.param("127.0.0.1", "127.0.0.1", id="ipv4"),
        pytest.param("0.0.0.0", "127.0.0.1", id="ipv4-any"),
        pytest.param("::1", "::1", id="ipv6", marks=needs_ipv6),
        pytest.param("::", "::1", id="dual-stack-ipv6", marks=needs_ipv6),
        pytest.param("::", "127.0.0.1", id="dual-stack-ipv4", marks=needs_ipv6),
    ],
)


@pytest.fixture
def listen() -> Iterator[Listen]:
    opened = []

    def listening(host: str = LOOPBACK, backlog: int = 5) -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        dual = host == "::"
        opened.append(socket.create_server((host, 0), family=family, backlog=backlog, dualstack_ipv6=dual))
        return opened[-1]

    yield listening
    for each in opened:
        each.close()


@pytest.fixture
def dial() -> Iterator[Callable[..., socket.socket]]:
    opened = []

    def connected(listener: socket.socket, host: str = LOOPBACK) -> socket.socket:
        opened.append(socket.create_connection((host, port(listener))))
        return opened[-1]

    yield connected
    for each in opened:
        each.close()


@pytest.fixture
def pair(listen: Listen, dial: Callable[..., socket.socket]) -> Iterator[Pair]:
    """The two ends of a connection, the accepted one second."""
    listener = listen()
    ours = dial(listener)
    theirs, _ = listener.accept()
    yield ours, theirs
    theirs.close()


def port(opened: socket.socket) -> int:
    return int(opened.getsockname()[1])


def row(diagnostics: Diagnostics, listener: socket.socket) -> Socket:
    (found,) = diagnostics.listening(port(listener))
    return found


def of(diagnostics: Diagnostics, end: socket.socket) -> Socket | None:
    """That end of a connection as the kernel has it."""
    return diagnostics.connection(plain_address(end.getsockname()), plain_address(end.getpeername()))


# --- listening


@either_family
def test_a_listener_is_seen_where_it_listens(diagnostics: Diagnostics, listen: Listen, bound: str, called: str) -> None:
    listener = listen(bound)
    assert row(diagnostics, listener).local == (bound, port(listener))
    assert row(diagnostics, listener).state == LISTEN
    assert row(diagnostics, listener).inode == os.fstat(listener.fileno()).st_ino
    assert called


@needs_ipv6
def test_a_listener_is_among_all_listeners(diagnostics: Diagnostics, listen: Listen) -> None:
    local = [plain_address(listen(host).getsockname()) for host in (LOOPBACK, "::1")]
    assert set(local) <= {found.local for found in diagnostics.listening()}


def test_a_socket_that_is_only_bound_does_not_listen(diagnostics: Diagnostics) -> None:
    with socket.socket() as bound:
        bound.bind((LOOPBACK, 0))
        assert diagnostics.listening(port(bound)) == []


def test_looking_takes_no_place_in_the_accept_queue(diagnostics: Diagnostics, listen: Listen) -> None:
    listener = listen(backlog=5)
    for _ in range(10):
        assert (row(diagnostics, listener).read_queue, row(diagnostics, listener).write_queue) == (0, 5)
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()


@either_family
def test_connections_that_nobody_accepted_are_counted(
    diagnostics: Diagnostics, listen: Listen, dial: Callable[..., socket.socket], bound: str, called: str
) -> None:
    listener = listen(bound)
    for _ in range(3):
        dial(listener, called)
    assert shown(lambda: row(diagnostics, listener).read_queue == 3)
    listener.accept()[0].close()
    assert row(diagnostics, listener).read_queue == 2


# --- connections


@either_family
def test_a_connection_is_found_by_its_addresses(
    diagnostics: Diagnostics, listen: Listen, dial: Callable[..., socket.socket], bound: str, called: str
) -> None:
    listener = listen(bound)
    ours = dial(listener, called)
    theirs = far_end(diagnostics, ours)
    assert theirs is not None
    assert (theirs.local, theirs.remote) == ((called, port(listener)), (called, port(ours)))
    assert theirs.state == ESTABLISHED


@either_family
def test_a_connection_in_the_queue_has_no_holder_yet(
    diagnostics: Diagnostics, listen: Listen, dial: Callable[..., socket.socket], bound: str, called: str
) -> None:
    listener = listen(bound)
    ours = dial(listener, called)
    waiting = far_end(diagnostics, ours)
    with listener.accept()[0] as accepted:
        held = far_end(diagnostics, ours)
        assert waiting is not None and held is not None
        assert (waiting.inode, held.inode) == (0, os.fstat(accepted.fileno()).st_ino)


def test_an_unknown_connection_is_none(diagnostics: Diagnostics) -> None:
    assert diagnostics.connection((LOOPBACK, 9), (LOOPBACK, 9)) is None
    assert diagnostics.connection(("::1", 9), ("::1", 9)) is None


@either_family
def test_a_listener_is_not_taken_for_a_connection_to_it(
    diagnostics: Diagnostics, listen: Listen, bound: str, called: str
) -> None:
    assert diagnostics.connection((called, port(listen(bound))), (called, 9)) is None


def test_the_two_ends_of_a_connection_are_told_apart(diagnostics: Diagnostics, pair: Pair) -> None:
    found = [of(diagnostics, end) for end in pair]
    assert [end and end.inode for end in found] == [os.fstat(end.fileno()).st_ino for end in pair]


def test_a_socket_that_is_not_connected_has_no_far_end(diagnostics: Diagnostics) -> None:
    with socket.socket() as alone:
        assert far_end(diagnostics, alone) is None


def test_an_answer_of_another_question_is_not_left_over(diagnostics: Diagnostics, pair: Pair) -> None:
    for _ in range(50):
        assert diagnostics.connection((LOOPBACK, 9), (LOOPBACK, 9)) is None
        assert of(diagnostics, pair[0]) is not None
        assert diagnostics.listening(9) == []


@pytest.mark.parametrize(
    ("given", "plain"),
    [(("::ffff:127.0.0.1", 1), ("127.0.0.1", 1)), (("::1", 2), ("::1", 2)), (("10.0.0.1", 3), ("10.0.0.1", 3)),
     (("::ffff:0:1", 4), ("::ffff:0:1", 4))],
)  # fmt: skip
def test_an_ipv4_address_loses_its_ipv6_coat(given: tuple[str, int], plain: tuple[str, int]) -> None:
    assert plain_address(given) == plain


# --- counts


def test_both_ends_count_the_same_bytes(diagnostics: Diagnostics, pair: Pair) -> None:
    ours, theirs = pair
    ours.sendall(b"hello")
    assert shown(lambda: own_info(theirs).received == 5)
    assert (own_info(ours).sent, own_info(ours).unsent, own_info(theirs).sent) == (5, 0, 0)
    found = of(diagnostics, theirs)
    assert found is not None
    assert found.info == own_info(theirs)


def test_bytes_that_nobody_read_are_in_the_read_queue(diagnostics: Diagnostics, pair: Pair) -> None:
    ours, theirs = pair
    ours.sendall(b"hello")
    assert shown(lambda: unread_bytes(theirs) == 5)
    theirs.recv(2)
    found = of(diagnostics, theirs)
    assert found is not None
    assert (found.read_queue, unread_bytes(theirs), own_info(theirs).received) == (3, 3, 5)


def test_the_end_of_the_stream_counts_one_until_it_is_read(diagnostics: Diagnostics, pair: Pair) -> None:
    ours, theirs = pair
    ours.shutdown(socket.SHUT_WR)
    assert shown(lambda: own_info(theirs).received == 1)
    unread = of(diagnostics, theirs)
    theirs.recv(1)
    read = of(diagnostics, theirs)
    assert unread is not None and read is not None
    assert [(end.state, end.read_queue) for end in (unread, read)] == [(CLOSE_WAIT, 1), (CLOSE_WAIT, 0)]


def test_what_finds_no_room_has_not_left(pair: Pair) -> None:
    ours, theirs = pair
    ours.setblocking(False)
    sent = ours.send(bytes(32 << 20))
    assert shown(lambda: own_info(ours).sent == own_info(theirs).received == unread_bytes(theirs))
    assert own_info(ours).unsent == sent - own_info(ours).sent > 0


def test_bytes_that_wait_for_a_full_reader_are_not_on_their_way(diagnostics: Diagnostics, pair: Pair) -> None:
    ours, theirs = pair
    ours.setblocking(False)
    ours.send(bytes(32 << 20))
    assert shown(lambda: not on_its_way(ours, of(diagnostics, theirs)))


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_nothing_is_on_its_way_once_all_has_arrived(diagnostics: Diagnostics, pair: Pair, size: int) -> None:
    ours, theirs = pair
    ours.sendall(bytes(size))
    assert shown(lambda: unread_bytes(theirs) == size)
    assert not on_its_way(ours, of(diagnostics, theirs))


def test_bytes_that_have_left_and_not_arrived_are_on_their_way(diagnostics: Diagnostics, pair: Pair) -> None:
    ours, theirs = pair
    before = of(diagnostics, theirs)
    ours.sendall(b"hello")
    assert on_its_way(ours, before)  # the far end as it was when they left


def test_a_connection_that_is_not_complete_is_on_its_way(diagnostics: Diagnostics, listen: Listen) -> None:
    listener = listen(backlog=0)
    dialled = [socket.socket() for _ in range(3)]
    for each in dialled:
        each.setblocking(False)
        each.connect_ex(("127.0.0.1", port(listener)))
    assert shown(lambda: [on_its_way(each, far_end(diagnostics, each)) for each in dialled] == [False, True, True])
    for each in dialled:
        each.close()


def test_a_kernel_that_counts_no_bytes_is_a_fault_of_the_machine() -> None:
    with pytest.raises(SuiteError, match=r"Linux 4\.19"):
        Info.of(bytes(192))


def test_a_kernel_that_answers_no_questions_is_a_fault_of_the_machine(
    diagnostics: Diagnostics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "_SOCK_DIAG_BY_FAMILY", 99)
    with pytest.raises(SuiteError, match="no socket diagnostics here: Invalid argument"):
        diagnostics.listening()


# --- what is left of a connection


def test_who_closed_first_is_left_in_time_wait(diagnostics: Diagnostics, pair: Pair) -> None:
    ours, theirs = pair
    address = theirs.getsockname(), theirs.getpeername()
    theirs.close()
    ours.close()
    assert shown(lambda: (found := diagnostics.connection(*address)) is not None and found.state == TIME_WAIT)
    found = diagnostics.connection(*address)
    assert found in diagnostics.on_port(address[0][1])
    assert found is not None
    assert (found.inode, found.info, found.read_queue, found.state) == (0, None, 0, TIME_WAIT)


def test_who_closed_first_waits_in_fin_wait_2_while_the_other_stays(diagnostics: Diagnostics, pair: Pair) -> None:
    ours, theirs = pair
    theirs.close()
    assert shown(lambda: (found := far_end(diagnostics, ours)) is not None and found.state == FIN_WAIT2)


def test_a_reset_leaves_nothing(diagnostics: Diagnostics, pair: Pair) -> None:
    ours, theirs = pair
    address = theirs.getsockname(), theirs.getpeername()
    theirs.close()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    ours.close()
    assert shown(lambda: diagnostics.connection(*address) is None)


@either_family
def test_every_socket_of_a_port_is_on_it(
    diagnostics: Diagnostics, listen: Listen, dial: Callable[..., socket.socket], bound: str, called: str
) -> None:
    listener = listen(bound)
    dial(listener, called)
    assert sorted(found.state for found in diagnostics.on_port(port(listener))) == [ESTABLISHED, LISTEN]


def test_nobody_is_on_a_port_that_was_never_used(diagnostics: Diagnostics) -> None:
    assert diagnostics.on_port(1) == []


@pytest.mark.skipif(KERNEL < (6, 8), reason="this kernel does not tell of sockets that are only bound")
def test_a_socket_that_is_only_bound_is_on_its_port(diagnostics: Diagnostics) -> None:
    with socket.socket() as bound:
        bound.bind((LOOPBACK, 0))
        assert [found.inode for found in diagnostics.on_port(port(bound))] == [os.fstat(bound.fileno()).st_ino]
