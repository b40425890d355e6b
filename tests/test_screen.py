"""What can be read on a terminal, whether lines were printed on it or it was drawn upon."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockspec.program import Output
from sockspec.screen import Screen
from sockspec.terminal import COLUMNS, ROWS

DRAWN = b"\x1b[2J\x1b[1;1Hone\x1b[2;1Htwo\x1b[50;1H> typed"
FRAMED = "┌─┐\r\n│ one │\r\n│ two │".encode()


def read(*pieces: bytes) -> list[str]:
    output = Output(1 << 20)
    screen = Screen(output)
    for piece in pieces:
        output.add(piece)
        screen.lines()
    return screen.lines()


@pytest.mark.parametrize(
    "printed",
    [b"one\r\ntwo\r\n", b"junk\r\x1b[Kone\r\n\r\ntwo", b"\x1b[1mone\x1b[0m  \r\ntwo"],
    ids=["plain", "over", "bold"],
)
def test_lines_are_read_from_the_top(printed: bytes) -> None:
    assert read(printed) == ["one", "two"]


def test_what_was_drawn_is_read_as_what_was_printed() -> None:
    assert read(b"old lines\r\n", DRAWN) == ["one", "two", "> typed"]


def test_frames_are_left_out() -> None:
    assert read(FRAMED)[1:] == ["one", "two"]


def test_letters_of_all_languages_are_read() -> None:
    assert read("ψυχή 你好 🌊 e\u0301\r\n".encode()) == ["ψυχή 你好 🌊 é"]


def test_a_letter_may_come_in_pieces() -> None:
    assert read(*(bytes([byte]) for byte in "né 🌊".encode())) == ["né 🌊"]


def test_lines_that_have_left_the_screen_are_not_read() -> None:
    assert read(b"".join(b"line %d\r\n" % number for number in range(ROWS + 10)))[-1] == f"line {ROWS + 9}"
    assert read(b"x" * (COLUMNS + 1)) == ["x" * COLUMNS, "x"]


@pytest.mark.parametrize("nonsense", [b"\x1b[?5;999999999Z", b"\x1b]0;title\x07", b"\x1b[>1;2;3m", b"\x9b999L"])
def test_a_sequence_that_is_not_understood_is_passed_over(nonsense: bytes) -> None:
    assert "after" in read(nonsense, b"\x1b[2J\x1b[Hafter")


@given(st.binary(max_size=200))
def test_a_program_may_write_anything(written: bytes) -> None:
    assert isinstance(read(written), list)
