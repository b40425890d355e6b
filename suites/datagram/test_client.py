"""What a datagram client has to do: send each line, and print the reply to it or that none came."""

import pytest

from sockspec.shared.client import (  # noqa: F401
    test_a_name_that_does_not_exist_is_an_error,
    test_a_port_is_not_taken_modulo_65536,
    test_an_unknown_host_is_told_in_one_line,
    test_it_looks_a_name_up_with_the_name_server,
    test_it_takes_a_name_that_has_an_ipv6_address_only,
    test_it_takes_an_address_in_numbers,
    test_it_takes_an_ipv6_address_in_numbers,
    test_it_takes_localhost,
    test_what_is_no_port_is_an_error,
)
from sockspec.suite import LOOPBACK, DatagramClient, DatagramServer, requirement

A_SECOND = 1.0
LONGEST = 65_507
DURING_A_SECOND = 0.4  # more than twice, so that who waits a second more each time has waited too long
LIKE = {"another": b"one\ntwo\nthree\n", "longer": b"ab\na\nb\n", "shorter": b"a\nab\nb\n"}
"""Lines of which the first is another than the second, longer, or shorter."""
TALK = b"one\ntwo, which is longer\nthree\n"


def letters(size: int) -> bytes:
    """A line of that size."""
    return (b"abcdefghijklmnopqrstuvwxyz" * (size // 26 + 1))[:size]


@requirement("client.bad-port")
def test_no_port_at_all_is_an_error(client: DatagramClient) -> None:
    client.expect_failure(client.launch_without_port())


@requirement("client.error-messages")
def test_what_is_no_port_is_told_in_one_line(client: DatagramClient) -> None:
    visit = client.launch_with_port("65536")
    visit.expect_failure()
    visit.expect_plain_message()


@requirement("client.refused")
def test_when_nobody_is_there_it_says_so_and_ends(client: DatagramClient) -> None:
    client.visit()
    client.stop_listening()
    client.launch_at(LOOPBACK).expect_word(within=A_SECOND)


@requirement("datagram.client.hears-refusal")
def test_a_refusal_is_heard_at_once(client: DatagramClient) -> None:
    visit = client.launch_at(LOOPBACK)
    visit.expect_failure()
    visit.expect_plain_message()


@requirement("client.any-local-port")
def test_two_run_at_once(client: DatagramClient) -> None:
    first = client.start(stdin=None)
    client.scenario.at_rest()
    client.visit()
    first.end_input()
    first.expect_success()


@requirement("client.quiet")
def test_it_writes_nothing_to_its_standard_error_when_all_goes_well(client: DatagramClient) -> None:
    visit = client.start(b"hello\n")
    client.echo()
    visit.expect_output()
    visit.expect_success()
    visit.expect_silence()


@requirement("datagram.client.sends-lines")
def test_each_line_goes_out_by_itself_and_its_reply_is_printed(client: DatagramClient) -> None:
    client.exchange(TALK)


@requirement("datagram.client.sends-lines")
def test_the_next_line_waits_for_the_reply_to_the_one_before(client: DatagramClient) -> None:
    client.start(TALK)
    first = client.peer.expect_line()
    client.peer.expect_nothing_more()
    client.peer.send_back(first)
    client.peer.expect_line()


@requirement("datagram.client.bare-lines")
def test_a_datagram_has_no_newline(client: DatagramClient) -> None:
    client.start(b"hello\n")
    client.peer.expect_datagram()


@requirement("datagram.client.bare-lines")
def test_the_longest_line_fits_in_a_datagram(client: DatagramClient) -> None:
    client.exchange(letters(LONGEST) + b"\n")


@requirement("datagram.client.last-line")
def test_a_line_without_a_newline_goes_out_as_well(client: DatagramClient) -> None:
    client.start(b"one\ntwo")
    client.echo()
    client.echo()


@requirement("datagram.client.empty-line")
def test_an_empty_line_is_an_empty_datagram(client: DatagramClient) -> None:
    client.exchange(b"one\n\ntwo\n\n")


@requirement("datagram.client.sizes")
@pytest.mark.parametrize("size", [1, 79, 255, 256, 511, 512, 1023, 1024, 1025, 4095, 4096, 8192, 32768, LONGEST - 1])
def test_a_line_of_any_size_goes_there_and_back(client: DatagramClient, size: int) -> None:
    client.exchange(letters(size) + b"\nshort\n")


@requirement("datagram.client.too-long")
def test_a_line_that_fits_in_no_datagram_is_an_error(client: DatagramClient) -> None:
    client.expect_failure(client.start(letters(LONGEST + 1) + b"\n"))


@requirement("datagram.client.any-bytes")
@pytest.mark.parametrize("line", [b"a\0b", b"\xff\xfe\x80", b"a\rb\r"], ids=["nul", "high", "returns"])
def test_a_line_of_any_bytes_goes_there_and_back(client: DatagramClient, line: bytes) -> None:
    visit = client.start(line + b"\n")
    client.echo()
    visit.expect_output()


@requirement("datagram.client.empty-input")
def test_no_input_is_no_datagram(client: DatagramClient) -> None:
    client.visit()
    visit = client.start(b"")
    visit.expect_success()
    client.expect_no_connection()


@requirement("datagram.client.interactive")
def test_a_line_goes_out_when_it_is_typed(client: DatagramClient) -> None:
    visit = client.start(stdin=None)
    for line in [b"one\n", b"two\n"]:
        visit.type(line)
        client.echo()
        visit.expect_output()
    visit.end_input()
    visit.expect_success()


@requirement("datagram.client.times-out")
def test_a_line_without_a_reply_times_out_and_the_next_goes_out(client: DatagramClient) -> None:
    visit = client.start(b"one\ntwo\n")
    client.peer.expect_line()
    client.peer.stay_silent(A_SECOND)
    client.echo()
    visit.expect_output()
    visit.expect_end()


@requirement("datagram.client.waits-a-second")
def test_it_gives_a_reply_a_second(client: DatagramClient) -> None:
    visit = client.start(b"hello\n")
    line = client.peer.expect_line()
    visit.expect_output_after(A_SECOND, since=line.not_before)


@requirement("datagram.client.waits-a-second")
def test_late_replies_do_not_make_the_second_longer(client: DatagramClient) -> None:
    visit = client.start(b"one\nthree\n")
    first = client.peer.expect_line()
    client.peer.stay_silent(A_SECOND)
    second = client.peer.expect_line()
    client.peer.pester(first, first.data, DURING_A_SECOND, 6)
    visit.expect_output_after(A_SECOND, since=second.not_before)


@requirement("datagram.client.waits-a-second")
def test_a_stranger_does_not_make_the_second_longer(client: DatagramClient) -> None:
    visit = client.start(b"hello\n")
    line = client.peer.expect_line()
    client.stranger().pester(line, b"from a stranger\n", DURING_A_SECOND, 6)
    visit.expect_output_after(A_SECOND, since=line.not_before)


@requirement("datagram.client.late-reply")
@pytest.mark.parametrize("lines", LIKE.values(), ids=list(LIKE))
def test_a_late_reply_is_not_printed_for_a_later_line(client: DatagramClient, lines: bytes) -> None:
    visit = client.start(lines)
    first = client.peer.expect_line()
    client.peer.stay_silent(A_SECOND)
    second = client.peer.expect_line()
    client.peer.send_back(first)
    client.peer.expect_nothing_more()
    client.peer.send_back(second)
    client.echo()
    visit.expect_output()


@requirement("datagram.client.doubled-reply")
@pytest.mark.parametrize("lines", LIKE.values(), ids=list(LIKE))
def test_a_reply_that_comes_twice_is_printed_once(client: DatagramClient, lines: bytes) -> None:
    visit = client.start(lines)
    first = client.peer.expect_line()
    client.peer.send_back(first)
    client.peer.send_back(first)
    client.echo()
    client.echo()
    visit.expect_output()


@requirement("datagram.client.foreign-reply")
def test_the_right_reply_from_somebody_else_does_not_count(client: DatagramClient) -> None:
    visit = client.start(b"hello\n")
    line = client.peer.expect_line()
    client.stranger().send_back(line)
    client.peer.stay_silent(A_SECOND)
    visit.expect_output()


@requirement("datagram.client.foreign-reply")
def test_what_somebody_else_sends_is_passed_over(client: DatagramClient) -> None:
    visit = client.start(b"hello\n")
    line = client.peer.expect_line()
    client.stranger().answer(line, b"from a stranger\n")
    client.peer.send_back(line)
    visit.expect_output()


@requirement("client.meets-reference-server")
def test_it_gets_from_the_server_of_the_reference_what_the_reference_gets(client: DatagramClient) -> None:
    visit = client.call_reference(TALK)
    visit.expect_output()
    visit.expect_success()


@requirement("both.meet-each-other")
def test_the_two_of_a_submission_understand_each_other(server: DatagramServer, client: DatagramClient) -> None:
    server.start()
    visit = client.call(server.port, TALK)
    visit.expect_output()
    visit.expect_success()
