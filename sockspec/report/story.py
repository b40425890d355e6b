"""How a verdict is told when it is not a pass: the same lines in the same order, whatever the format."""

from collections import Counter
from collections.abc import Mapping

from sockspec.catalogue import STEPS, Requirement
from sockspec.report.model import Again, Report
from sockspec.verdict import UNPLAYED, Diagnosis, Record, Row, Verdict, exit_status, rows

NOT_HELD = "a fault of the suite or of the machine; it is not held against the program"
NAMES = 6
"""Cases named before `...`."""

UNMET = [Verdict.ERROR, Verdict.FAIL, Verdict.WARN]
"""What is told, in this order: a story told for a MUST is not told again for a SHOULD."""


def counted(number: int, noun: str) -> str:
    """`1 point`, `2 points`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def labelled(label: str, text: str) -> list[str]:
    """The lines of a text, the first after its label and the others under it; none for an empty text."""
    first, *others = text.split("\n")
    return [label + first, *(" " * len(label) + line for line in others)] if text else []


def cases(row: Row) -> str:
    """` (2 of 14 cases: 1-byte, 3-bytes)`: the cases that have the row's verdict; nothing where there is one case."""
    if len(row.cases) == 1:
        return ""
    names = [case.case for case in row.cases if case.verdict is row.verdict and case.case]
    number = sum(case.verdict is row.verdict for case in row.cases)
    shown = ", ".join([*names[:NAMES], "..."] if len(names) > NAMES else names)
    return f" ({number} of {len(row.cases)} cases{': ' if shown else ''}{shown})"


def told(record: Record, requirement: Requirement | None, *, again: Again, among: str = "") -> list[str]:
    """The story of one verdict: the requirement, what happened, why it matters, what to do next.

    `among` says which cases the record stands for. A fault of ours has neither a reason nor a hint.
    """
    why = record.diagnosis or Diagnosis(summary=record.note)
    if record.outcome in UNPLAYED:  # neither reason nor hint of the requirement is about what went wrong
        return [
            *(line for event in why.story for line in labelled("  ", event)),
            *labelled("  ", why.last_words),
            f"  again: {again.whole}",
        ]
    stated = None if record.verdict is Verdict.ERROR else requirement
    sentence = NOT_HELD if record.verdict is Verdict.ERROR else stated.sentence if stated else ""
    return [
        *labelled("  ", sentence + among),
        *(line for event in why.story for line in labelled("    ", event)),
        *labelled("    we expected  ", why.expected),
        *labelled("    we received  ", why.received),
        *labelled("                 ", why.marker),
        *labelled("  ", why.summary),
        *labelled("  reference: ", why.reference),
        *labelled("  last words: ", why.last_words),
        *labelled("  because: ", stated.reason if stated else ""),
        *labelled("  hint: ", stated.hint if stated else ""),
        f"  again: {again.one(record.requirement)}",
    ]


def ordered(records: list[Record], requirements: Mapping[str, Requirement]) -> list[Row]:
    """The rows by step, and within a step as the catalogue has them; what neither knows comes last."""
    steps = {step: number for number, step in enumerate(STEPS)}
    slugs = {slug: number for number, slug in enumerate(requirements)}
    return sorted(
        rows(records),
        key=lambda row: (steps.get(row.worst.step, len(steps)), slugs.get(row.requirement, len(slugs))),
    )


def alike(rows: list[Row]) -> list[list[Row]]:
    """The rows that are not met, the worst first; those that one diagnosis explains stand together."""
    found: dict[str, list[Row]] = {}
    for row in sorted((row for row in rows if row.verdict in UNMET), key=lambda row: UNMET.index(row.verdict)):
        summary = row.worst.diagnosis.summary if row.worst.diagnosis else row.requirement
        found.setdefault(summary, []).append(row)
    return list(found.values())


def closing(report: Report, strict: bool) -> str:
    """What the verdicts come to: `conforms`, or how far it is from that."""
    found = Counter(row.verdict for row in rows(report.records))
    status = exit_status(report.records, strict=strict)
    if status == 3:
        return f"not judged: {NOT_HELD}" if found else "not judged: nothing was run"
    if status == 1:
        failed = [row for row in rows(report.records) if row.worst.outcome in UNPLAYED or row.verdict is Verdict.FAIL]
        unmet = len(failed) + (found[Verdict.WARN] if strict else 0)
        return f"does not conform: {counted(unmet, 'requirement')} not met"
    left_out = found[Verdict.NOT_RUN]
    return f"conforms, as far as it was run: {counted(left_out, 'requirement')} not run" if left_out else "conforms"
