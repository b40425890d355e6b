"""The limited view: without the right to trace programs of other users, verdicts are the same, and take patience."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from sockspec import house
from tests.contained import DOCKER, needs_engine

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="takes root and setpriv (util-linux)"
)
HIDDEN = ["setpriv", "--bounding-set=-sys_ptrace,-dac_override,-dac_read_search", "--inh-caps=-sys_ptrace", "--"]
NO_PROC = ["unshare", "--mount", "--", "sh", "-c", 'mount -t proc -o hidepid=ptraceable proc /proc && exec "$@"', "sh"]
OTHER = 64_123
BEGIN = """
import os, signal, socket, sys, time
from sockspec import sight
from sockspec.kernel import threads as proc
from sockspec.kernel.held import Held
from sockspec.kernel.look import look
from sockspec.kernel.sockets import Diagnostics

def started(code):
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(OTHER, OTHER, OTHER)
        os.setresuid(OTHER, OTHER, OTHER)
        exec(code, {"say": lambda: os.write(theirs, b"ready"), **globals()})
        os._exit(0)
    assert os.read(ours, 5) == b"ready"
    return pid

def seen(code):
    pid = started(code)
    while not (found := look(diagnostics, [pid], [])).asleep:
        os.sched_yield()
    os.kill(pid, signal.SIGKILL)
    return found

diagnostics = Diagnostics()
"""


def said(code: str, *before: str) -> str:
    """What such code prints, run as root after those words."""
    line = [*before, sys.executable, "-P", "-c", f"OTHER = {OTHER}\n{BEGIN}\n{code}"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=house.ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --- what is seen


@needs_root
@pytest.mark.parametrize(("before", "answer"), [(HIDDEN, "True"), ([], "False")], ids=["without", "with"])
def test_the_view_of_another_user_is_limited_without_the_right_to_trace(before: list[str], answer: str) -> None:
    assert said("print(sight.limited(OTHER))", *before) == answer


@needs_root
def test_the_view_of_our_own_programs_is_never_limited() -> None:
    assert said("print(sight.limited(None))", *HIDDEN) == "False"


@needs_root
def test_without_any_view_there_is_no_verdict() -> None:
    code = "try: sight.limited(OTHER)\nexcept Exception as error: print(error)"
    assert (
        said(code, *NO_PROC, *HIDDEN)
        == "/proc hides what other users run (its mount option hidepid): no verdict is possible"
    )


@needs_root
@pytest.mark.parametrize("code", ["say(); signal.pause()", "say(); time.sleep(1000)"], ids=["for-us", "on-a-timer"])
def test_whoever_sleeps_where_we_may_not_look_may_be_on_a_timer(code: str) -> None:
    assert said(f"print(seen({code!r}).rest.name)", *HIDDEN) == "WAITING"


@needs_root
def test_whoever_runs_where_we_may_not_look_is_seen_to_run() -> None:
    code = "pid = started('say()\\nwhile True: pass')"
    asked = "{look(diagnostics, [pid], []).rest.name for _ in range(20)}"
    assert said(f"{code}\nprint(*{asked})\nos.kill(pid, signal.SIGKILL)", *HIDDEN) == "RUNNING"


@needs_root
def test_a_socket_is_the_programs_if_its_user_opened_it() -> None:
    server = "l = socket.create_server(('127.0.0.1', 0))\nsay()\nl.accept()"
    code = f"pid = started({server!r})\nheld = Held([pid])"
    found = "[s in held for s in diagnostics.listening() if s.user == OTHER or s in held]"
    assert said(f"{code}\nprint({found})\nos.kill(pid, signal.SIGKILL)", *HIDDEN) == "[True]"


@needs_root
def test_files_that_we_may_not_read_are_counted() -> None:
    code = f"pid = started({'os.dup(1); say(); time.sleep(1000)'!r})\n"
    code += "while proc.threads([pid])[0].state != 'S': os.sched_yield()\n"
    assert said(f"{code}print(proc.open_files(pid))\nos.kill(pid, signal.SIGKILL)", *HIDDEN) == said(
        f"{code}print(len(proc.links(pid)))\nos.kill(pid, signal.SIGKILL)"
    )


# --- what comes of it


WITHOUT = """
import sys
from sockspec.cli import main
from sockspec.sandbox import capabilities

del capabilities.KEPT["SYS_PTRACE"]
main()
"""
"""The command line, with a sandbox whose root may not trace, like that of many another engine."""


def checked(directory: Path, *options: str) -> dict[str, Any]:
    """The JSON report on a submission for echo."""
    command = [sys.executable, "-P", "-c", WITHOUT, "check", str(directory), "--exercise", "echo", *DOCKER, *options]
    with tempfile.NamedTemporaryFile() as file:
        done = subprocess.run([*command, "--json", file.name], capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        return dict(json.loads(Path(file.name).read_bytes()))


@needs_engine
@pytest.mark.parametrize("design", ["c-select", "python-threads"])
def test_a_good_submission_conforms_in_a_limited_view(design: str) -> None:
    seen = checked(house.FIXTURES / "programs" / "echo" / design)
    assert [each for each in seen["verdicts"] if each["verdict"] not in ("pass", "note")] == []
    assert seen["isolation"] == "container, limited view"


@needs_engine
def test_a_server_that_never_answers_fails_in_a_limited_view(tmp_path: Path) -> None:
    shutil.copy(house.ROOT / "bench" / "programs" / "silent.c", tmp_path / "server.c")
    seen = checked(tmp_path, "--only", "echo.server.answers-at-once", "--patience", "0.5")["verdicts"]
    assert {(each["verdict"], each["outcome"]) for each in seen} == {("fail", "waiting")}
    assert "sleeps in a call that we may not read here" in seen[0]["diagnosis"]["summary"]
