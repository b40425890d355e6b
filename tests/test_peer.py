"""Our end of a connection: every byte leaves when it is to, and every ending is told from every other."""

import errno
import signal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sockspec.complaint import SuiteError
from sockspec.failure import Failure
from sockspec.isolation import ipv6_works
from sockspec.kernel.look import Rest
from sockspec.kernel.sockets import LISTEN, TIME_WAIT, own_info
from sockspec.oracle import Facet, Script
from sockspec.peer import Peer, common_prefix, count
from sockspec.verdict import Outcome
from sockspec.watch import CHUNK_BYTES, Patience, Why
from tests.stage import CLIENT, Stage, Staged, shown

pytest_plugins = ["tests.stage"]

RECEIVES = {
    "c": "static char b[1 << 20]; ssize_t n; int c = client();"
    ' while ((n = recv(c, b, sizeof b, 0)) > 0) printf("%zd ", n);',
    "python": f"{CLIENT}while data := client.recv(1 << 20): print(len(data), end=' ')",
}
"""Reads to the end, and prints how much every recv() returned."""
in_both = pytest.mark.parametrize("language", list(RECEIVES))
READS_ALL = f"{CLIENT}data = b''.join(iter(lambda: client.recv(65536), b''))\n"
NEVER_READS = "client(); pause();"
UNTIL_TOLD = "char go; read(0, &go, 1);"
needs_ipv6 = pytest.mark.skipif(not ipv6_works(), reason="this machine has no IPv6")
HELLO = [Facet("bytes", data=b"hello"), Facet("end", word="end")]


def says(text: str, then: str = "") -> str:
    """A server that sends that text to its first client, does something, and ends."""
    return f'int c = client(); send(c, "{text}", {len(text)}, 0); {then}'


def recorded(stage: Stage) -> list[Facet]:
    return stage.script.facets


# --- lockstep


@pytest.mark.parametrize("round_", range(20))
@in_both
def test_every_recv_returns_exactly_one_piece(stage: Stage, language: str, round_: int) -> None:
    program = stage.either(language, RECEIVES[language])
    peer = stage.client(program)
    peer.send_in_pieces(stage.payload(200 + round_), 2)
    peer.finish()
    assert stage.ended(program).split() == ["2"] * (100 + round_ // 2) + ["1"] * (round_ % 2)


@needs_ipv6
def test_pieces_arrive_as_they_are_over_ipv6(stage: Stage) -> None:
    program = stage.python(RECEIVES["python"].replace('("127.0.0.1", 0)', '("::1", 0), family=socket.AF_INET6'))
    peer = stage.client(program, "::1")
    peer.send_in_pieces(b"hello", 2)
    peer.finish()
    assert stage.ended(program).split() == ["2", "2", "1"]


@pytest.mark.parametrize("at", [1, 2, 499, 999])
@in_both
def test_a_cut_is_where_it_was_asked_for(stage: Stage, language: str, at: int) -> None:
    program = stage.either(language, RECEIVES[language])
    peer = stage.client(program)
    peer.send_cut_at(stage.payload(1000), at)
    peer.finish()
    assert stage.ended(program).split() == [str(at), str(1000 - at)]


@in_both
def test_pieces_for_several_clients_do_not_meet(stage: Stage, language: str) -> None:
    programs = [stage.either(language, RECEIVES[language]) for _ in range(3)]
    peers = [stage.client(program) for program in programs]
    for peer in peers * 2:
        peer.send_in_pieces(b"hello", 1)
    for peer in peers:
        peer.finish()
    assert [stage.ended(program).split() for program in programs] == [["1"] * 10] * 3


@in_both
def test_without_waiting_pieces_would_meet(stage: Stage, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    monkeypatch.setattr(Peer, "wait_until_consumed", lambda _: None)
    program = stage.either(language, RECEIVES[language])
    peer = stage.client(program)
    stage.rest()
    stage.pause(program)
    peer.send_in_pieces(stage.payload(100), 1)
    program.signal(signal.SIGCONT)
    peer.finish()
    assert stage.ended(program).split() != ["1"] * 100


@pytest.mark.parametrize("chunk", [1, 3])
def test_pieces_are_consumed_one_by_one_by_a_program_that_reads_less_at_a_time(stage: Stage, chunk: int) -> None:
    program = stage.c(
        f'char b[9]; ssize_t n; int c = client(); while ((n = recv(c, b, {chunk}, 0)) > 0) printf("%zd", n);'
    )
    peer = stage.client(program)
    peer.send_in_pieces(b"hello world!", 4)
    peer.finish()
    assert stage.ended(program) == {1: "1" * 12, 3: "31" * 3}[chunk]


def test_pieces_wait_for_a_program_that_dawdles(stage: Stage) -> None:
    program = stage.c(RECEIVES["c"].replace("recv(c, b, sizeof b, 0)", "(usleep(2000), recv(c, b, sizeof b, 0))"))
    peer = stage.client(program)
    peer.send_in_pieces(b"hello", 1)
    peer.finish()
    assert stage.ended(program).split() == ["1"] * 5


def test_pieces_wait_for_a_program_that_prints_much_about_each(stage: Stage) -> None:
    log = "static char log[1 << 18]; memset(log, ' ', sizeof log);"
    program = stage.c(
        log + RECEIVES["c"].replace('printf("%zd ", n);', 'printf("%zd ", n), write(1, log, sizeof log);')
    )
    peer = stage.client(program)
    peer.send_in_pieces(bytes(40), 1)
    peer.finish()
    assert stage.ended(program).split() == ["1"] * 40


def test_what_the_program_answers_to_each_piece_is_read_meanwhile(stage: Stage) -> None:
    answers = 'printf("%zd ", n), send(c, b, sizeof b / 8, 0);'
    program = stage.c(RECEIVES["c"].replace('printf("%zd ", n);', answers))
    peer = stage.client(program)
    peer.send_in_pieces(b"1234", 1)
    peer.finish()
    assert stage.ended(program).split() == ["1"] * 4
    assert len(peer.expect_bytes()) == 4 << 17


def test_consumed_is_what_was_read_by_a_program_that_sleeps_again(stage: Stage) -> None:
    program = stage.c("char b[10]; int c = client(); recv(c, b, 10, 0); pause();")
    peer = stage.client(program)
    peer.send(b"hello")
    assert peer.wait_until_consumed() is None
    theirs = peer.far_end()
    assert theirs is not None and theirs.info is not None
    assert (theirs.read_queue, theirs.info.received) == (0, 5)


@pytest.mark.parametrize(
    ("code", "why"),
    [(NEVER_READS, Why.SETTLED), ("client(); sleep(1000);", Why.TIMER), ("client(); for (;;) ;", Why.SPINNING)],
    ids=["settled", "sleeps", "spins"],
)
def test_a_piece_that_nobody_reads_is_not_waited_for_for_ever(staged: Staged, code: str, why: Why) -> None:
    stage = staged(Patience(timer_s=0.2, processor_s=0.1))
    peer = stage.client(stage.c(code))
    peer.send_in_pieces(b"hi", 1)
    standstill = peer.wait_until_consumed()
    assert standstill is not None
    assert standstill.why is why


def test_pieces_that_fill_every_buffer_end_in_a_standstill(stage: Stage) -> None:
    peer = stage.client(stage.c(NEVER_READS))
    peer.send_in_pieces(bytes(32 << 20), 1 << 20)
    theirs = peer.far_end()
    assert theirs is not None and theirs.read_queue > 0
    assert stage.rest() is Rest.SETTLED


def test_a_program_that_ends_in_the_middle_ends_the_pieces(stage: Stage) -> None:
    program = stage.c("char b[10]; recv(client(), b, 10, 0);")
    stage.client(program).send_in_pieces(bytes(1000), 1)
    stage.exited(program)


# --- half-close


@in_both
def test_a_program_sees_the_end_of_the_stream_and_can_still_answer(stage: Stage, language: str) -> None:
    answers = {"c": RECEIVES["c"].replace("printf(", "dprintf(c, "), "python": f"{READS_ALL}client.sendall(b'5 ')"}
    peer = stage.client(stage.either(language, answers[language]))
    peer.send(b"hello")
    peer.finish()
    assert peer.expect_bytes() == b"5 "
    peer.expect_end()
    assert recorded(stage) == [Facet("bytes", data=b"5 "), Facet("end", word="end")]


def test_the_end_follows_after_all_that_is_still_to_be_sent(stage: Stage) -> None:
    program = stage.python(f"{READS_ALL}print(len(data))")
    peer = stage.client(program)
    peer.send(bytes(20 << 20))
    peer.finish()
    assert stage.ended(program) == f"{20 << 20}\n"


def test_no_end_is_seen_before_we_finish(stage: Stage) -> None:
    program = stage.python(f"{READS_ALL}print(data)")
    peer = stage.client(program)
    peer.send(b"hello")
    assert stage.rest() is Rest.SETTLED
    peer.finish()
    assert stage.ended(program) == "b'hello'\n"


def test_finishing_a_connection_that_is_gone_is_no_error(stage: Stage) -> None:
    program = stage.c(f"struct linger l = {{1, 0}}; int c = client(); {UNTIL_TOLD}"
                      " setsockopt(c, SOL_SOCKET, SO_LINGER, &l, sizeof l);")  # fmt: skip
    peer = stage.client(program)
    program.stdin.close()
    stage.exited(program)
    peer.finish()
    peer.expect_end()
    assert recorded(stage) == [Facet("end", word="reset")]


# --- how a connection ends

RESETS = {
    "unread-data": "int c = client(); char b; recv(c, &b, 1, 0);",
    "linger": "struct linger l = {1, 0}; int c = client(); char b[9]; recv(c, b, 9, 0);"
    " setsockopt(c, SOL_SOCKET, SO_LINGER, &l, sizeof l);",
}
resets = pytest.mark.parametrize("code", RESETS.values(), ids=RESETS)


@pytest.mark.parametrize(
    "then", ["", "shutdown(c, SHUT_WR); pause();", "abort();"], ids=["ends", "shuts-down", "aborts"]
)
def test_an_orderly_end_is_an_end(stage: Stage, then: str) -> None:
    peer = stage.client(stage.c(f"int c = client(); char b[9]; recv(c, b, 9, 0); {then}"))
    peer.send(b"hello")
    peer.expect_end()
    assert recorded(stage) == [Facet("end", word="end")]


@resets
def test_a_reset_is_not_taken_for_an_end(stage: Stage, code: str) -> None:
    peer = stage.client(stage.c(code))
    peer.send(b"hello")
    peer.expect_end()
    assert recorded(stage) == [Facet("end", word="reset")]


@pytest.mark.parametrize("sends", [1, 2, 3])
@resets
def test_a_reset_that_send_noticed_first_is_a_reset(stage: Stage, code: str, sends: int) -> None:
    program = stage.c(code)
    peer = stage.client(program)
    peer.send(b"hello")
    stage.exited(program)
    for _ in range(sends):
        peer.send(b"hello")
    peer.expect_end()
    assert recorded(stage) == [Facet("end", word="reset")]


def test_a_reset_that_a_full_buffer_noticed_first_is_a_reset(stage: Stage) -> None:
    program = stage.c(f"client(); {UNTIL_TOLD}")
    peer = stage.client(program)
    peer.send(bytes(32 << 20))
    peer.wait_until_stuck()
    program.stdin.close()
    stage.exited(program)
    stage.watch.drain()
    peer.expect_end()
    assert recorded(stage) == [Facet("end", word="reset")]


def test_what_came_before_a_reset_is_read(stage: Stage) -> None:
    program = stage.c(says("hello", "char b; recv(c, &b, 1, 0);"))
    peer = stage.client(program)
    peer.send(b"1234")
    stage.exited(program)
    assert (peer.expect_bytes(), peer.ended) == (b"hello", "reset")


def test_what_came_before_a_reset_is_read_although_send_noticed_it(stage: Stage) -> None:
    program = stage.c(says("hello", "char b; recv(c, &b, 1, 0);"))
    peer = stage.client(program)
    peer.send(b"1234")
    stage.exited(program)
    peer.send(b"5678")
    assert (peer.expect_bytes(), peer.ended) == (b"hello", "reset")


def test_a_program_that_hangs_up_in_the_middle_of_pieces_has_ended_the_same_way_every_time(staged: Staged) -> None:
    endings = set()
    for _ in range(40):
        stage = staged()
        program = stage.c(
            "char b[9]; int l = listener(); for (;;) { int c = accept(l, 0, 0); recv(c, b, 9, 0); close(c); }"
        )
        peer = stage.client(program)
        peer.send_in_pieces(b"hello", 1)
        peer.expect_end()
        endings.add(peer.ended)
        stage.close()
    assert endings == {"end"}


def test_an_open_connection_has_no_end(stage: Stage) -> None:
    stage.expects(Facet("end", word="end"))
    peer = stage.client(stage.c(NEVER_READS))
    with pytest.raises(
        Failure, match="waits for the end of the connection: your server is blocked in pause"
    ) as failure:
        peer.expect_end()
    assert failure.value.outcome is Outcome.STUCK
    assert (failure.value.diagnosis.expected, failure.value.diagnosis.received) == (
        "an orderly end (FIN)", "no end, it is still open",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "code"), [("end", RESETS["unread-data"]), ("reset", "char b[9]; recv(client(), b, 9, 0);")]
)
def test_the_other_ending_fails(stage: Stage, expected: str, code: str) -> None:
    stage.expects(Facet("end", word=expected))
    peer = stage.client(stage.c(code))
    peer.send(b"hello")
    with pytest.raises(Failure, match="the connection of first client ended with") as failure:
        peer.expect_end()
    assert failure.value.outcome is Outcome.WRONG


# --- how we end it


def test_leaving_with_unread_data_is_a_reset_for_the_program(stage: Stage) -> None:
    program = stage.c(says("hello", 'char b; if (recv(c, &b, 1, 0) < 0) printf("%d", errno);'))
    peer = stage.client(program)
    peer.wait_until_stuck()
    peer.leave()
    assert stage.ended(program) == str(errno.ECONNRESET)


def test_leaving_with_nothing_unread_is_an_orderly_end(stage: Stage) -> None:
    program = stage.c('char b; printf("%zd", recv(client(), &b, 1, 0));')
    stage.client(program).leave()
    assert stage.ended(program) == "0"


@pytest.mark.parametrize("way", ["reset", "vanish"])
def test_a_reset_of_ours_is_one_for_the_program(stage: Stage, way: str) -> None:
    program = stage.c('char b; if (recv(client(), &b, 1, 0) < 0) printf("%d", errno);')
    getattr(stage.client(program), way)()
    assert stage.ended(program) == str(errno.ECONNRESET)


@pytest.mark.parametrize("way", ["leave", "reset", "vanish"])
def test_a_connection_that_was_left_is_closed_and_not_watched(stage: Stage, way: str) -> None:
    peer = stage.client(stage.c(NEVER_READS))
    peer.send(bytes(32 << 20))
    getattr(peer, way)()
    peer.vanish()
    assert (peer.connection.fileno(), stage.watch.connections) == (-1, [])


CLOSES_FIRST = 'int l = listener(); int c = accept(l, NULL, NULL); send(c, "hello", 5, 0); close(c); pause();'


def test_a_peer_that_vanishes_leaves_nothing_on_the_servers_port(stage: Stage) -> None:
    peer = stage.client(stage.c(CLOSES_FIRST))
    port = peer.connection.getpeername()[1]
    peer.expect_bytes()
    peer.vanish()
    assert shown(lambda: [found.state for found in stage.watch.diagnostics.on_port(port)] == [LISTEN])


@pytest.mark.parametrize("way", ["leave", "finish"])
def test_a_peer_that_ends_in_good_order_does_leave_something_there(stage: Stage, way: str) -> None:
    peer = stage.client(stage.c(CLOSES_FIRST))
    port = peer.connection.getpeername()[1]
    peer.expect_bytes()
    getattr(peer, way)()
    assert shown(lambda: any(found.state == TIME_WAIT for found in stage.watch.diagnostics.on_port(port)))


def test_a_scenario_that_closes_leaves_nothing_on_the_servers_port(staged: Staged) -> None:
    stage = staged()
    peer = stage.client(stage.c(CLOSES_FIRST))
    port = peer.connection.getpeername()[1]
    peer.expect_bytes()
    diagnostics = stage.watch.diagnostics
    stage.close()
    assert shown(lambda: diagnostics.on_port(port) == [])


# --- expectations


def test_what_the_program_sends_is_recorded(stage: Stage) -> None:
    peer = stage.client(stage.c(says("hello")))
    assert peer.expect_bytes() == b"hello"
    peer.expect_end()
    assert recorded(stage) == HELLO


def test_the_same_bytes_and_end_pass(stage: Stage) -> None:
    stage.expects(*HELLO)
    peer = stage.client(stage.c(says("hello")))
    assert peer.expect_bytes() == b"hello"
    peer.expect_end()


def test_bytes_that_come_one_at_a_time_pass(stage: Stage) -> None:
    stage.expects(*HELLO)
    peer = stage.client(
        stage.c('int c = client(); for (int i = 0; i < 5; i++, usleep(1000)) send(c, "hello" + i, 1, 0);')
    )
    peer.expect_bytes()
    peer.expect_end()


def test_a_program_that_stays_connected_has_sent_what_it_sent(stage: Stage) -> None:
    peer = stage.client(stage.c(says("hello", "pause();")))
    assert (peer.expect_bytes(), peer.ended) == (b"hello", "")


@pytest.mark.parametrize(
    ("text", "what", "received"),
    [
        ("hello!", "received more than it should", '"hello!" (6 bytes)'),
        ("help!", "received something else from byte 3 on", '"help!" (5 bytes)'),
        ("hel", "received 3 bytes of 5 bytes, then an orderly end", '"hel" (3 bytes)'),
        ("", "received nothing of 5 bytes, then an orderly end", "nothing"),
    ],
    ids=["too-much", "different", "too-little", "nothing"],
)
def test_other_bytes_fail(stage: Stage, text: str, what: str, received: str) -> None:
    stage.expects(*HELLO)
    peer = stage.client(stage.c(says(text)))
    with pytest.raises(Failure) as failure:
        peer.expect_bytes()
    diagnosis = failure.value.diagnosis
    assert diagnosis.summary.startswith(f"first client {what}")
    assert failure.value.outcome is Outcome.WRONG
    assert (diagnosis.expected, diagnosis.received) == ('"hello" (5 bytes)', received)


def test_bytes_that_do_not_come_fail_with_where_the_program_is_stuck(stage: Stage) -> None:
    stage.expects(*HELLO)
    peer = stage.client(stage.c(says("hel", "char b; recv(c, &b, 1, 0);")))
    stuck = "received 3 bytes of 5 bytes: your server is blocked in recv\\(\\) on the connection of first client"
    with pytest.raises(Failure, match=stuck) as failure:
        peer.expect_bytes()
    assert failure.value.outcome is Outcome.STUCK


def test_one_byte_too_far_is_read(stage: Stage) -> None:
    stage.expects(*HELLO)
    program = stage.c(says("hello and more", "pause();"))
    peer = stage.client(program)
    stage.rest()
    with pytest.raises(Failure, match="more than it should"):
        peer.expect_bytes()
    assert bytes(peer.received) == b"hello "


@pytest.mark.parametrize("then", ["", "pause();"], ids=["ends", "stays"])
def test_bytes_before_the_end_fail(stage: Stage, then: str) -> None:
    stage.expects(*HELLO)
    program = stage.c(says("hello", f'{UNTIL_TOLD} send(c, "!", 1, 0); {then}'))
    peer = stage.client(program)
    peer.expect_bytes()
    program.stdin.close()
    with pytest.raises(Failure, match="first client received 1 byte too many") as failure:
        peer.expect_end()
    assert (failure.value.diagnosis.expected, failure.value.diagnosis.received) == ("nothing more", '"!" (1 byte)')


def test_a_reference_that_sends_more_than_the_scenario_asks_for_is_a_fault_of_the_suite(stage: Stage) -> None:
    peer = stage.client(stage.c(says("hello")))
    with pytest.raises(SuiteError, match="the reference sent 5 bytes that the scenario did not ask for"):
        peer.expect_end()


@pytest.mark.parametrize("then", ["", "pause();"], ids=["ends", "stays"])
def test_nothing_more_holds_however_the_connection_ends(stage: Stage, then: str) -> None:
    peer = stage.client(stage.c(says("hello", then)))
    stage.expects(*HELLO)
    peer.expect_bytes()
    peer.expect_nothing_more()


@pytest.mark.parametrize("then", ["", "close(c); pause();"], ids=["exits", "closes"])
def test_any_end_holds_whatever_comes_before_it(stage: Stage, then: str) -> None:
    stage.client(stage.c(says("hello", then))).expect_any_end()


def test_a_connection_that_stays_open_has_no_end_of_any_kind(stage: Stage) -> None:
    with pytest.raises(Failure, match="waits for the end of the connection"):
        stage.client(stage.c(says("hello", "pause();"))).expect_any_end()


def test_something_more_fails_where_nothing_was_to_come(stage: Stage) -> None:
    stage.expects(Facet("bytes", data=b"hello"))
    program = stage.c(says("hello", f'{UNTIL_TOLD} send(c, "!", 1, 0);'))
    peer = stage.client(program)
    peer.expect_bytes()
    program.stdin.close()
    with pytest.raises(Failure, match="first client received 1 byte too many"):
        peer.expect_nothing_more()


def test_expectations_of_one_reply_after_the_other_are_told_apart(stage: Stage) -> None:
    stage.expects(Facet("bytes", data=b"one"), Facet("bytes", data=b"two"), Facet("end", word="end"))
    program = stage.c(says("one", f'{UNTIL_TOLD} send(c, "two", 3, 0);'))
    peer = stage.client(program)
    assert peer.expect_bytes() == b"one"
    program.stdin.close()
    assert peer.expect_bytes() == b"two"
    peer.expect_end()


# --- much data

SIZE = 8 << 20


@in_both
def test_8_mib_come_back_from_a_mirror(stage: Stage, language: str) -> None:
    stage.script = Script([Facet("bytes", data=stage.payload(SIZE))])
    programs = {
        "c": "int c = client(); static char b[65536]; ssize_t n, i; while ((n = recv(c, b, sizeof b, 0)) > 0)"
        " for (i = 0; i < n;) i += send(c, b + i, n - i, 0);",
        "python": f"{CLIENT}while data := client.recv(65536): client.sendall(data)",
    }
    peer = stage.client(stage.either(language, programs[language]))
    peer.send(stage.payload(SIZE))
    peer.finish()
    peer.expect_bytes()


SENDS_AND_COUNTS = """
import socket, threading
server = socket.create_connection(("127.0.0.1", {port}))
def send(): server.sendall(bytes({size})); server.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
print(sum(map(len, iter(lambda: server.recv(65536), b""))))
"""


def test_we_mirror_8_mib_and_finish_when_the_client_does(stage: Stage) -> None:
    listener = stage.listen("127.0.0.1", 0)
    program = stage.python(SENDS_AND_COUNTS.format(port=listener.getsockname()[1], size=SIZE))
    peer = stage.accept(listener)
    peer.mirror()
    assert peer.expect_bytes() == bytes(SIZE)
    assert stage.ended(program) == f"{SIZE}\n"


def test_a_mirror_does_not_run_ahead_of_a_program_that_does_not_read(stage: Stage) -> None:
    program = stage.c("int c = client(); static char b[1 << 20]; for (;;) send(c, b, sizeof b, 0);")
    peer = stage.client(program)
    peer.mirror()
    assert stage.rest() is Rest.SETTLED
    assert sum(map(len, peer._outgoing)) <= 2 * CHUNK_BYTES


def test_a_slow_reader_gets_all(stage: Stage) -> None:
    program = stage.c(
        "static char b[65536]; long all = 0; ssize_t n; int c = client();"
        ' while ((n = recv(c, b, sizeof b, 0)) > 0) { all += n; usleep(500); } printf("%ld", all);'
    )
    peer = stage.client(program)
    peer.send(bytes(SIZE))
    peer.finish()
    assert stage.ended(program) == str(SIZE)


def test_we_read_only_while_we_are_told_to(stage: Stage) -> None:
    stage.script = Script([Facet("bytes", data=bytes(SIZE)), Facet("end", word="end")])
    program = stage.c(f"static char b[{SIZE}]; int c = client(); send(c, b, sizeof b, 0);")
    peer = stage.client(program)
    peer.wait_until_stuck()
    assert (len(peer.received), program.exit, own_info(peer.connection).received < SIZE) == (0, None, True)
    peer.expect_bytes()
    peer.expect_end()


# --- a short send

SENDS = {
    "c": f'static char b[{SIZE}]; ssize_t n = send(client(), b, sizeof b, 0); printf("%zd", n);',
    "python": f"{CLIENT}print(client.send(bytes({SIZE})))",
}


@in_both
def test_send_returns_a_short_count_after_a_pause_in_the_middle(stage: Stage, language: str) -> None:
    program = stage.either(language, SENDS[language])
    peer = stage.client(program)
    peer.wait_until_stuck()
    stage.pause(program)
    program.signal(signal.SIGCONT)
    assert 0 < int(stage.ended(program)) < SIZE


@in_both
def test_send_takes_everything_without_a_pause(stage: Stage, language: str) -> None:
    program = stage.either(language, SENDS[language])
    peer = stage.client(program)
    peer.wait_until_stuck()
    assert len(peer.expect_bytes()) == SIZE
    assert int(stage.ended(program)) == SIZE


def test_a_pause_is_over_only_when_every_thread_stands_still(stage: Stage) -> None:
    program = stage.c("started(spin, NULL); fork(); client();")
    stage.port(program)
    stage.pause(program)
    assert {thread.state for thread in stage.watch.look().threads} == {"T"}


# --- words


def test_a_peer_tells_what_it_did(stage: Stage) -> None:
    peer = stage.client(stage.c(says("hello", "char b[9]; while (recv(c, b, 9, 0) > 0) ;")))
    peer.send(b"hi")
    peer.send_in_pieces(b"there", 2)
    peer.finish()
    peer.expect_bytes()
    assert peer.told() == (
        "first client: sent 2 bytes, sent 5 bytes in pieces of 2, shut down its sending side, received 5 bytes,"
        " then the end of the stream"
    )


def test_what_a_peer_did_again_and_again_is_told_once(stage: Stage) -> None:
    peer = stage.client(stage.c(NEVER_READS))
    for data in (b"hi", b"hi", b"hi", b"there", b"hi"):
        peer.send(data)
    assert peer.told() == "first client: sent 2 bytes 3 times, sent 5 bytes, sent 2 bytes, received nothing"


@pytest.mark.parametrize(("size", "words"), [(0, "nothing"), (1, "1 byte"), (2, "2 bytes"), (1234, "1,234 bytes")])
def test_bytes_are_counted_in_words(size: int, words: str) -> None:
    assert count(bytes(size)) == words


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(), st.binary(), st.binary())
def test_the_common_prefix_is_as_long_as_it_can_be(shared: bytes, one: bytes, other: bytes) -> None:
    left, right = shared + one, shared + other
    same = common_prefix(left, right)
    assert left[:same] == right[:same]
    assert same == min(len(left), len(right)) or left[same] != right[same]


# --- what was meant


def in_capitals(sent: bytes) -> bytes:
    return sent.upper()


def test_what_was_meant_is_recorded(stage: Stage) -> None:
    peer = stage.client(stage.c(says("hello", UNTIL_TOLD)))
    assert peer.expect_bytes(in_capitals) == b"HELLO"
    assert recorded(stage) == [Facet("bytes", data=b"HELLO")]


def test_what_means_the_same_is_the_same(stage: Stage) -> None:
    stage.expects(Facet("bytes", data=b"HELLO"))
    peer = stage.client(stage.c(says("heLLo", UNTIL_TOLD)))
    assert peer.expect_bytes(in_capitals) == b"HELLO"


def test_what_means_something_else_is_not(stage: Stage) -> None:
    stage.expects(Facet("bytes", data=b"HELLO"))
    peer = stage.client(stage.c(says("help", UNTIL_TOLD)))
    with pytest.raises(Failure, match="something else from byte 3 on"):
        peer.expect_bytes(in_capitals)
