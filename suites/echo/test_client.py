"""What an echo client has to do (RFC 862 over TCP)."""

import pytest

from sockspec.shared.client import (  # noqa: F401
    test_a_name_that_does_not_exist_is_an_error,
    test_a_port_is_not_taken_modulo_65536,
    test_a_refused_connection_is_told_in_one_line,
    test_a_reset_in_the_middle_of_the_reply_is_an_error,
    test_an_unknown_host_is_told_in_one_line,
    test_it_connects_once,
    test_it_ends_when_the_server_leaves_without_a_word,
    test_it_gets_from_the_server_of_the_reference_what_the_reference_gets,
    test_it_keeps_reading_however_long_the_server_pauses,
    test_it_looks_a_name_up_with_the_name_server,
    test_it_takes_a_name_that_has_an_ipv6_address_only,
    test_it_takes_an_address_in_numbers,
    test_it_takes_an_ipv6_address_in_numbers,
    test_it_takes_localhost,
    test_it_writes_nothing_to_its_standard_error_when_all_goes_well,
    test_no_port_at_all_is_an_error,
    test_the_client_and_the_server_of_the_submission_understand_each_other,
    test_the_reply_comes_out_byte_for_byte,
    test_two_run_at_once,
    test_what_is_no_port_is_an_error,
    test_what_is_no_port_is_told_in_one_line,
    test_what_it_prints_does_not_depend_on_how_the_reply_was_cut,
    test_when_nobody_listens_that_is_an_error,
    test_when_one_address_refuses_it_tries_the_next,
    test_when_the_ipv6_address_refuses_it_tries_the_ipv4_address,
)
from sockspec.suite import Client, requirement

MIB = 1 << 20
BINARY = bytes(range(256)) * 4
LINE = b"The quick brown fox.\n"


@requirement("echo.client.sends-all")
@pytest.mark.parametrize("data", [BINARY, b"no newline at the end", b"\0a\0b\n\n"], ids=["binary", "text", "nul"])
def test_the_input_goes_out_byte_for_byte(client: Client, data: bytes) -> None:
    client.exchange(data)


@requirement("echo.client.sends-all")
@pytest.mark.parametrize("size", [1023, 1024, 1025, 4096, 65536, 100_000])
def test_input_of_any_size_goes_out(client: Client, size: int) -> None:
    client.exchange_mirrored(client.payload(size))


@requirement("client.reply-in-pieces")
def test_what_it_prints_does_not_depend_on_where_the_reply_was_cut(client: Client) -> None:
    for at in range(1, len(LINE)):
        visit = client.start(LINE)
        visit.peer.expect_bytes()
        visit.peer.send_cut_at(LINE, at)
        visit.peer.finish()
        visit.expect_output()
        visit.expect_success()
        visit.peer.expect_nothing_more()


@requirement("echo.client.large")
def test_8_mib_go_out_while_their_echo_comes_back(client: Client) -> None:
    client.listen_on_ethernet()
    client.exchange_mirrored(client.payload(8 * MIB))


@requirement("echo.client.partial-send")
def test_no_byte_is_lost_when_it_is_stopped_in_the_middle_of_a_send(client: Client) -> None:
    client.listen_on_ethernet()
    visit = client.start(client.payload(8 * MIB))
    visit.peer.wait_until_stuck()
    visit.pause()
    visit.resume()
    visit.peer.mirror()
    visit.peer.expect_bytes()
    visit.expect_output()
    visit.expect_success()


@requirement("echo.client.empty-input")
def test_no_input_is_a_complete_conversation(client: Client) -> None:
    client.visit()
    visit = client.start(b"")
    visit.peer.expect_bytes()
    visit.peer.expect_end()
    visit.peer.finish()
    visit.expect_output()
    visit.expect_success()


@requirement("echo.client.interactive")
def test_a_line_goes_out_when_it_is_typed(client: Client) -> None:
    visit = client.start(stdin=None)
    visit.type(b"one\n")
    visit.peer.expect_bytes()
    visit.peer.send(b"one\n")
    client.scenario.at_rest()  # who types the second line has read the reply to the first
    visit.type(b"two\n")
    visit.peer.expect_bytes()
    visit.peer.send(b"two\n")
    visit.end_input()
    visit.peer.finish()
    visit.expect_output()
    visit.expect_success()


@requirement("echo.client.half-closes")
def test_the_end_of_the_input_reaches_the_server_while_replies_are_read(client: Client) -> None:
    visit = client.start(b"hello\n")
    visit.peer.expect_bytes()
    visit.peer.send(b"hel")
    visit.peer.wait_until_consumed()
    visit.peer.send(b"lo\n")
    visit.peer.expect_end()
    visit.peer.finish()
    visit.expect_output()
    visit.expect_success()


@requirement("client.server-leaves")
def test_it_ends_when_the_server_leaves_while_it_sends(client: Client) -> None:
    visit = client.start(client.payload(8 * MIB))
    visit.peer.wait_until_stuck()
    visit.peer.leave()
    visit.expect_end()
