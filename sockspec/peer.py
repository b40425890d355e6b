"""A peer: our end of one connection. It decides about every byte and every pause, and reads only while it is told to.

Expectations read one byte too far, so that a program which adds something is noticed where it does so. When a scenario
is over, our end leaves with a reset: nothing stays in TIME_WAIT on a port that the next program may need.
"""

import errno
import select
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import Literal, NoReturn, Protocol

from sockspec.complaint import SuiteError
from sockspec.kernel.look import far_end, on_its_way
from sockspec.kernel.sockets import ESTABLISHED, SYN_RECV, SYN_SENT, Address, Socket, own_info
from sockspec.oracle import Facet, Script
from sockspec.verdict import Outcome
from sockspec.watch import CHUNK_BYTES, Standstill, Watch, Why, chunks

_MIRROR_AHEAD_BYTES = 1 << 18
_STEP_BYTES, _A_STEP_S = 4096, 0.1
"""Who sends what is expected may sleep so long on timers for each buffer of it."""
_A_LONG_PAUSE_S = 3.0
_RECORDING_BOUND_BYTES = 64 << 20
_MESSAGE_BOUND_BYTES = 1 << 20
LINGER_NOT = struct.pack("ii", 1, 0)

Ending = Literal["", "end", "reset"]

Fault = Callable[[bytes], str]
"""Looks at a message that may differ from one time to the next: what is wrong with it, or nothing."""

Part = Callable[[bytes], bytes]
"""Takes from a message what has to be the same as in the reference's; the rest may be another."""

Meaning = Callable[[bytes], bytes]
"""Puts what was sent or printed into other words, in which nothing is left that may vary."""


class Stage(Protocol):
    """What a peer needs of the scenario it plays in."""

    watch: Watch
    script: Script

    @property
    def meaning(self) -> Meaning | None: ...

    def fail(
        self,
        what: str,
        *,
        standstill: Standstill | None = None,
        outcome: Outcome | None = None,
        expected: bytes | str | None = None,
        received: bytes | str | None = None,
        reference: str = "",
    ) -> NoReturn: ...


class Peer:
    """One connection with a program, as seen from our side."""

    def __init__(self, stage: Stage, connection: socket.socket, name: str) -> None:
        self.name = name
        """What messages call it: `first client`, `our server`."""
        self.connection = connection
        self.did: list[str] = []
        self.received = bytearray()
        self.ended: Ending = ""
        self.refused = ""
        self._stage = stage
        self._claimed = 0
        self._outgoing: list[memoryview] = []
        self._finishing = False
        self._reading = False
        self._mirroring = False
        self._bound = _RECORDING_BOUND_BYTES
        self._served = False
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stage.watch.connections.append(connection)

    # --- what a peer does

    def send(self, data: bytes) -> None:
        """Send all of it, as fast as the program takes it; does not wait for that."""
        self.did.append(f"sent {count(data)}")
        self._queue(data)

    def send_in_pieces(self, data: bytes, size: int) -> None:
        """Send it in lockstep: the next piece leaves when the program has consumed the last one and sleeps again."""
        self.did.append(f"sent {count(data)} in pieces of {size}")
        self._send_each(chunks(data, size))

    def send_cut_at(self, data: bytes, at: int) -> None:
        """Send it in two pieces, in lockstep."""
        self.did.append(f"sent {count(data)}, cut after {at}")
        self._send_each(iter((data[:at], data[at:])))

    def _send_each(self, pieces: Iterator[bytes]) -> None:
        with self._open_to(_RECORDING_BOUND_BYTES):
            paced = True
            for piece in pieces:
                self._queue(piece)
                paced = paced and self._has_read(self.wait_until_consumed())  # who stopped reading is not waited for
                self._stage.watch.drain()
                theirs = self.far_end()
                if self.ended and (theirs is None or not theirs.inode):  # closed: more would be answered with a reset
                    break

    def finish(self) -> None:
        """Shut down our sending side, after all that is still to be sent: the program sees the end of the stream."""
        self.did.append("shut down its sending side")
        self._finish()

    def _finish(self) -> None:
        self._finishing = True
        self._flush()

    def leave(self) -> None:
        """Close, whatever has not been read yet."""
        self.did.append("closed the connection")
        self._close()

    def reset(self) -> None:
        """End the connection with a reset (RST)."""
        self.did.append("reset the connection")
        self.vanish()

    def vanish(self) -> None:
        """Reset without a word in the story: how every peer leaves when its scenario is over."""
        if self.connection.fileno() >= 0:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            self._close()

    def mirror(self) -> None:
        """From now on send back what comes, as it comes, and finish when the program does."""
        self.did.append("sends back what it receives")
        self._mirroring = True
        self._serve()

    # --- what a peer waits for

    def wait_until_consumed(self) -> Standstill | None:
        """Wait until the program has read all we sent and sleeps again, if it ever sleeps."""
        watch = self._stage.watch
        slept_s = watch.slept_s
        standstill = watch.until(lambda: self._consumed() and (watch.spins or watch.look().asleep))
        if standstill is None:
            watch.forgive(slept_s, _A_STEP_S)
        return standstill

    def _consumed(self) -> bool:
        theirs = self.far_end()
        if self._outgoing or (theirs is not None and theirs.read_queue):
            return False
        return not on_its_way(self.connection, theirs)

    def _has_read(self, standstill: Standstill | None) -> bool:
        return standstill is None or (standstill.why is Why.SPINNING and self._consumed())

    def pause_long(self) -> None:
        """Say nothing until the program has settled; a timer is outwaited, for three seconds or as patience lasts."""
        self.did.append("paused")
        watch = self._stage.watch
        slept_s = watch.slept_s
        watch.until_or_rest(lambda: watch.slept_s - slept_s > _A_LONG_PAUSE_S)

    def read(self, size: int) -> None:
        """Read so many bytes more, or all that come; what they are is judged later, with what comes behind them."""
        before = len(self._unclaimed())
        self.did.append(f"read up to {size:,} bytes")
        with self._open_to(before + size):
            self._stage.watch.until_or_rest(lambda: bool(self.ended) or len(self._unclaimed()) >= before + size)

    def wait_until_stuck(self) -> None:
        """Wait until the program can do no more without us: blocked in send(), as a rule, because we do not read."""
        self._stage.watch.at_rest()

    def expect_bytes(self, meaning: Meaning | None = None) -> bytes:
        """The program sends, in this place, what the reference sent; returns that.

        Sent are bytes or, where the exercise or `meaning` knows what they mean, anything that means the same.
        """
        script = self._stage.script
        meaning = meaning or self._stage.meaning
        if script.recording:
            with self._open_to(_RECORDING_BOUND_BYTES):
                self._stage.watch.until_or_rest(lambda: bool(self.ended))
            sent = self._claim()
            script.record(Facet("bytes", data=meaning(sent) if meaning else sent))
            return script.facets[-1].data
        expected = script.take("bytes").data
        if meaning is not None:
            return self._expect_meaning(expected, meaning)
        with self._open_to(len(expected) + 1):
            progress = _Progress(self, expected, self._stage.watch)
            standstill = self._stage.watch.until(progress.decided)
        got = bytes(self._unclaimed())
        if got != expected:
            self._not_same(expected, got, standstill)
        self._claim()
        return expected

    def _expect_meaning(self, expected: bytes, meaning: Meaning) -> bytes:
        def decided() -> bool:
            got = self._unclaimed()
            return bool(self.ended) or len(got) >= _MESSAGE_BOUND_BYTES or meaning(bytes(got)) == expected

        with self._open_to(_MESSAGE_BOUND_BYTES):
            standstill = self._stage.watch.until(decided)
        if (got := meaning(self._claim())) != expected:
            self._not_same(expected, got, standstill)
        return expected

    def expect_message(self, fault: Fault) -> bytes:
        """The program sends a message in which `fault` finds nothing wrong, whatever it is; returns it.

        The message is all that comes until the connection ends, or until the program waits for us.
        """
        got, standstill = self._message(_MESSAGE_BOUND_BYTES)
        endless = len(got) >= _MESSAGE_BOUND_BYTES
        return self._judged("no end of it in sight" if endless else fault(got), got, standstill)

    def expect_read(self, fault: Fault) -> bytes:
        """In what has been read by now `fault` finds nothing wrong; returns it."""
        got = self._claim()
        return self._judged(fault(got), got, None)

    def expect_request(self, fault: Fault = lambda said: "" if said else "nothing was said") -> bytes:
        """The program says something in which `fault` finds nothing wrong, and waits for our answer; returns it.

        It may wait with a limit: how long is its own affair, and costs no patience.
        """
        with self._open_to(_MESSAGE_BOUND_BYTES):
            standstill = self._stage.watch.until(lambda: bool(self.ended or self._unclaimed()))
            standstill = standstill or self._stage.watch.at_rest()
            self._stage.watch.drain()
        got = self._claim()
        return self._judged(fault(got), got, standstill)

    def _message(self, bound: int) -> tuple[bytes, Standstill | None]:
        with self._open_to(bound):
            standstill = self._stage.watch.until(lambda: bool(self.ended) or len(self._unclaimed()) >= bound)
        return self._claim(), standstill

    def _judged(self, found: str, got: bytes, standstill: Standstill | None) -> bytes:
        if found:
            self._stage.fail(
                f"{self.name} received {count(got)}{self._after()}: {found}",
                standstill=standstill,
                outcome=Outcome.WRONG if got or self.ended else None,
                received=got,
            )
        script = self._stage.script
        if script.recording:
            script.record(Facet("message"))
        else:
            script.take("message")
        return got

    def _after(self) -> str:
        return f", then {ENDINGS[self.ended]}" if self.ended else ""

    def expect_part(self, what: str, part: Part) -> bytes:
        """The program sends a message of which that part is the same as in the reference's; returns the message.

        The message is all that comes until the connection ends, or until the program waits for us.
        """
        script = self._stage.script
        if script.recording:
            got, _ = self._message(_RECORDING_BOUND_BYTES)
            script.record(Facet("part", data=part(got)))
            return got
        expected = script.take("part").data
        got, standstill = self._message(len(expected) + _MESSAGE_BOUND_BYTES)
        if (found := part(got)) != expected:
            same = "is another than" if found else "is missing; it is there in"
            self._stage.fail(
                f"{self.name} received {count(got)}{self._after()}: {what} {same} the reference's",
                standstill=standstill if not got else None,
                outcome=Outcome.WRONG if got or self.ended else None,
                expected=expected,
                received=found,
            )
        return got

    def expect_nothing_yet(self) -> None:
        """The program has read all we sent, and waits for the rest of it: not a byte comes, and no end."""
        with self._open_to(_MESSAGE_BOUND_BYTES):
            self.wait_until_consumed()
            self._stage.watch.drain()
        if early := bytes(self._unclaimed()):
            self._stage.fail(
                f"{self.name} had not said everything yet, and received {count(early)}{self._after()}",
                outcome=Outcome.WRONG,
                expected="nothing yet",
                received=early,
                reference="waited for the rest",
            )
        if self.ended:
            self._stage.fail(f"{self.name} had not said everything yet: the connection came to {ENDINGS[self.ended]}",
                             reference="waited for the rest")  # fmt: skip

    def accepted(self) -> bool:
        """Whether the program has accepted its connection, or has ended it already."""
        theirs = self.far_end()
        return theirs is None or bool(theirs.inode) or theirs.state not in (SYN_RECV, ESTABLISHED)

    def was_reset(self) -> bool:
        """Whether its connection, which is gone, was there once, and was reset: or else it was refused (connect(2))."""
        if self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != errno.ECONNREFUSED:
            self.refused = "reset"
        return bool(self.refused)

    def expect_still_open(self) -> None:
        """The program has not closed its end, although our side may have said all it has to say."""
        theirs = self.far_end()
        if theirs is None or not theirs.inode:
            self._stage.fail(
                f"{self.name} had not closed the connection yet, and the program has closed its end of it",
                outcome=Outcome.WRONG,
                reference="waited for the end",
            )

    def expect_end(self) -> None:
        """The connection ends as it did with the reference, and not a byte comes before that."""
        script = self._stage.script
        if script.recording:
            with self._open_to(_RECORDING_BOUND_BYTES):
                self._stage.watch.until_or_rest(lambda: bool(self.ended))
            self._notice_late_reset()
            if surplus := len(self._unclaimed()):
                raise SuiteError(f"the reference sent {surplus} bytes that the scenario did not ask for")
            script.record(Facet("end", word=self.ended))
            return
        expected = script.take("end").word
        with self._open_to(1):
            standstill = self._stage.watch.until(lambda: bool(self.ended or self._unclaimed()))
        if extra := bytes(self._unclaimed()):
            self._too_many(extra)
        self._notice_late_reset()
        if self.ended != expected:
            self._stage.fail(
                f"{self.name} waits for the end of the connection"
                if not self.ended
                else f"the connection of {self.name} ended with {ENDINGS[self.ended]}",
                standstill=standstill,
                outcome=Outcome.WRONG if self.ended else None,
                expected=ENDINGS[expected],
                received=ENDINGS[self.ended],
                reference=f"its connection came to {ENDINGS[expected]}",
            )

    def _notice_late_reset(self) -> None:
        """An orderly end may be followed by a reset, when the program then closes with bytes unread."""
        if self.ended == "end":
            self._stage.watch.at_rest()
            if self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self.ended = "reset"

    def expect_any_end(self) -> None:
        """The connection ends, whatever comes before that and whether or not the end is orderly."""
        with self._open_to(_RECORDING_BOUND_BYTES):
            standstill = self._stage.watch.until(lambda: bool(self.ended))
        self._claim()
        if not self.ended:
            self._stage.fail(f"{self.name} waits for the end of the connection", standstill=standstill,
                             expected="an end of any kind", received=ENDINGS[""],
                             reference="ended the connection")  # fmt: skip

    def expect_nothing_more(self) -> None:
        """Not a byte more comes; how the connection ends, if it does, is another requirement's affair."""
        with self._open_to(1):
            self._stage.watch.until_or_rest(lambda: bool(self.ended or self._unclaimed()))
        if extra := bytes(self._unclaimed()):
            self._too_many(extra)

    def _too_many(self, extra: bytes) -> NoReturn:
        self._stage.fail(
            f"{self.name} received {count(extra)} too many",
            outcome=Outcome.WRONG,
            expected="nothing more",
            received=extra,
            reference="sent nothing more",
        )

    def far_end(self) -> Socket | None:
        """The program's end of this connection, as the kernel has it."""
        return far_end(self._stage.watch.diagnostics, self.connection)

    @property
    def address(self) -> Address:
        """Our address, which is how the program may have printed us."""
        host, port = self.connection.getsockname()[:2]
        return host, port

    @property
    def knocks(self) -> bool:
        """Whether it has asked for a connection, and was not answered yet."""
        return self.connection.fileno() >= 0 and own_info(self.connection).state == SYN_SENT

    def told(self) -> str:
        """The line of the story that is about this peer."""
        if self.knocks:
            return f"{self.name}: asked for a connection, and was not let in"
        times = [(what, len(list(same))) for what, same in groupby(self.did)]
        did = [f"{what} {number} times" if number > 1 else what for what, number in times]
        parts = [*did, f"received {count(self.received)}"]
        if self.ended:
            parts.append({"end": "then the end of the stream", "reset": "then a reset"}[self.ended])
        return f"{self.name}: {', '.join(parts)}"

    # --- below

    def _not_same(self, expected: bytes, got: bytes, standstill: Standstill | None) -> None:
        same = common_prefix(expected, got)
        if same == len(expected):
            what = f"{self.name} received more than it should"
        elif same == len(got):
            what = f"{self.name} received {count(got) if got else 'nothing'} of {count(expected)}"
        else:
            what = f"{self.name} received something else from byte {same:,} on"
        wrong = same < len(got)
        after = f", then {ENDINGS[self.ended]}" if self.ended else ""
        self._stage.fail(
            what + after,
            standstill=None if wrong else standstill,
            outcome=Outcome.WRONG if wrong or self.ended else None,
            expected=expected,
            received=got,
            reference=f"sent {count(expected)} here",
        )

    @contextmanager
    def _open_to(self, bound: int) -> Iterator[None]:
        """Read up to that many bytes beyond what has been claimed, while the block lasts."""
        self._bound, self._reading = bound, True
        self._serve()
        try:
            yield
        finally:
            self._reading = False
            self._serve()

    def _unclaimed(self) -> memoryview:
        return memoryview(self.received)[self._claimed :]

    def _claim(self) -> bytes:
        data = bytes(self._unclaimed())
        self._claimed = len(self.received)
        return data

    def _queue(self, data: bytes) -> None:
        if data:
            self._outgoing.append(memoryview(data))
        self._flush()

    def _flush(self) -> None:
        try:
            while self._outgoing:
                sent = self.connection.send(self._outgoing[0][:CHUNK_BYTES])
                self._outgoing[0] = self._outgoing[0][sent:]
                if not self._outgoing[0]:
                    self._outgoing.pop(0)
            if self._finishing:
                self._finishing = False
                self.connection.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except (ConnectionResetError, BrokenPipeError):
            # The program does not take it any more. What it sent before may still be there to be read.
            self._outgoing.clear()
            self.refused = "reset"
        except OSError:  # ENOTCONN: the connection is gone altogether
            self._outgoing.clear()
            self._finishing = False
        self._serve()

    def _wanted(self) -> int:
        if self.connection.fileno() < 0:
            return 0
        ahead = self._mirroring and sum(map(len, self._outgoing)) < _MIRROR_AHEAD_BYTES
        room = self._reading and len(self.received) - self._claimed < self._bound
        reads = (ahead or (room and not self._mirroring)) and not self.ended
        return (select.EPOLLIN if reads else 0) | (select.EPOLLOUT if self._outgoing else 0)

    def _serve(self) -> None:
        """Register with the watch for just what we want; with nothing wanted a hang-up would be reported for ever."""
        watch, wanted = self._stage.watch, self._wanted()
        if wanted and self._served:
            watch.change(self.connection.fileno(), wanted)
        elif wanted:
            watch.add(self.connection.fileno(), wanted, self._ready)
        elif self._served:
            watch.remove(self.connection.fileno())
        self._served = bool(wanted)

    def _ready(self, events: int) -> None:
        if events & select.EPOLLOUT:
            self._flush()
        if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) and self._wanted() & select.EPOLLIN:
            self._read()
        elif events & (select.EPOLLHUP | select.EPOLLERR):
            self._outgoing.clear()
            self._serve()

    def _read(self) -> None:
        room = CHUNK_BYTES if self._mirroring else self._bound - (len(self.received) - self._claimed)
        try:
            data = self.connection.recv(min(CHUNK_BYTES, room))
        except BlockingIOError:
            return
        except OSError:
            self.ended = "reset"
            self._serve()
            return
        # Acknowledged at once, a program that writes in small pieces need not wait 40 ms for us (Nagle, delayed ACK).
        with suppress(OSError):
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self.received += data
        if not data:
            self.ended = "reset" if self.refused else "end"
        if self._mirroring and data:
            self._queue(data)
        elif self._mirroring:
            self._finish()
        self._serve()

    def _close(self) -> None:
        if self._served:
            self._stage.watch.remove(self.connection.fileno())
            self._served = False
        self._outgoing.clear()
        if self.connection in self._stage.watch.connections:
            self._stage.watch.connections.remove(self.connection)
        self.connection.close()


class _Progress:
    """Whether what came so far is already too much, different, or all there is; looks at every byte once."""

    def __init__(self, peer: Peer, expected: bytes, watch: Watch) -> None:
        self._peer, self._expected, self._watch = peer, memoryview(expected), watch
        self._compared, self._slept_s = 0, watch.slept_s

    def decided(self) -> bool:
        got = self._peer._unclaimed()
        fresh = got[self._compared :]
        differs = fresh != self._expected[self._compared : len(got)]
        if len(got) // _STEP_BYTES > self._compared // _STEP_BYTES:  # who sleeps a little between buffers gets on
            self._slept_s = self._watch.forgive(self._slept_s, _A_STEP_S)
        self._compared = len(got)
        return differs or len(got) >= len(self._expected) or bool(self._peer.ended)


ENDINGS = {"": "no end, it is still open", "end": "an orderly end (FIN)", "reset": "a reset (RST)"}


def count(data: bytes | bytearray | memoryview) -> str:
    """`1 byte`, `5 bytes`, `nothing`."""
    return "nothing" if not len(data) else f"{len(data):,} byte{'s' if len(data) != 1 else ''}"


def common_prefix(one: bytes, other: bytes) -> int:
    """How many leading bytes the two share."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
