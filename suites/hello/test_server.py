"""What a hello server has to do: greet whoever connects, and close."""

from sockspec.shared.server import (  # noqa: F401
    test_a_client_that_leaves_before_it_is_accepted_does_no_harm,
    test_a_client_that_leaves_while_it_is_listened_to_does_no_harm,
    test_a_client_that_leaves_without_a_byte_does_no_harm,
    test_a_client_that_resets_before_it_is_accepted_does_no_harm,
    test_a_client_that_resets_while_it_is_listened_to_does_no_harm,
    test_a_client_that_stays_keeps_nobody_waiting,
    test_a_port_below_1024_is_refused_to_an_ordinary_user,
    test_a_port_is_not_taken_modulo_65536,
    test_a_second_server_does_not_get_the_port_of_the_first,
    test_a_taken_port_is_an_error_and_whoever_has_it_is_undisturbed,
    test_a_taken_port_is_told_in_one_line,
    test_an_interrupt_ends_it_and_frees_the_port,
    test_clients_that_arrive_together_are_all_served,
    test_clients_that_wait_together_are_each_told,
    test_given_no_port_it_listens_on_the_usual_one,
    test_it_holds_no_more_after_a_hundred_clients_than_after_ten,
    test_it_is_reachable_through_another_local_address,
    test_it_serves_one_client_after_the_other,
    test_it_waits_without_using_the_processor,
    test_its_end_is_closed_when_the_client_has_left,
    test_one_socket_listens_on_the_port_it_was_given,
    test_started_again_after_it_served_it_gets_its_port,
    test_the_client_of_the_reference_gets_what_it_gets_from_the_reference,
    test_what_a_client_said_does_not_turn_the_end_into_a_reset,
    test_what_is_no_port_is_an_error,
)
from sockspec.suite import Server, requirement


@requirement("hello.server.greets")
def test_whoever_connects_hears_the_greeting_and_then_the_end(server: Server) -> None:
    peer = server.connect()
    peer.expect_bytes()
    peer.expect_end()


@requirement("hello.server.greets-talkers")
def test_a_client_that_speaks_first_hears_the_greeting_as_well(server: Server) -> None:
    server.start()
    server.pause()
    peer = server.connect()
    peer.send(b"anybody there?\n")
    server.resume()
    peer.expect_bytes()
    peer.expect_nothing_more()
