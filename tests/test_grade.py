"""What becomes of a class when the machine fails, when nothing has changed, and when what was asked is unclear."""

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.contained import GRADE, begun, ended, grading, needs_engine
from tests.relay import relayed
from tests.running import PROGRAMS, sockspec


@pytest.fixture
def single(tmp_path: Path) -> Path:
    """A class of one, whose server accepts everybody and never answers."""
    directory = tmp_path / "class"
    (directory / "ada").mkdir(parents=True)
    shutil.copy(PROGRAMS / "hello" / "c-iterative" / "server.c", directory / "ada")
    return directory


@needs_engine
def test_what_fails_for_a_reason_of_the_machine_is_tried_again_and_then_not_graded(
    single: Path, tmp_path: Path
) -> None:
    from sockspec.sandbox import container

    out = tmp_path / "out"
    client = container.connect()
    with grading(single, out) as grader:
        while grader.poll() is None:  # every container of this class is taken away as soon as it is there
            if begun(out):
                container.remove_all(client, str(out))
            with suppress(subprocess.TimeoutExpired):
                grader.wait(0.05)
    assert (grader.returncode, begun(out), [each.status for each in ended(out)]) == (3, 2, ["not graded"])


@needs_engine
def test_what_has_not_changed_is_not_run_again_unless_it_is_named(
    single: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, summary = tmp_path / "out", tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    for options in ((), (), ("--regrade", "a*")):
        with grading(single, out, *options) as grader:
            assert grader.wait() == 0
    assert len(ended(out)) == 2
    assert summary.read_text().count("## echo: 1 submission\n") == 3


@needs_engine
def test_a_class_goes_on_when_the_engine_is_back(single: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(single / "ada", single / "ben")
    out = tmp_path / "out"
    with relayed() as relay:
        monkeypatch.setenv("DOCKER_HOST", relay.host)
        with grading(single, out) as grader:
            while not begun(out):
                with suppress(subprocess.TimeoutExpired):
                    grader.wait(0.05)
                assert grader.poll() is None
            relay.cut()
            assert relay.turned_away.wait(60)
            relay.mend()
            assert grader.wait() == 0
    assert ([each.status for each in ended(out)], begun(out)) == (["graded", "graded"], 3)


@needs_engine
def test_of_several_exercises_the_table_of_the_graded_one_is_taken(single: Path, tmp_path: Path) -> None:
    (single / "ada" / "server.c").rename(single / "ada" / "greet.c")
    build = 'build = "cc -o greet greet.c"'
    (single / "ada" / "sockspec.toml").write_text(f'[time]\n[echo.server]\n{build}\nrun = "./greet {{port}}"\n')
    with grading(single, tmp_path / "out") as grader:
        assert grader.wait() == 0
    assert [each.roles for each in ended(tmp_path / "out")] == [{"server": "./greet {port}"}]


@needs_engine
def test_an_audit_of_what_always_does_the_same_finds_nothing(single: Path) -> None:
    done = sockspec("audit", single, *GRADE, engine=True)
    assert (done.returncode, done.stdout) == (0, "no verdict differs in 2 runs\n")


def test_without_an_engine_no_class_is_graded(single: Path, tmp_path: Path) -> None:
    done = sockspec("grade", single, *GRADE, "--out", tmp_path / "out")
    assert done.returncode == 3
    assert "A class is graded in containers only" in done.stderr


def test_a_pattern_that_names_nobody_is_an_error(tmp_path: Path) -> None:
    done = sockspec("grade", tmp_path, *GRADE, "--out", tmp_path / "out", "--policy", tmp_path / "none.toml")
    assert (done.returncode, "the policy cannot be read" in done.stderr) == (2, True)
