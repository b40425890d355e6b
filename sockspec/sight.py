"""How much of a program we may see: all of it, or no more than that it sleeps.

Another user's calls and files are shown to whoever may trace him (CAP_SYS_PTRACE, which containers of others lack).
"""

import os
import socket
import subprocess

from sockspec import account
from sockspec.complaint import SuiteError
from sockspec.kernel import threads as proc
from sockspec.kernel.look import borrow
from sockspec.limits import Limits

_WAITS = ["sh", "-c", "echo; read line"]


def limited(user: int | None) -> bool:
    """Whether some of what programs of that user do is hidden from us, as one shows; SuiteError if all of it is."""
    command = _WAITS if user is None else account.under(user, Limits(), _WAITS)
    ours, theirs = socket.socketpair()
    with subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        theirs.close()
        with ours:  # which ends it
            assert program.stdout is not None
            if not program.stdout.read(1):
                raise SuiteError(f"no program can be started here as user {user or os.geteuid()}")
            if not _is_listed(program.pid):
                raise SuiteError("/proc hides what other users run (its mount option hidepid): no verdict is possible")
            return proc.untold(program.pid) or proc.hidden(program.pid) or not _lends(program.pid)


def _is_listed(pid: int) -> bool:
    try:
        return bool(proc.threads([pid]))
    except PermissionError:
        return False


def _lends(pid: int) -> bool:
    try:
        os.close(borrow(pid, 0))
    except OSError:
        return False
    return True
