"""`sockspec check` from the outside: what it finds, what it says, and with which status it ends."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from sockspec import cli
from sockspec.kernel import threads as proc
from sockspec.mutants import mutants, write
from tests.running import PROGRAMS, checked, copy_house, failed, house_for_all, sockspec, sockspec_of

GOOD_SERVER = PROGRAMS / "echo" / "c-iterative" / "server.c"
NEVER_ACCEPTS_AGAIN = (
    "        close(connection);\n    }\n",
    "        close(connection);\n        break;\n    }\n    pause();\n",
)
GOOD_CLIENT = PROGRAMS / "echo" / "c-select" / "client.c"
BOTH = "echo.both.meet-each-other"
ONE = ("--only", "echo.server.next-client")


def submission(directory: Path, **files: str) -> Path:
    """A directory with those files; `server_c="..."` is server.c."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name.replace("_", ".")).write_text(text)
    return directory


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """An echo server that serves one client and no other."""
    text = GOOD_SERVER.read_text()
    assert text.count(NEVER_ACCEPTS_AGAIN[0]) == 1
    return submission(tmp_path / "broken", server_c=text.replace(*NEVER_ACCEPTS_AGAIN))


@pytest.fixture
def unbuilt(tmp_path: Path) -> Path:
    """An echo server that does not compile."""
    return submission(tmp_path / "unbuilt", server_c="int main(void) { return nowhere; }")


# --- verdicts and exit status


def test_a_program_that_conforms_ends_with_status_0() -> None:
    done = sockspec("check", PROGRAMS / "echo" / "c-select", "--exercise", "echo", "--only", "in-pieces")
    assert done.returncode == 0
    assert done.stderr.startswith(
        "no sandbox (no Docker engine at /nonexistent: No such file or directory): programs run as you"
    )
    assert done.stdout.endswith("conforms\n")


def test_a_program_that_does_not_conform_ends_with_status_1_and_is_told_where_it_is_stuck(broken: Path) -> None:
    done = sockspec("check", broken, "--exercise", "echo", *ONE)
    assert done.returncode == 1
    assert "your server is blocked in pause(); 1 finished connection waits in the listen queue" in done.stdout
    assert "again: " in done.stdout


def test_a_should_fails_only_when_strict(tmp_path: Path) -> None:
    text = GOOD_SERVER.read_text().replace("INADDR_ANY", "INADDR_LOOPBACK")
    directory = submission(tmp_path, server_c=text)
    only = ("--exercise", "echo", "--only", "every-address")
    assert [sockspec("check", directory, *only, *strict).returncode for strict in ((), ("--strict",))] == [0, 1]


def test_a_program_whose_failures_are_those_of_one_mutant_is_told_its_slip(tmp_path: Path) -> None:
    text = GOOD_SERVER.read_text().replace("SO_REUSEADDR", "SO_KEEPALIVE")
    done = sockspec("check", submission(tmp_path, server_c=text), "--exercise", "echo")
    assert "what one known slip does: " in done.stdout


def test_several_directories_get_a_column_each() -> None:
    both = [PROGRAMS / "echo" / name for name in ("c-iterative", "c-poll")]
    done = sockspec("check", *both, "--exercise", "echo", "--only", "server.binary")
    assert done.stdout.splitlines()[0].split() == ["c-iterative", "c-poll"]
    assert done.stdout.endswith("2 of 2 submissions conform\n")


@pytest.fixture
def repository(tmp_path: Path, broken: Path) -> Path:
    """Three exercises, one of them with a fault."""
    shutil.copytree(PROGRAMS / "hello" / "c-poll", tmp_path / "repository" / "hello")
    shutil.copytree(PROGRAMS / "time" / "c-poll", tmp_path / "repository" / "time")
    broken.rename(tmp_path / "repository" / "echo")
    return tmp_path / "repository"


def test_the_exercises_of_a_repository_are_checked_one_after_the_other(repository: Path) -> None:
    done = sockspec("check", repository, "--only", "server.next-client")
    headings = [line.split()[0] for line in done.stdout.splitlines() if "  isolation: " in line]
    assert (done.returncode, headings) == (1, ["echo", "hello", "time"])
    assert done.stdout.endswith("2 of 3 exercises conform\n")


def test_a_pattern_leaves_out_the_exercises_that_it_is_not_about(repository: Path) -> None:
    done = sockspec("check", repository, "--only", "hello.server.greets", "--only", "time.*.four-bytes")
    assert done.stdout.endswith("2 of 2 exercises conform\n")
    assert "echo" not in done.stdout


def test_a_repository_has_one_report_of_each_kind(repository: Path, tmp_path: Path) -> None:
    files = {kind: tmp_path / kind for kind in ("json", "junit", "summary")}
    environment = {**os.environ, "GITHUB_STEP_SUMMARY": str(files["summary"])}
    written = ("--json", files["json"], "--junit", files["junit"], "--github")
    sockspec("check", repository, "--only", "server.next-client", *written, env=environment)
    names = ["echo", "hello", "time"]
    assert [report["exercise"] for report in json.loads(files["json"].read_bytes())] == names
    assert [suite.get("name") for suite in ElementTree.parse(files["junit"]).getroot()] == names
    assert all(f"## {name}: " in files["summary"].read_text() for name in names)


def test_the_tables_of_one_manifest_are_checked_one_after_the_other(repository: Path) -> None:
    (repository / "sockspec.toml").write_text(
        '[time]\ndirectory = "time"\n[echo.server]\nbuild = "make -C echo server"\nrun = "echo/server {port}"\n'
    )
    done = sockspec("check", repository, "--only", "server.next-client")
    headings = [line.split()[0] for line in done.stdout.splitlines() if "  isolation: " in line]
    assert (done.returncode, headings) == (1, ["time", "echo"])
    assert done.stdout.endswith("1 of 2 exercises conform\n")


def test_a_manifest_with_an_unknown_exercise_is_wrong_usage(tmp_path: Path) -> None:
    done = sockspec("check", submission(tmp_path, sockspec_toml='[ecko.server]\nrun = "./server"\n'))
    assert (done.returncode, done.stdout) == (2, "")
    assert "sockspec.toml: unknown key 'ecko'; did you mean 'echo'?" in done.stderr


def test_two_workers_reach_the_verdicts_of_one_in_the_same_order(broken: Path) -> None:
    one, two = (checked(broken, "--exercise", "echo", "--jobs", jobs) for jobs in (1, 2))
    verdicts = [[(v["requirement"], v["case"], v["verdict"]) for v in report["verdicts"]] for report in (one, two)]
    assert verdicts[0] == verdicts[1]


def test_workers_wait_for_each_other_where_a_programs_port_is_fixed() -> None:
    fixed = ("--server", "python3 server.py 4000", "--port", 4000, "--role", "server")
    done = sockspec("check", PROGRAMS / "echo/python-iterative", "--exercise", "echo", *fixed, "--jobs", 3)
    assert "28 pass, 1 note, 2 not run" in done.stdout


# --- reports


def test_junit_tells_a_students_problem_as_a_failure(broken: Path, tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    sockspec("check", broken, "--exercise", "echo", *ONE, "--junit", file)
    case = next(ElementTree.parse(file).getroot().iter("testcase"))
    assert "nobody calls accept()" in case.findall("failure")[0].attrib["message"]


def test_json_names_the_run(broken: Path) -> None:
    report = checked(broken, "--exercise", "echo", *ONE, "--seed", 7)
    assert (report["exercise"], report["submission"], report["seed"]) == ("echo", "broken", 7)
    assert report["verdicts"][0]["outcome"] == "stuck"


def test_what_a_program_prints_cannot_move_the_cursor(tmp_path: Path) -> None:
    noisy = submission(tmp_path, server_py="import sys\nsys.stderr.write('\\x1b[2J\\u202e')\nsys.exit(1)\n")
    done = sockspec("check", noisy, "--exercise", "echo", *ONE)
    assert "\x1b" not in done.stdout
    assert r"\x1b[2J\u202e" in done.stdout


# --- submissions


def test_a_manifest_says_how_to_build_and_run(tmp_path: Path) -> None:
    shutil.copy(GOOD_SERVER, tmp_path / "main.c")
    (tmp_path / "sockspec.toml").write_text(
        'exercise = "echo"\n[server]\nbuild = "cc -o prog main.c"\nrun = "./prog {port}"\n'
    )
    assert checked(tmp_path, *ONE)["status"] == 0


def test_a_manifest_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    directory = submission(tmp_path, sockspec_toml='\ufeffexercise = "echo"\n', server_c=GOOD_SERVER.read_text())
    assert checked(directory, *ONE)["status"] == 0


def test_a_makefile_with_a_target_of_the_programs_name_builds_it(tmp_path: Path) -> None:
    shutil.copy(GOOD_SERVER, tmp_path / "echo.c")
    submission(tmp_path, Makefile="server: echo.c\n\t$(CC) -o $@ $<\n")
    assert checked(tmp_path, "--exercise", "echo", *ONE)["status"] == 0


def test_a_program_whose_port_is_fixed_is_checked_on_that_port(tmp_path: Path) -> None:
    text = GOOD_SERVER.read_text().replace("argc == 2 ? parse_port(argv[1]) : 0", "argc ? 3490 : parse_port(argv[1])")
    directory = submission(
        tmp_path, server_c=text, sockspec_toml='[server]\nbuild = "make server"\nrun = "./server"\nport = 3490\n'
    )
    assert failed(checked(directory, "--exercise", "echo", "--port", 3490)) == {}


def test_a_command_on_the_command_line_needs_no_directory() -> None:
    python = f"python3 {PROGRAMS / 'echo' / 'python-iterative' / 'server.py'} {{port}}"
    assert sockspec("check", "--exercise", "echo", "--server", python, *ONE).returncode == 0


def test_nothing_is_written_into_the_submission(tmp_path: Path) -> None:
    shutil.copy(GOOD_SERVER, tmp_path / "server.c")
    checked(tmp_path, "--exercise", "echo", *ONE)
    assert [path.name for path in tmp_path.iterdir()] == ["server.c"]


def test_compiler_warnings_are_kept_for_the_report(tmp_path: Path) -> None:
    text = GOOD_SERVER.read_text().replace("int main(", "int unused(void) { int n; return 0; }\nint main(")
    report = checked(submission(tmp_path, server_c=text), "--exercise", "echo", *ONE)
    assert "unused variable" in report["warnings"][0]


def test_a_module_of_the_submission_is_not_taken_for_the_standard_librarys(tmp_path: Path) -> None:
    hostile = submission(tmp_path, socket_py="raise SystemExit(0)", conftest_py="raise SystemExit(0)")
    shutil.copy(GOOD_SERVER, hostile / "server.c")
    done = sockspec("check", ".", "--exercise", "echo", *ONE, "--jobs", 2, cwd=hostile)
    assert done.stdout.endswith("conforms\n"), done.stderr


# --- the oracle


@pytest.fixture
def house_copy(tmp_path: Path) -> Path:
    return copy_house(tmp_path / "house")


def run_in(copy: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return sockspec_of(copy, "check", *arguments)


def test_another_greeting_in_the_reference_is_what_the_suite_expects(house_copy: Path, tmp_path: Path) -> None:
    reference = house_copy / "reference" / "hello" / "server.py"
    reference.write_text(reference.read_text().replace("Hello, world!", "Good evening."))
    copied = submission(tmp_path / "copied", server_py=reference.read_text())
    only = ("--exercise", "hello", "--role", "server", "--only", "greets")
    assert run_in(house_copy, copied, *only).returncode == 0
    done = run_in(house_copy, PROGRAMS / "hello" / "c-iterative", *only)
    assert 'we expected  "Good evening."' in done.stdout


def test_another_rule_in_the_reference_is_what_the_suite_expects(house_copy: Path) -> None:
    reference = house_copy / "reference" / "echo" / "server.py"
    reference.write_text(reference.read_text().replace("sendall(data)", "sendall(data.upper())"))
    done = run_in(
        house_copy, PROGRAMS / "echo" / "c-iterative", "--exercise", "echo", "--only", "server.answers-at-once"
    )
    assert 'we expected  "QUESTION\\n"' in done.stdout


def test_a_reference_that_fails_its_own_scenario_is_a_fault_of_the_suite(house_copy: Path) -> None:
    reference = house_copy / "reference" / "echo" / "server.py"
    reference.write_text("raise SystemExit(1)\n")
    done = run_in(house_copy, PROGRAMS / "echo" / "c-iterative", "--exercise", "echo", *ONE)
    assert done.returncode == 3
    assert "it is not held against the program" in done.stdout


# --- bad input


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "my-echo").mkdir()
    done = sockspec("check", tmp_path / "my-ecko")
    assert done.returncode == 2
    assert "no such directory" in done.stderr
    assert "did you mean 'my-echo'?" in done.stderr


def test_a_directory_with_nothing_to_run_in_it(tmp_path: Path) -> None:
    done = sockspec("check", tmp_path, "--exercise", "echo")
    assert done.returncode == 2
    assert "nothing to run for echo" in done.stderr
    assert "It has no files. Found by name are server.py, server.c, an executable server, and a Makefile" in done.stderr


AS_NOBODY = """
import os, sys
import sockspec.check, sockspec.cli, sockspec.isolation, sockspec.names, sockspec.report.progress, sockspec.submission
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
sockspec.cli.main()
"""


def test_a_directory_that_may_not_be_read() -> None:
    with tempfile.TemporaryDirectory() as above:  # others may not look into pytest's own
        Path(above).chmod(0o755)
        closed = submission(Path(above) / "closed", server_py="")
        command = [
            sys.executable,
            "-P",
            "-c",
            AS_NOBODY,
            "check",
            str(closed),
            "--sandbox",
            "none",
            "--exercise",
            "echo",
        ]
        with house_for_all() as environment:
            readable, unreadable = (_with_mode(mode, closed, command, environment) for mode in (0o755, 0))
    assert f"cannot read {closed}" not in readable.stderr
    assert f"sockspec: cannot read {closed}: Permission denied\n" in unreadable.stderr
    assert unreadable.returncode == 2


def _with_mode(
    mode: int, directory: Path, command: list[str], environment: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    """That command, run while the directory has that mode."""
    directory.chmod(mode)
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=environment)


def test_a_file_that_may_not_be_written_is_noticed_before_anything_is_run() -> None:
    command = [sys.executable, "-P", "-c", AS_NOBODY, "check", "/nonexistent", "--junit", "/etc/file"]
    with house_for_all() as environment:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=environment)
    assert "sockspec: cannot write /etc/file: you have no right to\n" in done.stderr


def test_a_file_that_does_not_compile(unbuilt: Path) -> None:
    done = sockspec("check", unbuilt, "--exercise", "echo")
    assert done.returncode == 1
    assert "NOT BUILT  your server was not built" in done.stdout
    assert "server.c:1:" in done.stdout
    assert "undeclared" in done.stdout


@pytest.mark.parametrize(("role", "asked"), [((), True), (("--role", "server"), False)])
def test_what_is_about_both_is_not_asked_of_one_that_was_not_built(
    role: tuple[str, ...], asked: bool, unbuilt: Path
) -> None:
    assert BOTH not in failed(checked(unbuilt, "--exercise", "echo", *role))
    shutil.copy(GOOD_CLIENT, unbuilt)
    only = ("--only", "server.binary", "--only", "both.*")
    assert (BOTH in failed(checked(unbuilt, "--exercise", "echo", *role, *only))) is asked


def test_what_is_about_a_half_that_is_not_there_is_wrong_usage_built_or_not(unbuilt: Path) -> None:
    done = sockspec("check", unbuilt, "--exercise", "echo", "--only", "client.*")
    assert done.returncode == 2
    assert "nothing to check: client.* is about a half that is not there" in done.stderr


def test_what_was_not_built_is_told_also_where_the_other_half_is_asked_nothing(unbuilt: Path) -> None:
    shutil.copy(GOOD_CLIENT, unbuilt)
    done = sockspec("check", unbuilt, "--exercise", "echo", "--only", "server.binary")
    assert (done.returncode, "NOT BUILT  your server was not built" in done.stdout) == (1, True)


def test_a_command_that_does_not_exist() -> None:
    done = sockspec("check", "--exercise", "echo", "--server", "no-such-program {port}", *ONE)
    assert done.returncode == 2
    assert "cannot run 'no-such-program': there is no such command" in done.stderr


def test_a_program_that_ends_at_once(tmp_path: Path) -> None:
    directory = submission(tmp_path, server_py="import sys\nsys.exit('not today')\n")
    done = sockspec("check", directory, "--exercise", "echo", *ONE)
    assert done.returncode == 1
    assert "your server does not listen on its port: your server ended with exit status 1" in done.stdout
    assert "not today" in done.stdout


def test_a_program_that_never_listens(tmp_path: Path) -> None:
    done = sockspec("check", submission(tmp_path, server_py="input()\n"), "--exercise", "echo", *ONE)
    assert done.returncode == 1
    assert "NOT STARTED" in done.stdout
    assert "your server does not listen on its port: your server is blocked in read()" in done.stdout


def test_a_program_that_listens_on_a_port_of_its_own_is_told_which(tmp_path: Path) -> None:
    text = (PROGRAMS / "echo" / "python-iterative" / "server.py").read_text()
    given = text.replace("parse_port(sys.argv[1:])", "4711")
    assert given != text
    done = sockspec("check", submission(tmp_path, server_py=given), "--exercise", "echo", *ONE)
    assert (done.returncode, "your server listens on 0.0.0.0 port 4711" in done.stdout) == (1, True)


def test_a_server_that_has_ended_by_itself_is_judged_where_it_was_to_be_interrupted(tmp_path: Path) -> None:
    write(next(mutant for mutant in mutants("echo", "server") if mutant.name == "c-accept-once"), "echo", tmp_path)
    report = checked(tmp_path, "--exercise", "echo", "--only", "echo.server.interrupt")
    assert [v["verdict"] for v in report["verdicts"]] == ["pass"]


def test_a_program_that_listens_on_another_port(tmp_path: Path) -> None:
    text = GOOD_SERVER.read_text().replace("htons(port)", "port")
    done = sockspec("check", submission(tmp_path, server_c=text), "--exercise", "echo", *ONE)
    assert done.returncode == 1
    assert "with its two bytes swapped: htons() is missing" in done.stdout


def test_a_directory_that_fits_two_exercises(tmp_path: Path) -> None:
    done = sockspec("check", submission(tmp_path, server_py=""))
    assert done.returncode == 2
    assert re.search("for which exercise[?] chat, .* and words fit; say it with --exercise NAME", done.stderr)


def test_the_exercise_is_the_one_that_the_directory_or_the_pattern_is_about(tmp_path: Path) -> None:
    directory = submission(tmp_path / "my_echo", server_c=GOOD_SERVER.read_text())
    assert 'say it with --exercise echo, in sockspec.toml (exercise = "echo")' in sockspec("check", directory).stderr
    assert sockspec("check", directory, "--only", "echo.server.next-client").returncode == 0


def test_a_half_that_the_exercise_does_not_have(tmp_path: Path) -> None:
    done = sockspec("check", submission(tmp_path, client_py=""), "--exercise", "select", "--role", "client")
    assert done.returncode == 2
    assert "select is an exercise without a client" in done.stderr


def test_two_programs_that_may_be_the_server(tmp_path: Path) -> None:
    done = sockspec("check", submission(tmp_path, server_py="", server_c=""), "--exercise", "echo")
    assert done.returncode == 2
    assert "which is the server, server.py and server.c?" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--exercise", "ecko"), "unknown exercise 'ecko'; did you mean 'echo'? There are: chat, "),
        (("--exercise", "nonsense"), "unknown exercise 'nonsense'. There are: chat, "),
        (("--exercise", "echo", "--only", "zzzz"), "no requirement matches 'zzzz'. `sockspec list` shows them all."),
        (("--exercise", "echo", "--server", "./s {}"), "no placeholder {}. A server may be given {port}."),
        (("--exercise", "echo", "--server", "./s {port!r}"), "no placeholder {port!r}; did you mean 'port'?"),
        (("--exercise", "echo", "--server", "./s"), "--server: nothing in './s' tells the server its port."),
        (("--exercise", "hello", "--client", "./c {host}"), "`port = 3490` under [client] in sockspec.toml, or --port"),
        (("--exercise", "echo", "--server", "./server {port}"), '`build = "cc -o server server.c"` under [server]'),
        (("--exercise", "echo", "--patience", "nan"), "'nan' is no number of seconds"),
        (("--exercise", "echo", "--cpu", "inf"), "inf is not in the range"),
        (("--exercise", "echo", "--only", "in-peaces"), "'in-peaces'; did you mean 'in-pieces'?"),
        (("--exercise", "echo", "--server", "./s {prot}"), "no placeholder {prot}; did you mean 'port'?"),
        (("--exercise", "echo", "--server", "'"), "is no command line"),
        (("--exercise", "echo", "--port", "70000"), "70000 is not in the range"),
        (("--exercise", "echo", "--json", "/nonexistent/file"), "cannot write /nonexistent/file: no such directory"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_a_usage_error_that_names_what_can(arguments: tuple[str, ...], said: str) -> None:
    done = sockspec("check", PROGRAMS / "echo" / "c-iterative", *ONE, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr.replace("\n", " ")


def test_what_was_found_is_shown_also_where_it_cannot_be_written() -> None:
    done = sockspec("check", GOOD_SERVER.parent, "--exercise", "echo", *ONE, "--json", "/dev/full")
    assert done.returncode == 3
    assert done.stdout.endswith("conforms\n")
    assert "cannot write /dev/full: No space left on device" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[server]\nrunn = "x"', "sockspec.toml, server: unknown key 'runn'; did you mean 'run'?"),
        ("[server]\nport = '80'", "sockspec.toml, server.port: expected an integer, got a string"),
        ("server = 'x'", "sockspec.toml, server: expected a table, got a string"),
        ("exercise = 'ecko'", "sockspec.toml, exercise: unknown exercise 'ecko'; did you mean 'echo'?"),
        ("[server]\nrun = './s'", "sockspec.toml, server.run: nothing in './s' tells the server its port. Put {port}"),
        ("[server]\nport = 70000\nrun = 'x'", "70000 is no port"),
        ('[server]\nrun = "./s {host}"', "no placeholder {host}"),
        ("[server", "sockspec.toml"),
    ],
)
def test_a_manifest_that_is_wrong_is_told_the_place(text: str, said: str, tmp_path: Path) -> None:
    exercise = () if text.startswith("exercise") else ("--exercise", "echo")
    done = sockspec("check", submission(tmp_path, sockspec_toml=text, server_py=""), *exercise)
    assert done.returncode == 2
    assert "sockspec.toml" in done.stderr
    assert said in done.stderr


# --- the other commands


def test_list_names_every_requirement_of_an_exercise() -> None:
    done = sockspec("list", "echo")
    assert "echo.server.in-pieces" in done.stdout
    assert "hello." not in done.stdout


def test_show_tells_one_requirement() -> None:
    done = sockspec("show", "echo.server.in-pieces")
    assert all(word in done.stdout for word in ("MUST", "S5", "because", "hint", "source", "RFC 862"))


def test_show_names_the_nearest_requirement() -> None:
    done = sockspec("show", "echo.server.binry")
    assert (done.returncode, "did you mean 'echo.server.binary'?" in done.stderr) == (2, True)


def test_the_report_is_json_that_parses(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    sockspec("check", PROGRAMS / "echo" / "c-iterative", "--exercise", "echo", *ONE, "--json", file)
    assert json.loads(file.read_text())["verdicts"][0]["verdict"] == "pass"


# --- on a machine that lets nobody into a private network


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    """A check of good programs without the right to make namespaces."""
    if os.geteuid() != 0:
        pytest.skip("taking a right away from a program needs root")
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "report.json"
        bereft = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--"]
        where = ("--sandbox", "none")
        command = [
            *bereft,
            sys.executable,
            "-P",
            "-m",
            "sockspec",
            "check",
            str(PROGRAMS / "echo" / "c-select"),
            *where,
        ]
        done = subprocess.run([*command, "--exercise", "echo", "--json", str(file)], capture_output=True, text=True)
        return {**json.loads(file.read_bytes()), "status": done.returncode, "text": done.stdout}


def test_without_a_private_network_what_needs_our_name_server_is_not_run_and_says_why(plain: dict[str, Any]) -> None:
    reasons = {v["requirement"]: v["note"] for v in plain["verdicts"] if v["verdict"] == "not run"}
    assert set(reasons) >= {"echo.client.host-name", "echo.client.unknown-host", "echo.client.next-address"}
    assert "Operation not permitted" in reasons["echo.client.host-name"]


def test_without_a_private_network_all_else_is_judged_as_in_one(plain: dict[str, Any]) -> None:
    assert (plain["isolation"], plain["status"], failed(plain)) == ("this machine", 0, {})
    assert "conforms, as far as it was run" in plain["text"]


# --- interrupted


@pytest.fixture
def as_from_a_terminal() -> Iterator[None]:
    """What is started heeds SIGINT from its first moment; who runs these tests in the background ignores it (sh(1))."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("as_from_a_terminal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_check_that_is_interrupted_ends_its_programs_and_leaves_nothing(
    number: signal.Signals, tmp_path: Path
) -> None:
    silent = submission(tmp_path / "silent", server_py="import time\ntime.sleep(1000)\n")
    scratch = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [
        sys.executable,
        "-P",
        "-m",
        "sockspec",
        "check",
        str(silent),
        "--exercise",
        "echo",
        "--patience",
        "900",
        "--sandbox",
        "none",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=scratch) as check:
        while not (started := [pid for pid in proc.tree([check.pid])[1:] if proc.state(pid) == "S"]):
            assert check.poll() is None
        check.send_signal(number)
        assert check.wait() == 130
        assert check.stderr and "sockspec: interrupted" in check.stderr.read()
    assert all(proc.ended(pid) for pid in started)
    assert [path.name for path in tmp_path.iterdir()] == ["silent"]


def test_a_report_is_not_written_through_a_link_that_a_submission_brings(tmp_path: Path) -> None:
    mine = submission(tmp_path / "mine", server_c=GOOD_SERVER.read_text())
    (tmp_path / "victim").write_text("untouched")
    for name in ("r.json", ".r.json.new", "r.xml", ".r.xml.new"):
        (mine / name).symlink_to("../victim")
    done = sockspec("check", mine, "--exercise", "echo", *ONE, "--json", mine / "r.json", "--junit", mine / "r.xml")
    assert (done.returncode, (tmp_path / "victim").read_text()) == (0, "untouched")


def test_a_machine_that_fails_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise OSError(28, "No space left on device", "/tmp/x")

    monkeypatch.setattr("sockspec.catalogue.exercise", fail)
    done = CliRunner().invoke(cli.main, ["list", "echo"])
    assert (done.exit_code, done.output.count("\n")) == (3, 1)
    assert "No space left on device: '/tmp/x'" in done.output
