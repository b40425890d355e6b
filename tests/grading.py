"""A small class, made up: what tests of the policy and of its reports are written with."""

from hypothesis import strategies as st
from msgspec.structs import replace

from sockspec import catalogue, policy
from sockspec.journal import Standing
from sockspec.model import Report
from sockspec.policy import Policy, Tell
from sockspec.report.view import View, view
from sockspec.verdict import Diagnosis, Level, Outcome, Record, Role, Verdict

REQUIREMENTS = catalogue.exercise("echo").requirements
SLUGS = list(REQUIREMENTS)
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


NASTY = [
    "\x1b[2J", "\x9b0m", "\x1b]0;t\x07", "\u202e", "\u2066", "\0", "\r\n", "\n", "\ud800", "\ufffe",
    "]]>", "<!--", "-->", "</pre>", "</style>", "</title>", "<script>", "<img src=x onerror=1>", "javascript:",
    "&lt;", "&#60;", "'", '"', "{{ 7 }}", "{% raw %}",
    "::error::", "##[group]", "::stop-commands::x", "%0A",
    '=HYPERLINK("u")', "+1", "-1", "@SUM(1)", "|calc", "\t=1", "\uff1d1",
    "`", "```", "~~~", "# h", "- [x] ", "|", "![](u)", "[a](javascript:1)", "*b*", "_", "@all", "http://a.b",
]  # fmt: skip
SOUP = st.lists(
    st.text(st.characters(), max_size=8)
    | st.sampled_from(NASTY)
    | st.binary(max_size=8).map(lambda data: data.decode("utf-8", "surrogateescape")),
    max_size=6,
).map("".join)
"""What a hostile submission may get into any word of a report."""


def soaked(said: str, name: str = "ada") -> Standing:
    """A submission that has these words wherever there are words, with one verdict of each kind."""
    verdicts = [Verdict.FAIL, Verdict.WARN, Verdict.NOTE, Verdict.PASS, Verdict.FAIL]
    some = [record(slug, verdict, said) for slug, verdict in zip(SLUGS, verdicts, strict=False)]
    rest = [record(slug, said=said) for slug in SLUGS[len(some) :]]
    return with_records(
        name, [replace(r, case=said) for r in [*some, *rest]], said=said, roles={"client": said, "server": said}
    )


def seen(standing: Standing, policy: Policy | None = None) -> View:
    """The submission as its author may see it."""
    return view(standing, policy or echo(), REQUIREMENTS)


def with_policy(hidden: tuple[str, ...] = (), tell: Tell = "full") -> Policy:
    """The policy of the exercise, with these changes."""
    return replace(echo(), hidden=frozenset(hidden), tell=tell)
