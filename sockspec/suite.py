"""What a suite imports: the mark that ties a test to its requirement, and the names of what tests are given."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from sockspec.client import Client, Visit
from sockspec.names import BOTH, ONE, SIX, TWO, UNKNOWN
from sockspec.peer import Fault, Meaning, Peer
from sockspec.scenario import LOOPBACK
from sockspec.server import Server
from sockspec.udp.client import DatagramClient
from sockspec.udp.server import DatagramServer

_Test = TypeVar("_Test", bound=Callable[..., Any])


def requirement(slug: str) -> Callable[[_Test], _Test]:
    """This test is about that requirement: `echo.server.in-pieces`, or `server.in-pieces` in a shared test."""
    return pytest.mark.requirement(slug)


__all__ = [
    "BOTH", "LOOPBACK", "ONE", "SIX", "TWO", "UNKNOWN",
    "Client", "DatagramClient", "DatagramServer", "Fault", "Meaning", "Peer", "Server", "Visit", "requirement",
]  # fmt: skip
