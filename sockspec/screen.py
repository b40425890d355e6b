"""What can be read on a program's terminal, whether it prints lines or draws with escape sequences.

The emulator is pyte's. What a program writes is data: a sequence that pyte stumbles over is passed over.
"""

import re
import unicodedata
from contextlib import suppress
from typing import Any

from sockspec.program import Output
from sockspec.terminal import COLUMNS, ROWS

_FRAMES = " |\u2502\u2503\u2551"
"""What a line may have at its ends for the look of it."""


class Screen:
    """The terminal of one program, as far as its output goes."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._seen = 0
        self._in_title = False
        self._stream: Any = None
        self._screen: Any = None

    def lines(self) -> list[str]:
        """The lines that can be read now, from the top, without frames and blank lines."""
        self._catch_up()
        rows = self._screen.buffer
        texts = ("".join(rows[row][column].data for column in range(COLUMNS)) for row in sorted(rows) if row < ROWS)
        plain = (unicodedata.normalize("NFC", text).strip(_FRAMES) for text in texts)
        return [text for text in plain if text]

    def _catch_up(self) -> None:
        if self._screen is None:
            import pyte  # takes 60 ms, which only those pay who look at a screen

            self._screen = pyte.Screen(COLUMNS, ROWS)
            self._stream = pyte.ByteStream(self._screen)
        fresh = bytes(self._output.head[self._seen :])
        self._seen += len(fresh)
        for piece in re.split(rb"(?=\x1b)", fresh):
            self._feed(piece)

    def _feed(self, piece: bytes) -> None:
        begins = piece.startswith(b"\x1b")
        # pyte reads a title to its end; for a terminal it ends with the next sequence as well.
        cut_off = self._in_title and begins and not piece.startswith(b"\x1b\\")
        self._in_title = (piece.startswith(b"\x1b]") or (self._in_title and not begins)) and b"\x07" not in piece
        with suppress(Exception):  # whatever it is, the next sequence begins anew
            self._stream.feed(b"\x07" + piece if cut_off else piece)
