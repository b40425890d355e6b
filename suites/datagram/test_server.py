"""What a datagram server has to do: return each datagram to its sender."""

import pytest

from sockspec.shared.server import (  # noqa: F401
    test_a_port_below_1024_is_refused_to_an_ordinary_user,
    test_a_port_is_not_taken_modulo_65536,
    test_a_taken_port_is_an_error_and_whoever_has_it_is_undisturbed,
    test_a_taken_port_is_told_in_one_line,
    test_an_interrupt_ends_it_and_frees_the_port,
    test_it_holds_no_more_after_a_hundred_clients_than_after_ten,
    test_it_is_reachable_through_another_local_address,
    test_it_serves_one_client_after_the_other,
    test_it_waits_without_using_the_processor,
    test_one_socket_listens_on_the_port_it_was_given,
    test_the_client_of_the_reference_gets_what_it_gets_from_the_reference,
    test_what_is_no_port_is_an_error,
)
from sockspec.suite import DatagramServer, requirement

BINARY = bytes(range(256))
LONGEST = 65_507
AROUND_BUFFERS = [1, 255, 256, 511, 512, 513, 1023, 1024, 1025, 1472, 1473, 2048, 4096, 4097, 8192, 8193, 16385, 32769]


@requirement("server.bad-port")
def test_no_port_at_all_is_an_error(server: DatagramServer) -> None:
    server.launch_without_port()
    server.expect_failure()


@requirement("server.shares-no-port")
def test_a_second_server_does_not_get_the_port_of_the_first(server: DatagramServer) -> None:
    server.visit()
    server.launch_on_its_port()
    server.expect_failure()
    server.visit()


@requirement("datagram.server.echoes")
@pytest.mark.parametrize("data", [b"hello", b"hello\n"], ids=["word", "line"])
def test_a_datagram_comes_back_to_its_sender(server: DatagramServer, data: bytes) -> None:
    client = server.client()
    client.send(data)
    client.expect_datagram()


@requirement("datagram.server.own-sender")
def test_each_client_gets_its_own_datagrams_back(server: DatagramServer) -> None:
    clients = [server.client() for _ in range(3)]
    for word in [b"first from %d", b"second from %d"]:
        for number, client in enumerate(clients):
            client.send(word % number)
            client.expect_datagram()
    for client in clients:
        client.expect_nothing_more()


@requirement("server.burst")
def test_clients_that_ask_together_are_all_answered(server: DatagramServer) -> None:
    clients = [server.client() for _ in range(5)]
    server.pause()
    for number, client in enumerate(clients):
        client.send(b"from client %d" % number)
    server.resume()
    for client in clients:
        client.expect_datagram()


@requirement("datagram.server.one-by-one")
def test_several_datagrams_of_one_client_come_back_one_by_one(server: DatagramServer) -> None:
    client = server.client()
    server.pause()
    for word in [b"one", b"two, which is longer", b"three"]:
        client.send(word)
    server.resume()
    client.expect_datagrams(3)
    client.expect_nothing_more()


@requirement("datagram.server.sizes")
@pytest.mark.parametrize("size", [*AROUND_BUFFERS, 65_506, LONGEST])
def test_a_datagram_of_any_size_comes_back(server: DatagramServer, size: int) -> None:
    client = server.client()
    client.send(server.payload(size))
    client.expect_datagram()


@requirement("datagram.server.empty")
def test_an_empty_datagram_comes_back(server: DatagramServer) -> None:
    client = server.client()
    client.send(b"")
    client.expect_datagram()
    server.visit()


@requirement("datagram.server.binary")
@pytest.mark.parametrize("data", [BINARY, b"\0\0\0", b"\r\n\n\r", b"\xff\xfe\x80"], ids=["all", "nul", "lines", "high"])
def test_bytes_of_every_value_come_back(server: DatagramServer, data: bytes) -> None:
    client = server.client()
    client.send(data)
    client.expect_datagram()


@requirement("datagram.server.nothing-extra")
def test_nothing_is_added(server: DatagramServer) -> None:
    silent, client = server.client(), server.client()
    client.send(b"hello")
    client.expect_datagram()
    client.expect_nothing_more()
    silent.expect_nothing_more()


@requirement("datagram.server.client-vanishes")
def test_a_client_that_leaves_before_its_reply_does_no_harm(server: DatagramServer) -> None:
    client = server.client()
    server.pause()
    for _ in range(3):
        client.send(b"nobody waits for this")
    client.leave()
    server.resume()
    server.expect_at_rest()
    server.visit()
