"""The JSON report has one stable shape, stated in docs/report.schema.json."""

import json
import os
from pathlib import Path

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockspec.model import Report
from sockspec.report import as_json
from sockspec.verdict import Diagnosis, Level, Outcome, Record, Verdict
from sockspec.visible import visible

SCHEMA = Path(__file__).parents[1] / "docs" / "report.schema.json"
SOUP = st.text(st.characters()) | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape"))


def report(said: str, verdict: Verdict = Verdict.FAIL) -> Report:
    """A report that has the same words in every string."""
    why = Diagnosis(said, [said, said], said, said, said, said, said)
    record = Record(said, Level.MUST, said, said, verdict, Outcome.STUCK, 0.5, said, why, said)
    about = Report(version=said, exercise=said, submission=said, roles={}, seed=7, isolation=said, records=[record])
    return msgspec.structs.replace(about, roles={"server": said}, warnings=[said], slip=said)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_one_report_is_an_object_and_any_other_number_an_array(number: int) -> None:
    document = json.loads(as_json.render([report("hello")] * number))
    assert isinstance(document, dict if number == 1 else list)
    jsonschema.validate(document, as_json.schema())


def test_a_verdict_says_all_there_is_and_nothing_twice() -> None:
    verdict = json.loads(as_json.render([report("hello")]))["verdicts"][0]
    assert verdict["verdict"] == "fail"
    assert verdict["outcome"] == "stuck"
    assert verdict["diagnosis"]["summary"] == "hello"
    assert "submission" not in verdict


def test_a_pass_has_no_diagnosis() -> None:
    record = Record("echo.server.closes", Level.MUST, "S5", "", Verdict.PASS, Outcome.OK, 0.1)
    document = json.loads(as_json.render([msgspec.structs.replace(report("hello"), records=[record])]))
    assert "diagnosis" not in document["verdicts"][0]


@settings(deadline=None)
@given(SOUP)
def test_any_words_give_a_valid_document_with_nothing_unseen(said: str) -> None:
    document = as_json.render([report(said)])
    jsonschema.validate(json.loads(document), as_json.schema())
    assert document.decode().replace("\n", "").isprintable()


@settings(deadline=None)
@given(SOUP.map(visible))
def test_visible_words_come_back_as_they_were(said: str) -> None:
    back = msgspec.json.decode(as_json.render([report(said)]), type=Report)
    assert back.records[0].diagnosis == report(said).records[0].diagnosis
    assert back.roles == {"server": said}


def test_the_schema_is_a_schema_of_its_draft() -> None:
    jsonschema.Draft202012Validator.check_schema(as_json.schema())


def test_the_schema_in_docs_is_the_one_that_holds() -> None:
    """Renew it with `RENEW=1 pytest tests/test_report_json.py`, and read the difference."""
    text = json.dumps(as_json.schema(), indent=2) + "\n"
    if os.environ.get("RENEW"):
        SCHEMA.write_text(text)
    assert SCHEMA.read_text() == text
