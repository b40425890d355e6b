"""The command that a report ends a failure with: copied, it shows the same."""

import shlex
import subprocess
from pathlib import Path

import pytest

from sockspec import check
from sockspec.model import Report
from sockspec.scenario import Settings
from sockspec.submission import Wishes, find_all
from sockspec.verdict import Level, Outcome, Record, Verdict
from tests.running import sockspec

SILENT = "import socket, sys\nlistener = socket.create_server(('', int(sys.argv[1])))\ninput()\n"
ONE = ("--only", "echo.server.binary")


@pytest.fixture
def silent(tmp_path: Path) -> Path:
    """A server that listens, and no more."""
    return made(tmp_path / "si lent", SILENT)


def made(directory: Path, server: str) -> Path:
    directory.mkdir(parents=True)
    (directory / "server.py").write_text(server)
    return directory


def told(*arguments: object) -> list[str]:
    """The commands in the report on that check."""
    lines = sockspec("check", *arguments).stdout.splitlines()
    return [line.removeprefix("  again: ") for line in lines if line.startswith("  again: ")]


def test_it_shows_the_failure_again_and_names_itself(silent: Path) -> None:
    (command,) = told(silent, "--exercise", "echo", *ONE, "--sandbox", "none")
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert "FAIL  echo.server.binary" in done.stdout
    assert f"  again: {command}\n" in done.stdout


def test_it_keeps_what_decides_the_verdict(silent: Path) -> None:
    given = ("--exercise", "echo", "--role", "server", "--strict", "--seed", "7", "--patience", "2.0", "--cpu", "0.5")
    (command,) = told(silent, *given, *ONE, "--jobs", 2)
    assert command.endswith(f"check {shlex.quote(str(silent))} {shlex.join([*given, *ONE])}")


def test_what_is_not_given_is_not_in_it(silent: Path) -> None:
    (command,) = told(silent, "--exercise", "echo", *ONE)
    assert command.endswith(f"' --exercise echo {shlex.join(ONE)}")


def test_a_program_that_does_not_start_is_asked_the_same_again(tmp_path: Path) -> None:
    (command,) = told(
        made(tmp_path / "ended", ""), "--exercise", "echo", "--only", "server.bin*", "--only", "server.large"
    )
    assert command.endswith(" --exercise echo --only 'server.bin*' --only server.large")


def test_of_several_directories_it_names_the_one_it_is_about(silent: Path, tmp_path: Path) -> None:
    other = made(tmp_path / "below" / "si lent", SILENT)
    commands = told(silent, other, "--exercise", "echo", *ONE)
    assert [shlex.split(command)[-5] for command in commands] == [str(silent), str(other)]


def test_it_calls_us_sockspec_only_where_there_is_such_a_command(silent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert [" -P -m sockspec check " in command for command in told(silent, "--exercise", "echo", *ONE)] == [True]
    (silent / "sockspec").touch(0o755)
    monkeypatch.setenv("PATH", f"{silent}:/usr/bin:/bin")
    assert [command.split(" check ")[0] for command in told(silent, "--exercise", "echo", *ONE)] == ["sockspec"]


# --- the names of submissions


def test_directories_of_one_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    both = [made(tmp_path / above / "echo", "") for above in ("ada", "ben")]
    named = check.labelled([one for each in both for one in find_all(each, Wishes())])
    assert list(named) == list(map(str, both))


def test_a_report_that_is_called_something_else_is_so_throughout() -> None:
    record = Record("a.server.b", Level.MUST, "S5", "", Verdict.PASS, Outcome.OK, 0.1, submission="echo")
    made_elsewhere = Report(
        version="1",
        exercise="a",
        submission="echo",
        roles={},
        seed=Settings.seed,
        isolation="container",
        records=[record],
    )
    called = check.called(made_elsewhere, "ada/echo")
    assert (called.submission, called.records[0].submission) == ("ada/echo", "ada/echo")


def test_a_directory_whose_name_is_no_text_is_checked_as_any_other(tmp_path: Path) -> None:
    done = sockspec("check", made(tmp_path / "\udcff", SILENT), "--exercise", "echo", *ONE)
    assert (done.returncode, "FAIL  echo.server.binary" in done.stdout) == (1, True)
