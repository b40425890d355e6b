"""The exercise that docs/writing-an-exercise.md gives in full is built from the page, in a copy of the house."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sockspec import house
from sockspec.mutants import mutants, write
from tests.running import copy_house, sockspec_of

PAGE = (house.ROOT / "docs" / "writing-an-exercise.md").read_text()
TEXT = PAGE.split("## A complete one\n")[1].split("## The reference\n")[0]
FILES = [(name, text) for name, _, text in re.findall(r"^`(\S+)`\n\n(```+)\w+\n(.*?)^\2$", TEXT, re.M | re.S)]
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)[0].splitlines()
PROGRAMS = ["reference/qotd", "fixtures/programs/qotd/c-iterative", "fixtures/programs/qotd/python-iterative"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the house in which all has been done that the page says."""
    copy = copy_house(tmp_path_factory.mktemp("checkout"))
    itself = shlex.join([sys.executable, "-P", "-m", "sockspec"])
    script = "\n".join(re.sub("^sockspec ", f"{itself} ", line) for line in COMMANDS)
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    subprocess.run(["sh", "-ec", script], cwd=copy, env=environment, check=True)
    for name, text in FILES:
        take(copy / name, text)
    return copy


def take(file: Path, text: str) -> None:
    """As the page says: a function takes the place of the one there, and every other text is a whole file."""
    if text.startswith("def "):
        there = file.read_text()
        function = re.escape(text.splitlines()[0]) + r"\n.*?\n(?=\n\n)"
        assert len(re.findall(function, there, re.DOTALL)) == 1
        text = re.sub(function, lambda _: text, there, flags=re.DOTALL)
    file.write_text(text)


@pytest.fixture(scope="module")
def tested(checkout: Path) -> Path:
    """The same with the tests of this repository, and with what `make docs` writes."""
    for name in ("tests", "docs"):
        shutil.copytree(house.ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile"):
        shutil.copy(house.ROOT / name, checkout)
    renewed = of_this_repository(checkout, "tests/test_pages.py", RENEW="1")
    assert renewed.returncode == 0, renewed.stdout
    return checkout


def of_this_repository(checkout: Path, *files: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """What those tests say about the new exercise."""
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "qotd", *files]
    return subprocess.run(
        command, cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout), **environment}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip


def test_the_page_leaves_nothing_out(checkout: Path) -> None:
    files = [path for path in checkout.rglob("*.*") if "qotd" in path.parts]
    assert [path for path in files if "TODO" in path.read_text()] == []


@pytest.mark.parametrize("directory", PROGRAMS)
def test_a_good_program_and_the_reference_pass_everything(checkout: Path, directory: str) -> None:
    done = sockspec_of(checkout, "check", directory, "--exercise", "qotd", "--strict")
    assert (done.returncode, done.stdout[-9:]) == (0, "conforms\n"), done.stdout


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("role", ["server", "client"])
def test_a_mutant_is_told_its_slip(checkout: Path, role: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, place in (("FIXTURES", "fixtures"), ("MUTANTS", "fixtures/mutants")):
        monkeypatch.setattr(house, name, checkout / place)
    mutant = mutants("qotd", role)[number]
    write(mutant, "qotd", checkout / mutant.name)
    done = sockspec_of(checkout, "check", mutant.name, "--exercise", "qotd", "--strict")
    assert (done.returncode, done.stdout.count("\nFAIL ")) == (1, 1), done.stdout
    assert f"what one known slip does: {mutant.slip}" in done.stdout


def test_the_points_add_up(checkout: Path) -> None:
    done = sockspec_of(checkout, "package", "gradescope", "--exercise", "qotd", "--out", "autograder.zip")
    assert done.returncode == 0, done.stderr


def test_the_page_for_students_and_the_files_are_as_this_repository_asks(tested: Path) -> None:
    done = of_this_repository(tested, "tests/test_pages.py", "tests/test_house.py")
    assert done.returncode == 0, done.stdout
