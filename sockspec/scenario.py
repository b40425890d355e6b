"""A scenario: programs, our peers and what is expected of them, from the first process to the last socket.

A test of a suite is a scenario; it acts through a `Server` or a `Client`. Here is what both stand on: starting
programs, our sockets, and the failure with all the evidence there is. When a scenario is over nothing of it is left: no
process, no connection, no file.
"""

import fcntl
import random
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NoReturn

import msgspec

from sockspec import diagnosis
from sockspec.catalogue import Exercise
from sockspec.complaint import SuiteError
from sockspec.datagram_peer import DatagramPeer
from sockspec.environment import environment
from sockspec.failure import Failure
from sockspec.isolation import Isolation
from sockspec.kernel import threads as proc
from sockspec.kernel.datagrams import bound
from sockspec.kernel.sockets import Address, Diagnostics
from sockspec.limits import Limits
from sockspec.oracle import Script
from sockspec.peer import Peer, common_prefix, count
from sockspec.program import Program
from sockspec.site import Site
from sockspec.submission import Cast
from sockspec.verdict import Diagnosis, Outcome, Role
from sockspec.visible import caret, last_words, quoted
from sockspec.watch import Patience, Standstill, Watch

LOOPBACK = "127.0.0.1"
_PORTS_A_WORKER, _FIRST_PORT, _PORTS_END = 600, 20_000, 32_768  # below the ephemeral range (ip(7))
_BLOCK_BYTES = 4093  # prime: no usual buffer size divides it, so a lost or doubled buffer shows
_ETHERNET_SEGMENT_BYTES, _ETHERNET_BUFFER_BYTES = 1448, 1 << 15
_STORY_LINES = 6


ORDINALS = ("first", "second", "third", "fourth", "fifth")


class Settings(msgspec.Struct, frozen=True):
    """What holds for every scenario of a run."""

    isolation: Isolation
    seed: int = 1
    patience: Patience = Patience()
    limits: Limits = Limits()
    worker: int = 0
    fresh: bool = True
    """Nobody before us has used the ports of our network."""


class Ports:
    """Ports for the servers of one worker: each scenario gets one that no scenario before it has used for long.

    A worker claims a range of ports with an abstract socket, which all in this network see (unix(7)). A port that a
    program insists on is one worker's at a time: all have one file below `scratch`, to lock (flock(2)).
    """

    def __init__(self, worker: int, diagnostics: Diagnostics, scratch: Path, *, alone: bool) -> None:
        self._range, self._claim = self._claimed(worker)
        self._next = 0
        self._diagnostics = diagnostics
        self._scratch = scratch
        self._alone = alone
        self._lock: IO[bytes] | None = None

    @staticmethod
    def _claimed(worker: int) -> tuple[range, socket.socket]:
        """The worker's range, or the next one that nobody has claimed: another run may be there, on this machine."""
        number = (_PORTS_END - _FIRST_PORT) // _PORTS_A_WORKER
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        for turn in range(number):
            start = _FIRST_PORT + (worker + turn) % number * _PORTS_A_WORKER
            with suppress(OSError):
                claim.bind(f"\0sockspec-ports-{start}")
                return range(start, start + _PORTS_A_WORKER), claim
        claim.close()
        raise SuiteError(f"no ports are left: there are {number} ranges of {_PORTS_A_WORKER}, one for each worker")

    def close(self) -> None:
        """Give the range back."""
        self._claim.close()

    def next(self) -> int:
        """A port that nobody uses; in a network of our own that needs no looking before the range begins again."""
        for _ in self._range:
            port = self._range[self._next % len(self._range)]
            self._next += 1
            if port & 255 == port >> 8:
                continue  # without htons() it would be the same port
            if (self._alone and self._next <= len(self._range)) or not (self._diagnostics.on_port(port) or bound(port)):
                return port
        raise SuiteError(f"every port from {self._range[0]} to {self._range[-1]} is in use")

    def take(self, fixed: int | None) -> int:
        """The port that a program insists on, or else the next one."""
        return self.hold(fixed) if fixed else self.next()

    def hold(self, port: int) -> int:
        """Just that port, until the scenario is over; a worker that holds it, or another one, is waited for."""
        if self._lock is None:
            self._lock = (self._scratch / "ports").open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        return port

    def release(self) -> None:
        """The scenario is over."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


class Scenario:
    """One scenario being played by one cast."""

    def __init__(
        self,
        cast: Cast,
        reference: Cast,
        script: Script,
        settings: Settings,
        exercise: Exercise,
        diagnostics: Diagnostics,
        ports: Ports,
    ) -> None:
        self.cast = cast
        self.reference = reference
        self.script = script
        self.settings = settings
        self.exercise = exercise
        self.conversation = exercise.conversation
        self.meaning = exercise.conversation.meaning_function()
        self.ports = ports
        self.site = Site(exercise.directory) if exercise.directory else None
        self.watch = Watch(diagnostics, settings.patience)
        self.watch.datagrams = exercise.transport == "udp"
        self.peers: list[Peer] = []
        self.datagram_peers: list[DatagramPeer] = []
        self.told: list[str | Peer | DatagramPeer] = []
        """The story, in the order of events: how a program was started, stopped, interrupted; and our peers."""
        self.gave_up: dict[str, Failure] = {}
        """How servers failed to start while all our patience ended, by the directory they are in; a run keeps it."""
        self.note = ""
        self._sockets: list[socket.socket] = []
        self._ended_well: list[Program] = []
        self._done: list[Program] = []
        self._preliminary = False

    def payload(self, size: int) -> bytes:
        """That many bytes, every value among them, the same for the same seed."""
        block = random.Random(self.settings.seed).randbytes(_BLOCK_BYTES)
        return (block * (size // _BLOCK_BYTES + 1))[:size]

    def launch(self, cast: Cast, role: Role, line: list[str]) -> Program:
        """Start a program of the cast; the watch collects its output from now on."""
        name = cast.called(role)
        terminal = role in self.exercise.terminal
        runs = sum(program.name.startswith(name) for program in self.watch.programs)
        program = Program(
            line,
            directory=self.site.path if self.site else Path(cast.directory),
            environment=environment(terminal=terminal),
            limits=self.settings.limits,
            user=cast.user,
            terminal=terminal,
            name=name if not runs else f"{name} (started again)" if runs == 1 else f"{name} (its run {runs + 1})",
        )
        self.watch.add_program(program)
        return program

    def peer(self, connection: socket.socket, name: str) -> Peer:
        peer = Peer(self, connection, name)
        self.peers.append(peer)
        self.told.append(peer)
        return peer

    def datagram_peer(self, sockets: list[socket.socket], name: str, to: Address | None = None) -> DatagramPeer:
        peer = DatagramPeer(self, sockets, name, to)
        self.datagram_peers.append(peer)
        self.told.append(peer)
        return peer

    def keep(self, opened: socket.socket) -> None:
        """That socket closes with the scenario, at the latest."""
        self._sockets.append(opened)

    def listen(self, host: str, port: int, backlog: int = 128, *, ethernet: bool = False) -> socket.socket:
        """A listening socket of ours; it closes with the scenario. For `ethernet` see dial()."""
        listener = self._bind(socket.SOCK_STREAM, host, port, socket.SO_REUSEADDR)
        if ethernet:  # what it accepts inherits this; and a client that does not read is to be noticed soon
            _take_little(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ETHERNET_BUFFER_BYTES)
        listener.listen(backlog)
        return listener

    def bind(self, host: str, port: int = 0) -> socket.socket:
        """A UDP socket of ours that has that port, or any; it closes with the scenario."""
        return self._bind(socket.SOCK_DGRAM, host, port)

    def _bind(self, kind: socket.SocketKind, host: str, port: int, *options: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        opened = socket.socket(family, kind)
        self._sockets.append(opened)
        for option in options:
            opened.setsockopt(socket.SOL_SOCKET, option, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.setblocking(False)
        try:
            opened.bind((host, port))
        except OSError as error:
            raise SuiteError(f"cannot take {host} port {port} ourselves: {error.strerror}") from error
        return opened

    def dial(self, host: str, port: int, *, ethernet: bool = False) -> socket.socket:
        """A connection of ours on its way to a server; ConnectionRefusedError if there is none.

        On `ethernet` segments are small, and so is what the kernel takes from who sends: a part of large data.
        """
        connection = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._sockets.append(connection)
        connection.setblocking(False)
        if ethernet:
            _take_little(connection)
        with suppress(BlockingIOError):
            connection.connect((host, port))
        return connection

    def next_name(self) -> str:
        """What to call the client that is to come: `first client`."""
        number = len(self.peers)
        return f"{ORDINALS[number]} client" if number < len(ORDINALS) else f"client {number + 1}"

    def pause(self, program: Program) -> None:
        """Stop a program while it waits, if it ever does (SIGSTOP), and wait until every thread stands still."""
        self.watch.at_rest()  # whether a call is interrupted (EINTR) is no matter of chance
        self.told.append(f"{program.name} was stopped (SIGSTOP, as by Ctrl-Z)")
        program.signal_each(signal.SIGSTOP)
        standstill = self.watch.until(lambda: all(t.state in "Tt" for t in proc.threads(program.pids())))
        if standstill is not None:
            self.fail(f"{program.name} cannot be stopped", standstill=standstill)

    def resume(self, program: Program) -> None:
        """Let it go on (SIGCONT)."""
        program.signal_each(signal.SIGCONT)
        self.told.append(f"{program.name} was continued (SIGCONT, as by fg)")

    def at_rest(self) -> None:
        """Wait until the programs sleep and nothing is on its way; a failure if they never do."""
        if (standstill := self.watch.at_rest()) is not None:
            names = " and ".join(program.name for program in self.watch.programs)
            self.fail(f"{names} {'do' if ' and ' in names else 'does'} not come to rest", standstill=standstill,
                      reference="waited, and did nothing")  # fmt: skip

    def fail(
        self,
        what: str,
        *,
        standstill: Standstill | None = None,
        outcome: Outcome | None = None,
        expected: bytes | str | None = None,
        received: bytes | str | None = None,
        reference: str = "",
    ) -> NoReturn:
        """Raise the failure, with all the evidence there is at this moment."""
        if standstill is None and any(peer.ended for peer in self.peers):
            self.watch.at_rest()  # a connection ends a moment before its program is seen to have crashed
        programs = [program for program in self.watch.programs if program not in self._done]
        stands = ""
        if standstill is not None:
            stands = diagnosis.how_it_stands(standstill, programs, self.peers, self.watch.diagnostics)
        else:
            ended = [program for program in programs if program.exit]
            ends = [diagnosis.crash(program) or f"{program.name} {program.exit}" for program in ended]
            stands = "; ".join(end for end in ends if end not in what)
        if outcome is None:
            outcome = diagnosis.outcome_of(standstill, programs) if standstill is not None else Outcome.WRONG
        if outcome is Outcome.WRONG and (exceeded := self.watch.exceeded()):  # whatever came of it afterwards
            outcome, stands = Outcome.LIMIT, exceeded
        elif outcome is Outcome.WRONG and self._crashed():  # what a peer saw of a crash is a reset, or an early end
            outcome = Outcome.CRASHED
        shown = _compared(expected, received)
        raise Failure(
            outcome,
            Diagnosis(
                summary=f"{what}: {stands}" if stands else what,
                story=self._story(),
                expected=shown[0],
                received=shown[1],
                marker=shown[2],
                reference=reference,
                preliminary=self._preliminary,
                last_words="\n".join(filter(None, map(self._last_words, programs or self.watch.programs))),
            ),
        )

    def _story(self) -> list[str]:
        lines = [event if isinstance(event, str) else event.told() for event in self.told]
        left_out = len(lines) - _STORY_LINES
        if left_out > 1:  # one line is not longer than the line that says that it was left out
            lines = [*lines[: _STORY_LINES // 2], f"({left_out} more like these)", *lines[-_STORY_LINES // 2 :]]
        return lines

    def _last_words(self, program: Program) -> str:
        """The end of what it said on its standard error, or else on its standard output, where that is talk.

        What a client says there that has met somebody is its work, and so is what a server prints about its clients.
        """
        if program.stderr.count or program.stdout.overflowed:
            return last_words(program.stderr.tail)
        serves = program.name.startswith(self.cast.called("server"))
        alone = len(self.watch.programs) == 1 and not (self.peers or self.datagram_peers)
        talks = not self.conversation.names_clients if serves else alone and program.terminal is None
        return last_words(program.stdout.tail) if talks else ""

    @contextmanager
    def preliminary(self, *, first: bool) -> Iterator[None]:
        """While the block lasts, and if it is the `first` thing of the scenario, a failure is about nothing special."""
        before, self._preliminary = self._preliminary, self._preliminary or first
        try:
            yield
        finally:
            self._preliminary = before

    def check_failed(self, program: Program, standstill: Standstill | None, heard: bytes = b"") -> None:
        """That program has ended by itself with a status that is not 0, and said why.

        What it prints of what it had `heard` until then is its work, and says nothing of its failure.
        """
        self.watch.drain()
        ended, reference = f"{program.name} {program.exit}", "ended with an error, and said why"
        if program.exit is None:
            self.fail(f"{program.name} does not end", standstill=standstill, expected="it ends with an error",
                      reference=reference)  # fmt: skip
        if program.exit.by_signal:
            self.fail(ended, outcome=Outcome.CRASHED, expected="it ends with an error", reference=reference)
        if program.exit.status == 0:
            self.fail(f"{ended}, as if all was well", expected="an exit status other than 0", reference=reference)
        if not program.stderr.count and heard.startswith(bytes(program.stdout.head)):
            self.fail(f"{ended} and did not say why", reference=reference)
        self.told.append(f"{ended} and said why")
        self.expected_end(program)

    def check_plain_message(self, program: Program) -> None:
        """What it said of its failure is one line on its standard error, for people: no traceback."""
        self.watch.drain()
        said = bytes(program.stderr.head)
        wanted, reference = "one line on its standard error that says what went wrong", "said it in one such line"
        if program.stdout.count and not said.strip():  # beside a message there, a line about its start does no harm
            self.fail(f"{program.name} says it on its standard output", expected=wanted,
                      received=bytes(program.stdout.head), reference=reference)  # fmt: skip
        if b"Traceback (most recent call last)" in said:
            self.fail(f"{program.name} shows a traceback", expected=wanted, reference=reference)
        if not said.strip():
            self.fail(f"{program.name} {program.exit} and did not say why", expected=wanted, reference=reference)
        if (lines := len(said.splitlines())) != 1:
            self.fail(f"{program.name} says it in {lines} lines", expected=wanted, reference=reference)

    def expected_end(self, program: Program) -> None:
        """That program has ended as it was to: how it did is no crash, and no reason for what fails later."""
        self._ended_well.append(program)
        self.done(program)

    def done(self, program: Program) -> None:
        """That program has done all its part: its end is no reason for what fails later."""
        self._done.append(program)

    def check_crash(self) -> None:
        """A program that crashed fails every requirement, whatever it answered before."""
        self.watch.at_rest()
        if words := self._crashed():
            self.fail(words, outcome=Outcome.CRASHED)

    def _crashed(self) -> str:
        """How the first program crashed that did so, in words."""
        crashes = (diagnosis.crash(program) for program in self.watch.programs if program not in self._ended_well)
        return next((words for words in crashes if words), "")

    def close(self) -> None:
        """Leave nothing behind: connections are reset while the programs still live, then those are ended."""
        for peer in self.peers:
            peer.vanish()
        for datagram_peer in self.datagram_peers:
            datagram_peer.vanish()
        for program in self.watch.programs:
            program.close()
        for opened in self._sockets:
            opened.close()
        self.watch.close()
        self.ports.release()
        if self.site:
            self.site.remove()


def _take_little(opened: socket.socket) -> None:
    """Small segments, and few of them at once: the buffers of the other side stay small with them."""
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _ETHERNET_SEGMENT_BYTES)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ETHERNET_BUFFER_BYTES)


def _compared(expected: bytes | str | None, received: bytes | str | None) -> tuple[str, str, str]:
    """What was expected, what came, and the caret below the first difference."""
    if isinstance(expected, bytes) and isinstance(received, bytes) and received:
        at = common_prefix(expected, received)
        return (
            f"{quoted(expected, at)} ({count(expected)})",
            f"{quoted(received, at)} ({count(received)})",
            f"{caret(received, at)} first difference, at byte {at:,}",
        )
    return _said(expected), _said(received), ""


def _said(thing: bytes | str | None) -> str:
    if isinstance(thing, bytes):
        return f"{quoted(thing)} ({count(thing)})" if thing else "nothing"
    return thing or ""
