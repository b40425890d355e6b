"""What a build leaves is run only if it is a program of its own."""

import shlex
from contextlib import suppress
from pathlib import Path

import pytest

from sockspec import account
from sockspec.build import Built, build
from sockspec.complaint import UsageError
from sockspec.limits import Limits
from sockspec.submission import Wishes, find

LONG = "a" * 300
ODD = {
    "a long name": f'[server]\nrun = "./{LONG} {{port}}"',
    "a long name to look for": f'[server]\nrun = "{LONG} {{port}}"',
    "a long argument": f'[server]\nrun = "python3 server.py {{port}} {LONG}"',
    "a long path": f'[server]\nrun = "./{"y/" * 4000} {{port}}"',
    "a NUL": '[server]\nrun = "./a\\u0000b {port}"',
    "a NUL in the build": '[server]\nbuild = "./a\\u0000b"',
    "a pattern": '[server]\nrun = "./a**[b {port}"',
    "a long build": f'[server]\nbuild = "./{LONG}"',
    "too deep": f"x = {'[' * 3000}{']' * 3000}",
    "a long number": f"[server]\nport = {'9' * 5000}",
    "a long number in another base": f"[server]\nport = 0x{'f' * 9000}",
    "a MiB": "#" * (1 << 20),
    "no UTF-8": "\udcff",
    "a long directory": f'[echo]\ndirectory = "{LONG}"',
    "a NUL in a directory": '[echo]\ndirectory = "a\\u0000b"',
}
"""Manifests that somebody might write to be a fault of ours, and no failure."""


@pytest.mark.parametrize("recipe", ["ln -s /bin/cat server", "mkdir server", "touch server", "true"])
def test_a_build_that_leaves_no_program_is_told_so(recipe: str, tmp_path: Path) -> None:
    handed_in = tmp_path / "handed-in"
    handed_in.mkdir()
    (handed_in / "Makefile").write_text(f"server:\n\t{recipe}\n")
    built = build(find(handed_in, Wishes(exercise="echo")), tmp_path / "built", Limits())
    assert built.failures == {"server": "`make server` left no program ./server"}


def made(directory: Path, recipe: str, command: str = "") -> Built:
    """What comes of building a server with that recipe in its Makefile, or with that command."""
    (directory / "handed-in").mkdir()
    (directory / "handed-in" / "Makefile").write_text(f"server:\n{recipe}\n")
    return build(find(directory / "handed-in", Wishes(exercise="echo", build=command)), directory / "built", Limits())


@pytest.mark.parametrize(
    ("recipe", "what"),
    [
        ("seq 5001 | xargs touch", "more than 5,000 files"),
        ("seq 1001 | xargs mkdir", "1,000 directories"),
        ('python3 -c \'import os\nfor _ in range(1500): os.mkdir("d"); os.chdir("d")\'', "directories"),
    ],
    ids=["files", "directories", "deep"],
)
def test_a_build_that_leaves_more_than_is_copied_has_not_built(recipe: str, what: str, tmp_path: Path) -> None:
    said = made(tmp_path, "", f"sh -c {shlex.quote(f'cp /bin/true server; {recipe}')}").failures["server"]
    account.remove(tmp_path / "built")
    assert said.startswith("the build left more than is copied") and what in said


def test_of_a_build_that_says_much_the_beginning_is_kept_and_the_rest_counted(tmp_path: Path) -> None:
    said = made(tmp_path, "\t@seq 100; exit 1").failures["server"].splitlines()
    assert (said[0], said[-1]) == ("1", "(89 more lines)")


def test_a_build_that_fails_without_a_word_is_told_by_its_exit_status(tmp_path: Path) -> None:
    assert made(tmp_path, "", "false").failures == {"server": "`false` ended with exit status 1"}


@pytest.mark.parametrize("command", ["no-such-compiler server.c", "cc 'server.c"])
def test_a_build_command_that_cannot_be_run_is_named(command: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"cannot run the build command .*{command.split()[0]}"):
        made(tmp_path, "", command)


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_whatever_a_manifest_says_is_built_or_complained_of(text: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "server.py").touch()
    (tmp_path / "in" / "sockspec.toml").write_text(text, errors="surrogateescape")
    with suppress(UsageError):
        built = build(find(tmp_path / "in", Wishes(exercise="echo")), tmp_path / "out", Limits())
        assert [command.inside(tmp_path).words for command in built.cast.commands.values()]
