"""Sentences about a grade that all formats share."""

from sockspec.report.story import counted
from sockspec.report.view import View


def grade(view: View) -> str:
    """`87 of 100 points`, or that there is no grade, and why; where nobody grades, what the verdicts come to."""
    if view.closing:
        return view.closing
    return f"not graded: {reason(view)}" if view.points is None else f"{view.points} of {counted(view.worth, 'point')}"


def reason(view: View) -> str:
    """Why there is no grade, on one line."""
    return view.reason.partition("\n")[0]


def details(view: View) -> list[str]:
    """What else is known of why there is no grade, line by line: what the machine complained of."""
    return view.reason.split("\n")[1:]


def ungraded(view: View) -> list[str]:
    """What it means that there is no grade; no line where there is one, or where nobody grades."""
    if not view.reason:
        return []
    return ["This does not mean zero: nothing is held against the program, which has to be run again to be graded."]


def unseen(view: View) -> list[str]:
    """That more counts than is shown; no line where nothing does, or where there is no grade."""
    if not view.unseen or view.points is None:
        return []
    more = f"{counted(view.unseen, 'more point')} can be earned in checks that are not shown"
    return [f"{more}; whether they were is not told here."]


def missing(view: View) -> list[str]:
    """A line for each half that was not handed in."""
    return [f"{half}: not handed in ({counted(points, 'point')} not earned)" for half, points in view.missing.items()]
