"""What a build leaves is run only if it is a program of its own."""

from pathlib import Path

import pytest

from sockspec.build import Built, build
from sockspec.complaint import UsageError
from sockspec.submission import Wishes, find


@pytest.mark.parametrize("recipe", ["ln -s /bin/cat server", "mkdir server", "touch server", "true"])
def test_a_build_that_leaves_no_program_is_told_so(recipe: str, tmp_path: Path) -> None:
    handed_in = tmp_path / "handed-in"
    handed_in.mkdir()
    (handed_in / "Makefile").write_text(f"server:\n\t{recipe}\n")
    built = build(find(handed_in, Wishes(exercise="echo")), tmp_path / "built")
    assert built.failures == {"server": "`make server` left no program ./server"}


def made(directory: Path, recipe: str, command: str = "") -> Built:
    """What comes of building a server with that recipe in its Makefile, or with that command."""
    (directory / "handed-in").mkdir()
    (directory / "handed-in" / "Makefile").write_text(f"server:\n{recipe}\n")
    return build(find(directory / "handed-in", Wishes(exercise="echo", build=command)), directory / "built")


def test_of_a_build_that_says_much_the_beginning_is_kept_and_the_rest_counted(tmp_path: Path) -> None:
    said = made(tmp_path, "\t@seq 100; exit 1").failures["server"].splitlines()
    assert (said[0], said[-1]) == ("1", "(89 more lines)")


def test_a_build_that_fails_without_a_word_is_told_by_its_exit_status(tmp_path: Path) -> None:
    assert made(tmp_path, "", "false").failures == {"server": "`false` ended with exit status 1"}


@pytest.mark.parametrize("command", ["no-such-compiler server.c", "cc 'server.c"])
def test_a_build_command_that_cannot_be_run_is_named(command: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"cannot run the build command .*{command.split()[0]}"):
        made(tmp_path, "", command)
