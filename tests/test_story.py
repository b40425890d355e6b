"""The story of a failure: what happened, in the order in which it did, and who is to blame for how it ended."""

from collections.abc import Callable
from textwrap import dedent

import pytest

from sockspec.client import Client
from sockspec.environment import base_python
from sockspec.failure import Failure
from sockspec.oracle import Facet
from sockspec.server import Server
from sockspec.submission import Cast, Command
from sockspec.verdict import Diagnosis
from tests.stage import Stage

pytest_plugins = ["tests.stage"]

ON_ITS_PORT = """
    import os, signal, socket, sys
    listener = socket.create_server(("", int(sys.argv[1])))
"""
SILENT = (
    ON_ITS_PORT
    + """
    client, _ = listener.accept()
    signal.pause()
"""
)


def cast(stage: Stage, code: str) -> Stage:
    """That stage with a cast whose server and client run this; host and port are the last words."""
    server = Command((base_python(), "-I", "-S", "-c", dedent(code), "{port}"))
    client = Command((base_python(), "-I", "-S", "-c", dedent(code), "{host}", "{port}"))
    stage.cast = Cast("your", {"server": server, "client": client}, stage.cast.directory)
    return stage


def failure(act: Callable[[], object]) -> Diagnosis:
    with pytest.raises(Failure) as failed:
        act()
    return failed.value.diagnosis


def story(stage: Stage) -> list[str]:
    """What the story is by now."""
    return failure(lambda: stage.fail("enough")).story


# --- in order


def test_a_stop_and_the_clients_that_came_meanwhile_are_told_in_their_order(stage: Stage) -> None:
    server = Server(cast(stage, SILENT))
    server.start()
    server.pause()
    server.connect().finish()
    server.resume()
    assert story(stage) == [
        "your server was stopped (SIGSTOP, as by Ctrl-Z)",
        "first client: connected, shut down its sending side, received nothing",
        "your server was continued (SIGCONT, as by fg)",
    ]


def test_a_client_that_is_stopped_is_told_of(stage: Stage) -> None:
    visit = Client(cast(stage, "import signal; signal.pause()")).launch_at("127.0.0.1")
    visit.pause()
    visit.resume()
    assert story(stage)[-2:] == [
        "your client was stopped (SIGSTOP, as by Ctrl-Z)",
        "your client was continued (SIGCONT, as by fg)",
    ]


@pytest.mark.parametrize(("clients", "lines"), [(6, 6), (7, 7), (8, 7), (30, 7)])
def test_a_long_story_is_cut_in_its_middle(stage: Stage, clients: int, lines: int) -> None:
    stage.told += [f"client {number}: came" for number in range(clients)]
    told = story(stage)
    assert [told[0], told[-1], len(told)] == ["client 0: came", f"client {clients - 1}: came", lines]
    assert (f"({clients - 6} more like these)" in told) == (clients > 7)


# --- who is to blame


REFUSES_FIRST = """
    import pathlib, signal, sys
    if not pathlib.Path("came").exists():
        pathlib.Path("came").touch()
        sys.exit("first")
    sys.exit()
"""


def test_an_end_that_was_expected_explains_no_later_failure(stage: Stage) -> None:
    client = Client(cast(stage, REFUSES_FIRST))
    client.launch_at("127.0.0.1").expect_failure()
    told = failure(client.launch_at("127.0.0.1").expect_failure)
    assert told.summary == "your client (started again) ended with exit status 0, as if all was well"
    assert told.last_words == ""
    assert "your client ended with exit status 1 and said why" in told.story


def test_a_visit_that_went_well_explains_no_later_failure(stage: Stage) -> None:
    client = Client(cast(stage, "pass"))
    visit = client.launch_at("127.0.0.1")
    visit.expect_success()
    assert failure(lambda: stage.fail("enough")).summary == "enough"


def test_one_that_is_started_a_third_time_is_told_from_the_others(stage: Stage) -> None:
    client = Client(cast(stage, "pass"))
    names = [client.launch_at("127.0.0.1").program.name for _ in range(3)]
    assert names == ["your client", "your client (started again)", "your client (its run 3)"]


# --- last words


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("print('port?')", "port?"),
        ("print('port?'); sys.exit('no port')", "no port"),
        ("pass", ""),
    ],
    ids=["output", "error", "nothing"],
)
def test_a_server_that_says_nothing_on_its_standard_error_is_quoted_from_its_standard_output(
    stage: Stage, code: str, words: str
) -> None:
    assert failure(Server(cast(stage, f"import sys; {code}")).start).last_words == words


@pytest.mark.parametrize(("connects", "words"), [("", "no way"), ("socket.create_connection(sys.argv[1:])", "")])
def test_what_a_client_prints_is_quoted_until_it_has_met_somebody(stage: Stage, connects: str, words: str) -> None:
    client = Client(cast(stage, f"import socket, sys; print('no way', flush=True); {connects or 'pass'}; sys.exit(1)"))
    told = failure(lambda: client.start().expect_success())
    assert told.last_words == words


# --- what was asked


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_what_a_client_was_asked_to_connect_to_is_told(stage: Stage, host: str) -> None:
    client = Client(cast(stage, "import socket, sys; socket.create_connection(sys.argv[1:])"))
    client.start(host=host)
    assert story(stage)[0] == f"your client was asked to connect to {host} port {client.port}"


def test_a_second_connection_is_told_of(stage: Stage) -> None:
    client = Client(cast(stage, "import socket, sys; [socket.create_connection(sys.argv[1:]) for _ in range(2)]"))
    client.start().expect_success()
    told = failure(client.expect_no_connection)
    assert told.summary == f"your client connected to port {client.port} once more than expected"
    assert told.story[-1] == "your client connected to us once more"


# --- what comes before


def preliminary(act: Callable[[], object]) -> bool:
    return failure(act).preliminary


def test_what_fails_in_the_first_visit_is_about_nothing_special(stage: Stage) -> None:
    stage.expects(Facet("bytes", data=b"hello"))
    assert preliminary(Server(cast(stage, SILENT)).visit)


def test_what_fails_in_a_later_visit_is_about_what_was_done_before(stage: Stage) -> None:
    stage.expects(Facet("bytes", data=b"hello"))
    server = Server(cast(stage, SILENT))
    server.connect().leave()
    assert not preliminary(server.visit)


@pytest.mark.parametrize(("host", "early"), [("127.0.0.1", True), ("localhost", False)])
def test_a_client_that_does_not_connect_has_its_own_hint_where_the_host_is_special(
    stage: Stage, host: str, early: bool
) -> None:
    client = Client(cast(stage, "pass"))
    assert preliminary(lambda: client.start(host=host)) == early


# --- the reference


def test_a_connection_that_is_reset_at_once_was_not_refused(stage: Stage) -> None:
    resets = """
    client, _ = listener.accept()
    client.send(b"hi")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, (1).to_bytes(8, "little"))
    client.close()
    """
    server = Server(cast(stage, ON_ITS_PORT + resets))
    server.start()
    peer = server.dial()
    stage.at_rest()
    server._expect_met(peer, "127.0.0.1")
    peer.expect_any_end()
    assert (bytes(peer.received), peer.ended) == (b"hi", "reset")


def test_a_server_that_listens_where_it_should_fail_is_told_the_slip_behind_its_port(stage: Stage) -> None:
    swapped = """
    import signal, socket, sys
    listener = socket.create_server(("", socket.htons(int(sys.argv[1]))))
    signal.pause()
    """
    server = Server(cast(stage, swapped))
    server.launch_on_its_port()
    told = failure(server.expect_failure)
    assert f"({server.port} with its two bytes swapped: htons() is missing)" in told.summary
    assert told.reference == "ended with an error, and listened nowhere"
