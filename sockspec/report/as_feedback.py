"""The feedback for one student as plain text: the grade, what cost points, and the report as on a terminal."""

from collections.abc import Iterator

from sockspec.report import terminal
from sockspec.report.story import counted
from sockspec.report.view import View
from sockspec.report.words import details, grade, missing, ungraded, unseen


def render(view: View) -> bytes:
    """A text in UTF-8 that moves no cursor and gives no orders to a build service, whatever a program printed."""
    head = "".join(f"{terminal.escape(line)}\n" for line in _head(view))
    body = terminal.text(view.report, view.requirements, again=view.again) if view.report else ""
    return f"{head}{body and chr(10)}{body}".encode()


def _head(view: View) -> Iterator[str]:
    yield f"{view.submission}: {grade(view)}"
    yield from (f"  {line}" for line in details(view))
    yield from (*ungraded(view), *unseen(view), *missing(view))
    lost = [each for each in view.earned if each.points < each.worth and each.row]
    width = max((len(each.requirement) for each in lost), default=0)
    if lost:
        yield f"{counted(sum(each.worth for each in lost), 'point')} not earned:"
    for each in lost:
        yield f"  {each.requirement:{width}}  {each.worth}"
