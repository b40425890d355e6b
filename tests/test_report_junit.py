"""The JUnit report is well-formed and counts right, whatever a program printed."""

from pathlib import Path
from xml.etree.ElementTree import Element, fromstring, tostring

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xmlschema import XMLSchema

from sockspec.catalogue import Requirement
from sockspec.model import Again, Report
from sockspec.report import as_junit
from sockspec.verdict import Diagnosis, Level, Outcome, Record, Verdict
from sockspec.visible import visible, visible_lines

SCHEMA = XMLSchema(Path(__file__).parent / "schemas" / "junit.xsd")
SOUP = st.text(st.characters()) | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape"))
SLUG = "echo.server.in-pieces"
REQUIREMENTS = {
    SLUG: Requirement(SLUG, Level.SHOULD, "S5", "all pieces come back", "rule 2", "The reason.", "The hint.")
}


def record(verdict: Verdict, said: str = "hello", slug: str = SLUG, case: str = "1-byte") -> Record:
    """A record that has the same words in every string of its diagnosis."""
    why = Diagnosis(said, [said, said], said, said, said, said, said)
    return Record(slug, Level.SHOULD, "S5", case, verdict, Outcome.STUCK, 0.25, "", why, said)


def rendered(*records: Record, said: str = "ada", strict: bool = False) -> Element:
    report = Report(
        version="1",
        exercise="echo",
        submission=said,
        roles={"server": said},
        seed=7,
        isolation=said,
        records=[*records],
    )
    return fromstring(
        b"".join(
            as_junit.render(lambda: [report], REQUIREMENTS, strict=strict, again=lambda _: Again("sockspec check ."))
        )
    )


def test_a_testcase_is_named_by_its_role_its_slug_and_its_case() -> None:
    testcase = rendered(record(Verdict.PASS)).find("testsuite/testcase")
    assert testcase is not None
    assert testcase.attrib == {"classname": "echo.server", "name": "in-pieces[1-byte]", "time": "0.250"}


@pytest.mark.parametrize(
    ("verdict", "strict", "kinds"),
    [
        (Verdict.PASS, False, []),
        (Verdict.FAIL, False, ["failure"]),
        (Verdict.ERROR, False, ["error"]),
        (Verdict.NOT_RUN, False, ["skipped"]),
        (Verdict.NOTE, False, ["system-out"]),
        (Verdict.WARN, False, ["system-out"]),
        (Verdict.WARN, True, ["failure"]),
    ],
    ids=str,
)
def test_each_verdict_has_its_element(verdict: Verdict, strict: bool, kinds: list[str]) -> None:
    testcase = rendered(record(verdict), strict=strict).find("testsuite/testcase")
    assert testcase is not None
    assert [child.tag for child in testcase] == kinds


def test_the_counts_are_those_of_the_elements() -> None:
    root = rendered(*map(record, Verdict), record(Verdict.FAIL))
    for counted in (root, root[0]):
        assert counted.attrib.items() >= {"tests": "7", "failures": "2", "errors": "1", "skipped": "1"}.items()


def test_a_failure_tells_what_happened_and_what_to_do() -> None:
    failure = rendered(record(Verdict.FAIL)).find(".//failure")
    assert failure is not None
    assert failure.attrib == {"message": "hello", "type": "stuck"}
    assert "  hint: The hint.\n" in (failure.text or "")


def test_an_error_has_no_hint_for_the_student() -> None:
    error = rendered(record(Verdict.ERROR)).find(".//error")
    assert error is not None
    assert "not held against the program" in (error.text or "")
    assert "hint" not in (error.text or "")


def test_a_should_that_is_not_met_says_so_where_it_passes() -> None:
    said = rendered(record(Verdict.WARN)).findtext(".//system-out") or ""
    assert said.startswith("WARN: a SHOULD is not met\n  all pieces come back\n")


@pytest.mark.parametrize(
    "said",
    [
        "a\0b",
        "]]>",
        "<b>&amp;</b>",
        "abc\u202edcb",
        "\ud800",
        "\ufffe\uffff",
        "\r\n\r",
        "caf\udcc3\udca9\udcff",
        "\x1b[2J",
    ],
    ids=ascii,
)
def test_the_worst_words_come_back_visible(said: str) -> None:
    root = rendered(record(Verdict.FAIL, said), record(Verdict.NOT_RUN, said), said=said)
    assert [failure.get("message") for failure in root.iter("failure")] == [visible_lines(said)]
    assert [skipped.get("message") for skipped in root.iter("skipped")] == [visible_lines(said)]
    assert root[0].get("name") == visible_lines(said)


@settings(deadline=None)
@given(SOUP, st.sampled_from(Verdict), st.booleans())
def test_any_words_anywhere_give_a_document_that_parses(said: str, verdict: Verdict, strict: bool) -> None:
    root = rendered(record(verdict, said, slug=said, case=said), said=said, strict=strict)
    seen = [text for element in root.iter() for text in (element.text or "", *element.attrib.values())]
    assert all(text.replace("\n", "").isprintable() for text in seen)


@settings(deadline=None)
@given(SOUP.map(visible))
def test_visible_words_come_back_as_they_were(said: str) -> None:
    failure = rendered(record(Verdict.FAIL, said)).find(".//failure")
    assert failure is not None
    assert failure.get("message") == said
    assert said in (failure.text or "")


@settings(deadline=None)
@given(SOUP, st.booleans())
def test_any_words_give_a_document_that_jenkins_and_gitlab_read(said: str, strict: bool) -> None:
    records = [record(verdict, said, slug=f"{SLUG}.{verdict.value}", case=said) for verdict in Verdict]
    SCHEMA.validate(rendered(*records, said=said, strict=strict))


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("tests=", "test="),
        ('time="0.250"', 'time="soon"'),
        ("failure", "fault"),
        ('name="in-pieces[1-byte]"', 'name=""'),
    ],
    ids=["unknown-sum", "no-time", "unknown-element", "no-name"],
)
def test_what_they_do_not_read_is_refused(was: str, becomes: str) -> None:
    text = tostring(rendered(record(Verdict.FAIL))).decode()
    assert SCHEMA.is_valid(fromstring(text)) and was in text
    assert not SCHEMA.is_valid(fromstring(text.replace(was, becomes)))


def test_a_case_that_was_not_run_says_why_where_it_has_no_diagnosis() -> None:
    silent = msgspec.structs.replace(record(Verdict.NOT_RUN), diagnosis=None, note="")
    root = rendered(silent)
    SCHEMA.validate(root)
    assert root.findtext(".//skipped") == "not run"


def test_each_submission_is_a_suite_of_its_own() -> None:
    ada, ben = (
        Report(
            version="1", exercise="echo", submission=name, roles={}, seed=7, isolation="none", seconds=1.5, records=[]
        )
        for name in ("ada", "ben")
    )
    root = fromstring(
        b"".join(as_junit.render(lambda: [ada, ben], REQUIREMENTS, again=lambda _: Again("sockspec check .")))
    )
    assert [suite.get("name") for suite in root] == ["ada", "ben"]
    assert root.get("time") == "3.000"
