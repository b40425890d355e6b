"""The report as JUnit XML: a suite a submission, a testcase a case.

A requirement that is not met is a <failure>, a fault of ours an <error>, a case that was not run is <skipped>. JUnit
has no word for a SHOULD: one that is not met passes, and says so in its <system-out>; with `strict` it is a <failure>.
Of a class, a submission that is not graded has one more <error>, which says why.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from xml.etree.ElementTree import Element, indent, tostring

from sockspec.catalogue import Requirement
from sockspec.model import Again, Report
from sockspec.report.story import told
from sockspec.verdict import Record, Verdict
from sockspec.visible import visible_lines

_END = b"</testsuites>"


def _element(parent: Element | None, tag: str, text: str = "", **attributes: str) -> Element:
    """Every string enters the document here. All that is visible is allowed in XML 1.0."""
    element = Element(tag, {name: visible_lines(value) for name, value in attributes.items()})
    element.text = visible_lines(text) or None
    if parent is not None:
        parent.append(element)
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


def _kinds(report: Report, strict: bool, not_graded: Mapping[str, str]) -> list[str]:
    """Those of its records, and one more if it is not graded."""
    return [*(_kind(record, strict) for record in report.records), *["error"] * (report.submission in not_graded)]


def _counts(kinds: Counter[str]) -> dict[str, str]:
    counted = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return {"tests": str(kinds.total()), **{name: str(kinds[kind]) for name, kind in counted.items()}}


def _testcase(suite: Element, record: Record, kind: str, story: list[str]) -> None:
    group, _, name = record.requirement.rpartition(".")
    case = f"[{record.case}]" if record.case else ""
    testcase = _element(suite, "testcase", classname=group, name=name + case, time=f"{record.seconds:.3f}")
    summary = record.diagnosis.summary if record.diagnosis else record.note
    if kind in ("failure", "error"):
        _element(testcase, kind, "\n".join(story), message=summary, type=record.outcome.value)
    elif kind == "skipped":
        _element(testcase, kind, summary or "not run", message=summary)  # some show the one, some the other
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
    reports: Callable[[], Iterable[Report]],
    requirements: Mapping[str, Requirement],
    *,
    strict: bool = False,
    again: Callable[[Report], Again],
    not_graded: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[bytes]:
    """A well-formed XML document in pieces, whatever a program printed; `again` is what runs a submission again.

    The reports are asked for twice, for the sums come first. `not_graded` says of submissions, with a report or
    without, why they have no grade.
    """
    sums, seconds, without, number = Counter[str](), 0.0, dict(not_graded), 0
    for report in reports():
        number += 1
        sums.update(_kinds(report, strict, not_graded))
        seconds += report.seconds
        without.pop(report.submission, None)
    sums.update(["error"] * len(without))
    apart = number + len(without) > 1
    root = Element("testsuites", {"name": "sockspec", "time": f"{seconds:.3f}", **_counts(sums)})
    whole: bytes = tostring(root, encoding="utf-8", xml_declaration=True, short_empty_elements=False)
    yield whole.removesuffix(_END) + b"\n"
    for report in reports():
        yield _piece(_suite(report, requirements, strict, again(report), not_graded), apart)
    for name, reason in without.items():
        suite = _element(None, "testsuite", name=name, time="0.000", **_counts(Counter(["error"])))
        _not_graded(suite, reason)
        yield _piece(suite, apart)
    yield _END + b"\n"


def _suite(
    report: Report, requirements: Mapping[str, Requirement], strict: bool, again: Again, not_graded: Mapping[str, str]
) -> Element:
    kinds = _kinds(report, strict, not_graded)
    counts = _counts(Counter(kinds))
    suite = _element(None, "testsuite", name=report.submission, time=f"{report.seconds:.3f}", **counts)
    properties = _element(suite, "properties")
    for name, value in _about(report):
        _element(properties, "property", name=name, value=value)
    for record, kind in zip(report.records, kinds, strict=False):
        _testcase(suite, record, kind, told(record, requirements.get(record.requirement), again=again))
    if report.submission in not_graded:
        _not_graded(suite, not_graded[report.submission])
    return suite


def _piece(suite: Element, apart: bool) -> bytes:
    """The suite as text; `apart` from others with the same testcases: GitLab takes the first of those with one name."""
    if apart:
        for testcase in suite.iter("testcase"):
            testcase.set("classname", f"{suite.get('name')}.{testcase.get('classname')}")
    indent(suite, level=1)
    written: bytes = tostring(suite, encoding="utf-8")
    return b"  " + written.rstrip() + b"\n"
