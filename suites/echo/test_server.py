"""What an echo server has to do (RFC 862 over TCP)."""

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
    test_it_holds_no_more_after_a_hundred_clients_than_after_ten,
    test_it_is_reachable_through_another_local_address,
    test_it_serves_one_client_after_the_other,
    test_it_waits_without_using_the_processor,
    test_its_end_is_closed_when_the_client_has_left,
    test_no_port_at_all_is_an_error,
    test_one_socket_listens_on_the_port_it_was_given,
    test_started_again_after_it_served_it_gets_its_port,
    test_the_client_of_the_reference_gets_what_it_gets_from_the_reference,
    test_what_is_no_port_is_an_error,
)
from sockspec.suite import Server, requirement

KIB, MIB = 1 << 10, 1 << 20
AROUND_BUFFERS = [1, 255, 256, 1023, 1024, 1025, 4095, 4096, 4097, 8191, 8192, 8193, 65535, 65536, 65537, MIB]
BINARY = bytes(range(256))
LINE = b"The quick brown fox.\n"


@requirement("echo.server.own-socket")
def test_every_reply_goes_to_the_client_that_asked(server: Server) -> None:
    clients = [server.connect() for _ in range(3)]
    clients[-1].wait_until_stuck()  # whoever serves several at once has accepted them all
    for number, client in enumerate(clients):
        client.send(b"from client %d" % number)
        client.finish()
    for client in clients:
        client.expect_bytes()
        client.expect_nothing_more()


@requirement("echo.server.waits-its-turn")
def test_a_second_client_that_arrives_early_is_served_in_the_end(server: Server) -> None:
    first, second = server.connect(), server.connect()
    second.wait_until_stuck()
    second.send(b"second")
    first.send(b"first")
    first.expect_bytes()
    first.finish()
    second.expect_bytes()
    second.finish()
    second.expect_nothing_more()


@requirement("server.design")
def test_the_way_it_deals_with_several_clients_is_recorded(server: Server) -> None:
    clients = [server.connect() for _ in range(2)]
    for client in clients:
        client.send(b"hello\n")
    server.expect_design()


@requirement("echo.server.answers-at-once")
def test_a_client_that_waits_for_its_echo_gets_it(server: Server) -> None:
    peer = server.connect()
    peer.send(b"question\n")
    peer.expect_bytes()
    peer.send(b"and another\n")
    peer.expect_bytes()
    peer.finish()
    peer.expect_nothing_more()


@requirement("echo.server.binary")
@pytest.mark.parametrize("data", [BINARY, b"\0\0\0", b"\r\n\n\r", b"\xff\xfe\x80"], ids=["all", "nul", "lines", "high"])
def test_bytes_of_every_value_come_back(server: Server, data: bytes) -> None:
    peer = server.connect()
    peer.send(data)
    peer.finish()
    peer.expect_bytes()
    peer.expect_nothing_more()


@requirement("echo.server.sizes")
@pytest.mark.parametrize("size", [0, *AROUND_BUFFERS])
def test_data_of_any_size_comes_back(server: Server, size: int) -> None:
    peer = server.connect()
    peer.send(server.payload(size))
    peer.finish()
    peer.expect_bytes()
    peer.expect_nothing_more()


@requirement("echo.server.in-pieces")
@pytest.mark.parametrize("size", [1, 3], ids=["1-byte", "3-bytes"])
def test_the_reply_does_not_depend_on_how_the_request_was_cut(server: Server, size: int) -> None:
    peer = server.connect()
    peer.send_in_pieces(b"hello", size)
    peer.expect_bytes()
    peer.finish()
    peer.expect_nothing_more()


@requirement("echo.server.in-pieces")
def test_a_client_may_pause_between_two_pieces(server: Server) -> None:
    peer = server.connect()
    peer.send(b"hello, ")
    peer.expect_bytes()
    peer.pause_long()
    peer.send(b"world")
    peer.expect_bytes()


@requirement("echo.server.in-pieces")
def test_the_reply_does_not_depend_on_where_the_request_was_cut(server: Server) -> None:
    for at in range(1, len(LINE)):
        peer = server.connect()
        peer.send_cut_at(LINE, at)
        peer.expect_bytes()
        peer.finish()
        peer.expect_nothing_more()


@requirement("echo.server.coalesced")
def test_many_messages_in_one_segment_all_come_back(server: Server) -> None:
    peer = server.connect()
    peer.send(b"".join(b"message %d\n" % number for number in range(100)))
    peer.expect_bytes()
    peer.finish()
    peer.expect_nothing_more()


@requirement("echo.server.large")
def test_8_mib_come_back_while_they_are_sent(server: Server) -> None:
    peer = server.connect()
    peer.send(server.payload(8 * MIB))
    peer.expect_bytes()
    peer.finish()
    peer.expect_nothing_more()


@requirement("echo.server.partial-send")
def test_no_byte_is_lost_when_it_is_stopped_in_the_middle_of_a_send(server: Server) -> None:
    peer = server.connect()
    peer.send(server.payload(8 * MIB))
    peer.wait_until_stuck()
    server.pause()
    server.resume()
    peer.expect_bytes()
    peer.finish()
    peer.expect_nothing_more()


@requirement("echo.server.slow-reader")
def test_a_client_that_reads_late_gets_everything(server: Server) -> None:
    peer = server.connect()
    peer.send(server.payload(4 * MIB))
    peer.wait_until_stuck()
    peer.expect_bytes()
    peer.finish()
    peer.expect_nothing_more()


@requirement("echo.server.half-close")
def test_all_comes_back_after_the_client_has_shut_down_its_side(server: Server) -> None:
    server.start()
    server.pause()
    peer = server.connect()
    peer.send(server.payload(40_000))
    peer.finish()
    server.resume()
    peer.expect_bytes()
    peer.expect_end()


@requirement("echo.server.nothing-extra")
@pytest.mark.parametrize("data", [b"hello", b"hello\n"], ids=["word", "line"])
def test_nothing_is_added(server: Server, data: bytes) -> None:
    peer = server.connect()
    peer.send(data)
    peer.expect_bytes()
    server.expect_at_rest()
    peer.finish()
    peer.expect_nothing_more()


@requirement("server.client-resets")
def test_a_client_that_resets_while_it_is_talked_to_does_no_harm(server: Server) -> None:
    peer = server.connect()
    peer.send(server.payload(8 * MIB))
    peer.wait_until_stuck()
    peer.reset()
    server.visit()


@requirement("echo.server.client-vanishes")
def test_a_client_that_leaves_without_reading_does_no_harm(server: Server) -> None:
    peer = server.connect()
    server.expect_at_rest()
    server.pause()
    peer.send(server.payload(200 * KIB))
    peer.leave()
    server.resume()
    peer.wait_until_stuck()
    server.visit()


@requirement("echo.server.client-vanishes")
def test_a_client_that_has_ended_before_the_reply_is_sent_does_no_harm(server: Server) -> None:
    peer = server.connect()
    server.expect_at_rest()
    server.pause()
    peer.send(b"hello")
    peer.finish()
    peer.reset()
    server.resume()
    peer.wait_until_stuck()
    server.visit()
