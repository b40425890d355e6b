"""What an earlier run graded is kept, or run again, by what its journal says. A stand-in plays the sandbox."""

import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from sockspec import catalogue, grade, journal, policy
from sockspec.complaint import SuiteError, UsageError
from sockspec.journal import Begun, Done, Ended, Entry, Journal, Reached, Standings, Started
from sockspec.sandbox import wire
from sockspec.sandbox.run import Sandbox
from sockspec.verdict import Outcome, Verdict
from tests.grading import record
from tests.room import room_for

ECHO = policy.of("echo")
RUN = Started(
    version="1", exercise="echo", seed=1, suite="new", image="sha256:1", tools={}, isolation="container",
    at="2026-01-02T03:04:05Z",
)  # fmt: skip


REFUSED = wire.Refused("there is no client and no server")


class StandIn:
    """A sandbox that runs nothing, and tells one thing each time, or fails with it."""

    image, image_id, engine, kernel = "new", "sha256:1", "a stand-in", "6.1"

    def __init__(self, *tells: wire.Told | list[wire.Told] | Exception) -> None:
        self.tells = list(tells)
        self.waited = self.stopped = 0
        self.said: list[str] = []

    def observed(self, *_: Any) -> bytes:
        return b""

    def told(self, *_: Any) -> Iterator[wire.Told]:
        tell = self.tells.pop(0)
        if isinstance(tell, Exception):
            raise tell
        yield from tell if isinstance(tell, list) else [tell]

    def tools(self) -> dict[str, str]:
        return {"cc": "12"}

    def wait(self) -> None:
        self.waited += 1

    def stop(self) -> None:
        self.stopped += 1

    def say(self, line: str) -> None:
        self.said.append(line)


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


HERE = {"ada", "ben", *"abcdefgh"}


def kept(out: Path, *again: str, here: set[str] = HERE) -> dict[str, str]:
    return grade._kept(out / grade.JOURNAL, msgspec.structs.replace(RUN, regrade=sorted(again)), set(again), here)


def of_one(tmp_path: Path, *tells: wire.Told | Exception) -> list[Entry]:
    """The journal of a class of one, of which the sandbox tells that, try by try."""
    class_of(tmp_path, "ada")
    return graded(tmp_path, StandIn(*tells))


def class_of(tmp_path: Path, *names: str) -> Path:
    for name in names:
        (tmp_path / "class" / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "class" / name / "notes.txt").touch()
    return tmp_path / "class"


def graded(tmp_path: Path, sandbox: StandIn, *regrade: str) -> list[Entry]:
    """The journal, once that class is graded in that sandbox."""
    job = grade.Job(ECHO, regrade=regrade)
    grade.grade(tmp_path / "class", job, tmp_path, cast(Sandbox, sandbox), lambda _: None)
    return list(journal.entries(tmp_path / grade.JOURNAL))


def ends(entries: list[Entry]) -> list[str]:
    return [f"{entry.submission} {entry.status}" for entry in entries if isinstance(entry, Ended)]


def verdict(said: Verdict, outcome: Outcome = Outcome.OK) -> list[wire.Told]:
    """A container that reaches this verdict, and no other."""
    reached = msgspec.structs.replace(record("echo.server.binary", said), outcome=outcome)
    return [wire.Reached(1, 1, reached), wire.Finished({"server": "server.c"}, [], 0.1)]


def differing(tmp_path: Path, sandbox: StandIn) -> list[str]:
    """What an audit of two runs says of a class of one."""
    return list(grade.audit(class_of(tmp_path, "ada"), grade.Job(ECHO), 2, cast(Sandbox, sandbox)))


def test_what_was_graded_under_the_same_conditions_is_kept(tmp_path: Path) -> None:
    graded_before(tmp_path, RUN, "ada", "ben")
    assert kept(tmp_path, "ben") == {"ada": "d1"}


def test_nothing_is_kept_of_a_journal_that_has_just_begun(tmp_path: Path) -> None:
    Journal(tmp_path / grade.JOURNAL).close()
    assert kept(tmp_path) == {}


@pytest.mark.parametrize(
    ("what", "was"),
    [("exercise", "hello"), ("suite", "old"), ("image", "sha256:0"), ("seed", 7), ("bounds", "5 s of timers")],
)
def test_grades_reached_under_other_conditions_are_not_kept(tmp_path: Path, what: str, was: object) -> None:
    graded_before(tmp_path, msgspec.structs.replace(RUN, **{what: was}), "ada", "ben")
    with pytest.raises(UsageError, match=f"graded with {what} {was}, and this is .*: ada, ben; grade all again"):
        kept(tmp_path)


def test_who_is_no_longer_handed_in_cannot_be_graded_again(tmp_path: Path) -> None:
    graded_before(tmp_path, msgspec.structs.replace(RUN, suite="old"), "ada", "ben")
    with pytest.raises(UsageError, match="name another --out, for ben cannot be graded again: no longer handed in"):
        kept(tmp_path, "ada", here={"ada"})


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
    entries = of_one(tmp_path, REFUSED)
    assert [entry.attempt for entry in entries if isinstance(entry, Begun)] == [1]
    assert Counter(type(entry) for entry in entries) == {
        Started: 1, Begun: 1, Reached: len(catalogue.exercise("echo").requirements), Ended: 1, Done: 1,
    }  # fmt: skip


def test_what_cannot_be_played_at_the_second_try_is_the_second_attempt(tmp_path: Path) -> None:
    entries = of_one(tmp_path, wire.Faulted("the engine is gone"), REFUSED)
    assert [entry.attempt for entry in entries if isinstance(entry, Begun)] == [1, 2]
    assert [entry.status for entry in entries if isinstance(entry, Ended)] == ["graded"]


def test_what_has_not_changed_is_not_run_again(tmp_path: Path) -> None:
    once = of_one(tmp_path, REFUSED)
    twice = of_one(tmp_path)
    assert twice[: len(once)] == once and [type(entry) for entry in twice[len(once) :]] == [Started, Done]
    assert list(Standings(tmp_path / grade.JOURNAL)) == ["ada"]


def test_what_has_changed_is_run_again(tmp_path: Path) -> None:
    of_one(tmp_path, REFUSED)
    (tmp_path / "class" / "ada" / "notes.txt").write_text("another try")
    assert ends(graded(tmp_path, StandIn(REFUSED))) == ["ada graded", "ada graded"]


def test_an_archive_that_was_refused_and_is_replaced_is_run(tmp_path: Path) -> None:
    archive = tmp_path / "class" / "ada.zip"
    archive.parent.mkdir()
    archive.write_text("no archive")
    graded(tmp_path, StandIn())
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("server.py", "print()")
    assert ends(graded(tmp_path, StandIn(verdict(Verdict.PASS)))) == ["ada graded", "ada graded"]


def test_a_class_that_met_a_full_disk_goes_on_when_there_is_room(tmp_path: Path) -> None:
    class_of(tmp_path, "ada", "ben", "eve")
    graded_before(tmp_path, RUN)
    with room_for((tmp_path / grade.JOURNAL).stat().st_size + 40_000), pytest.raises(SuiteError, match="make room"):
        graded(tmp_path, StandIn(REFUSED, REFUSED, REFUSED))
    entries = graded(tmp_path, StandIn(REFUSED, REFUSED))
    assert Counter(ends(entries)) == {"ada graded": 1, "ben graded": 1, "eve graded": 1}


def test_what_a_container_told_wrongly_is_a_fault_of_that_run_and_ends_no_class(tmp_path: Path) -> None:
    sandbox = StandIn(SuiteError("a line of 1 GiB"), SuiteError("and again"), REFUSED)
    class_of(tmp_path, "ada", "ben")
    assert ends(graded(tmp_path, sandbox)) == ["ada not graded", "ben graded"]


def test_the_engine_is_waited_for_before_the_next_try(tmp_path: Path) -> None:
    class_of(tmp_path, "ada")
    sandbox = StandIn(wire.Faulted("the engine is gone"), REFUSED)
    assert (ends(graded(tmp_path, sandbox)), sandbox.waited) == (["ada graded"], 1)


def test_an_engine_that_does_not_come_back_is_held_against_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(_: StandIn) -> None:
        raise SuiteError("no Docker engine answers")

    monkeypatch.setattr(StandIn, "wait", wait)
    with pytest.raises(SuiteError, match="no Docker engine answers"):
        of_one(tmp_path, wire.Faulted("the engine is gone"))
    assert ends(list(journal.entries(tmp_path / grade.JOURNAL))) == []


def test_a_second_run_of_a_class_leaves_the_first_one_alone(tmp_path: Path) -> None:
    class_of(tmp_path, "ada")
    sandbox = StandIn()
    with Journal(tmp_path / grade.JOURNAL), pytest.raises(UsageError, match="another process"):
        graded(tmp_path, sandbox)
    assert sandbox.stopped == 0


def test_a_regrading_that_was_interrupted_goes_on_where_it_stopped(tmp_path: Path) -> None:
    class_of(tmp_path, "ada", "ben")
    graded(tmp_path, StandIn(REFUSED, REFUSED))
    with pytest.raises(KeyError):
        graded(tmp_path, StandIn(REFUSED, KeyError("as if killed")), "*")
    assert ends(graded(tmp_path, StandIn(REFUSED), "*"))[2:] == ["ada graded", "ben graded"]


def test_a_regrading_that_has_ended_is_done_anew(tmp_path: Path) -> None:
    class_of(tmp_path, "ada")
    for _ in range(3):
        entries = graded(tmp_path, StandIn(REFUSED), "*")
    assert ends(entries) == ["ada graded"] * 3


def test_a_run_says_under_what_it_was_made(tmp_path: Path) -> None:
    started = next(entry for entry in of_one(tmp_path, REFUSED) if isinstance(entry, Started))
    assert started.bounds.startswith("3 s of timers, 1 s of processor, 512 MiB of memory")
    assert (started.tools["cc"], started.image) == ("12", "sha256:1")


def test_results_that_lie_in_the_class_are_no_submission(tmp_path: Path) -> None:
    out, sandbox = class_of(tmp_path, "ada", "results") / "results", StandIn(REFUSED)
    (tmp_path / "class" / "server.py").touch()
    stands = grade.grade(tmp_path / "class", grade.Job(ECHO), out, cast(Sandbox, sandbox), lambda _: None)
    assert list(stands) == ["ada"]
    assert [line.partition(":")[0] for line in sandbox.said] == ["results", "server.py"]


def test_results_cannot_lie_in_a_submission(tmp_path: Path) -> None:
    out = class_of(tmp_path, "ada") / "ada" / "results"
    with pytest.raises(UsageError, match="is in ada, which would be a submission"):
        grade.grade(tmp_path / "class", grade.Job(ECHO), out, cast(Sandbox, StandIn()), lambda _: None)


def test_an_audit_names_a_verdict_that_differs(tmp_path: Path) -> None:
    sandbox = StandIn(verdict(Verdict.PASS), verdict(Verdict.FAIL, Outcome.STUCK))
    assert differing(tmp_path, sandbox) == ["ada: echo.server.binary: pass (ok) in run 1, fail (stuck) in run 2"]


def test_an_audit_names_an_outcome_that_differs(tmp_path: Path) -> None:
    sandbox = StandIn(verdict(Verdict.FAIL, Outcome.STUCK), verdict(Verdict.FAIL, Outcome.CRASHED))
    assert differing(tmp_path, sandbox) == ["ada: echo.server.binary: fail (stuck) in run 1, fail (crashed) in run 2"]


def test_an_audit_tries_again_what_failed_for_a_reason_of_the_machine(tmp_path: Path) -> None:
    good = verdict(Verdict.PASS)
    sandbox = StandIn(SuiteError("gone"), good, verdict(Verdict.ERROR), good)
    assert (differing(tmp_path, sandbox), sandbox.waited) == ([], 2)


def test_an_audit_that_could_not_be_made_is_no_agreement(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="ada: gone"):
        differing(tmp_path, StandIn(SuiteError("gone"), SuiteError("gone")))
