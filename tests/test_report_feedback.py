"""A student's feedback reads as on a terminal, begins with the grade, and moves no cursor."""

import os
from pathlib import Path

from hypothesis import given, settings
from msgspec.structs import replace

from sockspec.report import as_feedback
from sockspec.report.view import OURS
from sockspec.verdict import Diagnosis, Verdict
from sockspec.visible import caret, quoted
from tests.grading import SLUGS, SOUP, not_graded, record, seen, soaked, standing, with_records

GOLDEN = Path(__file__).parent / "golden" / "feedback.txt"
CUT = Diagnosis(
    "your server answered once and closed the connection",
    ['we sent "hello" in 5 pieces of 1 byte'],
    f"{quoted(b'hello', 1)} (5 bytes)",
    f"{quoted(b'h', 1)} (1 byte), then the server closed the connection",
    caret(b"h", 1) + " the first difference, at byte 1",
)


def test_a_feedback_is_as_in_the_golden_file() -> None:
    """Renew it with `RENEW=1 pytest tests/test_report_feedback.py`, and read the difference."""
    cut = replace(record("echo.server.in-pieces", Verdict.FAIL), diagnosis=CUT)
    silent = record("echo.server.burst", Verdict.WARN, "5 clients came at once, 2 were served")
    server = [
        record(slug) for slug in SLUGS if ".server." in slug and slug not in (cut.requirement, silent.requirement)
    ]
    text = as_feedback.render(seen(with_records("ada", [*server, cut, silent], roles={"server": "server.c"}))).decode()
    if os.environ.get("RENEW"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_full_marks_need_no_list() -> None:
    assert as_feedback.render(seen(standing())).startswith(b"ada: 100 of 100 points\n\necho  client: ")


def test_one_that_was_not_run_is_told_so_what_that_means_and_nothing_else() -> None:
    assert as_feedback.render(seen(not_graded("dora", "the disk was full\nat 12:00"))).decode().splitlines() == [
        f"dora: not graded: {OURS}",
        "This does not mean zero: nothing is held against the program, which has to be run again to be graded.",
    ]


@settings(deadline=None)
@given(SOUP)
def test_no_words_move_a_cursor_or_order_a_build_service(said: str) -> None:
    text = as_feedback.render(seen(soaked(said, said))).decode()
    assert text.replace("\n", "").isprintable()
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in text.split("\n"))
