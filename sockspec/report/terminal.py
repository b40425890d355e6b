"""The report on a terminal: what was found, the story of what was not met, and what it comes to.

Laid out as plain lines first, so that it reads the same without colour; rich, which takes long to import, only puts
them on the screen. Nothing is cut or wrapped: a line is as long as it is.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from sockspec.catalogue import STEPS, Requirement
from sockspec.model import Again, Report
from sockspec.report.story import alike, cases, closing, counted, labelled, ordered, same, told
from sockspec.verdict import UNPLAYED, Record, Verdict, exit_status, rows
from sockspec.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

Span = tuple[str, str]
"""A piece of a line, and its style."""

Line = list[Span]

_MARKS = {
    Verdict.PASS: ("PASS ", "green"),
    Verdict.FAIL: ("FAIL ", "bold red"),
    Verdict.WARN: ("WARN ", "yellow"),
    Verdict.NOTE: ("NOTE ", "cyan"),
    Verdict.NOT_RUN: ("---- ", "dim"),
    Verdict.ERROR: ("ERROR", "bold magenta"),
}
_COUNTED = [Verdict.PASS, Verdict.FAIL, Verdict.WARN, Verdict.NOTE, Verdict.NOT_RUN, Verdict.ERROR]

# A build service obeys `::add-mask::` at the start of a line of its log, and `##[error]` or `##vso[` anywhere in it.
_ORDERS = re.compile(r"(?P<blanks>^\s*):(?=:)|#(?P<hash>#)(?=\w*\[)")


def escape(text: str) -> str:
    """The one escape of this sink: visible, and no order to the build service that keeps the log."""
    return _ORDERS.sub(lambda m: r"#\x23" if m["hash"] else rf"{m['blanks']}\x3a", visible(text))


def encodable(text: str, encoding: str) -> str:
    """What a terminal that does not know all of Unicode can show."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _plain(text: str) -> Line:
    return [(text, "")]


def _heading(report: Report) -> str:
    roles = "".join(f"  {role}: {program}" for role, program in report.roles.items())
    return f"{roles}  isolation: {report.isolation}  seed: {report.seed}"


def _listing(report: Report, requirements: Mapping[str, Requirement]) -> Iterator[Line]:
    """A line a requirement, under the step it belongs to."""
    listed = ordered(report.records, requirements)
    width = max((len(visible(row.requirement)) for row in listed), default=0)
    step = None
    for row in listed:
        if row.worst.step != step:
            step = row.worst.step
            yield from ([], [(f"{step}  {STEPS.get(step, '')}", "bold")])
        known = requirements.get(row.requirement)
        noted = row.worst.note if row.verdict is Verdict.NOTE else ""
        sentence = noted or (known.sentence if known else "")
        yield [("  ", ""), _MARKS[row.verdict], (f" {visible(row.requirement):{width}}  {sentence}", "")]


def _failures(report: Report, requirements: Mapping[str, Requirement], again: Again) -> Iterator[Line]:
    """The story of everything that is not met, each told once with all that it explains, then the slip behind it."""
    for group in alike(ordered(report.records, requirements)):
        first = group[0]
        yield from ([], _title(first.worst))
        story = told(first.worst, requirements.get(first.requirement), again=again, among=cases(first))
        yield from map(_plain, story)
        yield from map(_plain, labelled("  the same: ", same(group)))
    if report.slip:
        yield []
        yield from map(_plain, labelled("all of this together is what one known slip does: ", report.slip))


def _title(record: Record) -> Line:
    mark, style = _MARKS[record.verdict]
    if record.outcome in UNPLAYED and record.diagnosis:
        return [(f"{record.outcome.value.upper()}  {record.diagnosis.summary}", style)]
    step = f"step {record.step}: {STEPS.get(record.step, '')}"
    return [(mark, style), (f" {record.requirement}  {record.level.value}  {step}", "bold")]


def _counts(report: Report) -> str:
    found = Counter(row.verdict for row in rows(report.records))
    return ", ".join(f"{found[v]} {v.value}" for v in _COUNTED if found[v] or v is Verdict.PASS)


def _warnings(report: Report) -> Iterator[Line]:
    if report.warnings:
        yield from ([], [("warnings of the compiler", "bold")])
        yield from (_plain(line) for warning in report.warnings for line in labelled("  ", warning))


def _unrun(report: Report) -> Iterator[Line]:
    """Why something was not run, each reason once."""
    reasons = Counter(record.note for record in report.records if record.verdict is Verdict.NOT_RUN)
    for reason, number in reasons.items():
        yield from map(_plain, labelled(f"  {counted(number, 'case')} not run: ", reason))


def _summary(report: Report, strict: bool) -> Iterator[Line]:
    """How the server is built, the counts, and the closing sentence."""
    yield []
    yield from map(_plain, labelled("design of the server: ", report.design))
    yield _plain(f"{_counts(report)}  ({report.seconds:.1f} s)")
    yield from _unrun(report)
    yield [(closing(report, strict), "bold")]


def _one(report: Report, requirements: Mapping[str, Requirement], strict: bool, again: Again) -> Iterator[Line]:
    yield [(report.exercise + _heading(report), "bold")]
    yield from _listing(report, requirements)
    yield from _failures(report, requirements, again)
    yield from _warnings(report)
    yield from _summary(report, strict)


def _table(reports: list[Report], requirements: Mapping[str, Requirement]) -> Iterator[Line]:
    """A line a requirement, a column a submission."""
    slugs = [row.requirement for row in ordered([r for report in reports for r in report.records], requirements)]
    width = max((len(visible(slug)) for slug in slugs), default=0)
    names = [visible(report.submission) for report in reports]
    found = [{row.requirement: _MARKS[row.verdict] for row in rows(report.records)} for report in reports]
    yield [(" " * width, ""), *((f"  {name:5}", "bold") for name in names)]
    for slug in slugs:
        marks = [(own.get(slug, ("", "")), max(5, len(name))) for own, name in zip(found, names, strict=True)]
        yield [(f"{visible(slug):{width}}", ""), *((f"  {word:{room}}", style) for (word, style), room in marks)]


def _several(
    reports: list[Report], requirements: Mapping[str, Requirement], strict: bool, again: Callable[[Report], Again]
) -> Iterator[Line]:
    yield from _table(reports, requirements)
    statuses = [exit_status(report.records, strict=strict) for report in reports]
    for report in reports:
        if stories := [*_failures(report, requirements, again(report)), *_warnings(report)]:
            yield from ([], [(f"{report.exercise}  {report.submission}{_heading(report)}", "bold")])
            yield from stories
    yield []
    for report in reports:
        yield _plain(f"{report.submission}: {closing(report, strict)}  ({_counts(report)})")
        yield from map(_plain, labelled("  design of the server: ", report.design))
        yield from _unrun(report)
    yield [(f"{statuses.count(0)} of {counted(len(reports), 'submission')} conform", "bold")]


def text(report: Report, requirements: Mapping[str, Requirement], *, again: Again) -> str:
    """The report of one submission as `render` prints it, without a terminal."""
    lines = _one(report, requirements, strict=False, again=again)
    return "".join("".join(escape(text) for text, _ in line) + "\n" for line in lines)


def render(
    reports: list[Report],
    console: "Console",
    requirements: Mapping[str, Requirement],
    *,
    strict: bool = False,
    again: Callable[[Report], Again],
) -> None:
    """Print the report of one submission, or the table of several; `again` is what runs a submission again."""
    from rich.text import Text

    if len(reports) == 1:
        lines = _one(reports[0], requirements, strict, again(reports[0]))
    else:
        lines = _several(reports, requirements, strict, again)
    for line in lines:
        spans = [(encodable(escape(text), console.encoding), style) for text, style in line]
        console.print(Text.assemble(*spans), soft_wrap=True)
