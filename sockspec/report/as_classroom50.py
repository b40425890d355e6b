"""Classroom 50's `result.json`, version 1, for one submission.

Students can read it, so what is hidden is not in it, and neither are the points for that: the whole grade is in the
gradebook. A submission that is not graded has no result.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from sockspec.complaint import UsageError
from sockspec.policy import Earned
from sockspec.report.story import cases, told
from sockspec.report.view import View
from sockspec.visible import visible_lines

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


def render(view: View, environment: Mapping[str, str], committed: datetime) -> bytes | None:
    """The document; None if the submission is not graded. UsageError names the variables that are not set."""
    unset = [name for name in NAMES.values() if not environment.get(name)]
    if unset:
        raise UsageError(f"not in the environment: {', '.join(unset)}; Classroom 50's runner sets them")
    if view.points is None:
        return None
    document = {
        "schema": "classroom50/result/v1",
        **{field: escape(environment[name]) for field, name in NAMES.items()},
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
    return "\n".join(told(earned.row.worst, stated, command=view.command, among=cases(earned.row)))
