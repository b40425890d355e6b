"""Tests in containers: run where a Docker engine answers; where none does skipped with the reason, or failed in CI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sockspec import engine, journal
from sockspec.journal import Begun, Ended
from tests.installed import IN_CI
from tests.running import checked

needs_engine = pytest.mark.skipif(bool(engine.absent()) and not IN_CI, reason=engine.absent() or "an engine answers")
"""Skipped where no engine answers; in CI it is run all the same, and fails."""
DOCKER = ("--sandbox", "docker")
GRADE = ("--exercise", "echo")
ONE = ("--exercise", "echo", "--role", "server", "--only", "nothing-extra")


def said_inside(directory: Path, expression: str) -> str:
    """The value of that expression, as a program sees it in a container: its last words."""
    directory.mkdir()
    (directory / "server.py").write_text(f"import os, socket, sys\nsys.exit(repr({expression}))\n")
    report = checked(directory, *ONE, *DOCKER)
    return str(report["verdicts"][0]["diagnosis"]["last_words"])


def is_apart(directory: Path) -> bool:
    """Shown, not believed: a program that only says in which process namespace it is, is not in ours."""
    namespace = "os.readlink('/proc/self/ns/pid')"
    said = said_inside(directory / "probe", namespace)
    return said.startswith("'pid:[") and said != repr(os.readlink("/proc/self/ns/pid"))


def grading(directory: Path, out: Path, *options: object) -> "subprocess.Popen[bytes]":
    """Somebody who grades that class."""
    command = [sys.executable, "-P", "-m", "sockspec", "grade", str(directory), *GRADE, "--out", str(out)]
    return subprocess.Popen([*command, *map(str, options)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def ended(out: Path) -> list[Ended]:
    """Every attempt that came to its end, in that order."""
    path = out / "journal.jsonl"
    return [entry for entry in journal.entries(path) if isinstance(entry, Ended)] if path.exists() else []


def begun(out: Path) -> int:
    """How many attempts have begun."""
    path = out / "journal.jsonl"
    return sum(isinstance(entry, Begun) for entry in journal.entries(path)) if path.exists() else 0
