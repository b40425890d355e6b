"""Messages of HTTP are told apart by what matters, and a fault is named in words."""

import pytest

from sockspec.shared import http
from suites.files.paths import no_explanation, no_refusal

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: close\r\n\r\nHello!"
ALIKE = [
    b"HTTP/1.1 200 Fine\r\nConnection: Close\r\nServer: mine\r\nCONTENT-LENGTH:6\r\n"
    b"content-type:  Text/Plain; charset=utf-8 \r\n\r\nHello!",
    b"HTTP/1.0 200\r\nContent-Length: 06\r\nContent-Type: text/plain\r\n\r\nHello!",
]


@pytest.mark.parametrize("answer", [ANSWER, *ALIKE], ids=["usual", "other-case", "older"])
def test_answers_that_say_the_same_are_the_same(answer: bytes) -> None:
    parts = (http.status(answer), http.media_type(answer), http.body(answer))
    assert parts == (b"HTTP/1.1 200", b"text/plain", b"Hello!")
    assert [http.no_answer(answer), http.no_close(answer)] == ["", ""]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "there is nothing"),
        (ANSWER.replace(b"\r\n", b"\n"), "a lone LF is no end of a line"),
        (ANSWER.replace(b"plain\r\n", b"plain\n"), "does not end with CR LF: `Content-Type: text/plain"),
        (ANSWER.replace(b"OK\r\n", b"OK\n"), "the first line does not end with CR LF"),
        (ANSWER.replace(b"Type:", b"Type"), "no name, colon and value: `Content-Type text/plain`"),
        (ANSWER.replace(b"Type:", b"Type :"), "no name, colon and value"),
        (ANSWER.replace(b"\r\n\r\n", b"\r\n"), "there is no blank line"),
    ],
)
def test_a_head_that_is_not_in_lines_is_told(answer: bytes, words: str) -> None:
    assert words in http.not_in_lines(answer)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"Content-Length: 7", "Content-Length is 7, and behind the blank line there are 6 bytes"),
        (b"Content-Length: six", "no number: `six`"),
        (b"Content-Length: 6\r\nContent-Length: 6", "there are 2 lines"),
        (b"Length: 6", "there is no Content-Length"),
    ],
)
def test_a_wrong_length_is_told(said: bytes, words: str) -> None:
    assert words in http.wrong_length(ANSWER.replace(b"Content-Length: 6", said))


@pytest.mark.parametrize("said", [b"Connection: keep-alive", b"Server: mine"])
def test_a_connection_that_is_not_said_to_close_is_told(said: bytes) -> None:
    assert http.no_close(ANSWER.replace(b"Connection: close", said))


@pytest.mark.parametrize("first", [b"HTTP/1.1 200OK", b"HTTP/2 200 OK", b"HTTP 1.1 200 OK", b"200 OK", b"hello"])
def test_what_is_no_status_line_is_shown_as_it_is(first: bytes) -> None:
    answer = ANSWER.replace(b"HTTP/1.1 200 OK", first)
    assert http.status(answer) == first
    assert "status line" in http.no_answer(answer)


@pytest.mark.parametrize("first", [b"GET HTTP/1.1", b"get / HTTP/1.1", b"GET /  HTTP/1.1", b"GET / HTTP/1.0", b""])
def test_another_request_line_than_the_one_is_told(first: bytes) -> None:
    assert http.no_request_line(first + b"\r\nHost: localhost\r\n\r\n")


@pytest.mark.parametrize("status", [b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 301 Moved"])
def test_success_is_no_refusal(status: bytes) -> None:
    assert "for what asks for no file it is 400 or more" in no_refusal(ANSWER.replace(b"HTTP/1.1 200 OK", status))


@pytest.mark.parametrize(
    "answer", [b"", b"<html>no version was given", ANSWER.replace(b"200 OK", b"414 Too Long"), b"HTTP/1.1 2\xff"]
)
def test_an_error_is_a_refusal_and_so_is_silence(answer: bytes) -> None:
    assert no_refusal(answer) == ""


def test_an_answer_without_a_body_explains_nothing() -> None:
    bare = ANSWER.replace(b"Length: 6", b"Length: 0").removesuffix(b"Hello!")
    assert [no_explanation(answer) for answer in (ANSWER, bare)] == ["", "there is no body"]
