"""The ports of a worker: each is nobody else's, and tells whether a program has put it into network byte order."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sockspec.kernel.sockets import Diagnostics
from sockspec.scenario import Ports

pytest_plugins = ["tests.stage"]


@pytest.fixture
def ports(diagnostics: Diagnostics, tmp_path: Path) -> Iterator[Ports]:
    made = Ports(0, diagnostics, tmp_path, alone=True)
    yield made
    made.close()


def test_no_port_is_the_same_with_its_bytes_swapped(ports: Ports) -> None:
    given = [ports.next() for _ in range(600)]
    assert [port for port in given if port.to_bytes(2, "big") == port.to_bytes(2, "little")] == []


def test_the_ports_that_a_worker_has_had_come_again(ports: Ports) -> None:
    first = ports.next()
    assert first in [ports.next() for _ in range(600)]


def test_who_comes_second_gets_ports_of_his_own(ports: Ports, diagnostics: Diagnostics, tmp_path: Path) -> None:
    with closing(Ports(0, diagnostics, tmp_path, alone=True)) as second:
        taken = [{each.next() for _ in range(600)} for each in (ports, second)]
    assert taken[0] & taken[1] == set()


def test_a_port_that_comes_again_is_looked_at(ports: Ports) -> None:
    first = ports.next()
    with socket.create_server(("127.0.0.1", first)):
        assert first not in [ports.next() for _ in range(600)]
