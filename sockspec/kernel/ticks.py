"""A clock that epoll can wait for (timerfd_create(2)): it ticks while something else is waited for."""

import ctypes
import os
import time
from typing import BinaryIO

_libc = ctypes.CDLL(None, use_errno=True)


def ticking(every_s: float) -> BinaryIO:
    """A file that is readable once so much time has passed; 8 bytes are read from it for each time that it is."""
    fd = _libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    interval = divmod(round(every_s * 1_000_000_000), 1_000_000_000)
    _libc.timerfd_settime(fd, 0, (ctypes.c_long * 4)(*interval, *interval), None)
    return os.fdopen(fd, "rb", buffering=0)
