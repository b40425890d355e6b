"""Classroom 50's `result.json`, version 1, for one submission.

Students can read it, so what is hidden is not in it, and neither are the points for that: the whole grade is in the
gradebook. A submission that is not graded has no result.
"""

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from sockspec.complaint import UsageError
from sockspec.policy import Earned
from sockspec.report.story import cases, told
from sockspec.report.view import View
from sockspec.visible import visible, visible_lines

NAMES = {
    "classroom": "CLASSROOM",
    "assignment": "ASSIGNMENT",
    "assignment_type": "ASSIGNMENT_TYPE",
    "owner": "OWNER",
    "submission": "SUBMISSION_TAG",
    "commit": "COMMIT_URL",
    "release": "RELEASE_URL",
    "review": "REVIEW_URL",
}
"""Which variable of the runner's environment says each field."""


def escape(text: str) -> str:
    """The one escape of this sink: visible, for whatever renders it later."""
    return visible_lines(text)


def stated(environment: Mapping[str, str]) -> dict[str, str]:
    """The fields that the runner's environment says; UsageError names the variables that are not set."""
    unset = [name for name in NAMES.values() if not environment.get(name)]
    if unset:
        raise UsageError(f"not in the environment: {', '.join(unset)}; Classroom 50's runner sets them")
    return {field: escape(environment[name]) for field, name in NAMES.items()}


def committed(directory: Path) -> datetime:
    """When the commit was made that is checked out there; UsageError if git does not know."""
    # A plumbing command: whatever the configuration there says, it starts no other program.
    command = ["git", "-C", str(directory), "rev-list", "--max-count=1", "--format=%ct", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise UsageError(f"git cannot be run: {error.strerror}; a result says when its commit was made") from None
    except subprocess.CalledProcessError as error:
        raise UsageError(f"{directory}: git knows no commit there: {visible(error.stderr.strip())}") from None
    return datetime.fromtimestamp(int(done.stdout.split()[-1]), UTC)


def render(view: View, runner: Mapping[str, str], committed: datetime) -> bytes | None:
    """The document, with the fields that the runner stated; None if the submission is not graded."""
    if view.points is None:
        return None
    document = {
        "schema": "classroom50/result/v1",
        **runner,
        "datetime": committed.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "score": view.points,
        "max-score": view.worth,
        "tests": [_test(view, each) for each in view.earned],
    }
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"


def _test(view: View, earned: Earned) -> dict[str, object]:
    met = earned.row is not None and earned.row.met
    test = {
        "test-name": earned.requirement,
        "passed": met,
        "score": earned.points,
        "max-score": earned.worth,
    }
    return test if met else {**test, "message": escape(_message(view, earned))}


def _message(view: View, earned: Earned) -> str:
    if earned.row is None:
        return "not handed in"
    stated = view.requirements[earned.requirement]
    return "\n".join(told(earned.row.worst, stated, again=view.again, among=cases(earned.row)))
