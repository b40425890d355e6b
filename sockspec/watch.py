"""Waiting for a condition: serve every pipe and socket of a scenario, and look at the kernel when nothing comes.

A wait ends when its condition holds, or when it cannot come to hold any more: the programs are gone, have settled, or
(only here a clock decides) have used up the processor time or the patience that a scenario has. Patience is charged
only while every thread sleeps, so a busy machine does not use it up.
"""

import errno
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum

import msgspec

from sockspec.complaint import SuiteError
from sockspec.kernel import threads as proc
from sockspec.kernel.calls import UNREAD
from sockspec.kernel.look import Look, Rest, look
from sockspec.kernel.sockets import Diagnostics
from sockspec.program import Output, Program

CHUNK_BYTES = 1 << 18
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.001, 0.016
_BETWEEN_LIMIT_CHECKS_S = 0.02
_MACHINE_FAULT_S = 300.0
_TRICKLE_S, _STILL_TRICKLES_S, _A_GAP_S = 300.0, 1.0, 1.0
"""How long what a program says without a gap may keep a wait going: the first time, and once it is known for that."""
_INTO_A_SECOND_S = 0.2
_UNSEEN_REST_S = 0.2
_STILL_SPINS_S = 0.02
"""Processor time after which somebody who was seen to spin is believed to spin on."""


class Patience(msgspec.Struct, frozen=True):
    """What a program may use up of the clock before we give up on it, in seconds, for a whole scenario."""

    timer_s: float = 3.0
    """Sleeping on timers while we wait for it."""
    processor_s: float = 1.0
    """Processor time since a byte was last moved, in one wait."""

    @property
    def start_s(self) -> float:
        """The same until a program listens, connects or has found an error: a runtime starts before it does."""
        return 5 * self.processor_s


class Why(Enum):
    """Why a wait ended before its condition held."""

    GONE = "the programs are gone"
    SETTLED = "the programs wait for us"
    TIMER = "a program waits on a timer"
    SPINNING = "a program uses the processor and nothing comes of it"
    LIMIT = "a program went beyond a limit"


@dataclass(frozen=True)
class Standstill:
    """The end of a wait whose condition will not hold."""

    why: Why
    look: Look
    detail: str = ""
    """Which limit, or how much processor time; for the message."""


class Watch:
    """All that one scenario waits on: the programs' pipes and ends, and the sockets of our peers."""

    def __init__(self, diagnostics: Diagnostics, patience: Patience) -> None:
        self.diagnostics = diagnostics
        self.patience = patience
        self.programs: list[Program] = []
        self.connections: list[socket.socket] = []
        self.datagrams = False
        """Whether programs and peers talk in datagrams."""
        self.idle_at = time.monotonic()
        """When there was last nothing to serve; what is served now came after that."""
        self.spins = False
        """A program has used up its processor time once: nothing waits that long for its rest again."""
        self.trickles = False
        """A program is known to say something again and again, and nothing that was waited for."""
        self._starts = False
        """A program was started, and has done nothing yet that was waited for."""
        self.rested = Look(Rest.GONE, ())
        """What the last look saw that found the programs at rest."""
        self._poll = select.epoll()
        self._serve: dict[int, Callable[[int], None]] = {}
        self.slept_in_all_s = 0.0
        """Seconds that programs were seen to sleep through while we waited, whether they cost patience or not."""
        self._timer_spent_s = 0.0
        self._processor_base_s: float | None = None
        self._limits_checked = 0.0
        self._exceeded = ""

    # --- what is served

    def add(self, fd: int, events: int, serve: Callable[[int], None]) -> None:
        """Call `serve(events)` whenever epoll reports that file descriptor."""
        self._poll.register(fd, events)
        self._serve[fd] = serve

    def change(self, fd: int, events: int) -> None:
        self._poll.modify(fd, events)

    def serves(self, fd: int) -> bool:
        return fd in self._serve

    def remove(self, fd: int) -> None:
        if self._serve.pop(fd, None):
            self._poll.unregister(fd)

    def add_program(self, program: Program) -> None:
        """Collect its output, and notice its end."""
        self.programs.append(program)
        self._starts = True
        for stream, output in ((program.out, program.stdout), (program.err, program.stderr)):
            self.add(stream.fileno(), select.EPOLLIN, self._collector(stream.fileno(), output))

        def ended(_: int) -> None:
            self.remove(program.pidfd)
            program.note_exit()

        self.add(program.pidfd, select.EPOLLIN, ended)

    def _collector(self, fd: int, output: Output) -> Callable[[int], None]:
        def collect(_: int) -> None:
            try:
                data = os.read(fd, CHUNK_BYTES)
            except BlockingIOError:
                return
            except OSError:  # EIO: a terminal that no program has open any more
                data = b""
            output.add(data)
            if not data:
                self.remove(fd)

        return collect

    def forget_program(self, program: Program) -> None:
        """Stop watching one that has been ended on purpose; its last output is collected first."""
        self.drain()
        streams = [stream.fileno() for stream in (program.stdin, program.out, program.err) if not stream.closed]
        for fd in [*streams, program.pidfd]:
            self.remove(fd)
        self.programs.remove(program)

    def close(self) -> None:
        self._poll.close()

    # --- waiting

    def drain(self) -> None:
        """Serve what has already come."""
        self._deliver()
        while self._once(0.0):
            pass

    def _deliver(self) -> None:
        """Let what is in the terminals of programs cross them: it is seen afterwards, and whoever reads it wakes up."""
        for program in self.programs:
            if program.terminal is not None:
                program.terminal.deliver()

    def until(self, met: Callable[[], bool], *, rest: bool = False) -> Standstill | None:
        """Wait for the condition; None once it holds, else why it will not.

        Each wait for something that a program does has the whole of its processor time, and the first one after its
        start a multiple: what it sleeps until then costs no patience afterwards. Where only `rest` is waited for, so
        that it can be said that nothing comes, a program that was seen to spin is believed to spin on.
        """
        slept_s = self._timer_spent_s
        allowed_s = self.patience.start_s if self._starts else self.patience.processor_s
        standstill = self._until(met, _STILL_SPINS_S if rest and self.spins else allowed_s)
        if standstill is None and self._starts and not rest:
            self._starts = False
            self.forgive(slept_s, self.patience.timer_s)
        return standstill

    def _until(self, met: Callable[[], bool], allowed_s: float) -> Standstill | None:
        pause = _FIRST_PAUSE_S
        self._processor_base_s = None
        seen: Look | None = None
        since = started = quiet_since = time.monotonic()
        while not met():
            if self._once(pause):
                pause, seen, self._processor_base_s = _FIRST_PAUSE_S, None, None
                if (standstill := self._limit()) is not None:
                    return standstill
                now = time.monotonic()
                if now - quiet_since > _A_GAP_S:  # we may have been stopped as well, for minutes
                    started = now
                quiet_since = now
                if now - started > (_STILL_TRICKLES_S if self.trickles else _TRICKLE_S) and not met():
                    self.trickles = True
                    return Standstill(Why.TIMER, self.look())
                continue
            before, seen = seen, self.look()
            now = time.monotonic()  # before what came is served: nobody is charged for time in which we stood still
            if self._once(0.0):  # what came before the look was taken
                pause, seen = _FIRST_PAUSE_S, None
                continue
            if before is not None and before.rest is not Rest.RUNNING and seen.rest is not Rest.RUNNING:
                self._timer_spent_s += now - since
                self.slept_in_all_s += now - since
            since = now
            if met():  # a condition that the kernel shows, rather than an event
                return None
            if (standstill := self._judge(seen, allowed_s)) is not None:
                return self._limit(at_once=True) or standstill  # beyond a limit, it is not just at rest
            if (standstill := self._limit()) is not None:
                return standstill
            if now - quiet_since > _MACHINE_FAULT_S:
                raise SuiteError(f"no progress and no verdict in {_MACHINE_FAULT_S:.0f} s: a program {seen.rest.value}")
            # Short after something came: who prints every few milliseconds is seen to sleep in between.
            pause = min(max((now - quiet_since) / 8, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        return None

    def at_rest(self) -> Standstill | None:
        """Wait until the programs sleep and nothing is on its way; what they are then, or why they never do."""
        for _ in range(3):  # nearly always at once: a look is cheaper than a pause
            if self._rests():
                return None
            os.sched_yield()
        return self.until(self._rests, rest=True)

    def _rests(self) -> bool:
        seen = self.look()
        if not seen.asleep or self._once(0.0):
            return False
        self.rested = seen
        if len({thread.pid for thread in seen.threads}) > len(self.programs):
            for program in self.programs:
                program.get_to_know()
        return True

    def outwait(self) -> Standstill:
        """Wait until nothing more comes of its own accord; a timer is outwaited, and costs no patience afterwards."""
        standstill = self.until_or_rest(lambda: False)
        assert standstill is not None
        return standstill

    def until_or_rest(self, met: Callable[[], bool]) -> Standstill | None:
        """The same, where it may as well be that the condition never holds; who sleeps unseen rests soon."""
        spent = self._timer_spent_s

        def unseen() -> bool:
            slept = self._timer_spent_s - spent > _UNSEEN_REST_S
            return slept and any(thread.call == UNREAD for thread in self.look().threads)

        standstill = self.until(lambda: met() or unseen(), rest=True)
        if standstill is None and not met():
            standstill = Standstill(Why.TIMER, self.look())
        self._timer_spent_s = spent
        return standstill

    def let_a_second_begin(self) -> None:
        """Serve what comes until the clock shows another second, and is well into it."""
        begins = int(time.time()) + 1 + _INTO_A_SECOND_S
        while (left := begins - time.time()) > 0:
            self._once(left)

    @contextmanager
    def lenient(self, most_s: float) -> Iterator[None]:
        """Up to that many seconds of sleep on timers cost no patience, unless the block ends in a failure."""
        slept_s = self._timer_spent_s
        yield
        self.forgive(slept_s, most_s)

    def forgive(self, slept_s: float, most_s: float) -> float:
        """Up to that many seconds of sleep cost no patience, of those since `slept_s` was so much; what it is now."""
        self._timer_spent_s -= min(max(self._timer_spent_s - slept_s, 0.0), most_s)
        return self._timer_spent_s

    def grant(self, seconds: float) -> None:
        """The exercise itself makes a program wait that long: so much sleep on timers costs no patience."""
        self._timer_spent_s -= seconds

    @property
    def slept_s(self) -> float:
        """Of those the ones that cost patience, less what was granted."""
        return self._timer_spent_s

    def exceeded(self) -> str:
        """Which program went beyond which limit, now or before, in words; empty if none has."""
        self._limit(at_once=True)
        return self._exceeded

    def look(self) -> Look:
        """Look at all programs of the scenario at once."""
        self._deliver()
        pids = self.pids()
        several = len(self.programs) > 1
        seen = look(self.diagnostics, pids, self.connections, datagrams=self.datagrams, between=several)
        self._deliver()  # what was printed meanwhile
        # A process that forked itself away meanwhile was on no list, and runs; an end is one once its status is known.
        missed = not set(self.pids()) <= set(pids)
        unknown = seen.rest is Rest.GONE and any(program.exit is None for program in self.programs)
        return Look(Rest.RUNNING, seen.threads) if missed or unknown else seen

    def pids(self) -> list[int]:
        return [pid for program in self.programs for pid in program.pids()]

    def _once(self, timeout_s: float) -> bool:
        """Serve what epoll reports within that time; whether there was anything."""
        now = time.monotonic()  # before, not after: what comes then comes later
        events = self._poll.poll(timeout_s)
        if not events:
            self.idle_at = now
        for fd, event in events:
            serve = self._serve.get(fd)
            if serve is not None:
                serve(event)
        return bool(events)

    def _judge(self, seen: Look, allowed_s: float) -> Standstill | None:
        if seen.rest in (Rest.SETTLED, Rest.STOPPED):
            return Standstill(Why.SETTLED, seen)
        if seen.rest is Rest.GONE:
            return Standstill(Why.GONE, seen)
        if self._timer_spent_s > self.patience.timer_s:
            return Standstill(Why.TIMER, seen)
        used = proc.processor_s(self.pids()) + sum(program.spent_s for program in self.programs)
        if self._processor_base_s is None:
            self._processor_base_s = used
        if used - self._processor_base_s > allowed_s:
            if any(proc.exiting(pid) for pid in self.pids()):  # what it uses now is the kernel's
                return None
            self.spins = True
            return Standstill(Why.SPINNING, seen, f"{max(allowed_s, self.patience.processor_s):g} s")
        return None

    def _limit(self, *, at_once: bool = False) -> Standstill | None:
        now = time.monotonic()
        if now - self._limits_checked < _BETWEEN_LIMIT_CHECKS_S and not at_once:
            return None
        self._limits_checked = now
        for program in self.programs:
            if detail := program.beyond_limit():
                self._exceeded = f"{program.name} {detail}"
                return Standstill(Why.LIMIT, self.look(), self._exceeded)
        return None

    def writer(self, fd: int, data: bytes, then: Callable[[], None]) -> None:
        """Write all of it to a pipe as it takes it, then call `then`; a reader that is gone ends it early."""
        left = memoryview(data)

        def write(_: int) -> None:
            nonlocal left
            try:
                left = left[os.write(fd, left[:CHUNK_BYTES]) :]
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in (errno.EPIPE, errno.EIO):  # EIO: a terminal that no program has open any more
                    raise
                left = left[:0]
            if not left:
                self.remove(fd)
                then()

        if left:
            self.add(fd, select.EPOLLOUT, write)
            with suppress(BlockingIOError):
                write(0)
        else:
            then()


def chunks(data: bytes, size: int) -> Iterator[bytes]:
    """The data in pieces of at most that many bytes."""
    return (data[at : at + size] for at in range(0, len(data), size))
