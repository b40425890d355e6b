"""A check leaves a result for Classroom 50 where there are points, and none where there are not."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sockspec import policy
from sockspec.complaint import UsageError
from sockspec.report import as_classroom50
from tests.running import PROGRAMS, sockspec
from tests.test_report_classroom50 import RUNNER, SCHEMA

GIVES_POINTS = ("--exercise", "hello", "--classroom50")
WHEN = "2026-01-02T05:04:05+02:00"


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    """A repository with one commit: a good server, and no client."""
    directory = tmp_path / "handed-in"
    directory.mkdir()
    (directory / "server.c").write_bytes((PROGRAMS / "hello" / "c-iterative" / "server.c").read_bytes())
    author = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    for words in (["init", "--quiet"], ["add", "."], [*author, "commit", "--quiet", "--message", "done"]):
        subprocess.run(["git", *words], cwd=directory, env={**os.environ, "GIT_COMMITTER_DATE": WHEN}, check=True)
    return directory


@pytest.fixture
def anywhere(tmp_path: Path) -> Path:
    """The policy of the exercise, for programs that were run without a container."""
    file = tmp_path / "policy.toml"
    file.write_text('isolation = "none"\n' + policy.file("hello").read_text())
    return file


def check(*arguments: object, runner: dict[str, str] = RUNNER) -> "subprocess.CompletedProcess[str]":
    return sockspec("check", *arguments, "--sandbox", "none", env={**os.environ, **runner})


def test_a_check_writes_the_points_by_the_policy_and_when_it_was_committed(committed: Path, anywhere: Path) -> None:
    done = check(committed, *GIVES_POINTS, committed / "result.json", "--policy", anywhere)
    document: dict[str, Any] = json.loads((committed / "result.json").read_text())
    jsonschema.validate(document, SCHEMA)
    points = policy.of("hello").points
    assert document["score"] == sum(worth for slug, worth in points.items() if ".server." in slug), done.stdout
    assert (document["max-score"], document["datetime"], done.returncode) == (100, "2026-01-02T03:04:05Z", 0)


def test_where_there_are_no_points_there_is_no_result_not_even_the_submissions_own(committed: Path) -> None:
    (committed / "result.json").write_text("full marks")
    done = check(committed, *GIVES_POINTS, committed / "result.json", "--only", "server.greets")
    assert (done.returncode, "there are no points: it was run without a container" in done.stderr) == (3, True)
    assert not (committed / "result.json").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("{0}", "{0}/other", *GIVES_POINTS, "r.json"), "--classroom50 writes one result"),
        (("{0}", "--exercise", "hello", "--policy", "p.toml"), "a check gives them with --classroom50 only"),
        (("{0}", *GIVES_POINTS, "r.json"), "git knows no commit there"),
    ],
    ids=["two-directories", "points-for-nothing", "no-repository"],
)
def test_what_cannot_become_a_result_is_a_matter_of_usage(tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "other").mkdir()
    for directory in (tmp_path, tmp_path / "other"):
        (directory / "server.c").write_text("int main(void) { return 0; }\n")
    done = check(*(word.replace("{0}", str(tmp_path)) for word in arguments))
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr


def test_outside_of_the_runner_its_variables_are_named(committed: Path) -> None:
    done = check(committed, *GIVES_POINTS, committed / "result.json", runner={**RUNNER, "OWNER": ""})
    assert (done.returncode, "not in the environment: OWNER" in done.stderr) == (2, True)


def test_without_git_nobody_knows_when_it_was_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="git cannot be run"):
        as_classroom50.committed(tmp_path)
