"""Sentences about a grade that all formats share."""

from sockspec.report.story import counted
from sockspec.report.view import View


def grade(view: View) -> str:
    """`87 of 100 points`, or that there is no grade, and why; where nobody grades, what the verdicts come to."""
    if view.closing:
        return view.closing
    return f"not graded: {view.reason}" if view.points is None else f"{view.points} of {counted(view.worth, 'point')}"


def unseen(view: View) -> list[str]:
    """That there is more than is shown; no line where there is not."""
    return [f"and {counted(view.unseen, 'point')} for checks that are not shown"] if view.unseen else []


def missing(view: View) -> list[str]:
    """A line for each half that was not handed in."""
    return [f"{half}: not handed in ({counted(points, 'point')} not earned)" for half, points in view.missing.items()]
