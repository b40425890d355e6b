"""How far a run has come, on one live line, for a person who watches; nothing at all for a log or a pipe."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from sockspec.visible import visible

Show = Callable[[int, int, str], None]
"""`show(done, total, current)`: so many of so many are done, and this requirement is under way."""


@contextmanager
def progress(stream: TextIO) -> Iterator[Show]:
    """A function that keeps the line up to date while the block runs; the line is gone afterwards."""
    if not stream.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    # No thread of rich's own, and no hand on sys.stdout: results go there.
    console = Console(file=stream)
    with Live(
        console=console, transient=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
    ) as live:

        def show(done: int, total: int, current: str) -> None:
            line = Text(visible(f"{done}/{total}  {current}"), no_wrap=True, overflow="ellipsis")
            live.update(line, refresh=True)

        yield show
