"""What the options of a check are for, each tried with and without."""

import os
import re
from pathlib import Path

import pytest

from tests.running import PROGRAMS, checked, sockspec

ECHO = PROGRAMS / "echo"
ONE = ("--only", "echo.server.binary")
HASHES = """
import hashlib, socket, sys
listener = socket.create_server(("", int(sys.argv[1])))
client, _ = listener.accept()
sys.exit(hashlib.sha256(client.recv(64, socket.MSG_WAITALL)).hexdigest())
"""
LISTENS_LATE = f"""
import sys, time
time.sleep(1)
sys.argv[0] = {str(ECHO / "python-iterative" / "server.py")!r}
exec(open(sys.argv[0]).read())
"""
SPINS = """
import socket, sys
listener = socket.create_server(("", int(sys.argv[1])))
while True: pass
"""


def server(directory: Path, text: str) -> Path:
    (directory / "server.py").write_text(text)
    return directory


def test_a_client_is_started_with_the_command_that_is_given(tmp_path: Path) -> None:
    command = f"python3 {ECHO / 'python-blocking' / 'client.py'} {{host}} {{port}}"
    done = sockspec("check", "--exercise", "echo", "--client", command, "--only", "client.refused", cwd=tmp_path)
    assert done.stdout.startswith(f"echo  client: {command}  ")
    assert done.returncode == 0


def test_it_is_built_with_the_command_that_is_given(tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text((ECHO / "c-iterative" / "server.c").read_text())
    given = ("--build", "cc -o it main.c", "--server", "./it {port}")
    assert sockspec("check", tmp_path, "--exercise", "echo", *given, *ONE).returncode == 0


def test_another_seed_makes_other_data_and_the_same_one_the_same(tmp_path: Path) -> None:
    only = ("--exercise", "echo", "--only", "server.large", "--seed")
    reports = [checked(server(tmp_path, HASHES), *only, seed) for seed in (1, 2, 2)]
    first, second, again = (report["verdicts"][0]["diagnosis"]["last_words"] for report in reports)
    assert re.fullmatch("[0-9a-f]{64}", first)
    assert (first == second, second == again) == (False, True)


def test_a_program_that_waits_on_a_timer_has_as_long_as_our_patience(tmp_path: Path) -> None:
    given = ("check", server(tmp_path, LISTENS_LATE), "--exercise", "echo", *ONE, "--patience")
    assert [sockspec(*given, seconds).returncode for seconds in (0.2, 20)] == [1, 0]


def test_a_program_that_spins_has_as_much_of_the_processor_as_is_said(tmp_path: Path) -> None:
    done = sockspec("check", server(tmp_path, SPINS), "--exercise", "echo", *ONE, "--cpu", 0.2)
    assert "your server used 0.2 s of processor time" in done.stdout


def test_what_the_compiler_warns_of_and_the_design_are_in_the_report(tmp_path: Path) -> None:
    text = (ECHO / "c-select" / "server.c").read_text()
    (tmp_path / "server.c").write_text(text.replace("int main(", "int unused(void) { int n; return 0; }\nint main("))
    done = sockspec("check", tmp_path, "--exercise", "echo", "--only", "server.design")
    assert re.search(r"\nwarnings of the compiler\n  .*\n.*unused variable", done.stdout)
    assert "\ndesign of the server: " in done.stdout


@pytest.mark.parametrize(("without", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_there_is_no_colour_where_it_is_not_wanted(without: dict[str, str], coloured: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | without
    done = sockspec("check", ECHO / "c-iterative", "--exercise", "echo", *ONE, env={**environment, "FORCE_COLOR": "1"})
    assert bool(re.search(r"\x1b\[[\d;]*3\d", done.stdout)) is coloured
