"""An autograder for Gradescope, unpacked and run as Gradescope does it."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonschema
import pytest

from sockspec import account, house, policy
from sockspec.gradescope import archive, inside
from sockspec.gradescope.inside import UNFINISHED
from sockspec.limits import Limits
from tests.running import PROGRAMS, sockspec

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "gradescope.json").read_text())
WITHOUT_NAMES = '"client.host-name" = 0\n"client.unknown-host" = 0\n"client.next-address" = 0'
TOTAL = 93
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run programs as other users")
GOOD = PROGRAMS / "hello" / "c-iterative"


class Grader:
    """Gradescope's container: the archive is unpacked, and has been set up."""

    def __init__(self, home: Path, packed: Path) -> None:
        self.home = home
        with zipfile.ZipFile(packed) as opened:
            opened.extractall(home / "source")
        shutil.copy(home / "source" / "run_autograder", home)
        (home / "venv").symlink_to(sys.prefix)
        (home / "results").mkdir()

    def run(self, submission: Path) -> dict[str, Any]:
        """The results of that submission."""
        shutil.copytree(submission, self.home / "submission")
        environment = {**os.environ, "AUTOGRADER": str(self.home)}
        command = ["bash", str(self.home / "run_autograder")]
        done = subprocess.run(command, cwd=self.home, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return self.results()

    def results(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.home / "results" / "results.json").read_text())
        jsonschema.validate(document, SCHEMA)
        return document


def total(document: dict[str, Any], field: str) -> int:
    return sum(test[field] for test in document["tests"])


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive as the command line makes it, with a policy for containers that have no private network."""
    out = tmp_path_factory.mktemp("packed") / "autograder.zip"
    own = policy.file("hello").read_text().replace("total = 100", f'total = {TOTAL}\nisolation = "none"')
    changed = out.with_name("policy.toml")
    changed.write_text(own.replace('"client.next-address" = 1', WITHOUT_NAMES))
    done = sockspec("package", "gradescope", "--exercise", "hello", "--policy", changed, "--out", out)
    assert f"make the assignment worth {TOTAL} points\n" in done.stdout, done.stderr
    return out


@pytest.fixture
def grader(tmp_path: Path, packed: Path) -> Grader:
    return Grader(tmp_path, packed)


def test_a_good_submission_gets_all_points(grader: Grader) -> None:
    document = grader.run(GOOD)
    assert total(document, "score") == total(document, "max_score") == TOTAL, document["output"]


def test_a_broken_server_loses_the_points_of_what_it_fails_and_is_told_why(grader: Grader, tmp_path: Path) -> None:
    submission = shutil.copytree(GOOD, tmp_path / "broken")
    server = submission / "server.c"
    server.write_text(server.read_text().replace("Hello, world!", "Hello, wordl!"))
    document = grader.run(submission)
    assert 0 < total(document, "score") < total(document, "max_score") == TOTAL
    assert any("wordl" in test["output"] for test in document["tests"] if test["status"] == "failed")


def test_a_submission_with_nothing_to_run_gets_no_points_and_is_told_why(grader: Grader, tmp_path: Path) -> None:
    (tmp_path / "essay").mkdir()
    document = grader.run(tmp_path / "essay")
    assert (total(document, "score"), total(document, "max_score")) == (0, TOTAL)


@needs_root
def test_programs_of_a_submission_run_as_users_who_are_not_root(grader: Grader, tmp_path: Path) -> None:
    submission = shutil.copytree(GOOD, tmp_path / "modest")
    with (submission / "server.c").open("a") as server:
        server.write("__attribute__((constructor)) static void modest(void) { if (getuid() == 0) _exit(9); }\n")
    assert total(grader.run(submission), "score") == TOTAL


@needs_root
def test_these_users_can_neither_write_results_nor_read_the_suite() -> None:
    with TemporaryDirectory(prefix="sockspec-") as directory:
        home = Path(directory)
        for path in (home, home / "source", home / "results"):
            path.mkdir(exist_ok=True)
            path.chmod(0o777)
        tries = [
            f"touch {home}/source/seen",
            f"ls {home}/source",
            f"touch {home}/results/$$",
            f"mv {home}/results {home}/b",
        ]
        assert [done_by_a_user(tried) for tried in tries[:3]] == [True] * 3
        assert inside.shut_out(home)
        assert [done_by_a_user(tried) for tried in tries] == [False] * 4


def done_by_a_user(words: str) -> bool:
    command = account.under(account.SUBMISSION, Limits(), ["sh", "-c", words])
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_where_the_users_are_somebodys_programs_run_as_we_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockspec.account.SUBMISSION", os.geteuid())
    assert not inside.shut_out(tmp_path)


def test_a_run_that_is_killed_has_left_results_that_say_so(grader: Grader) -> None:
    module = grader.home / "source" / "sockspec" / "check.py"
    module.write_text(f"{module.read_text()}\n\ndef check(*_):\n    os.kill(os.getpid(), 9)\n")
    with pytest.raises(AssertionError):
        grader.run(GOOD)
    assert UNFINISHED in grader.results()["output"]


@pytest.mark.parametrize("exercise", house.exercises())
def test_the_policy_in_the_archive_is_the_exercises_and_accepts_a_run_without_container(
    exercise: str, tmp_path: Path
) -> None:
    archive.make(exercise, None, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as opened:
        opened.extract("policy.toml", tmp_path)
    found = policy.read(tmp_path / "policy.toml")
    assert (found.isolation, found.points) == ("none", policy.of(exercise).points)


def test_equal_contents_give_equal_archives(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        archive.make("hello", None, tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_the_scripts_are_at_the_root_and_can_be_run(packed: Path) -> None:
    with zipfile.ZipFile(packed) as opened:
        modes = {name: opened.getinfo(name).external_attr >> 16 & 0o777 for name in archive.SCRIPTS}
        assert not [name for name in opened.namelist() if "__pycache__" in name]
    assert modes == {"setup.sh": 0o755, "run_autograder": 0o755}


def test_a_policy_for_containers_only_is_refused(tmp_path: Path) -> None:
    done = sockspec(
        "package", "gradescope", "--exercise", "hello", "--policy", policy.file("hello"), "--out", tmp_path / "a.zip"
    )
    assert (done.returncode, (tmp_path / "a.zip").exists()) == (2, False)
    assert 'say isolation = "none"' in done.stderr
