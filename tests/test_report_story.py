"""What is told together, in which order, and whose advice is given."""

import pytest
from msgspec.structs import replace

from sockspec import catalogue
from sockspec.model import Again
from sockspec.report.story import BEGINNINGS, advice, alike, same, told
from sockspec.verdict import Diagnosis, Outcome, Record, Row, Verdict
from tests.grading import SLUGS, record

REQUIREMENTS = catalogue.exercise("echo").requirements
PIECES = REQUIREMENTS["echo.server.in-pieces"]


def row(slug: str, summary: str, outcome: Outcome = Outcome.STUCK, verdict: Verdict = Verdict.FAIL) -> Row:
    return Row(slug, verdict, [record(slug, verdict, summary, outcome)])


def early(outcome: Outcome, *, preliminary: bool = True) -> Record:
    """A failure in the conversation that comes first, or behind it."""
    return replace(row(PIECES.slug, "x", outcome).worst, diagnosis=Diagnosis("x", preliminary=preliminary))


def together(*summaries: str) -> list[int]:
    """How many of the rows with those diagnoses stand together."""
    rows = [row(slug, summary) for slug, summary in zip(SLUGS, summaries, strict=False)]
    return [len(group) for group in alike(rows)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("received nothing of 6 bytes", "received nothing of 1 byte"),
        ("received nothing of 6 bytes", "received nothing of 8,388,608 bytes"),
        ("blocked in recv() (fd 4, 127.0.0.1:50054)", "blocked in recv() (fd 5, 127.0.0.1:50066)"),
        ("used 1.02 s", "used 1 s"),
    ],
)
def test_diagnoses_that_differ_in_numbers_stand_together(one: str, other: str) -> None:
    assert together(one, other) == [2]


@pytest.mark.parametrize(
    ("one", "other"),
    [("first client", "second client"), ("something else from byte 0 on", "something else from byte 1,023 on")],
)
def test_diagnoses_that_differ_in_words_or_in_the_place_of_a_difference_do_not(one: str, other: str) -> None:
    assert together(one, other) == [1, 1]


def test_what_never_started_is_told_first() -> None:
    rows = [row(SLUGS[0], "wrong"), row(SLUGS[1], "never listened", Outcome.NOT_STARTED, Verdict.WARN)]
    assert [group[0].requirement for group in alike(rows)] == [SLUGS[1], SLUGS[0]]


def test_many_that_are_the_same_are_told_in_lines() -> None:
    group = [row(slug, "never listened", Outcome.NOT_STARTED) for slug in SLUGS[:25]]
    lines = same(group).splitlines()
    assert max(map(len, lines)) < 110
    assert " ".join(lines).split(", ") == SLUGS[:25]


def test_the_first_of_those_that_were_played_is_not_told_again() -> None:
    assert same([row(slug, "x") for slug in SLUGS[:2]]) == SLUGS[1]


@pytest.mark.parametrize("outcome", BEGINNINGS)
def test_what_fails_before_a_requirement_is_reached_has_a_hint_of_its_own(outcome: Outcome) -> None:
    assert advice(early(outcome), PIECES) == ("", BEGINNINGS[outcome])
    own = outcome is not Outcome.LIMIT
    assert (advice(early(outcome, preliminary=False), PIECES) == (PIECES.reason, PIECES.hint)) == own


def test_who_is_told_no_hint_is_told_no_other() -> None:
    assert advice(early(Outcome.STUCK), replace(PIECES, hint="")) == ("", "")


def test_a_story_has_the_hint_that_fits() -> None:
    lines = told(early(Outcome.STUCK), PIECES, again=Again("sockspec check ."))
    assert f"  hint: {BEGINNINGS[Outcome.STUCK]}" in lines
    assert not [line for line in lines if line.startswith("  because: ")]
