"""What others install of us is installed as it is written: by GitLab's job, by the action, by Gradescope's setup.

One installation is from nothing, as on a new runner, and takes as long; the others find it done.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sockspec import house
from tests.running import NO_ENGINE, PROGRAMS
from tests.test_action import script
from tests.test_gradescope import GOOD, TOTAL, Grader, packed
from tests.test_report_junit import SCHEMA

__all__ = ["packed"]
PAGE = (house.ROOT / "docs" / "continuous-integration.md").read_text()
PLACE = "/opt/sockspec"
NO_INDEX = re.compile(
    "Failed to establish a new connection|Temporary failure in name resolution|timed out", re.IGNORECASE
)
SCRIPTS = ["sockspec/gradescope/setup.sh", "sockspec/gradescope/run_autograder", "sockspec/sandbox/base.sh", ".ci/run"]


def git(directory: Path, *words: str) -> str:
    command = ["git", "-C", str(directory), "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def ran(lines: str, directory: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Those lines run there as a build service does it; where pip reaches no package, the test is skipped."""
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", lines], cwd=directory,
        env={**os.environ, "DOCKER_HOST": NO_ENGINE, **variables}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode and NO_INDEX.search(done.stderr):
        pytest.skip("pip reaches no package index")
    return done


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with what is in this checkout, as it is now, under the tag that the page names."""
    if not (house.ROOT / ".git").exists():
        pytest.skip("this is no checkout of git")
    directory = tmp_path_factory.mktemp("origin")
    for name in git(house.ROOT, "ls-files", "-z", "--", ".", ":!fixtures/hostile").strip("\0").split("\0"):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(house.ROOT / name, directory / name)
    git(directory, "init", "--quiet")
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message", "as it is")
    git(directory, "tag", "TAG")
    return directory


class Job:
    """GitLab's job on a repository with a good server and no client, run as the page has it."""

    def __init__(self, directory: Path, origin: Path) -> None:
        self.house, self.repository = directory / "sockspec", directory / "repository"
        self.repository.mkdir()
        shutil.copy(PROGRAMS / "echo" / "c-iterative" / "server.c", self.repository)
        block = PAGE.split("# .gitlab-ci.yml\n")[1].split("```")[0]
        lines = "\n".join(re.findall(r"^    - (.*)$", block, re.MULTILINE))
        self.done = ran(lines.replace(PLACE, str(self.house)), self.repository, SOCKSPEC_REPOSITORY=origin.as_uri())


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, origin: Path) -> Job:
    return Job(tmp_path_factory.mktemp("gitlab"), origin)


def test_gitlabs_job_ends_as_the_check_does(job: Job) -> None:
    assert (job.done.returncode, job.done.stdout.splitlines()[-1:]) == (0, ["conforms"]), job.done.stderr


def test_gitlabs_job_leaves_a_report_that_gitlab_reads(job: Job) -> None:
    root = ElementTree.parse(job.repository / "junit.xml").getroot()
    SCHEMA.validate(root)
    assert (root.get("failures"), root[0].get("name")) == ("0", "repository")


def test_the_actions_install_step_sets_up_what_its_check_runs(job: Job) -> None:
    (job.house / ".venv" / "ready").unlink()
    done = ran(script("Install sockspec"), job.repository, GITHUB_ACTION_PATH=str(job.house))
    assert (done.returncode, (job.house / ".venv" / "ready").exists()) == (0, True), done.stderr
    version = [str(job.house / ".venv" / "bin" / "python"), "-P", "-m", "sockspec", "--version"]
    assert subprocess.run(version, capture_output=True, text=True, check=True).stdout.startswith("sockspec, version ")


def test_gradescopes_setup_makes_what_its_autograder_runs_on(job: Job, packed: Path, tmp_path: Path) -> None:
    home = Grader(tmp_path, packed)
    (home.home / "venv").unlink()
    shutil.copytree(job.house / ".venv", home.home / "venv", symlinks=True, copy_function=os.link)
    apt = stand_in(tmp_path / "bin" / "apt-get")
    path = f"{apt.parent}:{Path(sys.executable).resolve().parent}:{os.environ['PATH']}"
    done = ran(f"bash {home.home}/source/setup.sh", tmp_path, AUTOGRADER=str(home.home), PATH=path)
    assert done.returncode == 0, done.stderr
    assert apt.with_name("apt-get.said").read_text().split()[:3] == ["-qq", "update", "-qq"]
    assert sum(test["score"] for test in home.run(GOOD)["tests"]) == TOTAL


def stand_in(program: Path) -> Path:
    """A program that only writes down what it is asked for: packages are not installed on the machine of a test."""
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$@" >> "$0.said"\n')
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_one_that_its_shell_can_read(name: str) -> None:
    text = (house.ROOT / name).read_text()
    shell = "bash" if "bash" in text.splitlines()[0] else "sh"
    subprocess.run([shell, "-n", house.ROOT / name], check=True)
