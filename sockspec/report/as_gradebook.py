"""The gradebook: a line a submission, as CSV for a spreadsheet and as a table for a terminal."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sockspec import catalogue
from sockspec.journal import Standing
from sockspec.policy import NotGraded, Policy, Score, score
from sockspec.report import terminal
from sockspec.verdict import Level, Verdict
from sockspec.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ["submission", "status", "points", "total", "reason", "digest"]
"""What stands before the points of each requirement."""

HEAD = ["submission", "points", "MUST unmet", "SHOULD unmet", ""]
"""What stands above the table."""

# A spreadsheet computes what begins so, and Chinese and Japanese ones read the wide signs too. What follows a blank,
# too: some cut it off before they look.
_STARTS = ("=", "+", "-", "@", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")


_NOT_GRADED = "not graded"
_WIDEST = 40
"""Columns of the terminal; what is longer stands out of its column, and the others keep theirs."""


def escape(text: str) -> str:
    """The one escape of this sink: visible, on one line, and never a formula."""
    shown = visible(text)
    return f"'{shown}" if shown.lstrip().startswith(_STARTS) else shown


def render(standings: Mapping[str, Standing], policy: Policy) -> Iterator[bytes]:
    """CSV in UTF-8, line by line, every field quoted; what is not graded has no points, not even 0."""
    return map(_csv, _rows(standings, policy))


def _csv(row: list[str]) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow(row)
    return line.getvalue().encode()


def _rows(standings: Mapping[str, Standing], policy: Policy) -> Iterator[list[str]]:
    yield [*COLUMNS, *policy.points]
    for standing in standings.values():
        graded = score(policy, standing)
        text = [escape(standing.submission), *_figures(graded), escape(_reason(graded)), escape(standing.digest)]
        earned = (
            [str(each.points) for each in graded.earned] if isinstance(graded, Score) else [""] * len(policy.points)
        )
        yield [*text, *earned]


def _figures(graded: Score | NotGraded) -> list[str]:
    if isinstance(graded, NotGraded):
        return [_NOT_GRADED, "", ""]
    return ["graded", str(graded.points), str(graded.total)]


def _reason(graded: Score | NotGraded) -> str:
    return graded.reason.partition("\n")[0] if isinstance(graded, NotGraded) else ""


def show(standings: Mapping[str, Standing], policy: Policy, console: "Console") -> None:
    """Print the table: points, how many MUST and SHOULD are not met, what is not there, and why there is no grade."""
    from rich.cells import cell_len
    from rich.text import Text

    widths = [cell_len(cell) for cell in HEAD]
    for cells in _cells(standings, policy, console):  # once for the widths, once to print them: no line is kept
        widths = [max(width, min(cell_len(cell), _WIDEST)) for width, cell in zip(widths, cells, strict=True)]

    def line(name: str, *cells: str) -> str:
        *figures, remark = cells
        gaps = [" " * (width - cell_len(cell)) for width, cell in zip(widths, [name, *figures], strict=False)]
        columns = [name + gaps[0], *(gap + figure for gap, figure in zip(gaps[1:], figures, strict=True)), remark]
        return "  ".join(columns).rstrip()

    console.print(Text(line(*HEAD), style="bold"), soft_wrap=True)
    for cells in _cells(standings, policy, console):
        console.print(Text(line(*cells), style="magenta" if cells[1] == _NOT_GRADED else ""), soft_wrap=True)


def _cells(standings: Mapping[str, Standing], policy: Policy, console: "Console") -> Iterator[list[str]]:
    for cells in table(standings, policy):
        yield [terminal.encodable(terminal.escape(cell), console.encoding) for cell in cells]


def table(standings: Mapping[str, Standing], policy: Policy) -> Iterator[list[str]]:
    """The cells below HEAD, a line a submission, as they are: what they are shown on has its own escape."""
    for standing in standings.values():
        graded = score(policy, standing)
        yield [standing.submission, *_shown(graded), _reason(graded) or _absent(standing, policy)]


def _absent(standing: Standing, policy: Policy) -> str:
    """Which of the halves that the exercise has were not handed in."""
    halves = catalogue.exercise(policy.exercise).names
    absent = [half for half in halves if standing.report is not None and half not in standing.report.roles]
    return f"no {' and no '.join(absent)}" if absent else ""


def _shown(graded: Score | NotGraded) -> list[str]:
    if isinstance(graded, NotGraded):
        return [_NOT_GRADED, "", ""]
    cases = [each.row.worst for each in graded.earned if each.row]
    unmet = [case.level for case in cases if case.verdict in (Verdict.FAIL, Verdict.WARN)]
    return [f"{graded.points}/{graded.total}", *(str(unmet.count(level)) for level in (Level.MUST, Level.SHOULD))]
