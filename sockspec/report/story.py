"""How a verdict is told when it is not a pass: the same lines in the same order, whatever the format."""

import re
import textwrap
from collections import Counter
from collections.abc import Mapping

from sockspec.catalogue import STEPS, Requirement
from sockspec.model import Again, Report
from sockspec.verdict import UNPLAYED, Diagnosis, Outcome, Record, Row, Verdict, exit_status, rows

NOT_HELD = "a fault of the suite or of the machine; it is not held against the program"
NAMES = 6
"""Cases named before `...`."""
_WIDTH = 108
_NUMBER = re.compile(r"(?<!byte )\b\d[\d,.]*(?: bytes?\b)?")
"""Counts and addresses: two diagnoses that differ in these alone tell of one thing. Where a difference begins stays."""

BEGINNINGS = {
    Outcome.WRONG: "Get one short conversation right first: hold it by hand (nc), and compare it with the reference's.",
    Outcome.CRASHED: "Hold one short conversation by hand: where does it end? The last words, a debugger (gdb) or"
    " -fsanitize=address name the line.",
    Outcome.EXITED: "What ends your program so early? Look at each return, exit() and exception on its way.",
    Outcome.STUCK: "Hold one short conversation by hand (nc): what does the call wait for in which your program is"
    " blocked, and who is to send it?",
    Outcome.SPINNING: "Which loop runs without end? Look at what the call in it returns: 0 at the end of the stream, -1"
    " for an error.",
    Outcome.WAITING: "What is the timer for? Wait for what the other side does (recv(), accept(), select()), not for a"
    " clock.",
    Outcome.LIMIT: "Which loop does not end? With every turn it keeps, prints or starts something more.",
}
"""What to do next where the plain conversation fails that comes before what a requirement is about."""

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
    reason, hint = advice(record, stated) if stated else ("", "")
    return [
        *labelled("  ", sentence + among),
        *(line for event in why.story for line in labelled("    ", event)),
        *labelled("    we expected  ", why.expected),
        *labelled("    we received  ", why.received),
        *labelled("                 ", why.marker),
        *labelled("  ", why.summary),
        *labelled("  reference: ", why.reference),
        *labelled("  last words: ", why.last_words),
        *labelled("  because: ", reason),
        *labelled("  hint: ", hint),
        f"  again: {again.one(record.requirement)}",
    ]


def advice(record: Record, requirement: Requirement) -> tuple[str, str]:
    """Why it matters, and what to do next: the requirement's own, or what is closer to what went wrong.

    Who is told no hint of the requirement is told no other.
    """
    early = record.diagnosis is not None and record.diagnosis.preliminary
    if (early or record.outcome is Outcome.LIMIT) and record.outcome in BEGINNINGS:
        return "", BEGINNINGS[record.outcome] if requirement.hint else ""
    return requirement.reason, requirement.hint


def same(group: list[Row]) -> str:
    """The requirements that are not met for the same reason as the first, in lines; all, if it was never asked for."""
    others = group if group[0].worst.outcome in UNPLAYED else group[1:]
    return textwrap.fill(", ".join(row.requirement for row in others), _WIDTH, break_on_hyphens=False)


def ordered(records: list[Record], requirements: Mapping[str, Requirement]) -> list[Row]:
    """The rows by step, and within a step as the catalogue has them; what neither knows comes last."""
    steps = {step: number for number, step in enumerate(STEPS)}
    slugs = {slug: number for number, slug in enumerate(requirements)}
    return sorted(
        rows(records),
        key=lambda row: (steps.get(row.worst.step, len(steps)), slugs.get(row.requirement, len(slugs))),
    )


def alike(rows: list[Row]) -> list[list[Row]]:
    """The rows that are not met, the worst first; those that one diagnosis explains stand together.

    What was not even built or started comes before all else: it explains what else is not met.
    """
    found: dict[str, list[Row]] = {}
    unmet = [row for row in rows if row.verdict in UNMET]
    for row in sorted(unmet, key=lambda row: (row.worst.outcome not in UNPLAYED, UNMET.index(row.verdict))):
        summary = row.worst.diagnosis.summary if row.worst.diagnosis else row.requirement
        found.setdefault(_NUMBER.sub("#", summary), []).append(row)
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
