"""Scenarios for the client of any exercise on a TCP stream."""

import pytest

from sockspec.suite import BOTH, LOOPBACK, ONE, SIX, TWO, UNKNOWN, Client, Server, requirement

BINARY = bytes(range(256)) * 4


@requirement("client.dotted-address")
def test_it_takes_an_address_in_numbers(client: Client) -> None:
    client.listen(LOOPBACK)
    client.visit(LOOPBACK)


@requirement("client.localhost")
def test_it_takes_localhost(client: Client) -> None:
    client.listen_on_localhost()
    client.visit("localhost")


@requirement("client.host-name")
def test_it_looks_a_name_up_with_the_name_server(client: Client) -> None:
    client.needs_names()
    client.visit(ONE)


@requirement("client.unknown-host")
def test_a_name_that_does_not_exist_is_an_error(client: Client) -> None:
    client.visit(LOOPBACK)
    client.needs_names()
    client.expect_failure(client.launch_at(UNKNOWN))


@requirement("client.next-address")
@pytest.mark.parametrize("address", ["127.0.0.2", "127.0.0.3"])
def test_when_one_address_refuses_it_tries_the_next(client: Client, address: str) -> None:
    client.needs_names()
    client.listen(address)
    client.visit(TWO)


@requirement("client.next-address")
def test_when_the_ipv6_address_refuses_it_tries_the_ipv4_address(client: Client) -> None:
    client.needs_names()
    client.needs_ipv6()
    client.visit(BOTH)


@requirement("client.ipv6")
def test_it_takes_an_ipv6_address_in_numbers(client: Client) -> None:
    client.needs_ipv6()
    client.listen("::1")
    client.visit("::1")


@requirement("client.ipv6")
def test_it_takes_a_name_that_has_an_ipv6_address_only(client: Client) -> None:
    client.needs_names()
    client.needs_ipv6()
    client.listen("::1")
    client.visit(SIX)


@requirement("client.connects-once")
def test_it_connects_once(client: Client) -> None:
    client.visit()
    client.expect_no_connection()


@requirement("client.refused")
def test_when_nobody_listens_that_is_an_error(client: Client) -> None:
    client.visit()
    client.stop_listening()
    client.expect_failure(client.launch_at(LOOPBACK))


@requirement("client.error-messages")
def test_a_refused_connection_is_told_in_one_line(client: Client) -> None:
    visit = client.launch_at(LOOPBACK)
    visit.expect_failure()
    visit.expect_plain_message()


@requirement("client.error-messages")
def test_an_unknown_host_is_told_in_one_line(client: Client) -> None:
    client.needs_names()
    visit = client.launch_at(UNKNOWN)
    visit.expect_end()
    visit.expect_plain_message()


@requirement("client.error-messages")
def test_what_is_no_port_is_told_in_one_line(client: Client) -> None:
    visit = client.launch_with_port("65536")
    visit.expect_end()
    visit.expect_plain_message()


@requirement("client.bad-port")
@pytest.mark.parametrize("port", ["abc", "-1", "65536"])
def test_what_is_no_port_is_an_error(client: Client, port: str) -> None:
    client.expect_failure(client.launch_with_port(port))


@requirement("client.bad-port")
def test_a_port_is_not_taken_modulo_65536(client: Client) -> None:
    client.listen(LOOPBACK)
    client.expect_failure(client.launch_with_port(str(65536 + client.port)))


@requirement("client.bad-port")
def test_no_port_at_all_is_an_error(client: Client) -> None:
    visit = client.launch_without_port()
    visit.expect_failure()


@requirement("client.any-local-port")
def test_two_run_at_once(client: Client) -> None:
    request = client.scenario.conversation.request_bytes()
    first, second = client.start(request), client.start(request)
    client.converse(second)
    client.converse(first)


@requirement("client.prints-all")
@pytest.mark.parametrize("data", [BINARY, b"no newline at the end", b"\0a\0b\n\n"], ids=["binary", "text", "nul"])
def test_the_reply_comes_out_byte_for_byte(client: Client, data: bytes) -> None:
    client.exchange(data)


@requirement("client.quiet")
def test_it_writes_nothing_to_its_standard_error_when_all_goes_well(client: Client) -> None:
    visit = client.start(client.scenario.conversation.request_bytes())
    client.converse(visit)
    visit.expect_silence()


@requirement("client.reply-in-pieces")
@pytest.mark.parametrize("size", [1, 3], ids=["1-byte", "3-bytes"])
def test_what_it_prints_does_not_depend_on_how_the_reply_was_cut(client: Client, size: int) -> None:
    visit = client.start(b"to be sent back\n")
    visit.peer.expect_bytes()
    visit.peer.send_in_pieces(b"to be sent back\n", size)
    visit.peer.finish()
    visit.expect_output()
    visit.expect_success()
    visit.peer.expect_nothing_more()


@requirement("client.reply-in-pieces")
def test_a_message_is_understood_byte_by_byte(client: Client) -> None:
    visit = client.start()
    visit.peer.send_in_pieces(client.reply, 1)
    visit.peer.finish()
    visit.expect_output()
    visit.expect_success()


@requirement("client.reply-in-pieces")
def test_a_message_is_understood_wherever_it_was_cut(client: Client) -> None:
    for at in range(1, len(client.reply)):
        visit = client.start()
        visit.peer.send_cut_at(client.reply, at)
        visit.peer.finish()
        visit.expect_output()
        visit.expect_success()


@requirement("client.only-listens")
def test_it_sends_nothing(client: Client) -> None:
    client.converse(client.start(b"typed by somebody\n"))


@requirement("client.only-listens")
def test_it_does_not_wait_for_somebody_to_type(client: Client) -> None:
    client.converse(client.start(stdin=None))


@requirement("client.reads-to-the-end")
def test_it_waits_for_the_rest_of_a_message(client: Client) -> None:
    half = len(client.reply) // 2
    visit = client.start()
    visit.peer.send(client.reply[:half])
    visit.peer.pause_long()
    visit.peer.send(client.reply[half:])
    visit.peer.pause_long()
    visit.peer.finish()
    visit.expect_output()
    visit.expect_success()


@requirement("client.reads-to-the-end")
def test_it_keeps_reading_however_long_the_server_pauses(client: Client) -> None:
    visit = client.start(b"first second")
    visit.peer.expect_bytes()
    visit.peer.send(b"first ")
    visit.peer.pause_long()
    visit.peer.send(b"second")
    visit.peer.pause_long()
    visit.peer.expect_still_open()
    visit.peer.finish()
    visit.expect_output()
    visit.expect_success()
    visit.peer.expect_nothing_more()


@requirement("client.server-leaves")
def test_it_ends_when_the_server_leaves_without_a_word(client: Client) -> None:
    client.visit()
    visit = client.start(b"hello\n")
    visit.peer.expect_bytes()
    visit.peer.finish()
    visit.expect_end()
    visit.expect_output()
    visit.peer.expect_nothing_more()


@requirement("client.server-leaves")
def test_it_ends_when_the_server_leaves_before_its_message(client: Client) -> None:
    client.visit()
    visit = client.start()
    visit.peer.finish()
    visit.expect_end()


@requirement("client.server-resets")
def test_a_reset_in_the_middle_of_a_message_is_an_error(client: Client) -> None:
    client.visit()
    visit = client.start()
    visit.peer.send(client.reply[: len(client.reply) // 2])
    visit.peer.wait_until_consumed()
    visit.peer.reset()
    visit.expect_failure()


@requirement("client.server-resets")
def test_a_reset_in_the_middle_of_the_reply_is_an_error(client: Client) -> None:
    client.visit()
    visit = client.start(b"first second")
    visit.peer.expect_bytes()
    visit.peer.send(b"first ")
    visit.peer.wait_until_consumed()
    visit.peer.reset()
    visit.expect_failure(heard=b"first ")


@requirement("client.meets-reference-server")
def test_it_gets_from_the_server_of_the_reference_what_the_reference_gets(client: Client) -> None:
    visit = client.call_reference(client.payload(3000))
    visit.expect_output()
    visit.expect_success()


@requirement("both.meet-each-other")
def test_the_client_and_the_server_of_the_submission_understand_each_other(server: Server, client: Client) -> None:
    server.start()
    visit = client.call(server.port, server.payload(3000))
    visit.expect_output()
    visit.expect_success()
