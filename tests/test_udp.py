"""Our ends of a talk in datagrams, and the players of an exercise over UDP."""

import time
from textwrap import dedent

import pytest

from sockspec.client import Visit
from sockspec.complaint import SuiteError
from sockspec.datagram_peer import DatagramPeer
from sockspec.environment import base_python
from sockspec.failure import Disturbed, Failure
from sockspec.kernel import threads as proc
from sockspec.kernel.datagrams import bound
from sockspec.oracle import Facet
from sockspec.program import Program
from sockspec.scenario import LOOPBACK
from sockspec.submission import Cast, Command
from sockspec.udp.client import DatagramClient
from sockspec.udp.server import DatagramServer
from sockspec.verdict import Outcome
from sockspec.watch import Patience, Why
from tests.stage import Stage, Staged

pytest_plugins = ["tests.stage"]

SERVER = "import signal, socket, sys, time\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
BOUND = SERVER + 's.bind(("127.0.0.1", 0))\n'
ECHO = "while True:\n  data, sender = s.recvfrom(65536)\n"
ON_ITS_PORT = SERVER + 's.bind(("", int(sys.argv[1])))\n'


@pytest.fixture
def talking(stage: Stage) -> Stage:
    """A stage whose programs talk in datagrams."""
    stage.watch.datagrams = True
    return stage


def client_of(stage: Stage, program: Program) -> DatagramPeer:
    """A client of ours for the one port that it is bound to."""

    def port() -> int:
        held = proc.sockets(program.pids())
        return next((each.local[1] for each in bound() if each.inode in held), 0)

    assert stage.watch.until(lambda: bool(port())) is None, bytes(program.stderr.tail)
    number = len(stage.datagram_peers)
    return stage.datagram_peer([stage.bind(LOOPBACK)], f"client {number + 1}", (LOOPBACK, port()))


def talk(stage: Stage, answer: str) -> DatagramPeer:
    """A client of a server that does that with each datagram."""
    return client_of(stage, stage.python(f"{BOUND}{ECHO}  {answer}\n"))


def expects(stage: Stage, *datagrams: bytes) -> None:
    stage.expects(*(Facet("datagram", data=data) for data in datagrams))


# --- a client of ours


@pytest.mark.parametrize("data", [b"", b"hello", bytes(range(256)) * 255], ids=["empty", "short", "long"])
def test_what_the_reference_sends_is_recorded(talking: Stage, data: bytes) -> None:
    peer = talk(talking, "s.sendto(data, sender)")
    peer.send(data)
    assert peer.expect_datagram().data == data
    assert talking.script.facets == [Facet("datagram", data=data)]


def test_the_same_datagram_is_what_was_expected(talking: Stage) -> None:
    peer = talk(talking, "s.sendto(data, sender)")
    expects(talking, b"hello", b"")
    peer.send(b"hello")
    peer.expect_datagram()
    peer.send(b"")
    peer.expect_datagram()
    peer.expect_nothing_more()


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ("data.upper()", "something else from byte 0 on"),
        ("data[:3]", "3 bytes of 5 bytes in a datagram"),
        ("b''", "nothing of 5 bytes in a datagram"),
        ("data + b'!'", "more in one datagram than it should"),
    ],
    ids=["other", "cut", "empty", "longer"],
)
def test_another_datagram_is_not_the_same(talking: Stage, answer: str, what: str) -> None:
    peer = talk(talking, f"s.sendto({answer}, sender)")
    expects(talking, b"hello")
    peer.send(b"hello")
    with pytest.raises(Failure, match=f"client 1 received {what}") as failed:
        peer.expect_datagram()
    assert failed.value.outcome is Outcome.WRONG


def test_who_answers_nothing_has_settled_and_is_seen_where_it_waits(talking: Stage) -> None:
    peer = talk(talking, "pass")
    expects(talking, b"hello")
    peer.send(b"hello")
    with pytest.raises(
        Failure, match=r"received nothing: your server is blocked in recvfrom\(\) on its UDP so"
    ) as failed:
        peer.expect_datagram()
    assert failed.value.outcome is Outcome.STUCK
    assert failed.value.diagnosis.expected == "a datagram of 5 bytes"


def test_datagrams_that_nobody_reads_are_told(talking: Stage) -> None:
    peer = client_of(talking, talking.python(f"{BOUND}signal.pause()"))
    expects(talking, b"")
    peer.send(b"")
    with pytest.raises(Failure, match=r"datagrams for port \d+ are there and nobody reads them") as failed:
        peer.expect_datagram()
    assert failed.value.diagnosis.expected == "an empty datagram"


def test_datagrams_that_were_dropped_are_told(talking: Stage) -> None:
    peer = client_of(
        talking,
        talking.python(f"{BOUND}s.setsockopt(1, socket.SO_RCVBUF, 1)\nprint('small', flush=True)\nsignal.pause()"),
    )
    talking.said(talking.watch.programs[0], "small")
    expects(talking, b"hello")
    for _ in range(50):
        peer.send(bytes(1000))
    with pytest.raises(Failure, match="found no room in its receive queue"):
        peer.expect_datagram()


def test_an_answer_from_another_port_is_a_strangers(talking: Stage) -> None:
    peer = talk(talking, "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(data, sender)")
    expects(talking, b"hello")
    peer.send(b"hello")
    with pytest.raises(Failure, match=r"was answered from port \d+, and had asked port"):
        peer.expect_datagram()


def test_several_datagrams_may_come_in_any_order(talking: Stage) -> None:
    peer = talk(talking, "[s.sendto(word, sender) for word in (b'c', b'a', b'b')]")
    expects(talking, b"a", b"b", b"c")
    peer.send(b"go")
    peer.expect_datagrams(3)
    peer.expect_nothing_more()


def test_of_several_datagrams_the_missing_one_is_told(talking: Stage) -> None:
    peer = talk(talking, "[s.sendto(word, sender) for word in (b'a', b'ccc')]")
    expects(talking, b"a", b"bb", b"ccc")
    peer.send(b"go")
    with pytest.raises(Failure, match="received 2 of 3 datagrams") as failed:
        peer.expect_datagrams(3)
    assert failed.value.diagnosis.expected == "a datagram of 2 bytes"


def test_a_datagram_twice_is_one_too_many(talking: Stage) -> None:
    peer = talk(talking, "[s.sendto(data, sender) for _ in range(2)]")
    peer.send(b"hello")
    peer.expect_datagram()
    with pytest.raises(Failure, match="received more than it should: a datagram of 5 bytes"):
        peer.expect_nothing_more()


def test_who_looks_for_datagrams_between_naps_has_sent_nothing_more(talking: Stage) -> None:
    naps = """
        s.setblocking(False); s.sendto(b"one", there); until = time.monotonic() + 1
        while time.monotonic() < until: time.sleep(0.01)
        s.sendto(b"two", there); signal.pause()
    """
    talking.expects(Facet("datagram", data=b"one"), Facet("datagram", data=b"two"))
    peer, _ = server_for(talking, naps)
    peer.expect_line()
    peer.expect_nothing_more()
    assert peer.expect_line().data == b"two"


def test_who_never_rests_has_sent_nothing_more(talking: Stage) -> None:
    peer = client_of(talking, talking.python(f"{BOUND}while True: pass"))
    peer.expect_nothing_more()


def test_a_flood_ends_the_waiting_at_once_and_is_not_kept(talking: Stage) -> None:
    peer = talk(talking, "while True: s.sendto(data, sender)")
    peer.send(b"hello")
    with pytest.raises(Failure, match="received more than it should"):
        peer.expect_nothing_more()
    with pytest.raises(Failure, match="does not come to rest"):
        talking.at_rest()
    assert len(peer._inbox) <= 256


def test_the_reference_has_to_send_what_is_asked_for(talking: Stage) -> None:
    peer = talk(talking, "pass")
    peer.send(b"hello")
    with pytest.raises(SuiteError, match="the reference sent 0 datagrams where the scenario asks for 1"):
        peer.expect_datagram()


def test_what_fits_in_no_datagram_is_a_fault_of_the_suite(talking: Stage) -> None:
    with pytest.raises(SuiteError, match="we cannot send a datagram of 65,508 bytes: Message too long"):
        talk(talking, "pass").send(bytes(65_508))


def test_the_story_tells_what_was_sent_and_what_came(talking: Stage) -> None:
    peer = talk(talking, "s.sendto(b'', sender)")
    peer.send(b"hello")
    peer.expect_datagram()
    peer.leave()
    assert peer.told() == "client 1: sent a datagram of 5 bytes, received an empty datagram, closed its socket"


# --- a server of ours

ASKS = SERVER + "there = ('127.0.0.1', {port})\n"


def server_for(stage: Stage, code: str) -> tuple[DatagramPeer, Program]:
    """Our server, and a client that runs this."""
    opened = stage.bind(LOOPBACK)
    peer = stage.datagram_peer([opened], "our server")
    return peer, stage.python(ASKS.format(port=opened.getsockname()[1]) + dedent(code))


@pytest.mark.parametrize("sent", [b"hello", b"hello\n"], ids=["bare", "newline"])
def test_a_line_may_have_its_newline_or_not(talking: Stage, sent: bytes) -> None:
    expects(talking, b"hello")
    peer, _ = server_for(talking, f"s.sendto({sent!r}, there)")
    assert peer.expect_line().data == sent


def test_it_is_sent_back_as_it_came_to_where_it_came_from(talking: Stage) -> None:
    peer, program = server_for(talking, "s.sendto(b'hello\\n', there); print(s.recvfrom(99))")
    line = peer.expect_line()
    peer.send_back(line)
    assert talking.ended(program) == f"(b'hello\\n', {('127.0.0.1', peer._sockets[0].getsockname()[1])})\n"


def test_a_stranger_answers_from_a_port_of_its_own(talking: Stage) -> None:
    peer, program = server_for(talking, "s.sendto(b'hello', there); print(s.recvfrom(99)[1] == there)")
    line = peer.expect_line()
    talking.datagram_peer([talking.bind(LOOPBACK)], "a stranger").answer(line, b"hello")
    assert talking.ended(program) == "False\n"


PATIENT = "s.settimeout(9); s.sendto(b'hello', there); "


def test_a_pest_sends_again_and_again_while_something_else_is_waited_for(talking: Stage) -> None:
    peer, program = server_for(talking, PATIENT + "print([s.recvfrom(99)[0] for _ in range(3)])")
    peer.pester(peer.expect_line(), b"hi", 0.01, 3)
    assert talking.ended(program) == "[b'hi', b'hi', b'hi']\n"


def test_a_pest_has_enough_of_it_in_the_end(talking: Stage) -> None:
    listens = "s.recvfrom(99); s.recvfrom(99); s.settimeout(None); s.recvfrom(99)"
    peer, program = server_for(talking, PATIENT + listens)
    peer.pester(peer.expect_line(), b"hi", 0.01, 2)
    standstill = talking.watch.until(lambda: program.exit is not None)
    assert standstill is not None
    assert standstill.why is Why.SETTLED


def test_while_we_are_silent_a_timer_costs_no_patience(staged: Staged) -> None:
    stage = staged(Patience(timer_s=0.1))
    stage.watch.datagrams = True
    peer, _ = server_for(stage, "s.sendto(b'1', there); time.sleep(0.4); s.sendto(b'2', there)")
    peer.expect_line()
    peer.stay_silent(0.6)
    assert peer.expect_line().data == b"2"


def test_an_answer_that_the_machine_holds_up_judges_nobody(talking: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    peer, _ = server_for(talking, "s.sendto(b'hello', there); s.recvfrom(99)")
    line = peer.expect_line()
    monkeypatch.setattr("sockspec.datagram_peer._PROMPT_S", 0.0)
    with pytest.raises(Disturbed, match="our server was kept from answering"):
        peer.send_back(line)


def test_an_answer_may_be_late_on_purpose(talking: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    peer, program = server_for(talking, "s.sendto(b'hello', there); print(s.recvfrom(99)[0])")
    line = peer.expect_line()
    monkeypatch.setattr("sockspec.datagram_peer._PROMPT_S", 0.0)
    peer.stay_silent(1.0)
    peer.send_back(line)
    assert talking.ended(program) == "b'hello'\n"


# --- what a client says after a while


TOO_SHORT, TOO_LONG = (0.05, 5, "printed it after [0-4]"), (1.2, 0.5, "printed it after [12]")


@pytest.mark.parametrize(("waits_s", "asked_s", "says"), [TOO_SHORT, TOO_LONG], ids=["too-short", "too-long"])
def test_a_program_that_waits_too_short_or_too_long_is_told_so(
    talking: Stage, waits_s: float, asked_s: float, says: str
) -> None:
    visit = Visit(talking, talking.python(f"import time; time.sleep({waits_s}); print('timeout')"))
    talking.expects(Facet("output", data=b"timeout\n"))
    with pytest.raises(Failure, match=says):
        visit.expect_output_after(asked_s, since=time.monotonic())


def test_a_program_that_waits_as_long_as_it_should_is_left_alone(staged: Staged) -> None:
    stage = staged(Patience(timer_s=0.1))
    visit = Visit(stage, stage.python("import time; time.sleep(0.5); print('timeout')"))
    stage.expects(Facet("output", data=b"timeout\n"))
    visit.expect_output_after(0.5, since=time.monotonic())


@pytest.mark.parametrize("code", ["print('no')", "import sys; sys.exit('no')"], ids=["output", "error"])
def test_a_word_may_stand_anywhere(talking: Stage, code: str) -> None:
    Visit(talking, talking.python(code)).expect_word(within=0.1)


def test_who_ends_without_a_word_has_not_said_why(talking: Stage) -> None:
    with pytest.raises(Failure, match="ended with exit status 1 and did not say why"):
        Visit(talking, talking.python("raise SystemExit(1)")).expect_word(within=0.1)


# --- the players


def played(stage: Stage, code: str) -> Stage:
    """That stage with a cast whose server and client run this; the port is the last word."""
    command = Command((base_python(), "-I", "-S", "-c", dedent(code), "{port}"))
    stage.cast = Cast("your", {"server": command, "client": command}, stage.cast.directory)
    stage.watch.datagrams = True
    return stage


def test_a_server_is_started_when_it_is_bound(stage: Stage) -> None:
    server = DatagramServer(played(stage, ON_ITS_PORT + "signal.pause()"))
    server.start()
    server.expect_one_listener()
    assert server.taken(server.port)


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (
            SERVER + "port = int(sys.argv[1]); s.bind(('', (port & 255) << 8 | port >> 8)); signal.pause()",
            "another port",
        ),
        (SERVER + "t = socket.socket(); t.bind(('', int(sys.argv[1]))); t.listen(); signal.pause()", "for TCP connec"),
        ("import signal; signal.pause()", "is not bound to its port: your server is blocked in pause"),
        ("raise SystemExit(1)", "is not bound to its port: your server ended with exit status 1"),
    ],
    ids=["other-port", "tcp", "nothing", "ended"],
)
def test_a_server_that_is_not_bound_is_told_what_it_did_instead(stage: Stage, code: str, what: str) -> None:
    with pytest.raises(Failure, match=what) as failed:
        DatagramServer(played(stage, code)).start()
    assert failed.value.outcome is Outcome.NOT_STARTED


def test_swapped_bytes_of_a_port_are_told(stage: Stage) -> None:
    swapped = SERVER + "port = int(sys.argv[1]); s.bind(('', socket.htons(port))); signal.pause()"
    with pytest.raises(Failure) as failed:
        DatagramServer(played(stage, swapped)).start()
    assert "htons() is missing" in " ".join(failed.value.diagnosis.story)


def test_a_second_port_is_one_too_many(stage: Stage) -> None:
    second = "t = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); t.bind(('', 0)); signal.pause()"
    server = DatagramServer(played(stage, ON_ITS_PORT + second))
    server.start()
    stage.at_rest()
    with pytest.raises(Failure, match="is bound to several ports"):
        server.expect_one_listener()


def test_several_sockets_that_share_its_port_are_one_place(stage: Stage) -> None:
    shared = """
        import signal, socket, sys
        for _ in range(3):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            s.bind(("", int(sys.argv[1])))
            s.detach()
        signal.pause()
    """
    server = DatagramServer(played(stage, shared))
    server.start()
    stage.at_rest()
    server.expect_one_listener()


def test_who_sleeps_between_visits_pays_for_none_of_them(staged: Staged) -> None:
    answers = "while True: data, there = s.recvfrom(99); time.sleep(0.05); s.sendto(data, there)"
    server = DatagramServer(played(staged(Patience(timer_s=0.3)), ON_ITS_PORT + answers))
    server.visits(10)


def test_a_connected_socket_is_no_second_port(stage: Stage) -> None:
    asks = "t = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); t.connect(('127.0.0.1', 9)); signal.pause()"
    server = DatagramServer(played(stage, ON_ITS_PORT + asks))
    server.start()
    stage.at_rest()
    server.expect_one_listener()


def test_a_taken_port_is_undisturbed_and_given_back(stage: Stage) -> None:
    server = DatagramServer(played(stage, ON_ITS_PORT + "signal.pause()"))
    holder = server.take_port()
    server.launch_on_its_port()
    server.expect_failure()
    holder.expect_undisturbed()
    holder.release()
    server.expect_port_free()


def test_who_goes_on_where_it_should_fail_is_told_where_it_is_bound(stage: Stage) -> None:
    server = DatagramServer(played(stage, ON_ITS_PORT + "signal.pause()"))
    server.launch_on_its_port()
    with pytest.raises(Failure, match=f"is bound to 0.0.0.0 port {server.port}"):
        server.expect_failure()
    with pytest.raises(Failure, match="is still taken"):
        server.expect_port_free()


def test_a_client_that_sends_where_it_should_not_is_noticed(stage: Stage) -> None:
    sends = SERVER + "s.sendto(b'x', ('127.0.0.1', int(sys.argv[1]))); sys.exit('cannot')"
    client = DatagramClient(played(stage, sends))
    visit = client.start()
    with pytest.raises(Failure, match="our server received more than it should"):
        client.expect_failure(visit)


def test_our_server_that_stopped_refuses(stage: Stage) -> None:
    asks = SERVER + "s.connect(('127.0.0.1', int(sys.argv[1]))); s.send(b'x'); s.recv(9)"
    client = DatagramClient(played(stage, asks))
    client.listen(LOOPBACK)
    client.stop_listening()
    client.launch_at(LOOPBACK).expect_failure()
    assert b"ConnectionRefusedError" in stage.watch.programs[0].stderr.tail
