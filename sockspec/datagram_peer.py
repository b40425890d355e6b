"""A peer over UDP: our end of a talk in datagrams, as a client with one socket or as a server with one an address.

A datagram waits for nobody, so whatever comes is taken at once and kept; an expectation takes the next one from there.
Nothing ends, either: that no more comes is known when the program is at rest and no datagram is on its way.
"""

import select
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

from sockspec.complaint import SuiteError
from sockspec.failure import Disturbed
from sockspec.kernel.calls import SLEEPS
from sockspec.kernel.look import Look
from sockspec.kernel.sockets import Address
from sockspec.kernel.ticks import ticking
from sockspec.oracle import Facet
from sockspec.peer import Stage, common_prefix, count
from sockspec.verdict import Outcome
from sockspec.watch import Standstill

_LONGEST_BYTES = 1 << 16
_MOST_KEPT = 256
_PROMPT_S = 0.25
_LOOKS_AGAIN_S = 0.1
"""Who sleeps, and looks ten times a second whether something came, has looked by then."""


class Datagram(NamedTuple):
    """A datagram that a program has sent."""

    data: bytes
    socket: socket.socket
    """The socket of ours that it came to."""
    source: Any
    """Where it came from, as recvfrom() tells it."""
    not_before: float
    """A moment, on the monotonic clock, at which it was not there yet."""

    @property
    def line(self) -> bytes:
        """What it says, without the newline that may stand at its end."""
        return self.data.removesuffix(b"\n")


class DatagramPeer:
    """Our sockets in a talk with a program, and what came to them."""

    def __init__(self, stage: Stage, sockets: list[socket.socket], name: str, to: Address | None = None) -> None:
        self.name = name
        """What messages call it: `first client`, `our server`."""
        self.did: list[str] = []
        self._stage = stage
        self._sockets = sockets
        self._to = to
        self._inbox: list[Datagram] = []
        self._serving = False
        self._silent_at = 0.0
        self._stop_pestering: Callable[[], None] = lambda: None
        for opened in sockets:
            opened.setblocking(False)
        self._serve()

    # --- what a peer does

    def send(self, data: bytes) -> None:
        """Send it to the server, in one datagram."""
        assert self._to is not None
        self.did.append(f"sent {_called(data)}")
        self._send(self._sockets[0], data, self._to)

    def send_back(self, datagram: Datagram) -> None:
        """Send that datagram, as it came, to where it came from."""
        self.answer(datagram, datagram.data)

    def answer(self, datagram: Datagram, data: bytes) -> None:
        """Send that data to where that datagram came from; whom it was not sent to answers from a socket of its own.

        It leaves at once, as far as the program can tell: if the machine has kept us from that, nobody is judged.
        """
        if time.monotonic() - datagram.not_before > _PROMPT_S and datagram.not_before > self._silent_at:
            raise Disturbed(f"{self.name} was kept from answering within {_PROMPT_S} s")
        self.did.append(f"sent {_called(data)}")
        here = datagram.socket if datagram.socket in self._sockets else self._sockets[0]
        self._send(here, data, datagram.source)

    def pester(self, datagram: Datagram, data: bytes, every_s: float, times: int) -> None:
        """From now on answer it with that data, so many times, while a program is waited for that waits on a timer."""
        self.did.append(f"sent {_called(data)} every {every_s:g} s")
        here = datagram.socket if datagram.socket in self._sockets else self._sockets[0]
        clock, watch, left = ticking(every_s), self._stage.watch, times

        def tick(_: int) -> None:
            nonlocal left
            clock.read(8)
            self._send(here, data, datagram.source)
            left -= 1
            if not left:
                self._stop_pestering()

        def stop() -> None:
            watch.remove(clock.fileno())
            clock.close()
            self._stop_pestering = lambda: None

        self._stop_pestering = stop
        watch.add(clock.fileno(), select.EPOLLIN, tick)

    def stay_silent(self, seconds: float) -> None:
        """Let the program wait for us in vain, as long as the exercise makes it wait: that costs no patience."""
        self.did.append("did not reply")
        self._silent_at = time.monotonic()
        self._stage.watch.grant(seconds)

    def leave(self) -> None:
        """Close: what is sent to us from now on is refused (ICMP)."""
        self.did.append("closed its socket")
        self.vanish()

    def vanish(self) -> None:
        """Close without a word in the story: how every peer leaves when its scenario is over."""
        self._stop_serving()
        self._stop_pestering()
        for opened in self._sockets:
            opened.close()
        self._sockets = []

    # --- what a peer waits for

    def expect_datagram(self) -> Datagram:
        """The program sends, in this place, the datagram that the reference sent; returns it."""
        return self._expect(1, lambda datagram: datagram.data)[0]

    def expect_line(self) -> Datagram:
        """The same, but a newline at the end of the datagram is the program's own affair."""
        return self._expect(1, lambda datagram: datagram.line)[0]

    def expect_datagrams(self, number: int) -> None:
        """The program sends that many datagrams, those of the reference, in whatever order."""
        self._expect(number, lambda datagram: datagram.data)

    @staticmethod
    def _waits(seen: Look) -> bool:
        """All of it waits for something to come, with a limit or without; who only sleeps goes on by himself."""
        return seen.asleep and not any(thread.call and thread.call.name in SLEEPS for thread in seen.threads)

    def expect_nothing_more(self) -> None:
        """Not one datagram more comes; that a program never rests is another requirement's affair."""
        watch = self._stage.watch
        slept_s = watch.slept_s

        def decided() -> bool:
            looked_again = watch.slept_s - slept_s > _LOOKS_AGAIN_S
            return bool(self._inbox) or looked_again or self._waits(watch.look())

        with watch.lenient(_LOOKS_AGAIN_S):
            watch.until(decided, rest=True)
        watch.drain()  # who waits for something has sent all that it sends, and it is here
        if self._inbox:
            self._stage.fail(
                f"{self.name} received more than it should: {_called(self._inbox[0].data)}",
                outcome=Outcome.WRONG,
                expected="nothing more",
                received=self._inbox[0].data,
                reference="sent nothing more",
            )

    def told(self) -> str:
        """The line of the story that is about this peer."""
        waiting = [f"received {len(self._inbox)} more"] if self._inbox else []
        return f"{self.name}: {', '.join([*self.did, *waiting]) or 'did nothing'}"

    # --- below

    def _expect(self, number: int, facet: Callable[[Datagram], bytes]) -> list[Datagram]:
        script, watch = self._stage.script, self._stage.watch
        standstill = watch.until(lambda: len(self._inbox) >= number)
        came, self._inbox = self._inbox[:number], self._inbox[number:]
        self._serve()
        self.did += [f"received {_called(datagram.data)}" for datagram in came]
        if script.recording:
            if len(came) < number:
                raise SuiteError(f"the reference sent {len(came)} datagrams where the scenario asks for {number}")
            for data in sorted(map(facet, came)):
                script.record(Facet("datagram", data=data))
            return came
        expected = [script.take("datagram").data for _ in range(number)]
        got = [facet(datagram) for datagram in came]
        for strange in Counter(got) - Counter(expected):
            self._not_same(expected, strange)
        if len(came) < number:
            self._too_few(expected, got, standstill)
        self._check_port(came)
        return came

    def _not_same(self, expected: list[bytes], got: bytes) -> NoReturn:
        # Of several that it may have been meant for, the one that it is most like.
        meant = max(expected, key=lambda data: common_prefix(data, got))
        same = common_prefix(meant, got)
        what = f"something else from byte {same:,} on" if same < len(meant) else "more in one datagram than it should"
        if same == len(got):
            what = f"{count(got)} of {count(meant)} in a datagram"
        self._stage.fail(
            f"{self.name} received {what}",
            outcome=Outcome.WRONG,
            expected=meant,
            received=got,
            reference=f"sent {_called(meant)} here",
        )

    def _too_few(self, expected: list[bytes], got: list[bytes], standstill: Standstill | None) -> NoReturn:
        missing = next(iter(Counter(expected) - Counter(got)))
        of = f" {len(got)} of {len(expected)} datagrams" if got else " nothing"
        self._stage.fail(
            f"{self.name} received{of}",
            standstill=standstill,
            expected=_called(missing),
            received="nothing",
            reference=f"sent {_called(missing)} here",
        )

    def _check_port(self, came: list[Datagram]) -> None:
        for datagram in came:
            if self._to is not None and datagram.source[1] != self._to[1]:
                self._stage.fail(
                    f"{self.name} was answered from port {datagram.source[1]}, and had asked port {self._to[1]}",
                    outcome=Outcome.WRONG,
                    expected=f"an answer from port {self._to[1]}",
                    received=f"an answer from port {datagram.source[1]}",
                )

    def _send(self, here: socket.socket, data: bytes, to: Any) -> None:
        try:
            here.sendto(data, to)
        except OSError as error:
            raise SuiteError(f"we cannot send {_called(data)}: {error.strerror}") from error

    def _serve(self) -> None:
        """Take what comes, but not without end: a program that floods us fills a queue of the kernel's instead."""
        if len(self._inbox) >= _MOST_KEPT:
            self._stop_serving()
        elif not self._serving:
            self._serving = True
            for opened in self._sockets:
                self._stage.watch.add(opened.fileno(), select.EPOLLIN, self._taker(opened))

    def _stop_serving(self) -> None:
        for opened in self._sockets if self._serving else []:
            self._stage.watch.remove(opened.fileno())
        self._serving = False

    def _taker(self, opened: socket.socket) -> Callable[[int], None]:
        def take(_: int) -> None:
            with suppress(BlockingIOError):
                data, source = opened.recvfrom(_LONGEST_BYTES)
                self._inbox.append(Datagram(data, opened, source, self._stage.watch.idle_at))
                self._serve()

        return take


def _called(data: bytes) -> str:
    return f"a datagram of {count(data)}" if data else "an empty datagram"
