"""A terminal for a program that talks to a person: a pseudo-terminal (pty(7)), of which we hold both ends.

What is written to one end reaches the other with the help of a kernel thread, so it may be on its way while everybody
sleeps. poll() on the other end waits for that (n_tty_poll() in drivers/tty/n_tty.c): afterwards it is there, and who
waits for it has been woken.
"""

import fcntl
import os
import select
import struct
import termios
from io import FileIO

ROWS, COLUMNS = 50, 200
"""Large, so that no usual line is broken."""


class Terminal:
    """A terminal that shows nothing of what is typed by itself: all there is to see comes from the program."""

    def __init__(self) -> None:
        ours, self.theirs = os.openpty()
        self.keys, self.glass = FileIO(os.dup(ours), "w"), FileIO(ours)
        """Our end twice: what is typed, and what is to be seen."""
        settings = termios.tcgetattr(self.theirs)
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(self.theirs, termios.TCSANOW, settings)
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def attach(self) -> None:
        """Make it the one that the calling process, which leads its session, is started from (tty_ioctl(2))."""
        fcntl.ioctl(self.theirs, termios.TIOCSCTTY, 0)

    def deliver(self) -> None:
        """Let what is on its way arrive, in both directions."""
        ends = select.poll()
        for end in (self.glass.fileno(), self.theirs):
            if end >= 0:
                ends.register(end, select.POLLIN)
        ends.poll(0)

    def let_go(self) -> None:
        """Close the program's end; ours reports the end of the output when nobody else has it open."""
        if self.theirs >= 0:
            os.close(self.theirs)
            self.theirs = -1

    def close(self) -> None:
        """Close both ends."""
        self.let_go()
        self.keys.close()
        self.glass.close()
