"""Programs that are right pass everything, whatever their design; programs of no use pass no MUST."""

from pathlib import Path

import pytest

from sockspec import catalogue, house
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


def test_every_design_that_a_course_teaches_is_among_the_good_programs() -> None:
    servers = {path.parent.name for path in PROGRAMS.glob("echo/*/server.*")}
    assert servers >= {f"c-{design}" for design in ("iterative", "fork", "threads", "select", "poll", "epoll")}
    assert servers >= {f"python-{d}" for d in ("iterative", "threads", "fork", "selectors", "asyncio", "socketserver")}
    assert len(list(PROGRAMS.glob("hello/*/server.*"))) >= 3
    assert UNIVERSAL.is_dir()
