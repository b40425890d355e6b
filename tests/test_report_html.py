"""The pages say what there is to say, and whatever a program wrote, they run nothing and fetch nothing."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from sockspec.journal import Standing, Started
from sockspec.policy import Policy
from sockspec.report import as_overview, as_page, html
from sockspec.report.view import OURS
from sockspec.verdict import Outcome, Verdict
from sockspec.visible import visible_lines
from tests.browser import needs_chromium, opened
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
    with_policy,
    with_records,
)

WINDOW = 500
"""Pixels; no window of Chromium is narrower."""

FALLEN = not_graded("dora", 'the disk was full\nTraceback:\n  File "a"\n    ^^^')
ALONE = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


RUN = Started(
    version="1.0", exercise="echo", seed=7, suite="sockspec:f00", image="sha256:0123456789abcdef",
    tools={"kernel": "6.1"}, isolation="container", at="2026-03-02T21:04:05+00:00",
)  # fmt: skip


class Parsed(HTMLParser):
    """The elements of a page with the names of their attributes, and all of its text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, ...]] = []
        self.values: list[str] = []
        self.feed(page.decode())
        self.close()
        self.text = "".join(self.values)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, *(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.values.append(data)


def student(standing: Standing) -> bytes:
    return as_page.render(seen(standing))


def overview(*standings: Standing, policy: Policy | None = None) -> bytes:
    named = {one.submission: one for one in standings}
    return b"".join(as_overview.render(named, policy or echo(), {name: f"page-{n}" for n, name in enumerate(named)}))


def words(page: bytes) -> str:
    """The text of a page, each run of blanks one blank."""
    return re.sub(r"\s+", " ", " ".join(Parsed(page).values))


@pytest.mark.parametrize("page", [student(standing()), overview(standing())], ids=["student", "overview"])
def test_a_page_allows_itself_styles_and_nothing_else(page: bytes) -> None:
    assert f'<meta http-equiv="Content-Security-Policy" content="{ALONE}">'.replace("'", "&#39;").encode() in page
    assert not {"script", "iframe", "object", "embed", "form", "link", "base", "img"} & {
        e[0] for e in Parsed(page).elements
    }


@pytest.mark.parametrize("page", [student(standing()), overview(standing())], ids=["student", "overview"])
def test_a_page_names_nothing_outside_of_itself(page: bytes) -> None:
    assert not re.search(rb"https?:|//|@import|url\(", page)


def test_a_students_page_has_the_failures_first_and_then_each_step() -> None:
    text = words(student(standing("ada", HIDDEN)))
    parts = [
        "97 of 100 points",
        "What is not met",
        HIDDEN,
        "Hint.",
        "Step by step",
        "C2 look up the name",
        "S6 go back",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_the_parts_of_a_diagnosis_keep_their_order() -> None:
    text = words(student(standing("ada", HIDDEN, said="SAID")))
    told = text[text.index("What is not met") : text.index("Step by step")]
    assert re.search("are cut on their way. SAID SAID we expected SAID we received SAID SAID SAID reference SAID", told)
    assert re.search("last words SAID because TCP carries .* Hint. Put recv.* run it again sockspec check", told)


def test_each_requirement_has_its_points() -> None:
    text = words(student(standing("ada", HIDDEN)))
    assert f"{HIDDEN} 0/3" in text and "echo.server.burst 1/1" in text


def test_a_page_of_one_that_is_not_graded_shows_no_number() -> None:
    text = words(as_page.render(seen(not_graded("dora", "the disk was full"), with_policy((HIDDEN,)))))
    assert f"Not graded. {OURS} This does not mean zero: nothing is held against the program" in text
    assert "points" not in text[text.index("dora", 10) :]


def test_whoever_grades_is_told_a_reason_of_many_lines_in_lines_of_its_own() -> None:
    assert b"the disk was full" in overview(FALLEN)
    assert b"<pre>Traceback:\n  File &#34;a&#34;\n    ^^^</pre>" in overview(FALLEN)


def test_a_student_is_told_of_a_fault_of_ours_without_its_details() -> None:
    assert b"Traceback" not in as_page.render(seen(FALLEN))


def test_the_words_of_a_compiler_keep_their_columns() -> None:
    page = student(standing("ada", HIDDEN, said="    1 | return 1 }\n      |         ^~"))
    assert b"<dt>last words</dt><dd><pre>    1 | return 1 }\n      |         ^~</pre></dd>" in page


@needs_chromium
@pytest.mark.parametrize("kind", ["student", "overview"])
def test_a_page_is_no_wider_than_a_small_window_whatever_stands_on_it(tmp_path: Path, kind: str) -> None:
    long = [standing("n" * 200, HIDDEN, said="y" * 900), not_graded("dora", f"{'r' * 900}\n{'t' * 900}")]
    pages = [overview(*long)] if kind == "overview" else map(student, long)
    for page in pages:
        assert width(page, tmp_path) <= WINDOW


def width(page: bytes, directory: Path) -> int:
    """How many pixels wide the page is in a window of WINDOW; it runs no script until it is allowed one."""
    measured = b"<script>document.title = document.documentElement.scrollWidth</script></body>"
    allowed = page.replace(html.POLICY.replace("'", "&#39;").encode(), b"").replace(b"</body>", measured)
    (directory / "page.html").write_bytes(allowed)
    document = opened(directory / "page.html", f"--window-size={WINDOW},800")
    return int(document.partition("<title>")[2].partition("<")[0])


def test_what_was_not_built_is_told_once() -> None:
    unbuilt = [record(slug, Verdict.FAIL, "your server was not built", Outcome.NOT_BUILT) for slug in SLUGS]
    page = student(with_records("ada", unbuilt))
    assert page.count(b"<article") == 1
    assert "Hint." not in words(page)


def test_the_overview_counts_and_names_who_is_not_graded() -> None:
    text = words(overview(standing("ada", HIDDEN), standing("ben"), not_graded("dora", "the disk was full")))
    for part in ("3 submissions", "2 graded", "1 not graded", "98.5 median, of 100", "dora the disk was full"):
        assert part in text


def test_the_overview_shows_who_fails_what() -> None:
    page = overview(standing("ada", HIDDEN), standing("ben", HIDDEN, "echo.server.burst"), standing("chen"))
    assert page.count(b'class="v fail') == 2
    assert page.count(b'class="v warn') == 1
    assert "2 of 3" in words(page)


def test_a_may_is_not_among_what_is_not_met() -> None:
    unbuilt = [record(slug, MARKS[REQUIREMENTS[slug].level], "x", Outcome.NOT_BUILT) for slug in SLUGS]
    text = words(overview(with_records("ada", unbuilt)))
    assert "MUST 3 1 of 1" in text and "MAY" not in text


def test_the_overview_tells_a_missing_half_from_a_missing_verdict() -> None:
    half = overview(standing("kim", roles={"server": "server.c"}))
    assert half.count(b">/</td>") == len([slug for slug in SLUGS if ".server." not in slug])
    assert overview(not_graded()).count(b">-</td>") == 1 + len(SLUGS)  # the points are a dash, too


def test_the_overview_says_when_and_how_it_was_graded() -> None:
    ada, ben = standing("ada"), standing("ben")
    later = replace(RUN, at="2026-03-05T07:00:00+00:00")
    text = words(overview(replace(ada, run=RUN), replace(ben, run=later), policy=with_policy((HIDDEN,))))
    for fact in (
        "exercise: echo", "policy: 100 points, feedback in full, 1 check hidden from students", "suite: sockspec:f00",
        "graded: 2026-03-02 21:04 UTC to 2026-03-05 07:00 UTC", "image: sha256:0123456789ab", "kernel: 6.1",
    ):  # fmt: skip
        assert fact in text[text.index("exercise: echo") :].strip().split(" · ")


def test_the_overview_says_what_is_hidden_from_students() -> None:
    assert "hidden from students" in words(overview(standing("ada", HIDDEN), policy=with_policy((HIDDEN,))))
    assert "hidden from students" not in words(overview(standing("ada", HIDDEN)))


def test_an_overview_of_nobody_is_a_page_too() -> None:
    assert "0 submissions" in words(overview())


@pytest.mark.parametrize("total", [1, 7, 10, 100])
def test_the_bars_count_everyone_once(total: int) -> None:
    bars = as_overview._bars(list(range(total + 1)), total)
    assert sum(bar["number"] for bar in bars) == total + 1
    assert bars[-1]["label"].endswith(str(total))


@settings(deadline=None, max_examples=25)
@given(SOUP)
def test_no_words_change_what_a_page_is_made_of(said: str) -> None:
    page, plain = Parsed(student(soaked(f"a{said}", f"a{said}"))), Parsed(student(soaked("ab", "ab")))
    assert page.elements == plain.elements
    assert visible_lines(f"a{said}") in page.text
    assert page.text.replace("\n", "").isprintable()


@settings(deadline=None, max_examples=25)
@given(SOUP)
def test_no_words_change_what_an_overview_is_made_of(said: str) -> None:
    page = Parsed(overview(soaked(f"a{said}", f"a{said}"), not_graded(f"b{said}", f"a\na{said}")))
    assert page.elements == Parsed(overview(soaked("ab", "ab"), not_graded("bb", "a\nb"))).elements
    assert page.text.replace("\n", "").isprintable()


@contextmanager
def listener() -> Iterator[tuple[socket.socket, str]]:
    """A server on loopback that waits to be asked for something, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening, f"http://127.0.0.1:{listening.getsockname()[1]}/"


def asked(listening: socket.socket) -> bool:
    """Somebody has connected."""
    try:
        listening.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def attack(address: str) -> str:
    """What would change the title, or ask that address for something, in each place where words stand."""
    script = f"document.title='owned';fetch('{address}')"
    return (
        f"</title></style></pre>\"'><script>{script}</script><img src={address}i onerror={script}>"
        f"<link rel=stylesheet href={address}c><style>@import '{address}s';</style><svg onload={script}>"
        # For these two Chromium opens a connection before it asks the page's rule, and then sends nothing.
        f"<iframe src={address}f></iframe><meta http-equiv=refresh content='0;url={address}m'>"
    )


@needs_chromium
@pytest.mark.parametrize("kind", ["student", "overview"])
def test_a_browser_runs_nothing_and_fetches_nothing_from_a_hostile_page(tmp_path: Path, kind: str) -> None:
    with listener() as (listening, address):
        hostile = soaked(attack(address), attack(address))
        (tmp_path / "page.html").write_bytes(student(hostile) if kind == "student" else overview(hostile))
        document = opened(tmp_path / "page.html")
        assert not asked(listening)
    assert "<title>owned" not in document and "<script" not in document


@needs_chromium
def test_the_rule_of_the_page_holds_even_if_an_escape_should_fail(tmp_path: Path) -> None:
    with listener() as (listening, address):
        page = student(standing("NAME")).replace(b"NAME", attack(address).split("<iframe")[0].encode())
        (tmp_path / "page.html").write_bytes(page)
        document = opened(tmp_path / "page.html")
        assert not asked(listening)
    assert "<title>owned" not in document and "<script>document.title" in document


@needs_chromium
def test_without_the_rule_the_same_attack_would_have_been_seen(tmp_path: Path) -> None:
    with listener() as (listening, address):
        page = student(standing("NAME")).replace(b"NAME", attack(address).split("<iframe")[0].encode())
        (tmp_path / "page.html").write_bytes(page.replace(html.POLICY.replace("'", "&#39;").encode(), b""))
        document = opened(tmp_path / "page.html", "--timeout=2000")
        assert asked(listening)
    assert "<title>owned" in document
