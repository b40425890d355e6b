"""The exercise that docs/writing-an-exercise.md gives in full is built from the page, in a copy of the house."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sockspec import house
from sockspec.mutants import mutants, write
from tests.running import copy_house, sockspec_of

TEXT = (house.ROOT / "docs" / "writing-an-exercise.md").read_text().split("## A complete one\n")[1].split("\n## ")[0]
FILES = re.findall(r"^`(\S+)`\n\n```\w+\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)[0].splitlines()
PROGRAM = "fixtures/programs/qotd/python-threads"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the house in which all has been done that the page says."""
    copy = copy_house(tmp_path_factory.mktemp("checkout"))
    itself = shlex.join([sys.executable, "-P", "-m", "sockspec"])
    script = "\n".join(re.sub("^sockspec ", f"{itself} ", line) for line in COMMANDS)
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    subprocess.run(["sh", "-ec", script], cwd=copy, env=environment, check=True)
    for name, text in FILES:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text(text)
    return copy


def test_the_page_leaves_out_only_the_page_for_students(checkout: Path) -> None:
    files = [path for path in checkout.rglob("*.*") if "qotd" in path.parts]
    assert [path.name for path in files if "TODO" in path.read_text()] == ["README.md"]
    assert len(files) == len(FILES) + 1


@pytest.mark.parametrize("directory", [PROGRAM, "reference/qotd"])
def test_a_good_program_and_the_reference_pass_everything(checkout: Path, directory: str) -> None:
    done = sockspec_of(checkout, "check", directory, "--exercise", "qotd", "--strict")
    assert (done.returncode, done.stdout[-9:]) == (0, "conforms\n"), done.stdout


@pytest.mark.parametrize("number", [0, 1])
def test_a_mutant_is_told_its_slip(checkout: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, place in (("FIXTURES", "fixtures"), ("MUTANTS", "fixtures/mutants")):
        monkeypatch.setattr(house, name, checkout / place)
    mutant = mutants("qotd", "server")[number]
    write(mutant, "qotd", checkout / mutant.name)
    done = sockspec_of(checkout, "check", mutant.name, "--exercise", "qotd", "--strict")
    assert (done.returncode, done.stdout.count("\nFAIL ")) == (1, 1), done.stdout
    assert f"what one known slip does: {mutant.slip}" in done.stdout


def test_the_points_add_up(checkout: Path) -> None:
    done = sockspec_of(checkout, "package", "gradescope", "--exercise", "qotd", "--out", "autograder.zip")
    assert done.returncode == 0, done.stderr
