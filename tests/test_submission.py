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


def test_an_executable_is_found_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "server").write_text("#!/bin/sh\n")
    (tmp_path / "server").chmod(0o755)
    assert find(tmp_path, ECHO).sources["server"].command.line(port="80") == ["./server", "80"]


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


def test_a_manifest_that_nobody_wrote_by_hand_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sockspec.toml").write_text("#" * (16 << 10) + "#")
    with pytest.raises(UsageError, match=r"sockspec\.toml has more than 16 KiB"):
        find(tmp_path, ECHO)


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


# --- several exercises in one sockspec.toml

TABLES = """
[time.client]
run = "python3 clock.py {host} {port}"

[echo]
directory = "week1"

[hello.server]
build = "cc -o greet greet.c"
run = "./greet {port}"
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A directory with three exercises, two of them in it and one below it."""
    directory = repository(tmp_path, "clock.py", "greet.c", "week1/client.py", "week1/server.c")
    (directory / "sockspec.toml").write_text(TABLES)
    return directory


def test_every_table_is_a_submission_in_the_order_of_the_file(course: Path) -> None:
    found = {each.exercise: each.shown for each in find_all(course, Wishes())}
    assert found == {
        "time": {"client": "python3 clock.py {host} {port}"},
        "echo": {"server": "server.c", "client": "client.py"},
        "hello": {"server": "./greet {port}"},
    }
    assert list(found) == ["time", "echo", "hello"]


def test_what_a_table_says_is_built_and_run_in_its_directory(course: Path) -> None:
    _, echo, hello = find_all(course, Wishes())
    assert (echo.directory, hello.directory) == (course / "week1", course)
    assert hello.sources["server"].build == "cc -o greet greet.c"
    assert {each.name for each in (echo, hello)} == {"repository"}


def test_of_one_exercise_its_table_is_taken(course: Path) -> None:
    assert set(find(course, ECHO).sources) == {"server", "client"}
    assert [each.exercise for each in find_all(course, Wishes(exercise="time"))] == ["time"]


def test_tables_may_be_one_level_down(course: Path) -> None:
    assert [each.exercise for each in find_all(course.parent, Wishes())] == ["time", "echo", "hello"]


def test_an_exercise_without_a_table_is_not_looked_for(course: Path) -> None:
    with pytest.raises(UsageError, match=r"no table \[words\]\. There are time, echo, hello\."):
        find(course, Wishes(exercise="words"))


def test_a_command_for_one_of_several_exercises_says_which(course: Path) -> None:
    with pytest.raises(UsageError, match=r"for which exercise.* time, echo, hello; say --exercise time"):
        find_all(course, Wishes(commands={"server": "./server {port}"}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[ecko.server]", "unknown key 'ecko'; did you mean 'echo'"),
        ("[zzz.server]", "unknown key 'zzz'. There are exercise, server, client, or else a table for each exercise"),
        ("port = 80", "unknown key 'port'. There are"),
        ("echo = 3", r"'echo' has to be a table, like \[echo.server\]"),
        ("[echo]\nserver = './server'", "echo.server: expected a table, got a string"),
        ("[echo]\ndirectory = 1", "echo.directory: expected a string, got an integer"),
        ("[echo]\ndirectry = 'a'", "echo: unknown key 'directry'; did you mean 'directory'"),
        ("[echo.server]\nrunn = 'a'", "echo.server: unknown key 'runn'; did you mean 'run'"),
        ("[echo.server]\nport = 70000", "echo.server.port: 70000 is no port"),
        ("[echo.server]\nrun = './s {prot}'", "echo.server.run: no placeholder {prot}; did you mean 'port'"),
        ("[echo]", r"nothing to run for echo.*`\[echo.server\]`"),
        ("exercise = 'echo'\n[time.server]", "'exercise' is for a file about one exercise, and 'time' for one about"),
        ("[server]\n[echo.server]", "'server' is for a file about one .* program's own is .echo.server. or"),
        ("[echo]\ndirectory = 'week9'", "no such directory: .*week9; did you mean 'week1'"),
        ("[echo]\ndirectory = '..'", "echo.directory: '..' has to be a directory below this one"),
        ("[echo]\ndirectory = '/tmp'", "echo.directory: '/tmp' has to be a directory below this one"),
        ("[echo]\ndirectory = 'link'", "'link' has to be a directory below this one, and no link"),
        ('[echo]\ndirectory = "\\u0000"', "has to be a directory below this one"),
        ("[files]", "nothing to run for files"),
    ],
)  # fmt: skip
def test_tables_that_are_not_understood_are_a_usage_error(text: str, said: str, course: Path) -> None:
    (course / "link").symlink_to("week1")
    (course / "sockspec.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        find_all(course, Wishes())


def test_two_files_about_one_exercise_are_a_usage_error(course: Path) -> None:
    (course / "week1" / "sockspec.toml").write_text("")
    with pytest.raises(UsageError, match=r"week1/sockspec.toml and .* are both about echo; keep one"):
        find_all(course, Wishes())
