"""Every mutant is caught by the requirements listed for it and no others; every requirement catches one."""

import warnings
from pathlib import Path

import pytest

from sockspec import catalogue, house
from sockspec.mutants import Mutant, mutants, write
from sockspec.verdict import Level
from tests.running import IMPATIENT, checked, failed

ROLES = ["server", "client", "both"]
TABLE = [(exercise, role, m) for exercise in house.exercises() for role in ROLES for m in mutants(exercise, role)]


@pytest.mark.filterwarnings("default::UserWarning")
@pytest.mark.parametrize(("exercise", "role", "mutant"), TABLE, ids=[f"{e}-{r}-{m.name}" for e, r, m in TABLE])
def test_a_mutant_fails_what_is_listed_for_it(exercise: str, role: str, mutant: Mutant, tmp_path: Path) -> None:
    write(mutant, exercise, tmp_path / mutant.name)
    if differs := difference(exercise, role, mutant, tmp_path):
        # A mutant may be in a race with itself, and win it now and then: once more, and pytest tells of it at the end.
        warnings.warn(f"{mutant.name} was run twice; at first {differs}", stacklevel=1)
        assert not difference(exercise, role, mutant, tmp_path), differs


def difference(exercise: str, role: str, mutant: Mutant, directory: Path) -> str:
    """What it does that is not as its table says; nothing if all is."""
    half = () if role == "both" else ("--role", role)
    report = checked(directory / mutant.name, "--exercise", exercise, *half, *IMPATIENT)
    assert not [v for v in report["verdicts"] if v["verdict"] == "error"], report["text"]
    unmet = {slug.split(".", 2)[2] for slug in failed(report) if f".{role}." in slug}
    if mutant.shows(unmet):
        return ""
    listed = set(mutant.caught_by)
    return f"missed by {sorted(listed - unmet)}; not listed: {sorted(unmet - listed)}"


@pytest.mark.parametrize("exercise", house.exercises())
def test_every_requirement_catches_a_mutant(exercise: str) -> None:
    caught = {f"{exercise}.{role}.{tail}" for role in ROLES for m in mutants(exercise, role) for tail in m.caught_by}
    judged = {slug for slug, entry in catalogue.exercise(exercise).requirements.items() if entry.level is not Level.MAY}
    assert judged - caught == set()


def test_no_two_mutants_of_a_table_have_one_name() -> None:
    names = [(exercise, role, mutant.name) for exercise, role, mutant in TABLE]
    assert len(names) == len(set(names))
