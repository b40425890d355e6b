"""The gradebook has a line for each submission, no 0 where there is no grade, and no formula."""

import csv
import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from sockspec.journal import Standing
from sockspec.policy import Policy
from sockspec.report import as_gradebook
from tests.grading import HIDDEN, SLUGS, SOUP, echo, not_graded, soaked, standing, with_policy


def book(*standings: Standing, policy: Policy | None = None) -> str:
    return b"".join(as_gradebook.render({one.submission: one for one in standings}, policy or echo())).decode()


def lines(*standings: Standing) -> list[dict[str, str]]:
    """The gradebook as a spreadsheet reads it."""
    text = book(*standings)
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def table(*standings: Standing) -> str:
    file = io.StringIO()
    as_gradebook.show({one.submission: one for one in standings}, echo(), Console(file=file, width=100))
    return file.getvalue()


def test_a_line_has_the_grade_and_what_each_requirement_brought() -> None:
    ada = lines(standing("ada", HIDDEN))[0]
    assert [ada[column] for column in as_gradebook.COLUMNS] == ["ada", "graded", "97", "100", "", "d1"]
    assert list(ada) == [*as_gradebook.COLUMNS, *SLUGS]
    assert (ada[HIDDEN], ada["echo.server.burst"]) == ("0", "1")


def test_one_that_is_not_graded_has_a_reason_and_no_number() -> None:
    dora = lines(not_graded())[0]
    assert [dora[column] for column in ("status", "points", "total")] == ["not graded", "", ""]
    assert dora["reason"] == "the sandbox ended before the suite did"
    assert {dora[slug] for slug in SLUGS} == {""}


def test_what_is_hidden_from_students_counts_here() -> None:
    text = book(standing("ada", HIDDEN), policy=with_policy((HIDDEN,)))
    assert '"97","100"' in text and HIDDEN in text


def test_every_field_is_quoted() -> None:
    text = book(standing())
    assert all(field[0] == field[-1] == '"' for line in text.splitlines() for field in line.split(","))


@pytest.mark.parametrize("said", ["=1+1", "+1", "-1", "@A1", "|calc", " =1", "\uff1d1", "%0A"], ids=ascii)
def test_a_formula_becomes_text(said: str) -> None:
    assert lines(standing(said))[0]["submission"] == f"'{said}"


@settings(deadline=None)
@given(SOUP, SOUP)
def test_no_words_become_a_formula_or_another_field(name: str, reason: str) -> None:
    line = lines(not_graded(name, reason))[0]
    assert len(line) == len(SLUGS) + len(as_gradebook.COLUMNS) and None not in line
    assert all(value.isprintable() and not value.lstrip().startswith(tuple("=+-@|%\uff1d")) for value in line.values())


def test_the_table_shows_points_what_is_not_met_and_why_there_is_no_grade() -> None:
    text = table(standing("ada", HIDDEN, "echo.server.burst"), not_graded())
    assert [line.split() for line in text.splitlines()[:2]] == [
        ["submission", "points", "MUST", "unmet", "SHOULD", "unmet"],
        ["ada", "96/100", "1", "1"],
    ]
    assert re.search("dora +not graded +the sandbox ended before the suite did\n", text)


def test_the_table_says_which_half_is_missing() -> None:
    assert re.search("kim +56/100 +0 +0  no client\n", table(standing("kim", roles={"server": "server.c"})))
    assert "no client" not in table(standing(), not_graded())


def test_a_reason_of_many_lines_is_its_first_one() -> None:
    fallen = not_graded("dora", "the disk was full\nTraceback")
    assert "the disk was full\n" in table(fallen)
    assert lines(fallen)[0]["reason"] == "the disk was full"


@settings(deadline=None, max_examples=25)
@given(SOUP, st.booleans())
def test_no_words_of_a_table_reach_the_terminal_raw(said: str, graded: bool) -> None:
    text = table(soaked(said, said) if graded else not_graded(said, said))
    assert text.replace("\n", "").isprintable()
