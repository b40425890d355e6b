"""What GitHub Actions is given stays within its limits, and no word of a program is an order to it."""

import re

import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt
from markdown_it.token import Token

from sockspec.model import Again
from sockspec.report import as_github
from sockspec.report.view import OURS, ungraded
from sockspec.verdict import Verdict
from sockspec.visible import visible, visible_lines
from tests.grading import (
    HIDDEN,
    MARKS,
    REQUIREMENTS,
    SLUGS,
    SOUP,
    echo,
    not_graded,
    record,
    seen,
    soaked,
    standing,
    with_records,
)

MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})


def tokens(text: str) -> list[Token]:
    """All tokens of a text in Markdown, those inside of lines too."""
    return [inner for token in MARKDOWN.parse(text) for inner in (token, *(token.children or []))]


def long(number: int) -> list[str]:
    """Annotations of a submission that fails everything, each with words of its own."""
    records = [record(s, MARKS[REQUIREMENTS[s].level], f"{'long ' * number}{s}") for s in SLUGS]
    return as_github.annotations(seen(with_records("ada", records))).splitlines()


def test_a_summary_has_the_grade_a_table_and_the_stories() -> None:
    text = as_github.summary(seen(standing("ada", HIDDEN))).decode()
    assert text.startswith("## ada&#58; 97 of 100 points\n\n| verdict |".replace("&#58;", ":"))
    assert "hint: Put recv() in a loop" in text
    assert "table_open" in {token.type for token in tokens(text)}


def test_a_summary_of_one_that_is_not_graded_says_why() -> None:
    assert "not graded" in as_github.summary(seen(not_graded())).decode()


def test_a_summary_never_grows_beyond_what_a_step_may_have() -> None:
    records = [record(slug, Verdict.FAIL, f"{slug} {'x' * 30_000}") for slug in SLUGS]
    text = as_github.summary(seen(with_records("ada", records)))
    assert 900_000 < len(text) < as_github.LARGEST
    assert re.search(rb"\n\d+ more are not shown here", text)


def test_neither_does_one_with_a_very_long_name_or_reason() -> None:
    long = "\u202e" * 500_000
    assert len(as_github.summary(seen(standing(long)))) < as_github.LARGEST
    assert len(as_github.summary(seen(not_graded("ada", long)))) < as_github.LARGEST


def test_there_are_ten_errors_and_ten_warnings_at_most_the_worst_first() -> None:
    kinds = [line.split(" ")[0] for line in long(1)]
    assert kinds == ["::error"] * 10 + ["::warning"] * 10


def test_an_annotation_names_the_requirement_and_what_happened() -> None:
    line = as_github.annotations(seen(standing("ada", HIDDEN)))
    assert line.startswith(f"::error title=FAIL {HIDDEN} (MUST%2C step S5)::  The same bytes come back")
    assert "%0A  hint: Put recv() in a loop" in line


def test_an_annotation_is_short() -> None:
    assert max(map(len, long(10_000))) < 10_000


def test_one_that_is_not_graded_is_a_warning() -> None:
    said = as_github.annotations(seen(not_graded()))
    assert said == f"::warning title=echo%3A not graded::{OURS}\n"


@settings(deadline=None, max_examples=25)
@given(SOUP)
def test_no_words_change_what_a_summary_is_made_of(said: str) -> None:
    def shape(text: bytes) -> list[str]:
        return [token.type for token in tokens(text.decode()) if token.type not in ("text", "text_special")]

    def rendered(words: str) -> bytes:
        return as_github.summary(seen(soaked(words, f"x{words}x")))

    assert shape(rendered(f"a{said}")) == shape(rendered("ab"))
    assert not {"html_block", "html_inline", "image", "link_open"} & set(shape(rendered(said)))


@given(SOUP)
def test_words_in_a_line_of_markdown_stay_the_words_they_are(said: str) -> None:
    inline = MARKDOWN.parseInline(as_github.escape(f"a{said}b"))[0].children or []
    assert {token.type for token in inline} <= {"text", "text_special"}
    assert "".join(token.content for token in inline) == visible(f"a{said}b")


@given(SOUP)
def test_a_fence_holds_whatever_is_in_it(said: str) -> None:
    fences = MARKDOWN.parse(as_github.fenced(said))
    assert [token.type for token in fences] == ["fence"]
    assert fences[0].content.rstrip("\n") == visible_lines(said).rstrip("\n")


@settings(deadline=None, max_examples=25)
@given(SOUP)
def test_no_words_of_an_annotation_are_a_command(said: str) -> None:
    lines = as_github.annotations(seen(soaked(said))).split("\n")
    assert lines.pop() == ""
    assert all(re.fullmatch(r"::(error|warning) title=[^:,]*::.*", line) and line.isprintable() for line in lines)


def test_a_log_is_silenced_with_a_token_that_nobody_knows_before() -> None:
    stop, resume = as_github.silence()
    assert stop.removeprefix("::stop-commands::") == resume.strip(":")
    assert as_github.silence() != (stop, resume)


def test_several_submissions_share_the_room_of_one_step() -> None:
    records = [record(slug, Verdict.FAIL, f"{slug} {'x' * 30_000}") for slug in SLUGS]
    views = [seen(with_records(name, records)) for name in ("ada", "bob", "cy")]
    assert len(as_github.summary(*views)) < as_github.LARGEST
    assert as_github.annotations(*views).count("::error ") == as_github.ANNOTATIONS


@pytest.mark.parametrize(("strict", "closing"), [(False, "conforms"), (True, "does not conform")])
def test_a_check_that_nobody_grades_has_no_points_and_says_whether_it_conforms(strict: bool, closing: str) -> None:
    report = standing("ada", "echo.server.burst").report
    assert report is not None
    view = ungraded(report, REQUIREMENTS, strict=strict, again=Again("sockspec check x"))
    assert as_github.summary(view).decode().startswith(f"## ada: {closing}")
    assert as_github.annotations(view).startswith("::warning title=WARN echo.server.burst")


def test_a_class_has_its_table_in_the_summary() -> None:
    people = standing("ada", HIDDEN), standing("kim", roles={"server": "server.c"}), not_graded("d|o", "it fell\nover")
    text = as_github.of_class({one.submission: one for one in people}, echo()).decode()
    cells = [token.content for token in tokens(text) if token.type == "inline"]
    assert cells[:6] == ["echo: 3 submissions", "submission", "points", "MUST unmet", "SHOULD unmet", ""]
    assert MARKDOWN.render(text).count("<td>") == 15
    for line in ("| ada | 97&#47;100 | 1 | 0 |  |", "| kim | 56&#47;100 | 0 | 0 | no client |", "| it fell |"):
        assert line in text


def test_a_class_of_any_size_fits_a_summary() -> None:
    text = as_github.of_class(
        {f"{at} {'x' * 2000}": not_graded(f"{at} {'|' * 2000}", "y" * 2000) for at in range(99)}, echo()
    )
    assert 900_000 < len(text) < as_github.LARGEST
    assert re.search(rb"\n\d+ more are not shown here", text)


@settings(deadline=None, max_examples=25)
@given(SOUP)
def test_no_words_change_what_the_summary_of_a_class_is_made_of(said: str) -> None:
    text = as_github.of_class({"a": soaked(said, f"a{said}"), "b": not_graded(f"b{said}", f"c{said}")}, echo()).decode()
    html = MARKDOWN.render(text)
    assert (html.count("<td>"), html.count("<a"), html.count("<img")) == (10, 0, 0)


@pytest.mark.parametrize("said", ["a%0Ab", "a\nb", "a\r\nb"], ids=ascii)
def test_a_message_of_a_command_is_one_line(said: str) -> None:
    assert "\n" not in as_github.escape_message(said) and "%0Ab" in as_github.escape_message(said).replace(
        "%250A", "%0A"
    )
