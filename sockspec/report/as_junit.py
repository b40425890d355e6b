"""The report as JUnit XML: a suite a submission, a testcase a case.

A requirement that is not met is a <failure>, a fault of ours an <error>, a case that was not run is <skipped>. JUnit
has no word for a SHOULD: one that is not met passes, and says so in its <system-out>; with `strict` it is a <failure>.
Of a class, a submission that is not graded has one more <error>, which says why.
"""

from collections.abc import Mapping
from types import MappingProxyType
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from sockspec.catalogue import Requirement
from sockspec.report.model import Report
from sockspec.report.story import told
from sockspec.verdict import Record, Verdict
from sockspec.visible import visible_lines


def _element(parent: Element, tag: str, text: str = "", **attributes: str) -> Element:
    """Every string enters the document here. All that is visible is allowed in XML 1.0."""
    element = SubElement(parent, tag, {name: visible_lines(value) for name, value in attributes.items()})
    element.text = visible_lines(text) or None
    return element


def _kind(record: Record, strict: bool) -> str:
    """The element that says how a case ended; none for a plain pass."""
    failed = record.verdict is Verdict.FAIL or (strict and record.verdict is Verdict.WARN)
    kinds = {
        Verdict.ERROR: "error",
        Verdict.NOT_RUN: "skipped",
        Verdict.WARN: "system-out",
        Verdict.NOTE: "system-out",
        Verdict.PASS: "",
    }
    return "failure" if failed else kinds[record.verdict]


def _counts(kinds: list[str]) -> dict[str, str]:
    counted = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return {"tests": str(len(kinds)), **{name: str(kinds.count(kind)) for name, kind in counted.items()}}


def _testcase(suite: Element, record: Record, kind: str, story: list[str]) -> None:
    group, _, name = record.requirement.rpartition(".")
    case = f"[{record.case}]" if record.case else ""
    testcase = _element(suite, "testcase", classname=group, name=name + case, time=f"{record.seconds:.3f}")
    summary = record.diagnosis.summary if record.diagnosis else record.note
    if kind in ("failure", "error"):
        _element(testcase, kind, "\n".join(story), message=summary, type=record.outcome.value)
    elif kind == "skipped":
        _element(testcase, kind, message=summary)
    elif record.verdict is Verdict.WARN:
        _element(testcase, kind, "\n".join(["WARN: a SHOULD is not met", *story]))
    elif kind:
        _element(testcase, kind, record.note)


def _about(report: Report) -> list[tuple[str, str]]:
    seed, isolation = ("seed", str(report.seed)), ("isolation", report.isolation)
    return [("sockspec", report.version), ("exercise", report.exercise), *report.roles.items(), seed, isolation]


def _not_graded(suite: Element, reason: str) -> None:
    testcase = _element(suite, "testcase", classname="grade", name="graded", time="0.000")
    _element(testcase, "error", reason, message="not graded", type="not graded")


def render(
    reports: list[Report],
    requirements: Mapping[str, Requirement],
    *,
    strict: bool = False,
    command: str,
    not_graded: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """A well-formed XML document, whatever a program printed; `command` is what runs the suite again.

    `not_graded` says of submissions, with a report or without, why they have no grade.
    """
    kinds = [[_kind(record, strict) for record in report.records] for report in reports]
    for report, own in zip(reports, kinds, strict=True):
        own += ["error"] * (report.submission in not_graded)
    without = [name for name in not_graded if name not in {report.submission for report in reports}]
    every = [kind for own in kinds for kind in own] + ["error"] * len(without)
    seconds = sum(report.seconds for report in reports)
    root = Element("testsuites", {"name": "sockspec", "time": f"{seconds:.3f}", **_counts(every)})
    for report, own in zip(reports, kinds, strict=True):
        suite = _element(root, "testsuite", name=report.submission, time=f"{report.seconds:.3f}", **_counts(own))
        properties = _element(suite, "properties")
        for name, value in _about(report):
            _element(properties, "property", name=name, value=value)
        for record, kind in zip(report.records, own[: len(report.records)], strict=True):
            _testcase(suite, record, kind, told(record, requirements.get(record.requirement), command=command))
        if report.submission in not_graded:
            _not_graded(suite, not_graded[report.submission])
    for name in without:
        _not_graded(_element(root, "testsuite", name=name, time="0.000", **_counts(["error"])), not_graded[name])
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"
