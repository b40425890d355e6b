"""The hostile submissions are what they claim to be, as far as can be seen without starting one."""

import ast
import collections
import shutil
import subprocess
from pathlib import Path

import pytest

from sockspec import catalogue, intake
from tests.hostile import HOSTILE, Hostile, hostile

ALL = hostile()
IDS = [f"{each.verdict}-{each.name}" for each in ALL]
VERDICTS = {"passes", "fails", "crashes", "limit", "spinning", "stuck", "not-built", "not-started"}
COMPILED = [each for each in ALL if each.verdict != "not-built" and (each.directory / f"{each.role}.c").exists()]


@pytest.fixture(params=ALL, ids=IDS)
def each(request: pytest.FixtureRequest) -> Hostile:
    """One of them after the other."""
    one: Hostile = request.param
    return one


def test_there_are_many_and_every_directory_is_one_of_them() -> None:
    assert len(ALL) >= 56
    assert {each.directory for each in ALL} == {path for path in HOSTILE.glob("*/*") if path.is_dir()}
    assert {each.verdict for each in ALL} == VERDICTS
    assert [name for name, count in collections.Counter(each.name for each in ALL).items() if count > 1] == []


def test_c_and_python_both_attack() -> None:
    endings = collections.Counter(path.suffix for path in HOSTILE.rglob("*") if path.stem in ("server", "client"))
    assert min(endings[".c"], endings[".py"]) >= 20


def test_it_says_what_it_tries_in_a_sentence(each: Hostile) -> None:
    assert each.sentence.endswith(".")
    assert set(each.also) <= VERDICTS - {"passes", each.verdict}


def test_its_requirements_are_some_of_its_role(each: Hostile) -> None:
    chosen = catalogue.select(list(catalogue.exercise(each.exercise).requirements), each.only)
    assert chosen
    assert {catalogue.requirement(slug).role for slug in chosen} == {each.role}


def test_it_is_taken_in(each: Hostile, tmp_path: Path) -> None:
    taken = intake.take(each.laid(tmp_path), tmp_path / "copy")
    odd = [piece for piece in each.lay if piece.link or piece.fifo or piece.socket or piece.hardlink]
    assert len(taken.left_out) >= len(odd)
    assert intake.digest(taken.directory)


@pytest.mark.parametrize("path", sorted(HOSTILE.rglob("*.py")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_program_in_python_parses(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_bytes()))


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize("each", COMPILED, ids=[one.name for one in COMPILED], indirect=False)
def test_a_program_in_c_parses(each: Hostile, tmp_path: Path) -> None:
    source = each.laid(tmp_path) / f"{each.role}.c"
    command = ["cc", "-std=gnu17", "-Wall", "-Wextra", "-fsyntax-only", source.name]
    done = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
