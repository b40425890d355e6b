"""The GitHub Action, its scripts run as they are written, where a runner would run them."""

import json
import os
import re
import subprocess
import textwrap
from pathlib import Path

import pytest

from sockspec import house
from tests.contained import needs_engine
from tests.running import NO_ENGINE, PROGRAMS, sockspec

TEXT = (house.ROOT / "action.yml").read_text()
GOOD = (PROGRAMS / "echo" / "c-iterative" / "server.c").read_text()
BROKEN = GOOD.replace("        close(connection);\n    }\n", "        close(connection);\n        break;\n    }\n")
LOCAL = GOOD.replace("INADDR_ANY", "INADDR_LOOPBACK")


def script(name: str) -> str:
    """What that step of the action runs."""
    step = TEXT.split(f"- name: {name}\n")[1].split("\n\n")[0]
    block = step.partition("      run: ")[2]
    return textwrap.dedent(block.removeprefix("|\n"))


class Job:
    """A job on a repository with that server: it has run the action when it is made."""

    def __init__(self, directory: Path, server: str, **inputs: str) -> None:
        self.temp, summary = directory / "temp", directory / "summary.md"
        repository = directory / "repository"
        (repository / "echo server").mkdir(parents=True)
        (repository / "echo server" / "server.c").write_text(server)
        self.temp.mkdir()
        environment = {
            **os.environ, "GITHUB_ACTION_PATH": str(house.ROOT), "GITHUB_STEP_SUMMARY": str(summary),
            "RUNNER_TEMP": str(self.temp), "DOCKER_HOST": NO_ENGINE, "DIRECTORY": "echo server", "EXERCISE": "echo",
            "STRICT": "false", "SANDBOX": "none", **inputs,
        }  # fmt: skip
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script("Check")],
            cwd=repository, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.status, self.log = done.returncode, done.stdout
        self.summary = summary.read_text() if summary.exists() else ""

    @property
    def orders(self) -> str:
        """What the log says once it takes orders again."""
        token = re.search(r"^::stop-commands::(\w+)$", self.log, re.MULTILINE)
        assert token is not None
        return self.log.partition(f"\n::{token[1]}::\n")[2]


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A server that serves one client and ends."""
    return Job(tmp_path_factory.mktemp("broken"), BROKEN)


def test_a_job_fails_as_the_check_does(broken: Job) -> None:
    assert broken.status == 1
    assert "does not conform" in broken.log


def test_a_failure_is_annotated_and_in_the_summary(broken: Job) -> None:
    assert re.search(r"^::error title=[^:]*::.*your server ended", broken.orders, re.MULTILINE)
    assert "## echo server: does not conform" in broken.summary


def test_the_reports_are_where_they_are_kept_from(broken: Job) -> None:
    assert json.loads((broken.temp / "sockspec" / "report.json").read_text())["verdicts"]
    assert {path.name for path in (broken.temp / "sockspec").iterdir()} == {"report.json", "junit.xml"}
    assert "${{ runner.temp }}/sockspec" in TEXT


def test_a_server_that_conforms_gets_a_summary_and_no_annotation(tmp_path: Path) -> None:
    job = Job(tmp_path, GOOD)
    assert (job.status, job.orders) == (0, "")
    assert job.summary.startswith("## echo server: conforms")


@pytest.mark.parametrize(("strict", "status", "kind"), [("false", 0, "warning"), ("true", 1, "error")])
def test_what_a_server_should_do_fails_a_strict_job_only(tmp_path: Path, strict: str, status: int, kind: str) -> None:
    job = Job(tmp_path, LOCAL, STRICT=strict)
    assert job.status == status
    assert f"::{kind} title=" in job.orders and "echo.server.every-address" in job.orders


def test_wrong_inputs_end_with_status_2_and_a_log_that_takes_no_orders(tmp_path: Path) -> None:
    job = Job(tmp_path, GOOD, EXERCISE="ecko")
    assert (job.status, job.summary) == (2, "")
    assert job.log.startswith("::stop-commands::")
    assert "unknown exercise 'ecko'" in job.log


def test_outside_of_a_step_there_is_nowhere_to_put_a_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    done = sockspec("check", PROGRAMS / "echo" / "c-iterative", "--exercise", "echo", "--github")
    assert (done.returncode, done.stdout) == (2, "")
    assert "GITHUB_STEP_SUMMARY is not in the environment" in done.stderr


def test_no_input_stands_in_a_script() -> None:
    assert "${{" not in script("Install sockspec") + script("Check")


@needs_engine
def test_a_job_may_ask_for_a_container(tmp_path: Path) -> None:
    job = Job(tmp_path, BROKEN, SANDBOX="docker", DOCKER_HOST=os.environ.get("DOCKER_HOST", ""))
    report = json.loads((job.temp / "sockspec" / "report.json").read_text())
    assert (job.status, report["isolation"]) == (1, "container"), job.log
    assert re.search(r"^::error title=[^:]*::.*your server ended", job.orders, re.MULTILINE)
