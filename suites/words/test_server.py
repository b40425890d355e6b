"""What a words server has to do: send one to ten words, each in a packet, and close."""

from sockspec.shared.server import (  # noqa: F401
    test_a_client_that_leaves_before_it_is_accepted_does_no_harm,
    test_a_client_that_leaves_while_it_is_listened_to_does_no_harm,
    test_a_client_that_leaves_without_a_byte_does_no_harm,
    test_a_client_that_resets_before_it_is_accepted_does_no_harm,
    test_a_client_that_resets_while_it_is_listened_to_does_no_harm,
    test_a_client_that_speaks_first_is_told_as_well,
    test_a_client_that_stays_keeps_nobody_waiting,
    test_a_port_below_1024_is_refused_to_an_ordinary_user,
    test_a_port_is_not_taken_modulo_65536,
    test_a_second_server_does_not_get_the_port_of_the_first,
    test_a_taken_port_is_an_error_and_whoever_has_it_is_undisturbed,
    test_a_taken_port_is_told_in_one_line,
    test_after_its_message_comes_the_orderly_end,
    test_an_interrupt_ends_it_and_frees_the_port,
    test_clients_that_arrive_together_are_all_served,
    test_clients_that_wait_together_are_each_told,
    test_it_holds_no_more_after_a_hundred_clients_than_after_ten,
    test_it_is_reachable_through_another_local_address,
    test_it_serves_one_client_after_the_other,
    test_it_waits_without_using_the_processor,
    test_its_end_is_closed_when_the_client_has_left,
    test_no_port_at_all_is_an_error,
    test_one_socket_listens_on_the_port_it_was_given,
    test_started_again_after_it_served_it_gets_its_port,
    test_what_a_client_said_does_not_turn_the_end_into_a_reset,
    test_what_is_no_port_is_an_error,
)
from sockspec.suite import Server, requirement
from suites.words.packets import no_words, not_one_to_ten, not_utf_8, not_whole

# A server chooses its words, and not every choice shows every slip.
VISITS = 20


@requirement("words.server.whole-packets")
def test_whoever_connects_gets_whole_packets(server: Server) -> None:
    for _ in range(VISITS):
        peer = server.connect()
        peer.expect_message(not_whole)
        peer.leave()


@requirement("words.server.one-to-ten")
def test_whoever_connects_gets_one_to_ten_words(server: Server) -> None:
    for _ in range(VISITS):
        peer = server.connect()
        peer.expect_message(not_one_to_ten)
        peer.leave()


@requirement("words.server.utf-8")
def test_whoever_connects_gets_words_in_utf_8(server: Server) -> None:
    for _ in range(VISITS):
        peer = server.connect()
        peer.expect_message(not_utf_8)
        peer.leave()


@requirement("server.meets-reference-client")
def test_the_client_of_the_reference_understands_every_word(server: Server) -> None:
    visit = server.serve_reference_client(b"")
    visit.expect_printed(no_words)
    visit.expect_success()
