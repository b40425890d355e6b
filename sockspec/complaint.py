"""Complaints about what we were given: what it was, what is allowed, the nearest match, the remedy.

A UsageError is the user's to mend (exit 2); a SuiteError is ours or the machine's (exit 3), never a program's failure.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class UsageError(Exception):
    """Something we were given cannot be used; the message says what, and what to do."""


class SuiteError(Exception):
    """The suite or the machine is at fault; no program is judged by it."""


def nearest(given: str, allowed: Iterable[str]) -> str:
    """`; did you mean 'echo.server.binary'?`, or `.` where no allowed word is near: either way an end."""
    matches = get_close_matches(given, list(allowed), n=1, cutoff=0.6)
    return f"; did you mean {matches[0]!r}?" if matches else "."
