"""Every hostile submission, in a container: it gets its verdict, its neighbours pass, and nothing is left.

None of them is ever started on this machine. Before the first one, a program that only leaves a mark shows that what
runs in the sandbox does not run here; where it does, or where there is no engine, nothing is started at all.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sockspec import engine, house
from sockspec.kernel import threads as proc
from tests.contained import is_apart
from tests.hostile import Hostile, hostile
from tests.installed import IN_CI

ALL = hostile()
LEAVING = [each for each in ALL if each.name.startswith(("leaves-", "hides-in"))]
IDS = [f"{each.verdict}-{each.name}" for each in ALL]
NEIGHBOUR = house.FIXTURES / "programs" / "echo" / "python-iterative"
OUTCOMES = {"crashed": "crashes", "limit": "limit", "spinning": "spinning", "stuck": "stuck", "not built": "not-built",
            "not started": "not-started"}  # fmt: skip
MOST_MEMORY_BYTES = 256 << 20
"""Of the grader; it holds what a program printed in part only, and that is in the container."""
MOST_S = 600
"""Beyond every limit of the sandbox: a check that takes longer hangs, whatever the submission did."""

LEAVES_A_MARK = """
import pathlib, honest
pathlib.Path({mark!r}).parent.mkdir(parents=True, exist_ok=True)
pathlib.Path({mark!r}).write_text("this program ran here")
honest.main()
"""


class Checked:
    """What a check in the sandbox said."""

    def __init__(self, directory: Path, exercise: str, role: str, only: list[str], file: Path) -> None:
        options = [word for pattern in only for word in ("--only", pattern)]
        command = [sys.executable, "-P", "-m", "sockspec", "check", str(directory), "--exercise", exercise,
                   "--role", role, *options, "--sandbox", "docker", "--json", str(file)]  # fmt: skip
        with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            run = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
                env={**os.environ, "TMPDIR": scratch},
            )  # fmt: skip
            timer = threading.Timer(MOST_S, run.kill)
            timer.start()
            try:
                _, status, used = os.wait4(run.pid, 0)
            finally:
                timer.cancel()
            self.status = run.returncode = os.waitstatus_to_exitcode(status)
            self.memory_bytes = used.ru_maxrss << 10
            self.left = [*containers(run.pid), *processes(run.pid), *os.listdir(scratch)]
            out.seek(0), err.seek(0)
            self.text = (out.read() + err.read()).decode()
        self.report: dict[str, Any] = json.loads(file.read_bytes()) if file.exists() else {"verdicts": []}

    def verdicts(self) -> set[str]:
        """In the words of the directories: `passes`, or `fails` and every way in which it did."""
        if self.status == 0:
            return {"passes"}
        failed = [v for v in self.report["verdicts"] if v["verdict"] in ("fail", "warn", "error")]
        ways = {OUTCOMES.get(v["outcome"], v["outcome"]) for v in failed}
        return ways | ({"fails"} if any(v["verdict"] == "fail" for v in failed) else set())

    def told(self) -> str:
        """Everything that the report says, as a reader of the JSON gets it."""
        return "\n".join(_strings(self.report)) + self.text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from (key, *_strings(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def processes(session: int) -> list[str]:
    """The processes of that session."""
    found = []
    for pid in proc.everybody():
        with suppress(ProcessLookupError):
            if os.getsid(pid) == session:
                found.append(f"process {pid}")
    return found


def containers(pid: int) -> list[str]:
    """The containers that the check of that process has left; they are labelled with it."""
    command = ["docker", "ps", "--all", "--filter", "label=sockspec", "--format", '{{.Label "sockspec"}}']
    labels = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return [label for label in labels if label.startswith(f"{pid}-")]


@pytest.fixture(scope="session")
def contained(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Shown, not believed: what runs in the sandbox leaves no mark on this machine."""
    if reason := engine.absent():
        (pytest.fail if IN_CI else pytest.skip)(f"hostile submissions run in containers only: {reason}")
    assert is_apart(tmp_path_factory.mktemp("apart")), "the sandbox is none: nothing hostile is started"
    directory = tmp_path_factory.mktemp("probe")
    mark = directory / "marks" / "mark"
    probe = directory / "probe"
    probe.mkdir()
    (probe / "honest.py").write_bytes((NEIGHBOUR / "server.py").read_bytes())
    (probe / "server.py").write_text(LEAVES_A_MARK.format(mark=str(mark)))
    seen = Checked(probe, "echo", "server", ["server.in-pieces"], directory / "report.json")
    if seen.status == 3:
        pytest.fail(seen.text)
    assert not mark.exists(), "the sandbox is none: nothing hostile is started"
    assert seen.report["isolation"] == "container", seen.text


@pytest.mark.usefixtures("contained")
@pytest.mark.parametrize("each", ALL, ids=IDS)
def test_it_gets_its_verdict_and_its_neighbours_pass_meanwhile_and_afterwards(each: Hostile, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as beside:
        meanwhile = beside.submit(neighbour, tmp_path / "meanwhile.json")
        seen = Checked(each.laid(tmp_path), each.exercise, each.role, each.only, tmp_path / "hostile.json")
    assert seen.verdicts() & {each.verdict, *each.also}, seen.text
    assert "error" not in {v["verdict"] for v in seen.report["verdicts"]}, seen.text
    assert harmful(seen) == set()
    assert [text for text in each.texts if text in (seen.text if text.startswith("\n") else seen.told())] == []
    assert [path for path in each.paths if path.exists()] == []
    for good in (meanwhile.result(), neighbour(tmp_path / "afterwards.json")):
        assert (good.verdicts(), good.left) == ({"passes"}, []), good.text
        assert good.memory_bytes < MOST_MEMORY_BYTES
    assert seen.left == []
    assert seen.memory_bytes < MOST_MEMORY_BYTES


def neighbour(file: Path) -> Checked:
    """A good program, graded on the same machine."""
    return Checked(NEIGHBOUR, "echo", "server", ["server.in-pieces", "server.next-client"], file)


@pytest.mark.usefixtures("contained")
@pytest.mark.parametrize("each", LEAVING, ids=[each.name for each in LEAVING])
def test_what_one_submission_leaves_the_next_one_does_not_find(each: Hostile, tmp_path: Path) -> None:
    directory = each.laid(tmp_path)
    for number in range(2):
        seen = Checked(directory, each.exercise, each.role, each.only, tmp_path / f"{number}.json")
        assert seen.verdicts() == {"passes"}, seen.text


def harmful(seen: Checked) -> set[str]:
    """What no report may hold: characters that act on a terminal, and lines that act on a CI system."""
    odd = {character for character in seen.told() if unicodedata.category(character) in ("Cc", "Cf", "Cs")} - {"\n"}
    return odd | {line for line in seen.text.splitlines() if line.lstrip().startswith("::")}
