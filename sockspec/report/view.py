"""What of a submission's verdicts its author may see: the one place where a policy's `hidden` and `tell` are honoured.

Everything that a student is given is rendered from a View. What is hidden is not in it, so no format can show it. A
check that nobody grades is seen whole.
"""

from collections.abc import Mapping

import msgspec

from sockspec.catalogue import Requirement
from sockspec.journal import Standing
from sockspec.model import Again, Report
from sockspec.policy import Earned, NotGraded, Policy, score
from sockspec.report.story import closing
from sockspec.verdict import UNPLAYED, Diagnosis, Outcome, Record, Verdict, rows

UNTOLD = "a check could not be made; ask whoever grades"
"""Why there is no grade, where the reason is about something hidden."""
OURS = "what checks programs has failed, and no program of yours; ask whoever grades"
"""Why there is no grade, where the suite or the machine was at fault: the details help only whoever mends it."""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One submission as its author may see it."""

    submission: str
    exercise: str
    points: int | None
    """What the requirements shown here earned; None if the submission is not graded."""
    worth: int
    """What they are worth."""
    unseen: int
    """What those that are not shown are worth; whether they are met is told nowhere."""
    reason: str
    """Why it is not graded; empty if it is, or if nobody grades."""
    closing: str = ""
    """What the verdicts come to, where nobody grades."""
    earned: list[Earned]
    """What each requirement shown brought, in the order of the catalogue; empty if it is not graded."""
    report: Report | None
    requirements: dict[str, Requirement]
    """The requirements shown, with no more in them than is to be told."""
    again: Again
    """What its author can run to see the same."""

    @property
    def missing(self) -> dict[str, int]:
        """The halves that were not handed in, and the points that went with each."""
        lost: dict[str, int] = {}
        for each in self.earned:
            if each.row is None and self.report is not None:
                role = self.requirements[each.requirement].role
                half = role if role != "both" else "client" if "client" not in self.report.roles else "server"
                lost[half] = lost.get(half, 0) + each.worth
        return lost


def view(standing: Standing, policy: Policy, requirements: Mapping[str, Requirement]) -> View:
    """What the author of that submission may see."""
    graded = score(policy, standing)
    shown = {slug: _told(entry, policy) for slug, entry in requirements.items() if slug not in policy.hidden}
    report = _report(standing.report, policy, shown) if standing.report else None
    kept = {row.requirement: row for row in rows(report.records)} if report else {}
    earned = [] if isinstance(graded, NotGraded) else [each for each in graded.earned if each.requirement in shown]
    return View(
        submission=standing.submission,
        exercise=policy.exercise,
        points=None if isinstance(graded, NotGraded) else sum(each.points for each in earned),
        worth=sum(policy.points[slug] for slug in shown),
        unseen=sum(policy.points[slug] for slug in policy.hidden),
        reason=_reason(graded, policy, standing) if isinstance(graded, NotGraded) else "",
        earned=[msgspec.structs.replace(each, row=kept.get(each.requirement)) for each in earned],
        report=report,
        requirements=shown,
        again=Again(f"sockspec check . --exercise {policy.exercise}"),
    )


def ungraded(report: Report, requirements: Mapping[str, Requirement], *, strict: bool, again: Again) -> View:
    """All of a check, for whoever ran it: no points, and nothing hidden."""
    return View(
        submission=report.submission, exercise=report.exercise, points=None, worth=0, unseen=0, reason="", earned=[],
        report=report, requirements=dict(requirements), again=again, closing=closing(report, strict),
    )  # fmt: skip


def _told(requirement: Requirement, policy: Policy) -> Requirement:
    if policy.tell == "verdict":
        return msgspec.structs.replace(requirement, hint="", reason="")
    return requirement if policy.tell == "full" else msgspec.structs.replace(requirement, hint="")


def _reason(graded: NotGraded, policy: Policy, standing: Standing) -> str:
    fault = any(r.requirement == graded.requirement and r.verdict is Verdict.ERROR for r in _records(standing))
    if standing.status != "graded" or (fault and graded.requirement not in policy.hidden):
        return OURS
    named = any(slug in graded.reason or slug.split(".", 1)[1] in graded.reason for slug in policy.hidden)
    return UNTOLD if named or graded.requirement in policy.hidden else graded.reason


def _records(standing: Standing) -> list[Record]:
    return standing.report.records if standing.report else []


def _report(report: Report, policy: Policy, shown: Mapping[str, Requirement]) -> Report:
    """The report without what is hidden; and no slip beside something hidden, for it tells what failed and what not."""
    records = [_without_faults(record) for record in report.records if record.requirement in shown]
    if policy.tell == "verdict":
        records = [_verdict_alone(row.worst) for row in rows(records)]
    slip = report.slip if policy.tell == "full" and not policy.hidden else ""
    warnings = report.warnings if policy.tell != "verdict" else []
    return msgspec.structs.replace(report, records=records, slip=slip, warnings=warnings)


def _without_faults(record: Record) -> Record:
    """What failed us is not told with the details of our house."""
    if record.verdict is not Verdict.ERROR:
        return record
    return msgspec.structs.replace(record, diagnosis=Diagnosis(OURS), note="")


def _verdict_alone(record: Record) -> Record:
    """The verdict without its why. That a program was not built or did not start is part of the verdict."""
    unplayed = record.outcome in UNPLAYED and record.diagnosis is not None
    return msgspec.structs.replace(
        record,
        case="",
        note="",
        outcome=record.outcome if record.outcome in (*UNPLAYED, Outcome.OK) else Outcome.WRONG,
        diagnosis=Diagnosis(record.diagnosis.summary) if unplayed and record.diagnosis else None,
    )
