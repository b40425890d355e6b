"""What a program wrote, made readable and harmless: nothing here can move a cursor, hide a word or reverse a line."""

import re
from pathlib import PurePosixPath

CONTEXT = 16
"""Bytes shown on either side of a difference."""

OPENING = 48
"""Bytes shown of data that has no difference to stand around."""

_LITERAL = {byte: chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in range(256)}
_LITERAL |= {ord("\n"): r"\n", ord("\r"): r"\r", ord("\t"): r"\t", ord('"'): r"\"", ord("\\"): r"\\"}

_FRAME = re.compile(r'\s+File "(?P<file>.+)", line (?P<line>\d+)')


def visible(text: str | bytes) -> str:
    r"""The text on one line, with an escape for every character that is not plainly seen.

    Shown as `\n`, `\x1b`, `\u202e`: control, bidirectional and zero-width characters, lone surrogates, line and
    paragraph separators, blanks other than the space, unassigned and private code points; and bytes that are not UTF-8.
    A backslash stays as it is: so a program's text may look like an escape (`quoted` is exact), and what is visible
    already does not change, which lets every sink apply this once more.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def visible_lines(text: str | bytes) -> str:
    """As `visible`, but line feeds stay: for text that has lines of its own."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    return "\n".join(map(visible, text.split("\n")))


def clipped(text: str, most: int) -> str:
    """The text, or its beginning and its end where it has more characters than that."""
    half = most // 2
    return text if len(text) <= most else f"{text[:half]} [...] {text[-half:]}"


def _window(data: bytes, around: int | None) -> tuple[int, int]:
    if around is None:
        return 0, OPENING
    around = min(around, len(data))
    return max(0, around - CONTEXT), around + CONTEXT


def _opening(start: int) -> str:
    return '..."' if start else '"'


def _literal(data: bytes) -> str:
    return "".join(map(_LITERAL.__getitem__, data))


def quoted(data: bytes, around: int | None = None) -> str:
    r"""The bytes as a literal that reads the same in most languages, `"hello\n\x00"`, at most 200 characters long.

    Clipped to the bytes beside the offset `around`, or to the first ones; `...` outside the quotes stands for the rest.
    """
    start, end = _window(data, around)
    return _opening(start) + _literal(data[start:end]) + ('"...' if end < len(data) else '"')


def caret(data: bytes, at: int) -> str:
    """The blanks and the `^` that stand under byte `at` of `quoted(data, at)`; at the end, under the closing quote."""
    start, _ = _window(data, at)
    return " " * len(_opening(start) + _literal(data[start:at])) + "^"


def _exception(lines: list[str]) -> str:
    """`server.py, line 12: ValueError: ...` if the lines end in a Python traceback, else nothing."""
    frames = [(number, match) for number, line in enumerate(lines) if (match := _FRAME.match(line))]
    if not frames:
        return ""
    ending = [line for line in lines[frames[-1][0] :] if not line.startswith(" ")]
    if not 1 <= len(ending) <= 3:
        return ""
    # The last frame is often inside the standard library; the line to look at is the caller's.
    own = [match for _, match in frames if "/lib/python" not in match["file"]] or [frames[-1][1]]
    return f"{PurePosixPath(own[-1]['file']).name}, line {own[-1]['line']}: {ending[0]}"


def last_words(data: bytes) -> str:
    """The end of what a program wrote to its standard error: at most 3 lines and 300 characters, visible.

    Of a Python traceback, the exception and the file and line of the last frame that is not the standard library's.
    """
    lines = [visible(line.rstrip()) for line in data.split(b"\n") if line.strip()]
    if exception := _exception(lines):
        return exception if len(exception) <= 300 else exception[:297] + "..."
    words = "\n".join(lines[-3:])
    return words if len(words) <= 300 else "..." + words[-297:]
