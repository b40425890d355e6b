"""The gradebook: a line a submission, as CSV for a spreadsheet and as a table for a terminal."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sockspec.journal import Standing
from sockspec.policy import NotGraded, Policy, Score, score
from sockspec.report import terminal
from sockspec.verdict import Level, Verdict
from sockspec.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ["submission", "status", "points", "total", "reason", "digest"]
"""What stands before the points of each requirement."""

# A spreadsheet computes what begins so, and Chinese and Japanese ones read the wide signs too. What follows a blank,
# too: some cut it off before they look.
_STARTS = ("=", "+", "-", "@", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")


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
        return ["not graded", "", ""]
    return ["graded", str(graded.points), str(graded.total)]


def _reason(graded: Score | NotGraded) -> str:
    return graded.reason if isinstance(graded, NotGraded) else ""


def show(standings: Mapping[str, Standing], policy: Policy, console: "Console") -> None:
    """Print the table: points, how many MUST and SHOULD are not met, and why there is no grade."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("submission", "points", "MUST", "SHOULD", ""):
        table.add_column(column, justify="right" if column in ("points", "MUST", "SHOULD") else "left", overflow="fold")
    for standing in standings.values():
        graded = score(policy, standing)
        cells = [standing.submission, *_shown(graded), _reason(graded)]
        style = "magenta" if isinstance(graded, NotGraded) else ""
        table.add_row(
            *(Text(terminal.encodable(terminal.escape(cell), console.encoding)) for cell in cells), style=style
        )
    console.print(table)


def _shown(graded: Score | NotGraded) -> list[str]:
    if isinstance(graded, NotGraded):
        return ["not graded", "", ""]
    cases = [each.row.worst for each in graded.earned if each.row]
    unmet = [case.level for case in cases if case.verdict in (Verdict.FAIL, Verdict.WARN)]
    return [f"{graded.points}/{graded.total}", *(str(unmet.count(level)) for level in (Level.MUST, Level.SHOULD))]
