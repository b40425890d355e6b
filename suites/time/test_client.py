"""What a time client has to do (RFC 868): read four bytes, and print them beside the time of its own machine."""

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
    test_it_does_not_wait_for_somebody_to_type,
    test_it_ends_when_the_server_leaves_before_its_message,
    test_it_looks_a_name_up_with_the_name_server,
    test_it_sends_nothing,
    test_it_takes_a_name_that_has_an_ipv6_address_only,
    test_it_takes_an_address_in_numbers,
    test_it_takes_an_ipv6_address_in_numbers,
    test_it_takes_localhost,
    test_it_waits_for_the_rest_of_a_message,
    test_it_writes_nothing_to_its_standard_error_when_all_goes_well,
    test_no_port_at_all_is_an_error,
    test_two_run_at_once,
    test_what_is_no_port_is_an_error,
    test_what_is_no_port_is_told_in_one_line,
    test_when_nobody_listens_that_is_an_error,
    test_when_one_address_refuses_it_tries_the_next,
    test_when_the_ipv6_address_refuses_it_tries_the_ipv4_address,
)
from sockspec.suite import Client, Server, requirement
from suites.time.clock import both_since, no_time, no_time_but, now, system_since

NUMBERS = [0, 1, 0x01020304, 0x7FFFFFFF, 0x80000000, 0xEE9F0A0D, 0xFFFFFFFF]
IN_1980 = 0x96A2C100
BINARY = bytes(range(1, 256)) * 16


@requirement("time.client.any-number")
@pytest.mark.parametrize("number", NUMBERS, ids=[f"{number:08x}" for number in NUMBERS])
def test_the_number_comes_out_whatever_it_is(client: Client, number: int) -> None:
    client.answer(client.start(), number.to_bytes(4, "big"))


@requirement("time.client.system-time")
def test_the_second_line_is_the_clock_of_this_machine(client: Client) -> None:
    began = now()
    visit = client.start()
    visit.peer.send(client.reply)
    visit.peer.finish()
    visit.expect_printed(system_since(began))
    visit.expect_success()


@requirement("time.client.cut-off")
@pytest.mark.parametrize("sent", [0, 1, 2, 3], ids=["nothing", "1-byte", "2-bytes", "3-bytes"])
def test_fewer_than_four_bytes_are_an_error(client: Client, sent: int) -> None:
    client.visit()
    visit = client.start()
    visit.peer.send(client.reply[:sent])
    visit.peer.finish()
    visit.expect_failure()
    visit.expect_printed(no_time)


@requirement("time.client.four-and-no-more")
@pytest.mark.parametrize(
    "more", [b"\x01", b"\x01\x02\x03\x04", BINARY[:256], BINARY], ids=["5-bytes", "8-bytes", "260-bytes", "4-kib"]
)
def test_of_more_than_four_bytes_it_makes_no_other_number(client: Client, more: bytes) -> None:
    client.visit()
    visit = client.start()
    visit.peer.send(IN_1980.to_bytes(4, "big") + more)
    visit.peer.finish()
    visit.expect_end()
    visit.expect_printed(no_time_but(IN_1980))


@requirement("client.meets-reference-server")
def test_beside_the_time_of_the_reference_its_own_is_the_same(client: Client) -> None:
    began = now()
    visit = client.call_reference(b"")
    visit.expect_printed(both_since(began))
    visit.expect_success()


@requirement("both.meet-each-other")
def test_the_client_and_the_server_of_the_submission_agree_on_the_time(server: Server, client: Client) -> None:
    server.start()
    began = now()
    visit = client.call(server.port, b"")
    visit.expect_printed(both_since(began))
    visit.expect_success()
