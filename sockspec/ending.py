"""Whoever ends us, our programs end as well: other signals than Ctrl-C's do what it does.

Python loses an exception that is raised in a callback, of an import for example or of a weak reference. So who waits
asks `heed()` from time to time, which raises it again.
"""

import signal
from types import FrameType

_asked = False


def as_by_ctrl_c() -> None:
    """From now on SIGINT, SIGTERM, and SIGHUP of a terminal that closes, raise KeyboardInterrupt; a nohup(1) stays."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    global _asked
    _asked = True
    signal.default_int_handler(number, frame)


def heed() -> None:
    """Raise KeyboardInterrupt if we have been asked to end."""
    if _asked:
        raise KeyboardInterrupt
