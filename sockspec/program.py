"""A program: one running process tree, its standard streams, its end.

We are the subreaper (prctl(2)): a daemon that forked itself away becomes our child, stays part of the tree, and ends
with it. Output is bounded: the head is kept, then the tail, and the rest is counted.
"""

import ctypes
import os
import resource
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sockspec import account
from sockspec.failure import Failure
from sockspec.kernel import threads as proc
from sockspec.kernel.ends import wait_status
from sockspec.limits import Limits, apply, inherited
from sockspec.terminal import Terminal
from sockspec.verdict import Diagnosis, Outcome
from sockspec.visible import visible

_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)
_roots: set[int] = set()
_MOST_TURNS = 64
_MOST_ON_A_TERMINAL = 2 << 20
_MOST_KNOWN = 100
_FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGSYS}
"""Signals that kill for what a program did itself; the others may be how it ends its own processes."""


def adopt_orphans() -> None:
    """Make this process the one that orphans of its programs fall to, and let Ctrl-C reach programs again.

    A shell's background job ignores SIGINT, and what is ignored stays ignored in a program we start.
    """
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Exit:
    """How a program ended."""

    status: int
    """The exit status, or minus the number of the signal that killed it."""

    @property
    def by_signal(self) -> bool:
        return self.status < 0

    def __str__(self) -> str:
        if self.by_signal:
            name = signal.Signals(-self.status).name if -self.status in set(signal.Signals) else "a signal"
            return f"was killed by {name} (signal {-self.status})"
        return f"ended with exit status {self.status}"


class Output:
    """What a program wrote to one of its streams: the first bytes up to a bound, then the last ones, all counted."""

    TAIL_BYTES = 4096

    def __init__(self, bound_bytes: int) -> None:
        self.head = bytearray()
        self.tail = b""
        self.count = 0
        self.bound_bytes = bound_bytes

    def add(self, data: bytes) -> None:
        room = self.bound_bytes - len(self.head)
        self.head += data[:room]
        self.tail = (self.tail + data)[-self.TAIL_BYTES :]
        self.count += len(data)

    @property
    def overflowed(self) -> bool:
        return self.count > self.bound_bytes


class Program:
    """One process tree, started in a session of its own."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
        limits: Limits,
        name: str,
        user: int | None = None,
        terminal: bool = False,
    ) -> None:
        self.name = name
        """What messages call it: `your server`, `the reference client`."""
        self.limits = limits
        self.user = user
        self.stdout = Output(min(limits.output_bytes, _MOST_ON_A_TERMINAL) if terminal else limits.output_bytes)
        self.stderr = Output(1 << 20)
        self.exit: Exit | None = None
        self.spent_s = 0.0
        """Processor time of those of its processes that have ended and that we waited for."""
        self._strangers = set(proc.children(os.getpid()))
        self._known: dict[int, int] = {}
        """Pidfds of further processes of it that were seen at rest."""
        self.terminal = Terminal() if terminal else None
        """What its standard input and output are, instead of pipes; its standard error is a pipe all the same."""
        console = self.terminal.theirs if self.terminal else subprocess.PIPE
        try:
            with inherited(limits):
                self._popen = subprocess.Popen(
                    command if user is None else account.under(user, limits, command),
                    stdin=console,
                    stdout=console,
                    stderr=subprocess.PIPE,
                    preexec_fn=self.terminal.attach if self.terminal else None,
                    bufsize=0,
                    cwd=directory,
                    env=environment,
                    start_new_session=True,
                )
        except OSError as error:
            summary = f"{name} cannot be run: {Path(command[0]).name}: {error.strerror}"
            if self.terminal:
                self.terminal.close()
            raise Failure(Outcome.NOT_STARTED, Diagnosis(summary=visible(summary))) from None
        self.pid = self._popen.pid
        _roots.add(self.pid)
        if user is None:
            with suppress(ProcessLookupError):  # it may have ended already
                apply(self.pid, limits)
        else:
            account.first_to_die(self.pid)
        self.pidfd = os.pidfd_open(self.pid)
        pipes = (self._popen.stdin, self._popen.stdout)
        stdin, out = (self.terminal.keys, self.terminal.glass) if self.terminal else pipes
        assert stdin and out and self._popen.stderr
        self.stdin, self.out, self.err = stdin, out, self._popen.stderr
        for stream in (self.stdin, self.out, self.err):
            os.set_blocking(stream.fileno(), False)

    def pids(self) -> list[int]:
        """Every process of the tree, orphans that fell to us included; zombies too, until somebody waits for them."""
        orphans: list[int] = []
        for _ in range(_MOST_TURNS):  # whoever ends leaves us its children, and they are not on the list yet
            again = False
            orphans.clear()
            for pid in proc.children(os.getpid()):
                if pid in self._strangers or pid in _roots:
                    continue
                if proc.ended(pid):
                    self._reap(pid)  # as init would
                    again = True
                else:
                    orphans.append(pid)
            if not again:
                break
        root = [] if self.exit else [self.pid]
        return proc.tree(root + orphans)

    def get_to_know(self) -> None:
        """Take note of its processes besides the first: how they end will be known."""
        for pid in self.pids():
            if pid != self.pid and pid not in self._known and len(self._known) < _MOST_KNOWN:
                with suppress(ProcessLookupError):
                    self._known[pid] = os.pidfd_open(pid)

    def fault(self) -> Exit | None:
        """How one of its known processes was killed by a signal for something that it did; None if none was."""
        for pidfd in self._known.values():
            status = wait_status(pidfd)
            if status is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) in _FAULTS:
                return Exit(os.waitstatus_to_exitcode(status))
        return None

    @property
    def alive(self) -> bool:
        """Whether it runs, or has put itself into the background and runs there."""
        return self.exit is None or (self.exit.status == 0 and any(not proc.ended(pid) for pid in self.pids()))

    def note_exit(self) -> None:
        """Take the exit status, once the pidfd says that there is one."""
        if self.exit is None:
            self.exit = Exit(os.waitstatus_to_exitcode(self._reap(self.pid)))
            self._popen.returncode = self.exit.status
            if self.terminal:
                self.terminal.let_go()

    def _reap(self, pid: int) -> int:
        """Wait for one that has ended: its wait status."""
        _, status, usage = os.wait4(pid, 0)
        self.spent_s += usage.ru_utime + usage.ru_stime
        return status

    def signal_each(self, number: signal.Signals) -> None:
        """Send a signal to all of it, and to what has left the foreground job as well (setsid)."""
        self.signal(number)
        for pid in self.pids():
            with suppress(ProcessLookupError):
                if os.getpgid(pid) != self.pid:
                    os.kill(pid, number)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all of it, as a terminal does to a foreground job."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def end(self) -> None:
        """Kill all of it and wait until the kernel shows that nothing is left."""
        killed = False
        while pids := self.pids():
            self.signal(signal.SIGKILL)  # all at once: who forks while we count is no longer where we looked
            if self.user is not None and (killed or len(pids) > 1):  # one alone goes with its group
                account.sweep(self.user)
            killed = True
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for pid in set(proc.children(os.getpid())).intersection(pids):
                if pid == self.pid:
                    self.note_exit()
                else:
                    self._reap(pid)

    def close(self) -> None:
        """End it and give back what we hold of it."""
        self.end()
        _roots.discard(self.pid)
        if self.user is not None:
            account.sweep(self.user)
            self.pids()  # takes in the orphans that were swept
        for stream in (self.stdin, self.out, self.err):
            stream.close()
        if self.terminal:
            self.terminal.close()
        for pidfd in (self.pidfd, *self._known.values()):
            os.close(pidfd)

    def beyond_limit(self) -> str:
        """Which limit it has gone beyond, in words; empty if none."""
        pids = self.pids()
        if len(pids) > self.limits.processes:
            return f"has {len(pids)} processes; {self.limits.processes} are allowed"
        if (resident := proc.resident_bytes(pids)) > self.limits.memory_bytes:
            return f"holds {resident >> 20} MiB of memory; {self.limits.memory_bytes >> 20} MiB are allowed"
        for output, name in ((self.stdout, "standard output"), (self.stderr, "standard error")):
            if output.overflowed:
                return f"wrote more than {output.bound_bytes >> 20} MiB to its {name}"
        too_long = self.spent_s >= self.limits.processor_s  # by SIGKILL, where SIGXCPU is ignored
        if self.exit and self.exit.by_signal and (too_long or -self.exit.status in (signal.SIGXCPU, signal.SIGXFSZ)):
            return str(self.exit)
        return ""


def raise_own_limit() -> None:
    """Raise our own soft limit of open files to the hard one: a hundred connections and a program's pipes fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard != -1 else 65536, hard))
