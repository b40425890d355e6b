"""Gradescope's results.json adds up, hides what is hidden, and scores nothing that is not graded."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from sockspec.journal import Standing
from sockspec.policy import Policy, Score, score
from sockspec.report import as_gradescope
from sockspec.report.view import OURS
from sockspec.verdict import Outcome, Verdict
from tests.grading import (
    HIDDEN,
    SLUGS,
    SOUP,
    echo,
    not_graded,
    record,
    seen,
    soaked,
    standing,
    with_policy,
    with_records,
)

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "gradescope.json").read_text())


def rendered(standing: Standing, policy: Policy | None = None) -> dict[str, Any]:
    """The document, which the schema describes."""
    policy = policy or echo()
    graded = score(policy, standing)
    whole = graded if isinstance(graded, Score) else None
    document: dict[str, Any] = json.loads(as_gradescope.render(seen(standing, policy), policy, whole))
    jsonschema.validate(document, SCHEMA)
    return document


def total(document: dict[str, Any], field: str) -> int:
    return sum(test[field] for test in document["tests"])


@pytest.mark.parametrize("hidden", [(), (HIDDEN,), tuple(SLUGS)], ids=["nothing", "one", "everything"])
def test_scores_add_up_to_the_grade_whatever_is_hidden(hidden: tuple[str, ...]) -> None:
    document = rendered(standing("ada", HIDDEN, "echo.client.large"), with_policy(hidden))
    assert (total(document, "score"), total(document, "max_score")) == (95, 100)
    assert "score" not in document


def test_a_failed_test_tells_what_happened() -> None:
    failed = [test for test in rendered(standing("ada", HIDDEN))["tests"] if test["status"] == "failed"]
    assert [test["name"].split(":")[0] for test in failed] == [HIDDEN]
    assert "hint: Put recv() in a loop" in failed[0]["output"]
    assert failed[0]["tags"] == ["MUST", "S5"]


def test_what_is_hidden_scores_in_one_test_that_keeps_the_total_from_students() -> None:
    tests = rendered(standing("ada", HIDDEN), with_policy((HIDDEN, "echo.server.burst")))["tests"]
    assert [test for test in tests if test["visibility"] == "after_published"] == [
        {"name": "checks that are not shown", "score": 1, "max_score": 4, "visibility": "after_published"}
    ]


def test_each_hidden_check_is_there_for_instructors() -> None:
    tests = rendered(standing("ada", HIDDEN), with_policy((HIDDEN,)))["tests"]
    assert [test["name"] for test in tests if test["visibility"] == "hidden"] == [f"{HIDDEN}: 0 of 3"]


def test_one_that_is_not_graded_has_neither_score_nor_tests() -> None:
    document = rendered(not_graded())
    assert "score" not in document and document["tests"] == []
    assert document["output"].startswith(f"echo: not graded: {OURS}\nThis does not mean")


def test_what_was_not_built_passes_nothing() -> None:
    unbuilt = [record(slug, Verdict.NOTE, outcome=Outcome.NOT_BUILT) for slug in SLUGS]
    assert {test["status"] for test in rendered(with_records("ada", unbuilt))["tests"]} == {"failed"}


def test_what_was_not_run_and_counts_nothing_is_no_test() -> None:
    unrun = [record(s, Verdict.NOT_RUN, "x") if s == "echo.server.design" else record(s) for s in SLUGS]
    tests = rendered(with_records("ada", unrun))["tests"]
    assert len(tests) == len(SLUGS) - 1


@settings(deadline=None, max_examples=25)
@given(SOUP)
def test_any_words_give_a_valid_document_of_plain_text(said: str) -> None:
    document = rendered(soaked(said, said))
    assert {document[key] for key in document if key.endswith("_format")} == {"text"}
    assert all(part.isprintable() for test in document["tests"] for part in (test["name"], *test["output"].split("\n")))
