"""What a program of a submission inherits from us: next to nothing."""

import os
import sys
from pathlib import Path


def base_python() -> str:
    """The interpreter beneath our virtual environment: a submission is to see the standard library, and not us."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def environment(*, terminal: bool = False) -> dict[str, str]:
    """The environment of a program: an allow-list, so that nothing of ours steers it."""
    interpreter = Path(base_python()).parent
    return {
        "PATH": f"{interpreter}:{os.environ.get('PATH', os.defpath)}",
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "TZ": "<+0545>-05:45",  # as in Nepal, but without tzdata: local time is not taken for UTC unseen
        "TERM": "linux" if terminal else "dumb",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
