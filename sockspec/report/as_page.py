"""The page of one student: HTML that opens from the disk, with what is not met first and then each step."""

from collections.abc import Iterator
from typing import Any

from sockspec import catalogue
from sockspec.report.html import page
from sockspec.report.story import NOT_HELD, advice, alike, cases, labelled, ordered, same
from sockspec.report.view import View
from sockspec.report.words import details, missing, reason, ungraded, unseen
from sockspec.verdict import UNPLAYED, Diagnosis, Row, Verdict


def render(view: View) -> bytes:
    """A page that holds all it needs, runs no script and asks no network."""
    rows = ordered(view.report.records, view.requirements) if view.report else []
    pieces = page(
        "page.html",
        view=view,
        title=catalogue.exercise(view.exercise).title,
        share=100 * (view.points or 0) / max(view.worth, 1),
        reason=reason(view),
        details="\n".join(details(view)),
        ungraded=ungraded(view),
        unseen=unseen(view),
        missing=missing(view),
        failures=[_failure(view, group) for group in alike(rows)],
        sections=list(_sections(view, rows)),
        steps=catalogue.STEPS,
    )
    return b"".join(pieces)


def _failure(view: View, group: list[Row]) -> dict[str, Any]:
    """What one diagnosis explains, laid out as on the terminal."""
    first = group[0]
    record, stated = first.worst, view.requirements[first.requirement]
    why = record.diagnosis or Diagnosis(summary=record.note)
    unplayed, ours = record.outcome in UNPLAYED, record.verdict is Verdict.ERROR
    # Neither reason nor hint of the requirement is about what went wrong if it was not played, or is our fault.
    reason, hint = ("", "") if unplayed or ours else advice(record, stated)
    sentence = NOT_HELD if ours else "" if unplayed else stated.sentence
    facts = [("reference", why.reference), ("last words", why.last_words), ("because", reason)]
    return {
        "record": record,
        "unplayed": unplayed,
        "heading": why.summary if unplayed and why.summary else record.requirement,
        "lost": _lost(view, group),
        "sentence": sentence and sentence + cases(first),
        "seen": "\n".join(_seen(why)),
        "summary": "" if unplayed else why.summary,
        "facts": [(label, text) for label, text in facts if text],
        "hint": hint,
        "again": view.again.whole if unplayed else view.again.one(record.requirement),
        "same": same(group),
    }


def _seen(why: Diagnosis) -> Iterator[str]:
    yield from (line for event in why.story for line in event.split("\n"))
    yield from labelled("we expected  ", why.expected)
    yield from labelled("we received  ", why.received)
    yield from labelled("             ", why.marker)


def _lost(view: View, group: list[Row]) -> int:
    slugs = {row.requirement for row in group}
    return sum(each.worth - each.points for each in view.earned if each.requirement in slugs)


def _sections(view: View, rows: list[Row]) -> Iterator[dict[str, Any]]:
    points = {each.requirement: f"{each.points}/{each.worth}" for each in view.earned if each.worth}
    for step in dict.fromkeys(row.worst.step for row in rows):
        yield {
            "step": step,
            "rows": [
                {
                    "verdict": row.verdict,
                    "sentence": _sentence(view, row),
                    "slug": row.requirement,
                    "points": points.get(row.requirement, ""),
                }
                for row in rows
                if row.worst.step == step
            ],
        }


def _sentence(view: View, row: Row) -> str:
    noted = row.worst.note if row.verdict in (Verdict.NOTE, Verdict.NOT_RUN) else ""
    return noted or view.requirements[row.requirement].sentence
