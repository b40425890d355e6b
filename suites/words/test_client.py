"""What a words client has to do: read packets until the server closes, and print the word in each."""

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
from suites.words.packets import half_a_word_of, no_words, packet, packets

LENGTHS = [1, 2, 127, 128, 255, 256, 257, 1023, 1024, 4095, 4096, 4097, 32767, 32768, 65535]
LANGUAGES = ["plain", "Ærøskøbing", "ψυχή", "語", "🌊"]
BLANKS = ["ice cream", "  before", "behind ", "a\ttab", " "]
TEN = [b"word%d" % number for number in range(10)]
TWO = [b"first", "zweitgrößte".encode()]
CUTS = [1, 2, 5, 8, 9, 12, len(packets(*TWO)) - 1]


@requirement("words.client.prints-words")
@pytest.mark.parametrize(
    "words", [LANGUAGES[:1], LANGUAGES, ["same", "same"], BLANKS], ids=["one", "languages", "twice", "blanks"]
)
def test_each_word_has_a_line(client: Client, words: list[str]) -> None:
    client.answer(client.start(), packets(*(word.encode() for word in words)))


@requirement("words.client.any-length")
@pytest.mark.parametrize("length", LENGTHS)
def test_words_of_any_length_are_printed(client: Client, length: int) -> None:
    client.answer(client.start(), packet((b"abcdefghijklm" * length)[:length]) + packet(b"end"))


@requirement("words.client.any-length")
def test_ten_of_the_longest_words_are_printed(client: Client) -> None:
    client.answer(client.start(), packets(*(word[:1] * 65535 for word in (b"%d" % number for number in range(10)))))


@requirement("words.client.coalesced")
def test_ten_packets_in_one_segment_are_printed(client: Client) -> None:
    client.answer(client.start(), packets(*TEN))


@requirement("words.client.coalesced")
def test_a_piece_may_hold_the_end_of_one_packet_and_the_beginning_of_the_next(client: Client) -> None:
    visit = client.start()
    visit.peer.send_in_pieces(packets(*TEN), 11)
    visit.peer.finish()
    visit.expect_output()
    visit.expect_success()


@requirement("words.client.cut-off")
@pytest.mark.parametrize("at", CUTS)
def test_an_end_in_the_middle_of_a_packet_is_an_error(client: Client, at: int) -> None:
    client.visit()
    visit = client.start()
    visit.peer.send(packets(*TWO)[:at])
    visit.peer.finish()
    visit.expect_failure()
    visit.expect_printed(half_a_word_of(TWO))


@requirement("client.meets-reference-server")
def test_what_the_server_of_the_reference_chooses_is_printed(client: Client) -> None:
    visit = client.call_reference(b"")
    visit.expect_printed(no_words)
    visit.expect_success()


@requirement("both.meet-each-other")
def test_the_client_prints_what_the_server_of_the_submission_chooses(server: Server, client: Client) -> None:
    server.start()
    visit = client.call(server.port, b"")
    visit.expect_printed(no_words)
    visit.expect_success()
