"""Programs that are right pass everything, whatever their design; programs of no use pass no MUST."""

from pathlib import Path

import pytest

from sockspec import catalogue, house
from sockspec.mutants import mutants
from tests.running import PROGRAMS, UNIVERSAL, checked, directories

GOOD = directories("programs/*/*")
USELESS = [
    (exercise, role, path)
    for exercise in house.exercises()
    for role in catalogue.exercise(exercise).names
    for path in directories("mutants/universal/*")
]


@pytest.mark.parametrize("program", GOOD, ids=[str(path.relative_to(PROGRAMS)) for path in GOOD])
def test_a_good_program_passes_everything(program: Path) -> None:
    report = checked(program, "--exercise", program.parent.name, "--strict")
    judged = {v["requirement"]: v["verdict"] for v in report["verdicts"] if v["verdict"] not in ("pass", "note")}
    assert (judged, report["status"]) == ({}, 0), report["text"]


@pytest.mark.parametrize(("exercise", "role", "program"), USELESS, ids=[f"{e}-{r}-{p.name}" for e, r, p in USELESS])
def test_a_program_of_no_use_passes_no_must(exercise: str, role: str, program: Path) -> None:
    report = checked(program, "--exercise", exercise, "--role", role, "--patience", 0.5, "--cpu", 0.3)
    ways = {v["requirement"]: {w["verdict"] for w in report["verdicts"] if w["requirement"] == v["requirement"]}
            for v in report["verdicts"] if v["level"] == "MUST"}  # fmt: skip
    passed = {slug for slug, verdicts in ways.items() if verdicts == {"pass"}}
    excused = {slug for slug in passed if program.name in catalogue.requirement(slug).passable}
    assert passed - excused == set()


HALVES = [(exercise, role) for exercise in house.exercises() for role in catalogue.exercise(exercise).names]
FEWEST_MUTANTS = {"echo": 80, "hello": 20}
"""The others have 25: hello is smaller than they are, and echo is where everybody begins."""
FEWEST_DESIGNS = {"hello": 3}
"""The others have two: what is so small is written in more ways."""


def designs(exercise: str, program: str) -> set[str]:
    return {path.parent.name for path in PROGRAMS.glob(f"{exercise}/*/{program}")}


@pytest.mark.parametrize(("exercise", "role"), HALVES, ids=[f"{exercise}-{role}" for exercise, role in HALVES])
def test_each_half_of_an_exercise_has_designs_enough_in_each_language(exercise: str, role: str) -> None:
    fewest = FEWEST_DESIGNS.get(exercise, 2)
    assert len(designs(exercise, f"{role}.c")) >= fewest
    assert len(designs(exercise, f"{role}.py")) >= fewest


@pytest.mark.parametrize("exercise", house.exercises())
def test_an_exercise_has_mutants_enough(exercise: str) -> None:
    made = [mutant for role in ("server", "client", "both") for mutant in mutants(exercise, role)]
    assert len(made) >= FEWEST_MUTANTS.get(exercise, 25)


def test_every_design_that_a_course_teaches_is_among_the_good_programs() -> None:
    in_c, in_python = designs("echo", "server.c"), designs("echo", "server.py")
    assert in_c >= {f"c-{design}" for design in ("iterative", "fork", "threads", "select", "poll", "epoll")}
    assert in_python >= {
        f"python-{d}" for d in ("iterative", "threads", "fork", "selectors", "asyncio", "socketserver")
    }
    assert designs("echo", "client.c") >= {"c-select", "c-fork"}  # one process that waits for both, or two
    assert designs("echo", "client.py") >= {"python-threads", "python-selectors", "python-blocking"}


def test_the_programs_of_no_use_are_there() -> None:
    assert UNIVERSAL.is_dir()
