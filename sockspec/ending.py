"""Whoever ends us, our programs end as well: other signals than Ctrl-C's do what it does."""

import signal


def as_by_ctrl_c() -> None:
    """From now on SIGTERM, and SIGHUP of a terminal that closes, raise KeyboardInterrupt; a nohup(1) stays."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
