"""What a program wrote is readable and harmless, wherever it is shown."""

import ast
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockspec.visible import caret, clipped, last_words, quoted, visible, visible_lines

SOUP = st.text(st.characters())
"""Any text at all, lone surrogates among it."""

TRACEBACK = b"""\
ready
Traceback (most recent call last):
  File "/home/ada/echo/server.py", line 21, in <module>
    main()
  File "/home/ada/echo/server.py", line 12, in main
    listener.bind(("127.0.0.1", port))
    ~~~~~~~~~~~~~^^^^^^^^^^^^^^^^^^^^^
OSError: [Errno 98] Address already in use
"""


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("hello", "hello"),
        ("h\u00e9llo \u4f60\u597d", "h\u00e9llo \u4f60\u597d"),
        ("a\n\tb\r\0\x7f", r"a\n\tb\r\x00\x7f"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("abc\u202edcb", r"abc\u202edcb"),
        ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
        ("\ud800", r"\ud800"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\U000e0041", r"\U000e0041"),
        (b"caf\xc3\xa9 \xff\xfe", r"café \xff\xfe"),
    ],
    ids=ascii,
)
def test_what_cannot_be_seen_is_shown_as_an_escape(given_text: str | bytes, shown: str) -> None:
    assert visible(given_text) == shown


@settings(deadline=None)
@given(SOUP | st.binary())
def test_nothing_visible_belongs_to_a_harmful_category(soup: str | bytes) -> None:
    categories = {unicodedata.category(character) for character in visible(soup)}
    assert categories.isdisjoint({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@settings(deadline=None)
@given(SOUP)
def test_what_is_visible_already_does_not_change(soup: str) -> None:
    once = visible(soup)
    assert visible(once) == once


@settings(deadline=None)
@given(st.lists(SOUP.filter(lambda text: "\n" not in text), min_size=1))
def test_lines_stay_lines_where_text_has_lines(lines: list[str]) -> None:
    assert visible_lines("\n".join(lines)).split("\n") == [visible(line) for line in lines]


def test_a_backslash_is_doubled_only_where_the_text_is_exact() -> None:
    assert visible(r"C:\new") == r"C:\new"
    assert quoted(rb"C:\new") == r'"C:\\new"'


@settings(deadline=None)
@given(st.binary(max_size=48))
def test_a_quoted_literal_gives_back_its_bytes(data: bytes) -> None:
    assert ast.literal_eval("b" + quoted(data)) == data


@settings(deadline=None)
@given(st.binary(max_size=200), st.none() | st.integers(0, 250))
def test_a_quoted_literal_is_short_and_plain_ascii(data: bytes, around: int | None) -> None:
    literal = quoted(data, around)
    assert len(literal) <= 200
    assert literal.isascii()
    assert literal.isprintable()


def test_a_long_literal_is_clipped_around_the_difference() -> None:
    data = bytes(range(65, 91)) * 3
    assert quoted(data) == '"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUV"...'
    assert quoted(data, around=40) == '..."YZABCDEFGHIJKLMNOPQRSTUVWXYZABCD"...'
    assert quoted(data, around=78) == '..."KLMNOPQRSTUVWXYZ"'


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200), st.data())
def test_the_caret_stands_under_the_byte(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(data) - 1))
    under = quoted(data, at)[caret(data, at).index("^") :]
    assert under.startswith(quoted(data[at : at + 1])[1:-1])


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_the_caret_stands_under_the_closing_quote_where_data_ends_early(data: bytes) -> None:
    assert len(caret(data, len(data))) == len(quoted(data, len(data)))
    assert caret(data, len(data) + 99) == caret(data, len(data))


def test_last_words_are_the_last_three_lines() -> None:
    assert last_words(b"one\ntwo\n\nthree\r\nfour \x1b[2J\n\n") == "two\nthree\nfour \\x1b[2J"
    assert last_words(b" \n\n") == ""


def test_last_words_of_a_traceback_name_the_line_and_the_exception() -> None:
    assert last_words(TRACEBACK) == "server.py, line 12: OSError: [Errno 98] Address already in use"


def test_last_words_name_the_line_that_called_the_library() -> None:
    library = b'  File "/usr/lib/python3.13/socket.py", line 850, in create_connection\n    raise\nOSError'
    assert last_words(TRACEBACK.replace(b"OSError", library)).startswith("server.py, line 12: OSError: ")


def test_last_words_of_a_syntax_error_name_the_line() -> None:
    error = b"  File \"server.py\", line 3\n    while True\n              ^\nSyntaxError: expected ':'\n"
    assert last_words(error) == "server.py, line 3: SyntaxError: expected ':'"


def test_a_traceback_long_past_is_not_the_last_word() -> None:
    assert last_words(TRACEBACK + b"a\nb\nc\nd\n") == "b\nc\nd"


@settings(deadline=None)
@given(st.binary() | st.lists(st.sampled_from([TRACEBACK, b"x" * 400, b"\n", b"  ", b"\xff"])).map(b"".join))
def test_last_words_are_few_whatever_was_written(stderr: bytes) -> None:
    words = last_words(stderr)
    assert len(words) <= 300
    assert words.count("\n") <= 2
    assert visible_lines(words) == words


@given(st.text(max_size=50))
def test_a_text_is_clipped_to_its_beginning_and_its_end(text: str) -> None:
    shown = clipped(text, 20)
    assert shown == text if len(text) <= 20 else shown == f"{text[:10]} [...] {text[-10:]}"
