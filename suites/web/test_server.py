"""What a web server has to do: read a request to its blank line, answer `Hello!`, and close."""

from sockspec.shared.http import body, media_type, no_answer
from sockspec.shared.http_server import (  # noqa: F401
    asked,
    test_a_client_that_asks_and_leaves_does_no_harm,
    test_a_client_that_asks_and_resets_does_no_harm,
    test_a_client_that_has_its_answer_and_stays_keeps_nobody_waiting,
    test_a_client_that_leaves_in_the_middle_of_its_request_does_no_harm,
    test_a_pause_in_the_middle_of_a_request_is_waited_out,
    test_a_request_is_read_to_its_end_however_long,
    test_a_request_is_understood_byte_by_byte,
    test_a_request_is_understood_wherever_it_was_cut,
    test_a_request_that_ends_in_its_middle_is_not_waited_for,
    test_a_request_that_is_none_does_no_harm,
    test_after_its_answer_comes_the_orderly_end,
    test_it_answers_a_client_that_does_not_end_its_side,
    test_the_answer_begins_with_a_status_line,
    test_the_answer_says_how_long_its_body_is,
    test_the_answer_says_that_it_is_the_last,
    test_the_head_of_the_answer_is_in_lines_and_ends_with_a_blank_one,
)
from sockspec.shared.server import (  # noqa: F401
    test_a_client_that_leaves_before_it_is_accepted_does_no_harm,
    test_a_client_that_leaves_while_it_is_listened_to_does_no_harm,
    test_a_client_that_leaves_without_a_byte_does_no_harm,
    test_a_client_that_resets_before_it_is_accepted_does_no_harm,
    test_a_client_that_resets_while_it_is_listened_to_does_no_harm,
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
    test_what_is_no_port_is_an_error,
)
from sockspec.suite import Server, requirement


@requirement("web.server.content-type")
def test_the_answer_says_what_its_body_is(server: Server) -> None:
    asked(server).expect_part("the Content-Type", media_type)


@requirement("web.server.body")
def test_whoever_asks_gets_the_body_and_nothing_else(server: Server) -> None:
    asked(server).expect_part("the body", body)


@requirement("server.meets-reference-client")
def test_the_client_of_the_reference_prints_a_whole_answer(server: Server) -> None:
    visit = server.serve_reference_client(b"")
    visit.expect_printed(no_answer)
    visit.expect_success()
