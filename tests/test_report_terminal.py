"""The report on a terminal tells its story in a fixed order, and nothing a program wrote moves the cursor."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console

from sockspec.catalogue import Requirement
from sockspec.model import Again, Report
from sockspec.report import terminal
from sockspec.verdict import Diagnosis, Level, Outcome, Record, Verdict
from sockspec.visible import caret, quoted

GOLDEN = Path(__file__).parent / "golden" / "report-failure.txt"
SOUP = st.text(st.characters()) | st.sampled_from(["\x1b[2J", "\x9b0m", "a\nb", "\u202e", "::error::", "##[group]x"])

REQUIREMENTS = {
    entry.slug: entry
    for entry in [
        Requirement(
            "echo.server.listens-on-port",
            Level.MUST,
            "S3",
            "the server listens on the port it was given",
            "exercise 1, rule 1",
            "A client knows the address and the port, and nothing else.",
            "Which number does your program hand to bind()?",
        ),
        Requirement(
            "echo.server.in-pieces",
            Level.MUST,
            "S5",
            "the reply does not depend on how the request was split",
            "RFC 862; exercise 1, rule 2",
            "The network may cut a message anywhere, so one recv() is not one message.",
            "What is left to do when recv() has returned fewer bytes than were sent?",
        ),
        Requirement(
            "echo.server.closes",
            Level.SHOULD,
            "S5",
            "the server closes a connection that the client has ended",
            "exercise 1, rule 3",
            "An open connection costs a descriptor, and descriptors run out.",
            "What does your program do after recv() has reported end of stream (0 bytes)?",
        ),
        Requirement(
            "echo.server.next-client",
            Level.MUST,
            "S6",
            "a second client is answered after the first one has left",
            "exercise 1, rule 4",
            "A service is there for the next client as well.",
            "What does your loop do when recv() reports end of stream (0 bytes)?",
        ),
        Requirement(
            "echo.server.design",
            Level.MAY,
            "S6",
            "how several clients are served",
            "exercise 1",
            "There are several good ways.",
            "None is needed.",
        ),
        Requirement(
            "echo.server.ipv6",
            Level.MAY,
            "S2",
            "clients may come over IPv6",
            "exercise 1",
            "Some networks have nothing else.",
            "Which address family does socket() get?",
        ),
    ]
}
STUCK = Diagnosis(
    "your server is blocked in recv() on the first connection (fd 4, 127.0.0.1:43210),\n"
    "and 1 finished connection waits in the listen queue: nobody calls accept()",
    story=["second client: connected, sent 5 bytes, received nothing"],
    reference="answered the second client after the first one left",
)
CUT = Diagnosis(
    "your server answered once and closed the connection",
    story=['we sent "hello" in 5 pieces of 1 byte'],
    expected=f"{quoted(b'hello', 1)} (5 bytes)",
    received=f"{quoted(b'h', 1)} (1 byte), then the server closed the connection",
    marker=caret(b"h", 1) + " the first difference, at byte 1",
    last_words="one client served\nbye",
)


def record(slug: str, verdict: Verdict, case: str = "", why: Diagnosis | None = None, note: str = "") -> Record:
    level, step = REQUIREMENTS[slug].level, REQUIREMENTS[slug].step
    return Record(slug, level, step, case, verdict, Outcome.WRONG, 0.1, "", why, note)


LISTENS = record("echo.server.listens-on-port", Verdict.PASS)
IN_PIECES = [
    record("echo.server.in-pieces", Verdict.FAIL, "1-byte", CUT),
    record("echo.server.in-pieces", Verdict.FAIL, "3-bytes", CUT),
    record("echo.server.in-pieces", Verdict.PASS, "at-once"),
]
CLOSES = record("echo.server.closes", Verdict.WARN, why=STUCK)
NEXT = record("echo.server.next-client", Verdict.FAIL, why=STUCK)
DESIGN = record("echo.server.design", Verdict.NOTE, note="one client at a time")
UNRUN = [record("echo.server.ipv6", Verdict.NOT_RUN, case, note="this machine has no IPv6") for case in "ab"]


def report(*records: Record, submission: str = "ada") -> Report:
    return Report(
        version="1.0",
        exercise="echo",
        submission=submission,
        roles={"server": "server.c"},
        seed=17,
        isolation="none",
        seconds=1.25,
        records=[*records],
    )


def shown(*reports: Report, strict: bool = False, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding, write_through=True) as stream:
        console = Console(file=stream, width=40, color_system=None)
        terminal.render([*reports], console, REQUIREMENTS, strict=strict, again=lambda _: Again("sockspec check ."))
        return raw.getvalue().decode(encoding)


def test_a_failure_is_told_as_in_the_golden_file() -> None:
    """Renew it with `RENEW=1 pytest tests/test_report_terminal.py`, and read the difference."""
    failing = replace(report(DESIGN, NEXT, CLOSES, *IN_PIECES, LISTENS, *UNRUN), slip="it never calls accept() again")
    text = shown(replace(failing, warnings=["server.c:12:9: warning: unused variable 'n' [-Wunused-variable]"]))
    if os.environ.get("RENEW"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_one_that_conforms_says_so_and_no_more() -> None:
    text = shown(report(LISTENS, DESIGN))
    assert "  PASS  echo.server.listens-on-port  the server listens on the port it was given\n" in text
    assert "design of the server: one client at a time\n1 pass, 1 note  (1.2 s)\nconforms\n" in text
    assert "again:" not in text


def test_the_same_diagnosis_is_told_once() -> None:
    text = shown(report(NEXT, CLOSES))
    assert text.count("nobody calls accept()") == 1
    assert "\n  the same: echo.server.closes\n" in text


def test_failing_cases_are_named_up_to_six() -> None:
    text = shown(report(*(record("echo.server.in-pieces", Verdict.FAIL, f"{n}-bytes", CUT) for n in range(8))))
    assert "(8 of 8 cases: 0-bytes, 1-bytes, 2-bytes, 3-bytes, 4-bytes, 5-bytes, ...)\n" in text


def test_reasons_for_not_running_are_told_once() -> None:
    text = shown(report(LISTENS, *UNRUN))
    assert "  2 cases not run: this machine has no IPv6\n" in text
    assert text.endswith("conforms, as far as it was run: 1 requirement not run\n")


def test_a_fault_of_the_suite_is_not_held_against_the_program() -> None:
    text = shown(report(LISTENS, record("echo.server.closes", Verdict.ERROR, why=Diagnosis("the reference crashed"))))
    assert (
        "ERROR echo.server.closes  SHOULD  step S5: send and receive\n  a fault of the suite or of the machine" in text
    )
    assert "hint:" not in text
    assert text.splitlines()[-1].startswith("not judged: ")


def test_an_empty_run_is_not_judged() -> None:
    assert shown(report()).endswith("not judged: nothing was run\n")


@pytest.mark.parametrize(
    ("strict", "closing"), [(False, "conforms"), (True, "does not conform: 1 requirement not met")]
)
def test_a_warning_counts_only_where_it_is_asked_for(strict: bool, closing: str) -> None:
    assert shown(report(LISTENS, CLOSES), strict=strict).splitlines()[-1] == closing


THREE = [report(LISTENS, NEXT), report(LISTENS, submission="ben"), report(NEXT, submission="c\x1bc")]


def test_several_submissions_stand_side_by_side() -> None:
    assert [line.rstrip() for line in shown(*THREE).splitlines()[:3]] == [
        r"                             ada    ben    c\x1bc",
        "echo.server.listens-on-port  PASS   PASS",
        "echo.server.next-client      FAIL          FAIL",
    ]


def test_of_several_submissions_each_failing_one_is_told_under_its_name() -> None:
    text = shown(*THREE)
    assert "\necho  c\\x1bc  server: server.c  isolation: none  seed: 17\n\nFAIL  echo.server.next-client" in text
    assert "\necho  ben" not in text
    assert "\nben: conforms  (1 pass)\nc\\x1bc: does not conform" in text
    assert text.endswith("\n1 of 3 submissions conform\n")


def test_of_several_submissions_warnings_design_and_what_was_not_run_are_told_as_of_one() -> None:
    warned = replace(report(LISTENS, DESIGN, *UNRUN, submission="ben"), warnings=["server.c:1: warning: unused"])
    text = shown(report(LISTENS), warned)
    assert (
        "\necho  ben  server: server.c  isolation: none  seed: 17\n\nwarnings of the compiler\n  server.c:1: " in text
    )
    assert "\n  design of the server: one client at a time\n  2 cases not run: this machine has no IPv6\n2 of" in text


@settings(deadline=None)
@given(SOUP, st.sampled_from(Verdict), st.integers(1, 3), st.booleans())
def test_no_words_of_a_record_reach_the_terminal_raw(said: str, verdict: Verdict, number: int, strict: bool) -> None:
    why = Diagnosis(said, [said], said, said, said, said, said)
    soaked = Record(said, Level.MUST, said, said, verdict, Outcome.STUCK, 0.1, said, why, said)
    text = shown(
        *[replace(report(soaked, LISTENS), submission=said, warnings=[said], slip=said)] * number, strict=strict
    )
    assert text.replace("\n", "").isprintable()
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in text.split("\n"))


def test_a_terminal_that_knows_only_ascii_gets_only_ascii() -> None:
    assert "  server: caf\\xe9.c" in shown(replace(report(LISTENS), roles={"server": "café.c"}), encoding="ascii")


def test_rich_is_imported_only_when_a_report_is_printed() -> None:
    asks = "import sys, sockspec.report.terminal, sockspec.report.progress; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asks], check=False).returncode == 0
