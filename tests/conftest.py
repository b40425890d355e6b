"""What the tests of this repository share: running the command line as a user does."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sockspec import house

Checked = Callable[..., dict[str, Any]]


def sockspec(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line, in a process of its own."""
    command = [sys.executable, "-P", "-m", "sockspec", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options)


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    """Check a directory; gives the JSON report, and the exit status in it."""

    def check(directory: Path, *arguments: object) -> dict[str, Any]:
        report = tmp_path / "report.json"
        done = sockspec("check", directory, "--json", report, *arguments)
        assert report.exists(), done.stderr
        return {**json.loads(report.read_bytes()), "status": done.returncode, "text": done.stdout}

    return check


@pytest.fixture
def programs() -> Path:
    """The known-good programs."""
    return house.FIXTURES / "programs"
