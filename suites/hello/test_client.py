"""What a hello client has to do: connect, and print what it hears."""

from sockspec.shared.client import (  # noqa: F401
    test_a_name_that_does_not_exist_is_an_error,
    test_a_port_is_not_taken_modulo_65536,
    test_a_refused_connection_is_told_in_one_line,
    test_a_reset_in_the_middle_of_the_reply_is_an_error,
    test_an_unknown_host_is_told_in_one_line,
    test_it_connects_once,
    test_it_does_not_wait_for_somebody_to_type,
    test_it_ends_when_the_server_leaves_without_a_word,
    test_it_gets_from_the_server_of_the_reference_what_the_reference_gets,
    test_it_keeps_reading_however_long_the_server_pauses,
    test_it_looks_a_name_up_with_the_name_server,
    test_it_sends_nothing,
    test_it_takes_a_name_that_has_an_ipv6_address_only,
    test_it_takes_an_address_in_numbers,
    test_it_takes_an_ipv6_address_in_numbers,
    test_it_takes_localhost,
    test_it_writes_nothing_to_its_standard_error_when_all_goes_well,
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


@requirement("hello.client.default-port")
def test_given_no_port_it_connects_to_the_usual_one(client: Client) -> None:
    visit = client.start_on_default_port()
    client.answer(visit, b"Hello, world!")


@requirement("hello.client.large")
def test_a_long_greeting_is_printed_to_its_last_byte(client: Client) -> None:
    client.exchange(client.payload(MIB))
