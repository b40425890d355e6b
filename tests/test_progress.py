"""Whoever waits for a class sees how it goes: live on a terminal, and a line a submission elsewhere."""

import io

import pytest

from sockspec.grade import _meets_all
from sockspec.policy import Score, score
from sockspec.program import Output
from sockspec.report.progress import of_class, progress
from sockspec.screen import Screen
from tests.grading import HIDDEN, echo, standing

NAMES = ["ada", "ben", "chen", "dora", "eve\x1b[2J"]
CLASS = [
    *((name, "waits", "") for name in NAMES),
    *((name, "runs", "") for name in NAMES[:4]),
    ("ada", "passed", "100 of 100 points"), ("ben", "failed", "46 of 100 points"),
    ("chen", "not graded", "the disk was full"), ("eve\x1b[2J", "kept", ""),
]  # fmt: skip
LINES = [
    "ada: passed, 100 of 100 points", "ben: failed, 46 of 100 points", "chen: not graded, the disk was full",
    r"eve\x1b[2J: as before",
]  # fmt: skip


class Terminal(io.StringIO):
    """A terminal to write to, and what can be read on it."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        output = Output(1 << 20)
        output.add(self.getvalue().replace("\n", "\r\n").encode())
        return Screen(output).lines()


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TERM": "xterm", "COLUMNS": "100"}.items():
        monkeypatch.setenv(name, value)


def test_a_terminal_shows_who_has_ended_and_below_that_how_far_the_class_is() -> None:
    terminal = Terminal()
    with of_class(terminal) as see:
        for step in CLASS:
            see(*step)
        *lines, bar = terminal.lines()
    assert lines == LINES
    assert "4/5 1 running, 1 passed, 1 failed, 1 not graded, 1 as before" in bar
    assert terminal.lines() == LINES


def test_elsewhere_there_is_a_line_for_each_that_has_ended() -> None:
    log = io.StringIO()
    with of_class(log) as see:
        for step in CLASS:
            see(*step)
    assert log.getvalue().splitlines() == LINES


def test_a_check_is_one_line_that_is_gone_afterwards() -> None:
    terminal, log = Terminal(), io.StringIO()
    with progress(terminal) as show, progress(log) as show_nothing:
        show(3, 55, "echo.server.\x1b[2Jsizes")
        show_nothing(3, 55, "echo.server.sizes")
        assert terminal.lines() == [r"3/55  echo.server.\x1b[2Jsizes"]
    assert (terminal.lines(), log.getvalue()) == ([], "")


@pytest.mark.parametrize(
    ("unmet", "halves", "meets"),
    [((), ("client", "server"), True), (("echo.server.burst",), ("client", "server"), True),
     ((HIDDEN,), ("client", "server"), False), ((), ("server",), False)],
    ids=["all", "but-a-should", "but-a-must", "no-client"],
)  # fmt: skip
def test_whoever_does_not_meet_a_must_has_failed(unmet: tuple[str, ...], halves: tuple[str, ...], meets: bool) -> None:
    graded = score(echo(), standing("ada", *unmet, roles=dict.fromkeys(halves, "x")))  # type: ignore[arg-type]
    assert isinstance(graded, Score)
    assert _meets_all(graded) is meets
