"""The server under test: what its threads may wait for, what it may keep, and what its start costs."""

from textwrap import dedent

import msgspec
import pytest

from sockspec.client import Client
from sockspec.environment import base_python
from sockspec.failure import Failure
from sockspec.oracle import Script
from sockspec.server import Server
from sockspec.submission import Cast, Command
from sockspec.watch import Patience
from tests.stage import Stage, Staged

pytest_plugins = ["tests.stage"]

LISTENS = """
    import os, select, selectors, signal, socket, sys, threading, time
    from concurrent.futures import ThreadPoolExecutor
    def beside(function, *arguments):
        threading.Thread(target=function, args=arguments, daemon=True).start()
    def serve(client):
        while data := client.recv(4096):
            client.sendall(data)
        client.close()
"""
ON_ITS_PORT = f"""{LISTENS}
    listener = socket.create_server(("", int(sys.argv[1])), backlog=128)
"""
WAITS = f"""{ON_ITS_PORT}
    ready = selectors.DefaultSelector()
    ready.register(listener, selectors.EVENT_READ)
    ready.select()
"""
BYSTANDERS = {
    "lock": "lock = threading.Lock(); lock.acquire(); beside(lock.acquire)",
    "epoll-of-an-eventfd": "e = select.epoll(); e.register(os.eventfd(0), select.EPOLLIN); beside(e.poll)",
    "pipe": "reader, writer = os.pipe(); beside(os.read, reader, 1)",
    "signal": "signal.pthread_sigmask(0, [signal.SIGUSR1]); beside(signal.sigwait, [signal.SIGUSR1])",
    "sleeps": "beside(time.sleep, 1000)",
}
AT_WORK = {
    "epoll-of-a-socket": "one, other = socket.socketpair(); e = select.epoll(); e.register(one, 1); beside(e.poll)",
    "epoll-of-an-epoll": """
    (one, other), inner, outer = socket.socketpair(), select.epoll(), select.epoll()
    inner.register(one, 1)
    outer.register(inner, 1)
    beside(outer.poll)
    """,
    "recv": "one, other = socket.socketpair(); beside(one.recv, 1)",
}


def played(stage: Stage, code: str) -> Stage:
    """That stage with a cast whose server and client run this; host and port are the last words."""
    server = Command((base_python(), "-I", "-S", "-c", dedent(code), "{port}"))
    client = Command((base_python(), "-I", "-S", "-c", dedent(code), "{host}", "{port}"))
    stage.cast = Cast("your", {"server": server, "client": client}, stage.cast.directory)
    talk = msgspec.structs.replace(stage.exercise.conversation, client_ends="request")
    stage.exercise = msgspec.structs.replace(stage.exercise, conversation=talk)
    stage.conversation = talk
    return stage


def started(stage: Stage, code: str) -> Server:
    server = Server(played(stage, code))
    server.start()
    return server


# --- one thread that waits for everybody


@pytest.mark.parametrize("code", BYSTANDERS.values(), ids=list(BYSTANDERS))
def test_threads_that_wait_for_no_socket_may_be_there(stage: Stage, code: str) -> None:
    started(stage, WAITS.replace("ready.select()", f"{code}\n    ready.select()")).expect_multiplexed()


@pytest.mark.parametrize("code", AT_WORK.values(), ids=list(AT_WORK))
def test_another_thread_that_waits_for_a_socket_is_one_too_many(stage: Stage, code: str) -> None:
    server = started(stage, WAITS.replace("ready.select()", f"{code}\n    ready.select()"))
    with pytest.raises(Failure, match="is not one thread that waits for all clients at once"):
        server.expect_multiplexed()


# --- what it keeps


def growth(stage: Stage, code: str) -> None:
    """A server that does this is visited by ten clients, and then by twenty."""
    server = started(stage, f"{ON_ITS_PORT}\n    {code}")
    server.visits(10)
    before = server.holdings()
    server.visits(20)
    server.expect_no_growth(before, clients=20)


REFERENCE = "while True: serve(listener.accept()[0])"
A_POOL = """pool = ThreadPoolExecutor(25)
    pool._idle_semaphore.acquire = lambda timeout: False  # as Java's: a new thread for each task until all are there
    while True: pool.submit(serve, listener.accept()[0])
"""
A_LEAK = "while True: serve(listener.accept()[0]); beside(signal.pause)"
NO_MORE = """kept = 0
    while kept < 40:
        serve(listener.accept()[0])
        beside(time.sleep, 1000)
        kept += 1
    signal.pause()
"""


@pytest.fixture
def recorded(staged: Staged) -> Stage:
    """A stage whose script is what a server that keeps nothing did."""
    stage = staged()
    growth(stage, REFERENCE)
    another = staged()
    another.script = Script(stage.script.facets)
    return another


def test_a_pool_of_threads_that_is_filled_when_it_is_needed_is_no_leak(recorded: Stage) -> None:
    growth(recorded, A_POOL)


def test_threads_that_come_with_every_client_are_a_leak(recorded: Stage) -> None:
    with pytest.raises(Failure, match=r"takes more threads with every 20 clients: \d+ at first, \d+ after 60 clients"):
        growth(recorded, A_LEAK)


def test_who_has_no_threads_left_for_more_clients_is_told_of_the_threads(recorded: Stage) -> None:
    with pytest.raises(Failure, match="takes more threads with every 20 clients"):
        growth(recorded, NO_MORE)


# --- its start


def test_every_start_may_take_as_long_as_the_first(staged: Staged) -> None:
    stage = staged(Patience(timer_s=1))
    server = started(stage, f"{LISTENS}\n    time.sleep(0.7)\n    {ON_ITS_PORT}\n    signal.pause()")
    server.stop()
    server.start()
    server.stop()
    server.start()


def test_a_failure_that_is_found_late_costs_no_patience_afterwards(staged: Staged) -> None:
    stage = staged(Patience(timer_s=1))
    server = Server(played(stage, f"{LISTENS}\n    time.sleep(0.7)\n    {ON_ITS_PORT}\n    signal.pause()"))
    holder = server.take_port()
    server.launch_on_its_port()
    server.expect_failure()
    holder.release()
    server.start()
    assert stage.gave_up == {}


def test_who_listens_for_a_moment_and_ends_with_an_error_has_not_listened(staged: Staged) -> None:
    code = f"{ON_ITS_PORT}\n    time.sleep(0.3)\n    sys.exit('server: cannot accept')"
    server = Server(played(staged(Patience(timer_s=1)), code))
    server.launch_on_its_port()
    server.expect_failure()


def test_a_second_server_that_shares_the_port_in_the_background_is_seen(stage: Stage) -> None:
    shares = f"{LISTENS}\n    listener = socket.create_server(('', int(sys.argv[1])), reuse_port=True)"
    server = started(stage, f"{shares}\n    if os.fork():\n        os._exit(0)\n    signal.pause()")
    with pytest.raises(Failure, match="listens on"):
        server.expect_no_second()


def test_clients_that_sleep_before_they_connect_may_be_many(staged: Staged) -> None:
    stage = staged(Patience(timer_s=1))
    connects = 'time.sleep(0.7); socket.create_connection(("127.0.0.1", int(sys.argv[2]))); signal.pause()'
    client = Client(played(stage, f"{LISTENS}\n    {connects}"))
    for _ in range(3):
        client.start()


# --- what it says of a failure


@pytest.mark.parametrize("banner", ["", "print('starting', flush=True); "], ids=["plain", "after-a-banner"])
def test_one_line_on_standard_error_is_a_message_for_people(stage: Stage, banner: str) -> None:
    server = Server(played(stage, f"import sys; {banner}sys.exit('server: port in use')"))
    server.launch_on_its_port()
    server.expect_failure()
    server.expect_plain_message()


def test_a_message_on_standard_output_alone_is_not(stage: Stage) -> None:
    server = Server(played(stage, "import sys; print('port in use'); sys.exit(1)"))
    server.launch_on_its_port()
    server.expect_failure()
    with pytest.raises(Failure, match="says it on its standard output"):
        server.expect_plain_message()
