"""Scenarios for the server of any exercise that speaks HTTP/1.1: one request a connection, one answer, the end.

A client here keeps its side open until it has its answer, as browsers do. One that shuts it down is taken for gone by
some servers: nginx stops sending it a large file.
"""

import pytest

from sockspec.shared.http import no_close, not_in_lines, status, wrong_length
from sockspec.suite import Peer, Server, requirement

BAD_REQUESTS = {
    "blank": b"\r\n\r\n",
    "one-word": b"GET\r\n\r\n",
    "two-words": b"GET /\r\n\r\n",
    "binary": b"\xff\xfe\0\x80 /\xc3 \r\n\r\n",
    "spaces": b"   \r\n\r\n",
    "long-word": b"A" * 6000 + b"\r\n\r\n",
    "long-path": b"GET /" + b"a" * 6000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no-colon": b"GET / HTTP/1.1\r\nthis is no header line\r\n\r\n",
}


def asked(server: Server) -> Peer:
    """A client of ours that has said its request, whole."""
    peer = server.connect()
    peer.send(server.request)
    return peer


def longer(request: bytes, size: int) -> bytes:
    """The request with further header lines, that many bytes in all."""
    lines, left = b"", size - len(request)
    while left:
        taken = left if left < 140 else 70
        lines, left = lines + b"X-Padding: ".ljust(taken - 2, b"x") + b"\r\n", left - taken
    return request.removesuffix(b"\r\n") + lines + b"\r\n"


@requirement("server.status-line")
def test_the_answer_begins_with_a_status_line(server: Server) -> None:
    asked(server).expect_part("the status line", status)


@requirement("server.header-lines")
def test_the_head_of_the_answer_is_in_lines_and_ends_with_a_blank_one(server: Server) -> None:
    asked(server).expect_message(not_in_lines)


@requirement("server.content-length")
def test_the_answer_says_how_long_its_body_is(server: Server) -> None:
    asked(server).expect_message(wrong_length)


@requirement("server.connection-close")
def test_the_answer_says_that_it_is_the_last(server: Server) -> None:
    asked(server).expect_message(no_close)


@requirement("server.answers-at-once")
def test_it_answers_a_client_that_does_not_end_its_side(server: Server) -> None:
    server.hear(asked(server))


@requirement("server.ends")
def test_after_its_answer_comes_the_orderly_end(server: Server) -> None:
    server.start()
    server.pause()
    peer = server.connect()
    peer.send(server.request)
    server.resume()
    server.hear(peer)
    peer.expect_end()


@requirement("server.does-not-wait")
def test_a_client_that_has_its_answer_and_stays_keeps_nobody_waiting(server: Server) -> None:
    first = asked(server)
    server.hear(first)
    server.visit()


@requirement("server.request-in-pieces")
def test_a_request_is_understood_byte_by_byte(server: Server) -> None:
    peer = server.connect()
    peer.send_in_pieces(server.request[:-1], 1)
    peer.expect_nothing_yet()
    peer.send(server.request[-1:])
    server.hear(peer)


@requirement("server.request-in-pieces")
def test_a_request_is_understood_wherever_it_was_cut(server: Server) -> None:
    for at in range(1, len(server.request)):
        peer = server.connect()
        peer.send(server.request[:at])
        peer.expect_nothing_yet()
        peer.send(server.request[at:])
        server.hear(peer)
        peer.leave()


@requirement("server.request-in-pieces")
def test_a_pause_in_the_middle_of_a_request_is_waited_out(server: Server) -> None:
    peer = server.connect()
    peer.send(server.request[:20])
    peer.pause_long()
    peer.send(server.request[20:])
    server.hear(peer)


@requirement("server.long-request")
@pytest.mark.parametrize("size", [511, 512, 513, 1023, 1024, 1025, 2048, 4095, 4096, 4097, 8000])
def test_a_request_is_read_to_its_end_however_long(server: Server, size: int) -> None:
    server.start()
    server.pause()
    peer = server.connect()
    peer.send(longer(server.request, size))
    server.resume()
    server.hear(peer)
    peer.expect_end()


@requirement("server.cut-off-request")
@pytest.mark.parametrize("left", [1, 3, 20], ids=["1-byte-short", "3-bytes-short", "20-bytes-short"])
def test_a_client_that_leaves_in_the_middle_of_its_request_does_no_harm(server: Server, left: int) -> None:
    peer = server.connect()
    peer.send(server.request[:-left])
    peer.wait_until_consumed()
    peer.leave()
    server.visit()


@requirement("server.cut-off-request")
def test_a_request_that_ends_in_its_middle_is_not_waited_for(server: Server) -> None:
    peer = server.connect()
    peer.send(server.request[:20])
    peer.finish()
    server.expect_closed(peer)
    server.visit()


@requirement("server.bad-request")
@pytest.mark.parametrize("request_", BAD_REQUESTS.values(), ids=list(BAD_REQUESTS))
def test_a_request_that_is_none_does_no_harm(server: Server, request_: bytes) -> None:
    peer = server.connect()
    peer.send(request_)
    peer.finish()
    peer.expect_any_end()
    peer.leave()
    server.visit()


@requirement("server.client-vanishes")
def test_a_client_that_asks_and_leaves_does_no_harm(server: Server) -> None:
    server.start()
    server.pause()
    peer = server.connect()
    peer.send(server.request)
    peer.leave()
    server.resume()
    server.visit()


@requirement("server.client-resets")
def test_a_client_that_asks_and_resets_does_no_harm(server: Server) -> None:
    server.start()
    server.pause()
    peer = server.connect()
    peer.send(server.request)
    peer.reset()
    server.resume()
    server.visit()
