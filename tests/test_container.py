"""The engine is waited for, listened to, and given up in time; a stand-in plays it."""

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from sockspec.complaint import SuiteError
from sockspec.sandbox import container, wire
from sockspec.sandbox.run import _Stored

Ends = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Our end of the stream of a container, and the engine's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def frame(kind: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", kind, len(data)) + data


def test_what_a_container_says_and_what_it_complains_of_are_told_apart(ends: Ends) -> None:
    ends[1].sendall(frame(1, b"one") + frame(2, b"oh") + frame(1, b"two"))
    ends[1].close()
    complaints = bytearray()
    assert list(container._heard(ends[0], complaints)) == [b"one", b"two"]
    assert complaints == b"oh"


def test_a_stream_that_ends_in_the_middle_of_a_piece_has_ended(ends: Ends) -> None:
    ends[1].sendall(frame(1, b"whole") + frame(1, b"half")[:-2])
    ends[1].close()
    assert list(container._heard(ends[0], bytearray())) == [b"whole", b"ha"]


def test_a_container_that_says_nothing_more_is_given_up(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_SILENT_S", 0.05)
    ends[1].sendall(frame(1, b"one"))
    with pytest.raises(TimeoutError):
        list(container._heard(ends[0], bytearray()))


def test_whoever_listens_is_freed_when_the_time_of_a_container_is_over(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "_MOST_S", 0.05)
    engine = SimpleNamespace(api=SimpleNamespace(remove_container=lambda *_, **__: None))
    with container._watchdog(engine, "id", ends[0]):
        assert list(container._heard(ends[0], bytearray())) == []


class Restarting:
    """An engine that does not answer so often, and then does."""

    def __init__(self, times: int) -> None:
        self.times = times

    def __call__(self, **_: Any) -> "Restarting":
        return self

    def ping(self) -> None:
        self.times -= 1
        if self.times >= 0:
            raise requests.ConnectionError("refused")

    def close(self) -> None:
        pass


def paused(monkeypatch: pytest.MonkeyPatch, times: int) -> list[float]:
    """How long an engine was waited for that does not answer so often, pause by pause."""
    pauses: list[float] = []
    monkeypatch.setattr("docker.from_env", Restarting(times))
    monkeypatch.setattr("time.sleep", pauses.append)
    monkeypatch.setattr("time.monotonic", lambda: sum(pauses))
    container.wait()
    return pauses


def test_an_engine_that_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert paused(monkeypatch, 0) == []


def test_an_engine_that_is_started_anew_is_waited_for_more_and_more_patiently(monkeypatch: pytest.MonkeyPatch) -> None:
    assert paused(monkeypatch, 7) == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


def test_an_engine_that_does_not_come_back_is_given_up_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(container.EngineFault, match=r"(?s)no Docker engine answers: refused.*the same command again"):
        paused(monkeypatch, 1_000)


def test_a_line_that_is_kept_fits_into_a_journal() -> None:
    from sockspec import journal

    assert wire.MOST_LINE_BYTES * 2 <= journal.LONGEST


@pytest.mark.parametrize("damage", [b"", b"\n", b"x" * 100], ids=["empty", "no checksum", "something else"])
def test_what_is_damaged_counts_as_never_recorded(damage: bytes, tmp_path: Path) -> None:
    (tmp_path / "it").write_bytes(damage)
    assert _Stored(tmp_path / "it").read() == b""


def test_what_is_cut_off_counts_as_never_recorded(tmp_path: Path) -> None:
    stored = _Stored(tmp_path / "cache" / "it")
    stored.write(b"seen\n" * 100)
    assert stored.read() == b"seen\n" * 100
    os.truncate(tmp_path / "cache" / "it", 300)
    assert stored.read() == b""


def test_a_cache_that_cannot_be_written_is_told_with_a_remedy() -> None:
    with pytest.raises(SuiteError, match=r"cannot be kept: .*; make room, or name another place in XDG_CACHE_HOME"):
        _Stored(Path("/proc/cache/it")).write(b"seen")
