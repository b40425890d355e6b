"""What a web client has to do: ask for `/`, and print the whole answer."""

import pytest

from sockspec.shared.client import (  # noqa: F401
    test_a_message_is_understood_byte_by_byte,
    test_a_message_is_understood_wherever_it_was_cut,
    test_a_name_that_does_not_exist_is_an_error,
    test_a_port_is_not_taken_modulo_65536,
    test_a_refused_connection_is_told_in_one_line,
    test_a_reset_in_the_middle_of_a_message_is_an_error,
    test_an_unknown_host_is_told_in_one_line,
    test_it_connects_once,
    test_it_ends_when_the_server_leaves_before_its_message,
    test_it_gets_from_the_server_of_the_reference_what_the_reference_gets,
    test_it_looks_a_name_up_with_the_name_server,
    test_it_takes_a_name_that_has_an_ipv6_address_only,
    test_it_takes_an_address_in_numbers,
    test_it_takes_an_ipv6_address_in_numbers,
    test_it_takes_localhost,
    test_it_waits_for_the_rest_of_a_message,
    test_it_writes_nothing_to_its_standard_error_when_all_goes_well,
    test_two_run_at_once,
    test_what_is_no_port_is_an_error,
    test_what_is_no_port_is_told_in_one_line,
    test_when_nobody_listens_that_is_an_error,
    test_when_one_address_refuses_it_tries_the_next,
    test_when_the_ipv6_address_refuses_it_tries_the_ipv4_address,
)
from sockspec.shared.http import no_answer, no_close, no_request_line
from sockspec.suite import Client, Server, requirement
from suites.web.requests import not_for, not_only_lines

MIB = 1 << 20
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
ANSWERS = {
    "binary": HEAD + b"Content-Length: 1024\r\n\r\n" + bytes(range(256)) * 4,
    "no-newline": HEAD + b"Content-Length: 6\r\n\r\nHello!",
    "no-body": HEAD + b"Content-Length: 0\r\n\r\n",
    "no-length": HEAD + b"\r\nas much as comes\n",
    "not-found": b"HTTP/1.1 404 Not Found\r\nContent-Length: 8\r\n\r\nnothing\n",
    "blank-lines": HEAD + b"\r\n\r\n\r\nbehind\r\n\r\nblank lines",
}


@requirement("web.client.default-port")
def test_given_no_port_it_connects_to_the_usual_one(client: Client) -> None:
    client.converse(client.start_on_default_port())


@requirement("web.client.request-line")
def test_it_asks_for_the_root(client: Client) -> None:
    client.start().peer.expect_request(no_request_line)


@requirement("web.client.header-lines")
def test_its_request_is_in_lines_and_ends_with_a_blank_one(client: Client) -> None:
    client.start().peer.expect_request(not_only_lines)


@requirement("web.client.host-header")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_its_request_names_the_host(client: Client, host: str) -> None:
    client.listen_on_localhost()
    client.start(host=host).peer.expect_request(not_for(host))


@requirement("web.client.asks-to-close")
def test_it_asks_for_the_end_of_the_connection(client: Client) -> None:
    client.start().peer.expect_request(no_close)


@requirement("client.prints-all")
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=list(ANSWERS))
def test_the_answer_comes_out_byte_for_byte(client: Client, answer: bytes) -> None:
    client.answer(client.start(), answer)


@requirement("web.client.large")
def test_a_long_answer_is_printed_to_its_last_byte(client: Client) -> None:
    client.answer(client.start(), HEAD + b"Content-Length: %d\r\n\r\n" % (8 * MIB) + client.payload(8 * MIB))


@requirement("client.reads-to-the-end")
@pytest.mark.parametrize("at", [len(HEAD), len(HEAD) + 2, len(HEAD) + 6], ids=["head", "blank-line", "body"])
def test_an_answer_without_a_length_is_read_to_the_end(client: Client, at: int) -> None:
    visit = client.start()
    visit.peer.expect_request()
    visit.peer.send(ANSWERS["no-length"][:at])
    visit.peer.pause_long()
    visit.peer.send(ANSWERS["no-length"][at:])
    visit.peer.finish()
    visit.expect_output()
    visit.expect_success()


@requirement("both.meet-each-other")
def test_the_client_prints_a_whole_answer_of_the_server(server: Server, client: Client) -> None:
    server.start()
    visit = client.call(server.port, b"")
    visit.expect_printed(no_answer)
    visit.expect_success()
