"""What GitHub Actions shows of submissions: the summary of a step, its annotations, and a log that gives no orders.

A step's summary above 1 MiB is thrown away as a whole, and a step has ten annotations of a kind; so both are bounded
here, the worst first.
"""

import re
from collections.abc import Iterable, Mapping
from secrets import token_hex

from sockspec.journal import Standing
from sockspec.policy import Policy
from sockspec.report.as_gradebook import HEAD, table
from sockspec.report.story import alike, cases, counted, labelled, ordered, same, told
from sockspec.report.view import View
from sockspec.report.words import details, grade, missing, ungraded, unseen
from sockspec.verdict import UNPLAYED, Row, Verdict
from sockspec.visible import visible, visible_lines

LARGEST = 1_000_000
"""Bytes of a summary."""

ANNOTATIONS = 10
"""Annotations of one kind."""

_SHORT = 2_000
_LONG = 60_000


def escape(text: str) -> str:
    """Of a text in Markdown: visible, and every sign a number, so that none is an order to the renderer."""
    return re.sub(r"[^\w ]|_", lambda sign: f"&#{ord(sign[0])};", visible(text))


def fenced(text: str) -> str:
    """A text of several lines in Markdown: in a fence longer than any in it."""
    shown = visible_lines(text)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{fence}text\n{shown}\n{fence}"


def escape_message(text: str) -> str:
    """The message of a workflow command."""
    return visible_lines(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """A property of a workflow command."""
    return escape_message(text).replace(":", "%3A").replace(",", "%2C")


def summary(*views: View) -> bytes:
    """Markdown for `$GITHUB_STEP_SUMMARY`, smaller than LARGEST; what does not fit is counted at the end of each."""
    return b"\n".join(_summary(view, LARGEST // len(views)) for view in views)


def of_class(standings: Mapping[str, Standing], policy: Policy) -> bytes:
    """The same for whoever grades a class: the table, as on the terminal, and how many lines of it do not fit."""
    lines = [
        f"## {escape(policy.exercise)}: {counted(len(standings), 'submission')}",
        "",
        _line(HEAD),
        "|---" * 5 + "|",
    ]
    left = LARGEST - 200 - sum(len(line.encode()) + 1 for line in lines)
    for number, cells in enumerate(table(standings, policy)):
        line = _line([cell[:_SHORT] for cell in cells])
        left -= len(line.encode()) + 1
        if left < 0:
            lines += ["", f"{len(standings) - number} more are not shown here: the summary of a step has an end."]
            break
        lines.append(line)
    return ("\n".join(lines) + "\n").encode()


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(escape, cells))} |"


def _summary(view: View, largest: int) -> bytes:
    rows = ordered(view.report.records, view.requirements) if view.report else []
    parts = [f"## {escape(view.submission[:_SHORT])}: {escape(grade(view)[:_SHORT])}"]
    parts += [fenced("\n".join(details(view))[:_LONG])] if details(view) else []
    parts += [escape(line) for line in (*ungraded(view), *unseen(view), *missing(view))]
    parts += [_table(view, rows)] if rows else []
    stories = [_story(view, group) for group in alike(rows)]
    if view.report and view.report.slip:
        stories.append(f"All of this together is what one known slip does: {escape(view.report.slip)}")
    left = largest - 200 - len("\n\n".join(parts).encode())
    for number, story in enumerate(stories):
        left -= len(story.encode()) + 2
        if left < 0:
            parts.append(f"{len(stories) - number} more are not shown here: the summary of a step has an end.")
            break
        parts.append(story)
    return ("\n\n".join(parts) + "\n").encode()


def _table(view: View, rows: list[Row]) -> str:
    points = {each.requirement: f"{each.points}/{each.worth}" for each in view.earned if each.worth}
    lines = [
        f"| {row.verdict.value} | {escape(row.requirement)} | {escape(view.requirements[row.requirement].sentence)} "
        f"| {points.get(row.requirement, '')} |"
        for row in rows
    ]
    return "\n".join(["| verdict | requirement | | points |", "|---|---|---|---|", *lines])


def _story(view: View, group: list[Row]) -> str:
    lines = [*_lines(view, group[0]), *labelled("  the same: ", same(group))]
    return f"### {escape(_heading(group[0]))}\n\n" + fenced("\n".join(lines)[:_LONG])


def _heading(row: Row) -> str:
    why = row.worst.diagnosis
    if row.worst.outcome in UNPLAYED and why:
        return f"{row.verdict.value.upper()} {why.summary[:_SHORT]}"
    return f"{row.verdict.value.upper()} {row.requirement} ({row.worst.level.value}, step {row.worst.step})"


def _lines(view: View, row: Row) -> list[str]:
    return told(row.worst, view.requirements[row.requirement], again=view.again, among=cases(row))


def annotations(*views: View) -> str:
    """Workflow commands for the log: at most ten errors and ten warnings, the worst of each submission first."""
    commands = [command for view in views for command in _commands(view)]
    errors = [command for command in commands if command.startswith("::error ")]
    warnings = [command for command in commands if command.startswith("::warning ")]
    return "".join([*errors[:ANNOTATIONS], *warnings[:ANNOTATIONS]])


def _commands(view: View) -> list[str]:
    if view.reason:
        return [_command("warning", f"{view.exercise}: not graded", view.reason)]
    groups = alike(ordered(view.report.records, view.requirements)) if view.report else []
    return [
        _command(
            "error" if first.verdict is Verdict.FAIL else "warning", _heading(first), "\n".join(_lines(view, first))
        )
        for first, *_ in groups
    ]


def _command(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={escape_property(title)}::{escape_message(message[:_SHORT])}\n"


def silence() -> tuple[str, str]:
    """The command that stops all commands in the log, and the one that ends that; the token is nobody's to guess."""
    token = token_hex(16)
    return f"::stop-commands::{token}", f"::{token}::"
