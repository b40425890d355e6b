"""Gradescope's `results.json` for one submission.

The points stand at the tests and add up to the assignment's. What is hidden is a test that only instructors see; its
points stand in one test of their own, which becomes visible when the grades are published: Gradescope shows the total
to students as soon as all tests that score are visible, and a total would tell what the hidden ones brought.

A submission that is not graded has neither a score nor tests, and Gradescope says that there is no result.
"""

from typing import Any

import msgspec

from sockspec.policy import Earned, Policy, Score
from sockspec.report.story import cases, told
from sockspec.report.view import View
from sockspec.report.words import details, grade, missing, ungraded
from sockspec.verdict import Verdict
from sockspec.visible import visible_lines


def escape(text: str) -> str:
    """The one escape of this sink: visible. Every format in the document is `text`, which is shown as it is."""
    return visible_lines(text)


def render(view: View, policy: Policy, graded: Score | None) -> bytes:
    """The document; `graded` is the whole grade, of which the hidden part goes where no student sees it."""
    words = [f"{view.exercise}: {grade(view)}", *details(view), *ungraded(view), *missing(view)]
    document: dict[str, Any] = {
        "output": escape("\n".join(words)),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [],
    }
    if view.report is not None:
        document["execution_time"] = round(view.report.seconds, 3)
    if graded is not None:
        document["tests"] = [_test(view, each) for each in view.earned if _judged(each)] + _hidden(graded, policy)
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"


def _judged(earned: Earned) -> bool:
    """What was not run and is worth nothing has no place among tests: one that does not score passes by default."""
    return earned.row is None or earned.row.verdict not in (Verdict.NOT_RUN, Verdict.ERROR)


def _test(view: View, earned: Earned) -> dict[str, Any]:
    stated = view.requirements[earned.requirement]
    return {
        "name": escape(f"{stated.slug}: {stated.sentence}"),
        "status": "passed" if earned.row and earned.row.met else "failed",
        "score": earned.points,
        "max_score": earned.worth,
        "output": escape(_output(view, earned)),
        "tags": [stated.level.value, stated.step],
        "visibility": "visible",
    }


def _output(view: View, earned: Earned) -> str:
    row = earned.row
    if row is None:
        return "not handed in"
    if row.met:
        return row.worst.note
    stated = view.requirements[earned.requirement]
    return "\n".join(told(row.worst, stated, again=view.again, among=cases(row)))


def _hidden(graded: Score, policy: Policy) -> list[dict[str, Any]]:
    hidden = [each for each in graded.earned if each.requirement in policy.hidden]
    if not hidden:
        return []
    points, worth = sum(each.points for each in hidden), sum(each.worth for each in hidden)
    together = {
        "name": "checks that are not shown",
        "score": points,
        "max_score": worth,
        "visibility": "after_published",
    }
    alone = [
        {
            "name": f"{each.requirement}: {each.points} of {each.worth}",
            "status": "passed" if each.points == each.worth else "failed",
            "score": 0,
            "max_score": 0,
            "visibility": "hidden",
        }
        for each in hidden
    ]
    return [together, *alone]
