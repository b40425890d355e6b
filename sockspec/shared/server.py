"""Scenarios for the server of any exercise on a TCP stream."""

import pytest

from sockspec.suite import Server, requirement


@requirement("server.listens-on-port")
def test_one_socket_listens_on_the_port_it_was_given(server: Server) -> None:
    server.start()
    server.visit()  # who serves has opened all that he listens with
    server.expect_one_listener()


@requirement("server.every-address")
def test_it_is_reachable_through_another_local_address(server: Server) -> None:
    server.visit(host="127.0.0.2")


@requirement("server.port-in-use")
def test_a_taken_port_is_an_error_and_whoever_has_it_is_undisturbed(server: Server) -> None:
    holder = server.take_port()
    server.launch_on_its_port()
    server.expect_failure()
    holder.expect_undisturbed()
    holder.release()
    server.start()
    server.visit()


@requirement("server.error-messages")
def test_a_taken_port_is_told_in_one_line(server: Server) -> None:
    server.take_port()
    server.launch_on_its_port()
    server.expect_failure()
    server.expect_plain_message()


@requirement("server.privileged-port")
def test_a_port_below_1024_is_refused_to_an_ordinary_user(server: Server) -> None:
    server.launch_on_privileged_port()
    server.expect_failure()


@requirement("server.bad-port")
@pytest.mark.parametrize("port", ["abc", "-1", "65536", "70000"])
def test_what_is_no_port_is_an_error(server: Server, port: str) -> None:
    server.launch_with_port(port)
    server.expect_failure()


@requirement("server.bad-port")
def test_a_port_is_not_taken_modulo_65536(server: Server) -> None:
    server.launch_with_port(str(65536 + server.port))
    server.expect_failure()


@requirement("server.bad-port")
def test_no_port_at_all_is_an_error(server: Server) -> None:
    server.launch_without_port()
    server.expect_failure()


@requirement("server.default-port")
def test_given_no_port_it_listens_on_the_usual_one(server: Server) -> None:
    server.start_on_default_port()
    server.visit()


@requirement("server.restart-at-once")
def test_started_again_after_it_served_it_gets_its_port(server: Server) -> None:
    server.visit()
    server.connect_and_stay()
    server.stop()
    server.start()
    server.visit()


@requirement("server.shares-no-port")
def test_a_second_server_does_not_get_the_port_of_the_first(server: Server) -> None:
    server.visit()
    server.expect_no_second()
    server.visit()


@requirement("server.burst")
def test_clients_that_arrive_together_are_all_served(server: Server) -> None:
    server.start()
    server.pause()
    clients = [server.dial() for _ in range(5)]
    server.expect_queue_for(clients[-1])
    server.resume()
    server.converse_with(clients)


@requirement("server.own-socket")
def test_clients_that_wait_together_are_each_told(server: Server) -> None:
    server.start()
    server.pause()
    clients = [server.dial() for _ in range(3)]
    server.resume()
    server.converse_with(clients)


@requirement("server.multiplexed")
@pytest.mark.parametrize("clients", [0, 1, 3])
def test_one_thread_waits_for_everybody_at_once(server: Server, clients: int) -> None:
    server.start()
    for _ in range(clients):
        server.connect_and_stay()
    server.expect_multiplexed()


@requirement("server.serves-talkers")
def test_a_client_that_speaks_first_is_told_as_well(server: Server) -> None:
    server.start()
    server.pause()
    peer = server.connect()
    peer.send(b"anybody there?\n")
    server.resume()
    server.hear(peer)
    peer.expect_nothing_more()


@requirement("server.orderly-goodbye")
def test_what_a_client_said_does_not_turn_the_end_into_a_reset(server: Server) -> None:
    server.start()
    server.pause()
    peer = server.connect()
    peer.send(b"anybody there?\n")
    server.resume()
    server.hear(peer)
    peer.expect_end()


@requirement("server.ends")
def test_after_its_message_comes_the_orderly_end(server: Server) -> None:
    peer = server.connect()
    server.hear(peer)
    peer.expect_end()


@requirement("server.does-not-wait")
def test_a_client_that_stays_keeps_nobody_waiting(server: Server) -> None:
    first = server.connect()
    server.hear(first)
    server.visit()


@requirement("server.closes")
def test_its_end_is_closed_when_the_client_has_left(server: Server) -> None:
    peer = server.connect()
    server.say_and_finish(peer)
    server.expect_closed(peer)


@requirement("server.next-client")
def test_it_serves_one_client_after_the_other(server: Server) -> None:
    server.visit()
    server.visit()
    server.visit()


@requirement("server.hundred-clients")
def test_it_holds_no_more_after_a_hundred_clients_than_after_ten(server: Server) -> None:
    server.visits(10)
    before = server.holdings()
    server.visits(100)
    server.expect_no_growth(before, clients=100)


@requirement("server.empty-visit")
def test_a_client_that_leaves_without_a_byte_does_no_harm(server: Server) -> None:
    server.connect().leave()
    server.visit()


@requirement("server.empty-visit")
def test_a_client_that_leaves_while_it_is_listened_to_does_no_harm(server: Server) -> None:
    peer = server.connect()
    server.expect_at_rest()
    peer.leave()
    server.visit()


@requirement("server.empty-visit")
def test_a_client_that_leaves_before_it_is_accepted_does_no_harm(server: Server) -> None:
    server.start()
    server.pause()
    server.connect().leave()
    server.resume()
    server.visit()


@requirement("server.client-resets")
def test_a_client_that_resets_while_it_is_listened_to_does_no_harm(server: Server) -> None:
    peer = server.connect()
    server.expect_at_rest()
    peer.reset()
    server.visit()


@requirement("server.client-resets")
def test_a_client_that_resets_before_it_is_accepted_does_no_harm(server: Server) -> None:
    server.start()
    server.pause()
    server.connect().reset()
    server.resume()
    server.visit()


@requirement("server.idle-is-quiet")
def test_it_waits_without_using_the_processor(server: Server) -> None:
    server.visit()
    server.expect_quiet()


@requirement("server.interrupt")
def test_an_interrupt_ends_it_and_frees_the_port(server: Server) -> None:
    server.visit()
    server.interrupt()
    server.expect_ended()
    server.expect_port_free()


@requirement("server.meets-reference-client")
def test_the_client_of_the_reference_gets_what_it_gets_from_the_reference(server: Server) -> None:
    visit = server.serve_reference_client(server.payload(3000))
    visit.expect_output()
    visit.expect_success()
