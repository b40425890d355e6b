"""Tests in containers: run where a Docker engine answers, skipped with its reason where none does."""

import subprocess
import sys
from pathlib import Path

import pytest

from sockspec import engine, journal
from sockspec.journal import Begun, Ended

needs_engine = pytest.mark.skipif(bool(engine.absent()), reason=engine.absent() or "an engine answers")
DOCKER = ("--sandbox", "docker")
GRADE = ("--exercise", "echo")


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
