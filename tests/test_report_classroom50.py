"""Classroom 50's result holds integers that add up, and exists only where there is a grade."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from sockspec.complaint import UsageError
from sockspec.journal import Standing
from sockspec.policy import Policy
from sockspec.report import as_classroom50
from tests.grading import HIDDEN, SLUGS, SOUP, not_graded, seen, soaked, standing, with_policy

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "classroom50.json").read_text())
COMMITTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RUNNER = {
    **dict.fromkeys(as_classroom50.NAMES.values(), "x"),
    "ASSIGNMENT_TYPE": "individual",
    "SUBMISSION_TAG": "submit/20260102T030405Z-abcdef0",
}


def rendered(standing: Standing, policy: Policy | None = None) -> dict[str, Any]:
    """The document, which the schema describes."""
    content = as_classroom50.render(seen(standing, policy), as_classroom50.stated(RUNNER), COMMITTED)
    assert content is not None
    document: dict[str, Any] = json.loads(content)
    jsonschema.validate(document, SCHEMA)
    return document


def test_points_add_up() -> None:
    document = rendered(standing("ada", HIDDEN, "echo.client.large"))
    assert (document["score"], document["max-score"]) == (95, 100)
    assert document["score"] == sum(test["score"] for test in document["tests"])
    assert document["max-score"] == sum(test["max-score"] for test in document["tests"])


def test_what_is_hidden_is_neither_named_nor_counted() -> None:
    document = rendered(standing("ada", HIDDEN), with_policy((HIDDEN,)))
    assert (document["score"], document["max-score"]) == (97, 97)
    assert HIDDEN not in {test["test-name"] for test in document["tests"]}


def test_a_failed_test_says_why_and_a_passed_one_nothing() -> None:
    tests = {test["test-name"]: test for test in rendered(standing("ada", HIDDEN))["tests"]}
    assert "it sends nothing back" in tests[HIDDEN]["message"]
    assert [slug for slug in SLUGS if "message" in tests[slug]] == [HIDDEN]


def test_the_time_is_that_of_the_commit_in_utc() -> None:
    local = COMMITTED.astimezone(timezone(timedelta(hours=5)))
    content = as_classroom50.render(seen(standing()), {}, local) or b""
    assert json.loads(content)["datetime"] == "2026-01-02T03:04:05Z"


def test_one_that_is_not_graded_has_no_result() -> None:
    assert as_classroom50.render(seen(not_graded()), {}, COMMITTED) is None


def test_a_variable_that_the_runner_did_not_set_is_named() -> None:
    with pytest.raises(UsageError, match="not in the environment: OWNER; Classroom 50's runner sets them"):
        as_classroom50.stated({**RUNNER, "OWNER": ""})


@settings(deadline=None, max_examples=25)
@given(SOUP)
def test_any_words_give_a_valid_document_with_nothing_unseen(said: str) -> None:
    messages = [test.get("message", "") for test in rendered(soaked(said, said))["tests"]]
    assert all(line.isprintable() for message in messages for line in message.split("\n"))
