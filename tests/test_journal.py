"""The journal keeps whole lines only, lets one process write, and says which attempt stands."""

import os
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockspec import journal
from sockspec.complaint import SuiteError, UsageError
from sockspec.journal import Begun, Ended, Entry, Journal, Reached, Standing, Standings, Started
from sockspec.verdict import Diagnosis, Level, Outcome, Record, Verdict
from tests.room import room_for

STARTED = Started(
    version="1", exercise="echo", seed=7, suite="f00", image="sha256:1", tools={"cc": "12"}, isolation="container",
    at="2026-01-02T03:04:05Z",
)  # fmt: skip


def verdict(submission: str = "ada", slug: str = "echo.server.binary") -> Reached:
    why = Diagnosis("it is stuck", ["first client: connected"])
    return Reached(submission, Record(slug, Level.MUST, "S5", "", Verdict.FAIL, Outcome.STUCK, 0.1, "", why))


def ended(submission: str = "ada", digest: str = "d1") -> Ended:
    return Ended(
        submission=submission, digest=digest, status="graded", seconds=1.5, isolation="container",
        roles={"server": "server.c"},
    )  # fmt: skip


ATTEMPT: list[Entry] = [STARTED, Begun("ada", "d1", 1), verdict(), ended()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def written(path: Path, *entries: Entry) -> bytes:
    """What is in the file once these are appended."""
    with Journal(path) as opened:
        for entry in entries:
            opened.append(entry)
    return path.read_bytes()


def verdicts(standing: Standing) -> list[Record]:
    return standing.report.records if standing.report else []


def laid(path: Path, entries: Sequence[Entry]) -> Path:
    """The file with just these entries, as no journal would have written them."""
    path.write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))
    return path


def standing(entries: Sequence[Entry]) -> dict[str, Standing]:
    """Where each submission stands, by a journal of just these entries."""
    with TemporaryDirectory(prefix="sockspec-") as directory:
        return dict(Standings(laid(Path(directory, "journal.jsonl"), entries)))


def test_what_was_appended_is_read_again(path: Path) -> None:
    written(path, *ATTEMPT)
    assert list(journal.entries(path)) == ATTEMPT


def test_a_line_is_an_entry_and_says_which_kind(path: Path) -> None:
    lines = written(path, *ATTEMPT).splitlines()
    assert [line.split(b'"')[3] for line in lines] == [b"run", b"begin", b"verdict", b"end"]


def test_a_journal_that_is_opened_again_goes_on_where_it_ended(path: Path) -> None:
    written(path, *ATTEMPT[:2])
    written(path, *ATTEMPT[2:])
    assert list(journal.entries(path)) == ATTEMPT


@pytest.mark.parametrize("left", [1, 20, 200_000], ids=["a-byte", "20-bytes", "all-but-the-end"])
def test_what_a_crash_left_of_the_last_line_is_cut_off(path: Path, left: int) -> None:
    before = written(path, *ATTEMPT)
    long = b'{"entry":"verdict","submission":"' + b"a" * 300_000
    path.write_bytes(before + long[:left])
    assert written(path) == before


def test_a_journal_of_half_a_line_starts_afresh(path: Path) -> None:
    path.write_bytes(b'{"ent')
    assert written(path, STARTED).count(b"\n") == 1


def test_a_half_line_at_the_end_is_not_read(path: Path) -> None:
    path.write_bytes(written(path, *ATTEMPT) + b'{"entry":"ver')
    assert list(journal.entries(path)) == ATTEMPT


def test_a_file_that_is_no_journal_stays_as_it_is(path: Path) -> None:
    path.write_bytes(b"my thesis, without a line feed")
    with pytest.raises(UsageError, match="not a journal"):
        Journal(path)
    assert path.read_bytes() == b"my thesis, without a line feed"


def test_a_last_line_without_end_is_not_ours_to_cut(path: Path) -> None:
    path.write_bytes(b'{"entry":"' + b"a" * (2 << 20))
    with pytest.raises(SuiteError, match="not one of ours"):
        Journal(path)


def test_a_second_process_is_told_that_there_is_a_first(path: Path) -> None:
    asks = f"from pathlib import Path; from sockspec.journal import Journal; Journal(Path({str(path)!r}))"
    with Journal(path):
        done = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=False)
    assert "UsageError" in done.stderr and "another process is writing this journal" in done.stderr


def test_a_journal_that_was_closed_is_free_again(path: Path) -> None:
    Journal(path).close()
    Journal(path).close()


def test_a_directory_that_is_not_there_is_a_matter_of_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        Journal(tmp_path / "nowhere" / "journal.jsonl")


def test_on_a_full_disk_no_half_line_stays_and_the_message_says_what_to_do(path: Path) -> None:
    before = written(path, *ATTEMPT)
    with Journal(path) as opened, room_for(len(before) + 10), pytest.raises(SuiteError, match="make room"):
        opened.append(verdict())
    assert path.read_bytes() == before


def test_once_there_is_room_the_same_journal_takes_entries_again(path: Path) -> None:
    with Journal(path) as opened:
        with room_for(10), pytest.raises(SuiteError):
            opened.append(STARTED)
        opened.append(STARTED)
    assert list(journal.entries(path)) == [STARTED]


def test_an_entry_is_on_the_disk_before_the_next_step(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    with Journal(path) as opened:
        monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_size))
        opened.append(STARTED)
        assert synced == [path.stat().st_size]


def test_an_entry_that_is_too_long_is_refused_and_leaves_nothing(path: Path) -> None:
    with Journal(path) as opened, pytest.raises(SuiteError, match="at most 1,048,576"):
        opened.append(verdict("a" * (1 << 20)))
    assert path.read_bytes() == b""


def test_a_name_that_is_not_unicode_is_refused(path: Path) -> None:
    with Journal(path) as opened, pytest.raises(SuiteError, match="not Unicode"):
        opened.append(Begun("caf\udce9", "d1", 1))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"not json", "line 2: JSON is malformed"),
        (b'{"entry":"party"}', "line 2: Invalid value 'party'"),
        (b'{"entry":"begin","submission":"ada","digest":"d","attempt":"two"}', "Expected `int`, got `str`"),
        (b'{"entry":"begin","submission":"ada","digest":"d","attempt":1,"points":100}', "unknown field `points`"),
        (b'{"entry":"begin","submission":"\xff","digest":"d","attempt":1}', "line 2: "),
        (b'{"entry":"begin","submission":"' + b"a" * (1 << 20) + b'"}', "line 2: longer than 1,048,576 bytes"),
    ],
    ids=["no-json", "unknown-entry", "wrong-type", "unknown-field", "no-utf-8", "too-long"],
)
def test_a_line_that_cannot_be_one_of_ours_is_named(path: Path, line: bytes, says: str) -> None:
    path.write_bytes(written(path, STARTED) + line + b"\n" + b"{}\n")
    with pytest.raises(SuiteError, match=says):
        list(journal.entries(path))


def test_a_journal_that_is_not_there_cannot_be_read(path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        list(journal.entries(path))


def test_a_complete_attempt_stands_with_its_verdicts() -> None:
    ada = standing(ATTEMPT)["ada"]
    assert (ada.digest, ada.status, ada.reason) == ("d1", "graded", "")
    assert ada.report is not None
    assert (ada.report.exercise, ada.report.seed, ada.report.roles) == ("echo", 7, {"server": "server.c"})
    assert ada.report.records == [verdict().record]


def test_the_last_complete_attempt_stands() -> None:
    again: list[Entry] = [Begun("ada", "d2", 2), verdict(slug="echo.server.sizes"), ended(digest="d2")]
    ada = standing([*ATTEMPT, *again])["ada"]
    assert ada.digest == "d2"
    assert ada.report is not None
    assert [record.requirement for record in ada.report.records] == ["echo.server.sizes"]


def test_an_attempt_that_is_not_complete_leaves_the_earlier_one_standing() -> None:
    assert standing([*ATTEMPT, Begun("ada", "d2", 2), verdict()]) == standing(ATTEMPT)


def test_the_verdicts_of_an_attempt_that_was_interrupted_are_dropped() -> None:
    assert standing([STARTED, Begun("ada", "d1", 1), verdict(), verdict(), STARTED, *ATTEMPT[1:]]) == standing(ATTEMPT)


def test_a_submission_without_a_complete_attempt_stands_nowhere_yet() -> None:
    assert standing(ATTEMPT[:3]) == {}


def test_one_that_could_not_even_begin_can_still_be_not_graded() -> None:
    refused = Ended(
        submission="ben", digest="", status="not graded", reason="a symbolic link", seconds=0.0, isolation="container",
        roles={},
    )  # fmt: skip
    ben = standing([STARTED, refused])["ben"]
    assert (ben.status, ben.reason, ben.report) == ("not graded", "a symbolic link", None)


def test_submissions_may_take_turns_and_come_out_sorted() -> None:
    pairs = [(Begun(name, "d1", 1), verdict(name), ended(name)) for name in ("chen", "ada", "ben")]
    stands = standing([STARTED, *(entry for step in zip(*pairs, strict=True) for entry in step)])
    assert list(stands) == ["ada", "ben", "chen"]


def test_of_several_that_take_turns_each_has_its_own_verdicts() -> None:
    names, slugs = ("ada", "ben"), ("echo.server.binary", "echo.server.sizes")
    reached = [verdict(name, slug) for slug in slugs for name in names]
    stands = standing([STARTED, *(Begun(name, "d1", 1) for name in names), *reached, *map(ended, names)])
    found = [(record.requirement, name) for name in names for record in verdicts(stands[name])]
    assert found == [(slug, name) for name in names for slug in slugs]


def test_each_stands_under_the_conditions_that_it_was_run_under() -> None:
    other = msgspec.structs.replace(STARTED, seed=8)
    stands = standing([*ATTEMPT, other, Begun("ben", "d1", 1), verdict("ben"), ended("ben")])
    assert [stands[name].report.seed for name in ("ada", "ben")] == [7, 8]  # type: ignore[union-attr]


def test_verdicts_stay_in_the_journal_until_they_are_asked_for(path: Path) -> None:
    stands = Standings(laid(path, ATTEMPT))
    path.unlink()
    assert (list(stands), len(stands), stands.attempts["ada"].digest) == (["ada"], 1, "d1")
    with pytest.raises(UsageError, match="cannot be read"):
        stands["ada"]


def test_what_is_appended_later_changes_nothing_of_what_stood(path: Path) -> None:
    stands = Standings(laid(path, ATTEMPT))
    written(path, STARTED, Begun("ada", "d2", 1), verdict(slug="echo.server.sizes"), ended(digest="d2"))
    assert stands["ada"] == standing(ATTEMPT)["ada"]


def test_whoever_stands_nowhere_is_not_found() -> None:
    with pytest.raises(KeyError):
        standing(ATTEMPT)["ben"]


@pytest.mark.parametrize(
    "entries", [[STARTED, verdict()], [ended()], [*ATTEMPT, verdict()]], ids=["no-begin", "no-run", "after-the-end"]
)
def test_a_line_that_belongs_to_no_attempt_is_a_fault(entries: list[Entry]) -> None:
    with pytest.raises(SuiteError, match="'ada' that belongs to no attempt"):
        standing(entries)


@given(st.integers(0, 5), st.data())
def test_wherever_a_run_is_cut_what_was_complete_before_still_stands(rounds: int, data: st.DataObject) -> None:
    every: list[Entry] = [*ATTEMPT, *(ATTEMPT[1:] * rounds)]
    cuts = sorted(data.draw(st.lists(st.integers(4, len(every)), max_size=3)))
    runs = [every[a:b] for a, b in pairwise([4, *cuts])]
    begin: list[Entry] = [STARTED, Begun("ada", "d1", 1)]
    whole = [entry for run in runs for entry in [*begin, *run]]
    assert standing([*ATTEMPT, *whole])["ada"].status == "graded"
