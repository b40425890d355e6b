"""The page of a class, for whoever grades it: the points, what is most often not met, and who meets what.

It shows everything, hidden requirements too: it is not for students.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Set
from statistics import median
from typing import Any

from sockspec import catalogue
from sockspec.catalogue import Requirement
from sockspec.journal import Standing, Started
from sockspec.model import Report
from sockspec.policy import NotGraded, Policy, Score, score
from sockspec.report.html import MARKS, page
from sockspec.report.story import counted
from sockspec.submission import ROLES
from sockspec.verdict import Level, Role, Row, Verdict, rows

BARS = 10
_HEIGHT, _FOOT = 130, 150
_IMAGE = len("sha256:") + 12
_TOLD = {"full": "in full", "diagnosis": "without hints", "verdict": "of verdicts alone"}
_SIGNS = {
    Verdict.PASS: "",
    Verdict.FAIL: "F",
    Verdict.WARN: "W",
    Verdict.NOTE: "n",
    Verdict.NOT_RUN: "-",
    Verdict.ERROR: "E",
}


def render(standings: Mapping[str, Standing], policy: Policy, stems: Mapping[str, str]) -> Iterator[bytes]:
    """A page that runs no script, in pieces; `stems` says what the page of each is called, below `feedback/`."""
    requirements = catalogue.exercise(policy.exercise).requirements
    seen = _Seen(standings, policy)
    return page(
        "overview.html",
        title=catalogue.exercise(policy.exercise).title,
        stems=stems,
        counts={"submissions": len(standings), "graded": len(seen.points), "not_graded": len(seen.not_graded)},
        median=f"{median(seen.points):g}" if seen.points else "",
        total=policy.total,
        hides=bool(policy.hidden),
        not_graded=seen.not_graded,
        bars=_bars(seen.points, policy.total),
        slips=[(slip, number) for slip, number in seen.slips.most_common() if slip],
        unmet=_unmet(seen, requirements, policy),
        columns=[_column(entry, first) for entry, first in _columns(requirements)],
        matrix=(_line(standing, score(policy, standing), requirements) for standing in standings.values()),
        facts=[f"exercise: {policy.exercise}", _graded_by(policy), *seen.facts()],
    )


class _Seen:
    """What the page says of the class as a whole."""

    def __init__(self, standings: Mapping[str, Standing], policy: Policy) -> None:
        self.points: list[int] = []
        self.not_graded: list[tuple[str, str, str]] = []
        """The name, why, and what else is known of that."""
        self.slips: Counter[str] = Counter()
        self.judged: Counter[str] = Counter()
        self.unmet: Counter[str] = Counter()
        self._conditions: defaultdict[str, set[str]] = defaultdict(set)
        self._times: set[str] = set()
        for name, standing in standings.items():
            graded = score(policy, standing)
            if isinstance(graded, Score):
                self.points.append(graded.points)
            else:
                reason, _, details = graded.reason.partition("\n")
                self.not_graded.append((name, reason, details))
            if standing.report:
                self._count(standing.report)
            if standing.run:
                self._note(standing.run)

    def facts(self) -> Iterator[str]:
        """When and how the verdicts were reached; more than one of a kind is worth seeing."""
        if self._times:
            yield f"graded: {' to '.join(dict.fromkeys([min(self._times), max(self._times)]))}"
        for kind, values in self._conditions.items():
            yield f"{kind}: {', '.join(sorted(values))}"

    def _count(self, report: Report) -> None:
        judged = [row for row in rows(report.records) if row.verdict not in (Verdict.NOT_RUN, Verdict.ERROR)]
        self.judged.update(row.requirement for row in judged)
        self.unmet.update(row.requirement for row in judged if not row.met)
        self.slips[report.slip] += 1
        for kind, value in (("sockspec", report.version), ("seed", report.seed), ("isolation", report.isolation)):
            self._conditions[kind].add(str(value))

    def _note(self, run: Started) -> None:
        self._times.add(f"{run.at[:16].replace('T', ' ')} UTC")
        for kind, value in (("suite", run.suite), ("image", run.image[:_IMAGE]), *run.tools.items()):
            self._conditions[kind].add(value)


def _graded_by(policy: Policy) -> str:
    hidden = f", {counted(len(policy.hidden), 'check')} hidden from students" if policy.hidden else ""
    return f"policy: {counted(policy.total, 'point')}, feedback {_TOLD[policy.tell]}{hidden}"


def _bars(points: list[int], total: int) -> list[dict[str, Any]]:
    """The histogram: a bar for each tenth of the points, full marks in the last."""
    numbers = Counter(min(BARS * earned // total, BARS - 1) for earned in points)
    most = max(numbers.values(), default=1)
    edges = [-(-total * bar // BARS) for bar in range(BARS)] + [total + 1]
    bars = []
    for bar in range(BARS):
        height = round(_HEIGHT * numbers[bar] / most, 1)
        low, high = edges[bar], edges[bar + 1] - 1
        bars.append({
            "x": 40 * bar + 3, "y": _FOOT - height, "height": height, "number": numbers[bar],
            "label": f"{low}-{high}" if low < high else str(low),
        })  # fmt: skip
    return bars


def _unmet(seen: _Seen, requirements: Mapping[str, Requirement], policy: Policy) -> list[dict[str, Any]]:
    """What somebody does not meet, the most frequent first; of the same number, in the order of the catalogue."""
    lines = []
    for slug, entry in requirements.items():
        number, judged = seen.unmet[slug], seen.judged[slug]
        if number and entry.level is not Level.MAY:  # that one was not built is no choice of its author's
            lines.append({
                "slug": slug, "sentence": entry.sentence, "level": entry.level.value, "worth": policy.points[slug],
                "number": number, "among": judged, "share": round(100 * number / judged, 1),
                "mark": "fail" if entry.level is Level.MUST else "warn", "hidden": slug in policy.hidden,
            })  # fmt: skip
    return sorted(lines, key=lambda line: -int(line["number"]))


def _columns(requirements: Mapping[str, Requirement]) -> list[tuple[Requirement, bool]]:
    """Each requirement, and whether it is the first of its half."""
    entries = list(requirements.values())
    return [(entry, at > 0 and entries[at - 1].role != entry.role) for at, entry in enumerate(entries)]


def _column(entry: Requirement, first: bool) -> dict[str, Any]:
    return {"label": entry.slug.split(".", 1)[1], "sentence": entry.sentence, "first": first}


def _line(standing: Standing, graded: Score | NotGraded, requirements: Mapping[str, Requirement]) -> dict[str, Any]:
    found = {row.requirement: row for row in rows(standing.report.records)} if standing.report else {}
    handed_in = set(standing.report.roles if standing.report else ROLES)
    cells = [
        {"first": first, **_cell(found.get(entry.slug), entry, handed_in)} for entry, first in _columns(requirements)
    ]
    return {
        "name": standing.submission,
        "points": graded.points if isinstance(graded, Score) else "-",
        "cells": cells,
    }


def _cell(row: Row | None, entry: Requirement, handed_in: Set[Role]) -> dict[str, str]:
    if row is None:
        whole = entry.role in handed_in or (entry.role == "both" and handed_in >= set(ROLES))
        return {"mark": "not-run", "sign": "-" if whole else "/", "title": ""}
    why = row.worst.diagnosis.summary if row.worst.diagnosis else row.worst.note
    return {
        "mark": MARKS[row.verdict],
        "sign": _SIGNS[row.verdict],
        "title": f"{row.requirement}: {why}" if why else "",
    }
