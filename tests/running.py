"""Running the command line as a user does, in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sockspec import house

PROGRAMS = house.FIXTURES / "programs"
UNIVERSAL = house.MUTANTS / "universal"
NO_ENGINE = "unix:///nonexistent"
IMPATIENT = ("--patience", 1, "--cpu", 0.4)
"""For programs that are known to be wrong: a second of timers, 0.4 s of the processor."""


def sockspec(*arguments: object, engine: bool = False, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `sockspec` with those arguments; right on this machine, unless they say where or an engine is asked for."""
    command = [sys.executable, "-P", "-m", "sockspec", *map(str, arguments)]
    environment = dict(options.pop("env", os.environ))
    if "--sandbox" not in arguments and not engine:
        environment["DOCKER_HOST"] = NO_ENGINE
    return subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=environment, **options
    )


def checked(*arguments: object, **options: Any) -> dict[str, Any]:
    """`sockspec check` with those arguments: the JSON report, with the exit status and the text that was printed."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "report.json"
        done = sockspec("check", *arguments, "--json", file, **options)
        assert file.exists(), done.stderr
        return {**json.loads(file.read_bytes()), "status": done.returncode, "text": done.stdout}


def copy_house(directory: Path) -> Path:
    """A copy of the house, engine and all, that may be changed."""
    for name in ("sockspec", "suites", "reference", "fixtures/programs", "fixtures/mutants"):
        shutil.copytree(house.ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("conftest.py", "requirements.lock"):
        shutil.copy(house.ROOT / name, directory)
    return directory


@contextmanager
def house_for_all(*packages: str) -> Iterator[dict[str, str]]:
    """An environment with a copy of the house, and of those packages, that every user may read.

    The checkout itself may lie where nobody else may look. Coverage is left out: it writes into the checkout.
    """
    with tempfile.TemporaryDirectory() as directory:
        copy = copy_house(Path(directory))
        for package in packages:
            shutil.copytree(Path(sysconfig.get_path("purelib"), package), copy / package)
        subprocess.run(["chmod", "-R", "a+rX", directory], check=True)
        others = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "PYTHON"))}
        yield {**others, "PYTHONPATH": directory}


def sockspec_of(copy: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the `sockspec` of a copied house, in it."""
    return sockspec(*arguments, cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)})


def failed(report: dict[str, Any]) -> dict[str, str]:
    """The requirements that are not met, with their levels."""
    return {v["requirement"]: v["level"] for v in report["verdicts"] if v["verdict"] in ("fail", "warn")}


def directories(*patterns: str) -> list[Path]:
    """The directories of fixtures that match, sorted."""
    return sorted(path for pattern in patterns for path in house.FIXTURES.glob(pattern) if path.is_dir())
