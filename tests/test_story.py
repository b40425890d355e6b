"""The story of a failure: what happened, in the order in which it did, and who is to blame for how it ended."""

from collections.abc import Callable
from textwrap import dedent

import pytest

from sockspec.client import Client
from sockspec.environment import base_python
from sockspec.failure import Failure
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
