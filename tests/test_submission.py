"""A submission is found by names of plain files; nothing that lies there makes us wait, or read without end."""

import os
from pathlib import Path

import pytest

from sockspec.complaint import UsageError
from sockspec.submission import Wishes, find, find_all

ECHO = Wishes(exercise="echo")


@pytest.mark.parametrize("name", ["sockspec.toml", "Makefile"])
def test_a_fifo_is_not_opened(name: str, tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text("")
    os.mkfifo(tmp_path / name)
    assert find(tmp_path, ECHO).sources["server"].shown == "server.py"


def test_a_link_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "server.py").symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="nothing to run for echo"):
        find(tmp_path, ECHO)


def test_a_makefile_of_any_size_is_read_in_part(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("server: it.c\n")
    os.truncate(tmp_path / "Makefile", 1 << 40)
    assert find(tmp_path, ECHO).sources["server"].build == "make server"


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("Server.py", "", r"It has Server\.py\. Found by name are server\.py"),
        ("server", "", r"It has server \(not executable\)\."),
        (
            "Makefile",
            "all:\n\tcc -o server main.c\n",
            r"It has Makefile \(targets: all\)\..* a Makefile with a target server",
        ),
    ],
)
def test_what_is_there_instead_is_told(file: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(text)
    for wishes in (ECHO, Wishes()):
        with pytest.raises(UsageError, match=said):
            find(tmp_path, wishes)


def test_the_half_that_is_asked_for_is_the_one_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"`\[client\]`, `run = ...`\) or on the command line \(--client\)"):
        find(tmp_path, Wishes(exercise="echo", roles=("client",)))


# --- several exercises in one directory


def repository(directory: Path, *files: str) -> Path:
    """A directory with those files, all empty but a sockspec.toml, which says that it is hello."""
    for file in files:
        path = directory / "repository" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('exercise = "hello"\n' if path.suffix == ".toml" else "")
    return directory / "repository"


def exercises(directory: Path) -> list[tuple[str, str]]:
    return [(found.directory.name, found.exercise) for found in find_all(directory, Wishes())]


def test_every_directory_says_which_exercise_it_is_for(tmp_path: Path) -> None:
    files = (
        "echo/server.py",
        "greet/sockspec.toml",
        "greet/client.py",
        "beats/time_server.c",
        "README.md",
        "docs/a.md",
    )
    found = exercises(repository(tmp_path, *files))
    assert found == [("beats", "time"), ("echo", "echo"), ("greet", "hello")]


def test_a_directory_with_a_program_of_its_own_is_one_submission(tmp_path: Path) -> None:
    directory = repository(tmp_path, "echo_server.py", "hello/server.py")
    assert exercises(directory) == [("repository", "echo")]


def test_what_git_keeps_is_no_exercise(tmp_path: Path) -> None:
    assert exercises(repository(tmp_path, "echo/server.py", ".git/server.py")) == [("echo", "echo")]


def test_a_link_to_a_directory_is_not_followed(tmp_path: Path) -> None:
    directory = repository(tmp_path, "echo/server.py")
    (directory / "hello").symlink_to("echo")
    assert exercises(directory) == [("echo", "echo")]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("ecko/server.py", "ecko: for which exercise.* say it with --exercise echo, in sockspec.toml"),
        ("hello/main.c", "hello: nothing to run for hello"),
        ("hello/sockspec.toml", "hello: nothing to run for hello"),
        ("src/echo/server.py", "repository: nothing to run.* Of several exercises each has a directory"),
    ],
)
def test_a_directory_that_is_not_understood_is_a_usage_error(file: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        find_all(repository(tmp_path, file), Wishes())


def test_one_exercise_of_several_is_in_its_directory(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Or is it in .*repository/echo\?"):
        find_all(repository(tmp_path, "echo/server.py"), ECHO)


def test_an_exercise_of_one_half_has_no_place_for_the_other(tmp_path: Path) -> None:
    for name in ("server.py", "client.py"):
        (tmp_path / name).write_text("")
    assert set(find(tmp_path, Wishes(exercise="files")).sources) == {"server"}
    with pytest.raises(UsageError, match="files is an exercise without a client"):
        find(tmp_path, Wishes(exercise="files", roles=("client",)))
