"""What a run of the suite says: levels, outcomes, and the record of one verdict.

Two axes, kept apart. Conformance: a requirement is met or not, and its level says what that means (a MUST fails, a
SHOULD warns, a MAY is noted). The run: how the program fared (it crashed, it is stuck, it was never built). A record is
one verdict of one case of one requirement; a row is the verdict of a requirement, the worst of its cases.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Literal

import msgspec

Role = Literal["client", "server", "both"]


class Level(Enum):
    """How much a requirement weighs (RFC 2119 in its words, the exercise sheet in its authority)."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Verdict(Enum):
    """Conformance. `error` is a fault of the suite or the machine; it is never held against the program."""

    PASS = "pass"
    NOTE = "note"
    NOT_RUN = "not run"
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"


class Outcome(Enum):
    """How the run went, whatever the requirement says about it."""

    OK = "ok"
    WRONG = "wrong"  # the program answered, and the answer is not the reference's
    CRASHED = "crashed"  # a signal, a traceback, a sanitizer's report
    EXITED = "exited"  # ended by itself before it had done its part
    STUCK = "stuck"  # every thread waits for something that will not come
    SPINNING = "spinning"  # uses the processor and gets nowhere
    WAITING = "waiting"  # waits on a timer beyond our patience
    LIMIT = "limit"  # memory, output, processes or processor time
    NOT_FOUND = "not found"  # nothing that could be run
    NOT_BUILT = "not built"
    NOT_STARTED = "not started"  # it never listened where it was told to
    NOT_RUN = "not run"
    SUITE_ERROR = "suite error"


UNPLAYED = (Outcome.NOT_FOUND, Outcome.NOT_BUILT, Outcome.NOT_STARTED)
"""The program never got to the requirement, whatever its level: nothing about it conforms."""


class Diagnosis(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a requirement is not met. Every string is plain text, bounded, with control bytes already made visible."""

    summary: str
    """One or two sentences: what is wrong, from the kernel's evidence."""
    story: list[str] = []
    """What happened, a line each, in order: `second client: connected, sent 5 bytes, received nothing`."""
    expected: str = ""
    received: str = ""
    marker: str = ""
    """Blanks and a caret; under `received` it points at the first difference."""
    reference: str = ""
    """What the reference did at the same point."""
    last_words: str = ""
    """The end of what the program wrote to its standard error; where that is empty, and no data, to its output."""
    preliminary: bool = False
    """It failed in the plain conversation that comes first, before what the requirement is about."""


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One verdict on one case of one requirement."""

    requirement: str
    level: Level
    step: str
    case: str
    """What tells this case from the others of its requirement, `1-byte`; empty when there is one case only."""
    verdict: Verdict
    outcome: Outcome
    seconds: float
    submission: str = ""
    diagnosis: Diagnosis | None = None
    note: str = ""
    """What a MAY recorded, or why the case was not run."""


class Row(msgspec.Struct, frozen=True):
    """The verdict on one requirement, the worst of its cases; and the cases in the order they are defined."""

    requirement: str
    verdict: Verdict
    cases: list[Record]

    @property
    def worst(self) -> Record:
        """The first case that has the row's verdict."""
        return next(case for case in self.cases if case.verdict is self.verdict)

    @property
    def met(self) -> bool:
        """It passed, or is a MAY; and the program got as far as to be asked."""
        played = not any(case.outcome in UNPLAYED for case in self.cases)
        return played and self.verdict in (Verdict.PASS, Verdict.NOTE)


_SEVERITY = [Verdict.NOT_RUN, Verdict.PASS, Verdict.NOTE, Verdict.WARN, Verdict.FAIL, Verdict.ERROR]


def rows(records: Iterable[Record]) -> list[Row]:
    """The records gathered by requirement, in order of first appearance."""
    gathered: dict[str, list[Record]] = {}
    for record in records:
        gathered.setdefault(record.requirement, []).append(record)
    return [
        Row(requirement, max((case.verdict for case in cases), key=_SEVERITY.index), cases)
        for requirement, cases in gathered.items()
    ]


def exit_status(records: Iterable[Record], *, strict: bool) -> int:
    """0 conforms, 1 does not, 3 a fault of the suite or the machine, or nothing could be run; the last outranks."""
    records = list(records)
    verdicts = {record.verdict for record in records}
    if Verdict.ERROR in verdicts or verdicts <= {Verdict.NOT_RUN}:
        return 3
    unplayed = any(record.outcome in UNPLAYED for record in records)
    return 1 if unplayed or Verdict.FAIL in verdicts or (strict and Verdict.WARN in verdicts) else 0
