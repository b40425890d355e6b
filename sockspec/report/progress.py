"""How far a run has come, on live lines for a person who watches; for a log or a pipe, what is worth a line of its own.

A check is one line that is gone afterwards. A class is a bar with its counts, and a line for each submission that ends.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from sockspec.report.terminal import escape
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


_ENDS = {"passed": "passed", "failed": "failed", "not graded": "not graded", "kept": "as before"}
"""How a submission may end. One that failed is graded, and does not meet all that it must."""


@contextmanager
def of_class(stream: TextIO) -> Iterator[Callable[[str, str, str], None]]:
    """A function that is told of every step of a class: the submission, what it does, and more about that."""
    if not stream.isatty():
        yield lambda name, what, detail: _line(stream, name, what, detail)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    console = Console(file=stream)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[counts]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, redirect_stdout=False, redirect_stderr=False, transient=True) as bar:
        task = bar.add_task("", total=0, counts="")
        running: set[str] = set()
        ended: Counter[str] = Counter()
        lock = threading.Lock()

        def see(name: str, what: str, detail: str) -> None:
            with lock:
                if what == "waits":
                    bar.update(task, total=(bar.tasks[0].total or 0) + 1)
                elif what == "runs":
                    running.add(name)
                else:
                    running.discard(name)
                    ended[what] += 1
                    bar.advance(task)
                counts = [f"{len(running)} running", *(f"{ended[end]} {_ENDS[end]}" for end in _ENDS if ended[end])]
                bar.update(task, counts=", ".join(counts), refresh=what in _ENDS)
                if what in _ENDS:
                    console.print(Text(_told(name, what, detail)), soft_wrap=True)

        yield see


def _line(stream: TextIO, name: str, what: str, detail: str) -> None:
    if what in _ENDS:
        print(_told(name, what, detail), file=stream, flush=True)


def _told(name: str, what: str, detail: str) -> str:
    return escape(f"{name}: {_ENDS[what]}{', ' if detail else ''}{detail}")
