"""A small class, made up: what tests of the policy and of its reports are written with."""

from sockspec import catalogue, policy
from sockspec.journal import Standing
from sockspec.policy import Policy
from sockspec.report.model import Report
from sockspec.verdict import Diagnosis, Level, Outcome, Record, Role, Verdict

SLUGS = list(catalogue.exercise("echo").requirements)
HIDDEN = "echo.server.in-pieces"
BOTH: dict[Role, str] = {"client": "client.py", "server": "server.c"}
MARKS = {Level.MUST: Verdict.FAIL, Level.SHOULD: Verdict.WARN, Level.MAY: Verdict.NOTE}


def why(said: str = "your server is blocked in recv() on the first connection") -> Diagnosis:
    """A diagnosis that has the same words in every string."""
    return Diagnosis(said, [said, said], said, said, said, said, said)


def record(slug: str, verdict: Verdict = Verdict.PASS, said: str = "", outcome: Outcome = Outcome.WRONG) -> Record:
    """One verdict with its diagnosis, in those words."""
    entry = catalogue.requirement(slug)
    diagnosis = why(said) if said and verdict in (Verdict.FAIL, Verdict.WARN, Verdict.ERROR) else None
    outcome = Outcome.OK if verdict is Verdict.PASS else outcome
    return Record(slug, entry.level, entry.step, "", verdict, outcome, 0.1, "", diagnosis, said)


def standing(
    name: str = "ada", *unmet: str, said: str = "it sends nothing back", roles: dict[Role, str] = BOTH
) -> Standing:
    """A submission that meets all of the exercise but these."""
    records = [
        record(slug, MARKS[catalogue.requirement(slug).level], said) if slug in unmet else record(slug)
        for slug in SLUGS
        if all(half in roles for half in halves(slug))
    ]
    return with_records(name, records, roles=roles)


def halves(slug: str) -> tuple[str, ...]:
    role = catalogue.requirement(slug).role
    return ("client", "server") if role == "both" else (role,)


def with_records(name: str, records: list[Record], *, said: str = "", roles: dict[Role, str] = BOTH) -> Standing:
    """A submission with just these verdicts; its warnings and its slip in those words."""
    report = Report(
        version="1.0", exercise="echo", submission=name, roles=roles, seed=7, isolation="container", seconds=12.5,
        warnings=[said] if said else [], slip=said, records=records,
    )  # fmt: skip
    return Standing(name, "d1", "graded", "", report)


def not_graded(name: str = "dora", reason: str = "the sandbox ended before the suite did") -> Standing:
    return Standing(name, "d1", "not graded", reason, None)


def echo() -> Policy:
    """The policy that the exercise brings."""
    return policy.of("echo")
