"""The name server: what it answers, and that nothing that arrives puts it out."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from dnslib import RCODE, DNSRecord  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from sockspec import names
from sockspec.names import BOTH, ONE, OWT, SIX, TWO, UNKNOWN, NameServer

TRANSPORTS = ["udp", "tcp"]
PATIENCE_S = 30  # a failing test's, never a passing one's
never_in_a_hurry = settings(deadline=None)


@pytest.fixture
def server() -> Iterator[NameServer]:
    with names.serve(port=0) as server:
        yield server


def ask(server: NameServer, name: str, kind: str, transport: str = "udp") -> DNSRecord:
    port = server.tcp_port if transport == "tcp" else server.udp_port
    question = DNSRecord.question(name, kind)
    return DNSRecord.parse(question.send("127.0.0.1", port, tcp=transport == "tcp", timeout=PATIENCE_S))


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


def said(reply: DNSRecord) -> tuple[str, list[str]]:
    return RCODE[reply.header.rcode], [str(record.rdata) for record in reply.rr]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("name", "kind", "addresses"),
    [
        (ONE, "A", ["127.0.0.1"]),
        (TWO, "A", ["127.0.0.2", "127.0.0.3"]),
        (OWT, "A", ["127.0.0.3", "127.0.0.2"]),
        (SIX, "AAAA", ["::1"]),
        (BOTH, "A", ["127.0.0.1"]),
        (BOTH, "AAAA", ["::1"]),
    ],
)
def test_a_name_of_the_zone_has_its_addresses_in_order(
    server: NameServer, name: str, kind: str, addresses: list[str], transport: str
) -> None:
    assert said(ask(server, name, kind, transport)) == ("NOERROR", addresses)


@pytest.mark.parametrize(("name", "kind"), [(ONE, "AAAA"), (SIX, "A"), (BOTH, "MX"), (ONE, "ANY")])
def test_a_name_without_the_type_asked_for_exists_and_has_no_answer(server: NameServer, name: str, kind: str) -> None:
    assert said(ask(server, name, kind)) == ("NOERROR", [])


@pytest.mark.parametrize("name", [UNKNOWN, "sockspec.example", "more.one.sockspec.test", "localhost", "."])
def test_any_other_name_does_not_exist(server: NameServer, name: str) -> None:
    assert said(ask(server, name, "A")) == ("NXDOMAIN", [])


def test_a_name_is_the_same_in_capitals_and_comes_back_as_it_was_written(server: NameServer) -> None:
    reply = ask(server, "One.SockSpec.TEST", "A")
    assert (said(reply), str(reply.rr[0].rname)) == (("NOERROR", ["127.0.0.1"]), "One.SockSpec.TEST.")


def test_a_reply_carries_the_number_and_the_question_of_its_query(server: NameServer) -> None:
    question = DNSRecord.question(ONE)
    reply = DNSRecord.parse(question.send("127.0.0.1", server.udp_port, timeout=PATIENCE_S))
    assert (reply.header.id, str(reply.q)) == (question.header.id, str(question.q))


@never_in_a_hurry
@given(st.binary(max_size=600))
def test_arbitrary_bytes_get_a_reply_or_none(message: bytes) -> None:
    answered = names.answer(message)
    assert answered is None or DNSRecord.parse(answered).header.qr == 1


QUESTION = bytes(DNSRecord.question(BOTH, "AAAA").pack())


@never_in_a_hurry
@given(st.binary(min_size=4, max_size=4), st.binary(max_size=600))
def test_arbitrary_bytes_after_a_header_with_one_question_get_a_reply_or_none(start: bytes, rest: bytes) -> None:
    answered = names.answer(start + b"\0\1" + rest)
    assert answered is None or len(answered) <= 512


@never_in_a_hurry
@given(st.integers(0, len(QUESTION) - 1), st.integers(0, 255))
def test_a_query_with_one_byte_changed_gets_a_reply_or_none(place: int, byte: int) -> None:
    answered = names.answer(QUESTION[:place] + bytes([byte]) + QUESTION[place + 1 :])
    assert answered is None or DNSRecord.parse(answered).header.qr == 1


@pytest.mark.parametrize("size", range(len(QUESTION)))
def test_a_query_that_is_cut_off_gets_no_reply(size: int) -> None:
    assert names.answer(QUESTION[:size]) is None


NO_QUERIES = {
    "a-reply": b"\0\0\x80\0" + QUESTION[4:],
    "no-question": QUESTION[:4] + b"\0\0" + QUESTION[6:],
    "two-questions": QUESTION[:4] + b"\0\2" + QUESTION[6:] + QUESTION[12:],
    "a-name-that-points-at-itself": QUESTION[:12] + b"\xc0\x0c\0\1\0\1",
    "a-label-beyond-63-bytes": QUESTION[:12] + b"\x40" + b"a" * 64 + b"\0\0\1\0\1",
    "a-name-beyond-255-bytes": QUESTION[:12] + (b"\x3f" + b"a" * 63) * 1000 + b"\0\0\1\0\1",
    "a-label-that-is-no-text": QUESTION[:12] + b"\1\xff\0\0\1\0\1",
}


@pytest.mark.parametrize("message", NO_QUERIES.values(), ids=list(NO_QUERIES))
def test_what_is_no_query_gets_no_reply(message: bytes) -> None:
    assert names.answer(message) is None


def test_an_unheard_of_type_gets_no_addresses() -> None:
    answered = names.answer(QUESTION[:-4] + b"\xff\x01\0\1")
    assert answered is not None
    assert said(DNSRecord.parse(answered)) == ("NOERROR", [])


def test_datagrams_of_garbage_do_not_keep_the_next_query_waiting(server: NameServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for garbage in (b"", b"\0", bytes(12), b"\xff" * 60_000, QUESTION[:-1]):
            stranger.sendto(garbage, ("127.0.0.1", server.udp_port))
    assert said(ask(server, ONE, "A")) == ("NOERROR", ["127.0.0.1"])


@pytest.mark.parametrize("beginning", [b"", b"\0", b"\xff\xff" + bytes(60_000), framed(b"garbage")])
def test_a_connection_that_asks_nothing_does_not_keep_the_next_one_waiting(
    server: NameServer, beginning: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", server.tcp_port)) as stranger:
        stranger.sendall(beginning)
        assert said(ask(server, ONE, "A", "tcp")) == ("NOERROR", ["127.0.0.1"])


def test_a_connection_may_ask_several_times_and_in_pieces(server: NameServer) -> None:
    with (
        socket.create_connection(("127.0.0.1", server.tcp_port), PATIENCE_S) as client,
        client.makefile("rb") as replies,
    ):
        for piece in (framed(QUESTION)[:1], framed(QUESTION)[1:20], framed(QUESTION)[20:] + framed(QUESTION)):
            client.sendall(piece)
        answers = [replies.read(int.from_bytes(replies.read(2), "big")) for _ in range(2)]
    assert [said(DNSRecord.parse(answer)) for answer in answers] == [("NOERROR", ["::1"])] * 2


def test_the_oldest_connection_goes_when_there_are_too_many(server: NameServer) -> None:
    crowd = [socket.create_connection(("127.0.0.1", server.tcp_port), PATIENCE_S) for _ in range(17)]
    assert crowd[0].recv(1) == b""
    assert len(server._connections) == names._CONNECTIONS_KEPT
    for client in crowd:
        client.close()


def ask_for_ever(client: socket.socket) -> None:
    while True:
        client.sendall(framed(QUESTION) * 1000)


def test_whoever_asks_and_does_not_read_is_dropped(server: NameServer) -> None:
    with socket.create_connection(("127.0.0.1", server.tcp_port), PATIENCE_S) as client, pytest.raises(ConnectionError):
        ask_for_ever(client)
    assert said(ask(server, ONE, "A", "tcp")) == ("NOERROR", ["127.0.0.1"])


def test_closing_ends_the_thread_and_releases_the_ports() -> None:
    server = names.serve(port=0)
    server.close()
    server.close()
    assert (server._thread.is_alive(), server._udp.fileno(), server._tcp.fileno()) == (False, -1, -1)


def test_a_port_that_is_taken_is_an_oserror_and_leaves_nothing_open(server: NameServer) -> None:
    with pytest.raises(OSError, match="in use"):
        names.serve(server.udp_port)


def test_importing_the_constants_does_not_import_dnslib() -> None:
    code = "import sys, sockspec.names; assert 'dnslib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
