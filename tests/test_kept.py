"""What an earlier run graded is kept, or run again, by what its journal says. A stand-in plays the sandbox."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from sockspec import catalogue, grade, journal, policy
from sockspec.complaint import UsageError
from sockspec.journal import Begun, Ended, Entry, Journal, Reached, Standings, Started
from sockspec.sandbox import wire
from sockspec.sandbox.run import Sandbox
from tests.grading import record

ECHO = policy.of("echo")
RUN = Started(
    version="1", exercise="echo", seed=1, suite="new", image="sha256:1", tools={}, isolation="container",
    at="2026-01-02T03:04:05Z",
)  # fmt: skip


class StandIn:
    """A sandbox that runs nothing, and tells one thing each time."""

    image, image_id, engine = "new", "sha256:1", "a stand-in"

    def __init__(self, *tells: wire.Told) -> None:
        self.tells = list(tells)

    def observed(self, *_: Any) -> bytes:
        return b""

    def told(self, *_: Any) -> Iterator[wire.Told]:
        yield self.tells.pop(0)


def graded_before(out: Path, run: Started, *names: str) -> None:
    """A run under those conditions in which these were graded."""
    with Journal(out / grade.JOURNAL) as written:
        written.append(run)
        for name in names:
            written.append(Begun(name, "d1", 1))
            written.append(Reached(name, record("echo.server.binary")))
            written.append(Ended(
                submission=name, digest="d1", status="graded", seconds=1.0, isolation="container", roles={},
            ))  # fmt: skip


def kept(out: Path, *again: str) -> dict[str, str]:
    return grade._kept(out / grade.JOURNAL, RUN, set(again))


def of_one(tmp_path: Path, *tells: wire.Told) -> list[Entry]:
    """The journal of a class of one, of which the sandbox tells that, try by try."""
    (tmp_path / "class" / "ada").mkdir(parents=True, exist_ok=True)
    (tmp_path / "class" / "ada" / "notes.txt").touch()
    grade.grade(tmp_path / "class", grade.Job(ECHO), tmp_path, cast(Sandbox, StandIn(*tells)), lambda _: None)
    return list(journal.entries(tmp_path / grade.JOURNAL))


def test_what_was_graded_under_the_same_conditions_is_kept(tmp_path: Path) -> None:
    graded_before(tmp_path, RUN, "ada", "ben")
    assert kept(tmp_path, "ben") == {"ada": "d1"}


def test_nothing_is_kept_of_a_journal_that_has_just_begun(tmp_path: Path) -> None:
    Journal(tmp_path / grade.JOURNAL).close()
    assert kept(tmp_path) == {}


@pytest.mark.parametrize(("what", "was"), [("exercise", "hello"), ("suite", "old"), ("seed", 7)])
def test_grades_reached_under_other_conditions_are_not_kept(tmp_path: Path, what: str, was: object) -> None:
    graded_before(tmp_path, msgspec.structs.replace(RUN, **{what: was}), "ada", "ben")
    with pytest.raises(UsageError, match=f"graded with {what} {was}, and this is .*: ada, ben; grade all again"):
        kept(tmp_path)


def test_after_a_regrading_that_was_interrupted_those_it_did_not_come_to_are_named(tmp_path: Path) -> None:
    graded_before(tmp_path, msgspec.structs.replace(RUN, suite="old"), *"abcdefgh")
    graded_before(tmp_path, RUN, "a")
    with pytest.raises(UsageError, match="graded with suite old, and this is new: b, c, d, e, f and 2 more;"):
        kept(tmp_path)
    assert kept(tmp_path, *"bcdefgh") == {"a": "d1"}


def test_one_that_was_graded_again_stands_under_the_new_conditions(tmp_path: Path) -> None:
    graded_before(tmp_path, msgspec.structs.replace(RUN, seed=7), "ada")
    graded_before(tmp_path, RUN, "ada")
    assert kept(tmp_path) == {"ada": "d1"}


def test_what_cannot_be_played_has_begun_once(tmp_path: Path) -> None:
    entries = of_one(tmp_path, wire.Refused("there is no client and no server"))
    assert [entry.attempt for entry in entries if isinstance(entry, Begun)] == [1]
    assert Counter(type(entry) for entry in entries) == {
        Started: 1, Begun: 1, Reached: len(catalogue.exercise("echo").requirements), Ended: 1,
    }  # fmt: skip


def test_what_cannot_be_played_at_the_second_try_is_the_second_attempt(tmp_path: Path) -> None:
    entries = of_one(tmp_path, wire.Faulted("the engine is gone"), wire.Refused("there is no client and no server"))
    assert [entry.attempt for entry in entries if isinstance(entry, Begun)] == [1, 2]
    assert [entry.status for entry in entries if isinstance(entry, Ended)] == ["graded"]


def test_what_has_not_changed_is_not_run_again(tmp_path: Path) -> None:
    once = of_one(tmp_path, wire.Refused("there is no client and no server"))
    twice = of_one(tmp_path)
    assert twice[: len(once)] == once and [type(entry) for entry in twice[len(once) :]] == [Started]
    assert list(Standings(tmp_path / grade.JOURNAL)) == ["ada"]
