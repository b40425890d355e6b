"""What a select server has to do: print who comes, what each sends and who leaves, waiting for all of them at once."""

import pytest

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
    test_it_holds_no_more_after_a_hundred_clients_than_after_ten,
    test_it_is_reachable_through_another_local_address,
    test_it_serves_one_client_after_the_other,
    test_it_waits_without_using_the_processor,
    test_its_end_is_closed_when_the_client_has_left,
    test_no_port_at_all_is_an_error,
    test_one_socket_listens_on_the_port_it_was_given,
    test_one_thread_waits_for_everybody_at_once,
    test_started_again_after_it_served_it_gets_its_port,
    test_what_is_no_port_is_an_error,
)
from sockspec.suite import Peer, Server, requirement
from suites.select.lines import about

BINARY = bytes(range(256))
QUOTES = b'it\'s "quoted" \\ and \\x41'
BUFFERS = [512, 1000, 1024, 2048, 4096, 8192, 30_000, 32_768]  # many a buffer, some of them several times
SIZES = [1, 255, 256, 1023, 1024, 1025, 4095, 4096, 4097, 16384, 65535, 65537]


def several(server: Server, number: int) -> list[Peer]:
    """So many clients, each accepted before the next one comes: the length of the listen queue does not matter."""
    clients = []
    for _ in range(number):
        clients.append(server.connect())
        server.expect_at_rest()
    return clients


@requirement("select.server.connected")
def test_a_client_that_has_connected_is_named(server: Server) -> None:
    peer = server.connect()
    server.expect_printed(about(peer))


@requirement("select.server.prints-bytes")
@pytest.mark.parametrize("data", [b"hello", b"two words\n", b"x"], ids=["word", "line", "1-byte"])
def test_what_a_client_sends_is_printed(server: Server, data: bytes) -> None:
    peer = server.connect()
    peer.send(data)
    server.expect_printed(about(peer))


@requirement("select.server.binary")
@pytest.mark.parametrize("data", [BINARY, QUOTES, b"\0", b"a\0b"], ids=["all", "quotes", "nul", "nul-inside"])
def test_every_byte_can_be_told_from_every_other(server: Server, data: bytes) -> None:
    peer = server.connect()
    peer.send(data)
    server.expect_printed(about(peer))


@requirement("select.server.sizes")
@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_lost_whatever_its_size(server: Server, size: int) -> None:
    peer = server.connect()
    peer.send((b"abcdefghijklm" * size)[:size])
    server.expect_printed(about(peer))


@requirement("select.server.in-pieces")
@pytest.mark.parametrize("size", [1, 3], ids=["1-byte", "3-bytes"])
def test_each_piece_is_printed_when_it_comes(server: Server, size: int) -> None:
    peer = server.connect()
    for piece in (b"hello, world"[at : at + size] for at in range(0, 12, size)):
        peer.send(piece)
        server.expect_printed(about(peer))


@requirement("select.server.says-nothing")
def test_nothing_comes_back(server: Server) -> None:
    peer = server.connect()
    peer.send(b"hello")
    server.expect_printed(about(peer))
    peer.expect_nothing_more()


@requirement("select.server.nobody-waits")
def test_clients_that_are_silent_keep_nobody_waiting(server: Server) -> None:
    server.connect_and_stay()
    peer = server.connect()
    peer.send(b"hello")
    server.connect_and_stay()
    peer.send(b"again")
    peer.leave()
    server.expect_at_rest()
    server.visit()


@requirement("select.server.nobody-waits")
def test_who_has_spoken_once_and_falls_silent_keeps_nobody_waiting(server: Server) -> None:
    first, second = several(server, 2)
    for peer in (first, second, first, second):
        peer.send(b"word")
        server.expect_printed(about(first, second))


@requirement("select.server.nobody-waits")
@pytest.mark.parametrize("size", BUFFERS)
def test_who_has_filled_a_buffer_and_falls_silent_keeps_nobody_waiting(server: Server, size: int) -> None:
    first, second = several(server, 2)
    server.pause()
    first.send(b"x" * size)
    server.resume()
    server.expect_at_rest()
    second.send(b"still here")
    server.expect_printed(about(second))


@requirement("select.server.all-at-once")
def test_each_line_is_about_the_client_that_it_names(server: Server) -> None:
    clients = several(server, 5)
    for number in (3, 0, 4, 1, 2, 0):
        clients[number].send(b"I am %d" % number)
        server.expect_printed(about(*clients))


@requirement("select.server.all-at-once")
def test_what_all_say_at_once_is_printed_for_each(server: Server) -> None:
    clients = several(server, 5)
    server.expect_printed(about(*clients))
    server.pause()
    for number, peer in enumerate(clients):
        peer.send(b"I am %d" % number)
    server.resume()
    server.expect_printed(about(*clients))


@requirement("select.server.all-at-once")
def test_a_hundred_are_there_at_once(server: Server) -> None:
    clients = several(server, 100)
    server.expect_printed(about(*clients))
    for number, peer in enumerate(clients):
        peer.send(b"I am %d" % number)
    server.expect_printed(about(*clients))


@requirement("select.server.disconnected")
def test_a_client_that_leaves_is_named_once(server: Server) -> None:
    peer = server.connect()
    server.expect_printed(about(peer))
    peer.finish()
    server.expect_printed(about(peer))
    server.expect_at_rest()
    server.expect_printed(about(peer))


@requirement("select.server.disconnected")
@pytest.mark.parametrize("size", [5, 20_000], ids=["word", "20000-bytes"])
def test_the_last_words_of_a_client_come_before_its_end(server: Server, size: int) -> None:
    server.start()
    server.pause()
    peer = server.connect()
    peer.send((b"goodbye" * size)[:size])
    peer.finish()
    server.resume()
    server.expect_printed(about(peer))


@requirement("select.server.reset")
def test_a_reset_is_an_end_as_well(server: Server) -> None:
    first, second = several(server, 2)
    meaning = about(first, second)
    server.expect_printed(meaning)
    first.reset()
    server.expect_printed(meaning)
    second.send(b"still here")
    server.expect_printed(meaning)


@requirement("select.server.comes-and-goes")
def test_clients_come_and_go_while_others_stay(server: Server) -> None:
    stays, leaves = several(server, 2)
    leaves.send(b"goodbye")
    server.expect_printed(about(stays, leaves))
    leaves.finish()
    server.expect_printed(about(stays, leaves))
    comes = server.connect()
    comes.send(b"good morning")
    stays.send(b"still here")
    server.expect_printed(about(stays, leaves, comes))


@requirement("select.server.comes-and-goes")
def test_two_leave_at_the_same_moment(server: Server) -> None:
    first, second, third = several(server, 3)
    server.expect_printed(about(first, second, third))
    server.pause()
    first.finish()
    second.finish()
    third.send(b"still here")
    server.resume()
    server.expect_printed(about(first, second, third))
