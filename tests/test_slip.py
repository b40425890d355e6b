"""A slip is told where a known wrong program fails the same, and only where that shows which slip it is."""

from collections.abc import Sequence

import pytest

from sockspec import check
from sockspec.check import Options
from sockspec.isolation import Isolation
from sockspec.mutants import mutants
from sockspec.scenario import Settings
from sockspec.verdict import Level, Outcome, Record, Verdict

OPTIONS = Options(Settings(Isolation("this machine", "a test", ipv6=True, names=False)))


def told(name: str, *outcomes: Outcome, besides: Sequence[str] = ()) -> str:
    """The slip of a server that fails what that mutant fails, and `besides`, with those outcomes in turn."""
    mutant = next(mutant for mutant in mutants("echo", "server") if mutant.name == name)
    records = [
        Record(f"echo.server.{tail}", Level.MUST, "S3", "", Verdict.FAIL, outcomes[number % len(outcomes)], 0.1, "ada")
        for number, tail in enumerate([*mutant.caught_by, *besides])
    ]
    return check.report("echo", "ada", {"server": mutant.program}, [], OPTIONS, records, 1.0, limited=False).slip


def test_the_slip_of_the_mutant_that_fails_the_same_is_told() -> None:
    assert told("c-send-count", Outcome.WRONG).startswith("The count that send() returns is ignored")


@pytest.mark.parametrize(("besides", "is_told"), [([], True), (["burst"], True), (["closes"], False)])
def test_what_a_mutant_fails_by_chance_may_be_there_or_not(besides: list[str], is_told: bool) -> None:
    assert bool(told("c-last-client", Outcome.WRONG, besides=besides)) is is_told


@pytest.mark.parametrize("outcome", [Outcome.NOT_STARTED, Outcome.NOT_BUILT])
def test_no_slip_is_told_of_a_server_that_never_listened(outcome: Outcome) -> None:
    assert told("c-no-htons", outcome, Outcome.WRONG) == ""


@pytest.mark.parametrize("outcome", [Outcome.CRASHED, Outcome.SPINNING, Outcome.LIMIT])
def test_no_slip_is_told_where_everything_ends_in_a_crash_or_the_like(outcome: Outcome) -> None:
    assert [told("c-strlen", outcome), bool(told("c-strlen", outcome, Outcome.WRONG))] == ["", True]
