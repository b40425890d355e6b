"""The client under test: each start of it is a visit to a listening socket of ours, or to a server of the cast."""

import select
import socket
import time
from collections.abc import Callable

from sockspec import diagnosis
from sockspec.complaint import SuiteError
from sockspec.failure import NotRun
from sockspec.oracle import Facet
from sockspec.peer import Fault, Peer, common_prefix, count
from sockspec.program import Program
from sockspec.scenario import LOOPBACK, ORDINALS, Scenario
from sockspec.screen import Screen
from sockspec.submission import Cast
from sockspec.verdict import Outcome, Role
from sockspec.visible import quoted

_MOST_ACCEPTED = 256
_VARIES_BY_BYTES = 1 << 16


class Client:
    """The client under test; every start of it is a visit to a listening socket of ours."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.command = scenario.cast.commands["client"].given(scenario.exercise.given)
        self.port = scenario.ports.take(self.command.port)
        self.accepted: list[socket.socket] = []
        self._listeners: list[socket.socket] = []
        self._asked: int | None = self.port
        self._started = 0
        self._claimed = 0

    def listen(self, *hosts: str) -> None:
        """Listen at those addresses, for this client only."""
        for host in hosts:
            self._accept_at(self.scenario.listen(host, self.port))

    def listen_on_ethernet(self) -> None:
        """Listen at 127.0.0.1 as on another machine: segments and buffers are small, so send() takes little at once."""
        self._accept_at(self.scenario.listen(LOOPBACK, self.port, ethernet=True))

    def _accept_at(self, listener: socket.socket) -> None:
        self._listeners.append(listener)
        self.scenario.watch.add(listener.fileno(), select.EPOLLIN, self._accepter(listener))

    def _accepter(self, listener: socket.socket) -> Callable[[int], None]:
        def accept(_: int) -> None:
            if len(self.accepted) == _MOST_ACCEPTED:  # who connects without end is not to use up our own files
                self.scenario.watch.remove(listener.fileno())
                return
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                return
            self.scenario.keep(connection)
            self.accepted.append(connection)
            if len(self.accepted) > self._started:
                self.scenario.told.append(f"{self.scenario.cast.called('client')} connected to us once more")

        return accept

    def give(self, **words: str) -> None:
        """Other words for its command line than those that the exercise names."""
        given = {**self.scenario.exercise.given, **words}
        self.command = self.scenario.cast.commands["client"].given(given)

    def launch(self, line: list[str], stdin: bytes | None = b"", asked: str = "") -> "Visit":
        """Start it with that command line; its standard input ends after `stdin`, or stays open if that is None.

        `asked` is what the line says, in the words of the story.
        """
        program = self.scenario.launch(self.scenario.cast, "client", line)
        self._started += 1
        if asked:
            self.scenario.told.append(f"{program.name} was asked to connect to {asked}")
        visit = Visit(self.scenario, program)
        if stdin is not None:
            visit.put_in(stdin)
        return visit

    def start(self, stdin: bytes | None = b"", host: str = LOOPBACK) -> "Visit":
        """Start it, and wait until it has connected to us."""
        if not self._listeners:
            self.listen(LOOPBACK)
        with self.scenario.preliminary(first=self._is_first(host)):
            visit = self.launch(self.command.line(host=host, port=str(self.port)), stdin, f"{host} port {self.port}")
            visit.peer = self._expect_connection(visit.program)
        return visit

    def _is_first(self, host: str) -> bool:
        """Whether nothing has happened yet, and nothing special does now."""
        return not self._started and host == LOOPBACK

    def _expect_connection(self, program: Program) -> Peer:
        standstill = self.scenario.watch.until(lambda: self._claimed < len(self.accepted))
        if standstill is not None:
            self.scenario.fail(f"{program.name} does not connect", standstill=standstill, reference="connected")
        self._claimed += 1
        number = len(self.scenario.peers)
        name = "our server" if not number else f"our server's {ORDINALS[min(number, 4)]} connection"
        peer = self.scenario.peer(self.accepted[self._claimed - 1], name)
        peer.did.append("accepted a connection")
        return peer

    def visit(self, host: str = LOOPBACK) -> None:
        """One short, complete, correct conversation."""
        with self.scenario.preliminary(first=self._is_first(host)):
            self.converse(self.start(self.scenario.conversation.request_bytes(), host))

    def converse(self, visit: "Visit") -> None:
        """The short conversation, with a client that was started already."""
        self.answer(visit, self.reply)

    @property
    def reply(self) -> bytes:
        """What our server says in the short conversation."""
        return self.scenario.conversation.reply_bytes()

    def exchange(self, data: bytes, host: str = LOOPBACK) -> None:
        """A conversation in which the client is given that data, and is sent the same back."""
        self.answer(self.start(data, host), data)

    def exchange_mirrored(self, data: bytes) -> None:
        """A conversation in which our server sends back what comes, as it comes."""
        visit = self.start(data)
        visit.peer.mirror()
        visit.peer.expect_bytes()
        visit.expect_output()
        visit.expect_success()

    def payload(self, size: int) -> bytes:
        """Data to be sent, of that size."""
        return self.scenario.payload(size)

    def needs_names(self) -> None:
        """Not run where the name server of our own is not asked."""
        isolation = self.scenario.settings.isolation
        if not isolation.names:
            raise NotRun(f"needs a name server of our own, in a private network ({isolation.reason or 'not entered'})")

    def needs_ipv6(self) -> None:
        """Not run where ::1 does not work."""
        if not self.scenario.settings.isolation.ipv6:
            raise NotRun("this machine has no IPv6 (::1 does not work)")

    def listen_on_localhost(self) -> None:
        """Listen at both addresses that localhost may stand for."""
        self.listen(*([LOOPBACK, "::1"] if self.scenario.settings.isolation.ipv6 else [LOOPBACK]))

    def answer(self, visit: "Visit", reply: bytes) -> None:
        """The rest of a conversation: take what the client sends, reply, end, and see it end well."""
        self.hear(visit)
        visit.peer.send(reply)
        if farewell := self.scenario.conversation.farewell:
            visit.expect_output()
            visit.type(farewell.encode())
        else:
            visit.peer.finish()
            visit.expect_output()
        visit.expect_success()
        visit.peer.expect_nothing_more()

    def hear(self, visit: "Visit") -> None:
        """What the client says in the short conversation; any request at all, where that is its own affair."""
        if self.scenario.conversation.request_varies:
            visit.peer.expect_request()
        else:
            visit.peer.expect_bytes()

    def stop_listening(self) -> None:
        """From now on nobody listens on the port."""
        for listener in self._listeners:
            self.scenario.watch.remove(listener.fileno())
            listener.close()
        self._listeners.clear()

    def call(self, port: int, stdin: bytes) -> "Visit":
        """The client, started against a server that is not ours and listens there."""
        return meet(self.scenario, self.scenario.cast, port, stdin)

    def call_reference(self, stdin: bytes) -> "Visit":
        """The client, started against the server of the reference."""
        command = self.scenario.reference.commands["server"]
        program = self.scenario.launch(self.scenario.reference, "server", command.line(port=str(self.port)))
        diagnostics = self.scenario.watch.diagnostics
        if self.scenario.watch.until(lambda: bool(diagnosis.listeners(program, diagnostics))) is not None:
            raise SuiteError(f"the reference's server does not listen on port {self.port}")
        return meet(self.scenario, self.scenario.cast, self.port, stdin)

    def launch_with_port(self, port: str) -> "Visit":
        """Start it with whatever that is for a port, and wait for nothing."""
        if not self.command.takes_port:
            raise NotRun("the program's port is fixed")
        self._asked = diagnosis.number(port)
        return self.launch(self.command.line(host=LOOPBACK, port=port), asked=f"{LOOPBACK} port {port}")

    def launch_without_port(self) -> "Visit":
        """Start it with no port at all, and wait for nothing."""
        if not self.command.takes_port:
            raise NotRun("the program's port is fixed")
        return self.launch(self.command.without_port(host=LOOPBACK), asked=f"{LOOPBACK}, and given no port")

    def start_on_default_port(self) -> "Visit":
        """Start it with no port; it connects to the port that the exercise names for that."""
        self.port = default_port(self.scenario, "client")
        self.listen(LOOPBACK)
        visit = self.launch_without_port()
        visit.peer = self._expect_connection(visit.program)
        return visit

    def launch_at(self, host: str) -> "Visit":
        """Start it with that host, and wait for nothing."""
        line = self.command.line(host=host, port=str(self.port))
        return self.launch(line, self.scenario.conversation.request_bytes(), f"{host} port {self.port}")

    def expect_failure(self, visit: "Visit") -> None:
        """That run ends by itself with an error, and connects to nobody."""
        self.scenario.watch.until(lambda: visit.output_closed() or self._claimed < len(self.accepted))
        self.expect_no_connection()
        visit.expect_failure()

    def expect_no_connection(self) -> None:
        """Nobody has connected to us but those that were expected."""
        self.scenario.watch.drain()
        if surplus := len(self.accepted) - self._claimed:
            name, times = self.scenario.cast.called("client"), "once" if surplus == 1 else f"{surplus:,} times"
            what = f"{times} more than expected" if self._claimed else "where it was not to"
            self.scenario.fail(
                f"{name} connected to port {self.port}{diagnosis.port_slip(self.port, self._asked)} {what}",
                outcome=Outcome.WRONG,
                reference="connected once" if self._claimed else "connected to nobody",
            )


class Visit:
    """One run of the client, and our end of its connection."""

    peer: Peer

    def __init__(self, scenario: Scenario, program: Program) -> None:
        self.scenario = scenario
        self.program = program
        self._claimed = 0
        self._screen = Screen(program.stdout)

    # --- its standard input

    def put_in(self, data: bytes) -> None:
        """All of its standard input at once, and its end; at a terminal somebody types when we say so."""
        if self.program.terminal is None:
            self.scenario.watch.writer(self.program.stdin.fileno(), data, self.end_input)

    def type(self, data: bytes) -> None:
        """Write to its standard input, which stays open; at a terminal a line ends with the key that does that."""
        self.scenario.told.append(f"we typed {quoted(data)}")
        keys = data.replace(b"\n", b"\r") if self.program.terminal else data
        self.scenario.watch.writer(self.program.stdin.fileno(), keys, lambda: None)

    def end_input(self) -> None:
        """End its standard input."""
        self.scenario.watch.remove(self.program.stdin.fileno())
        self.program.stdin.close()

    # --- expectations

    def expect_output(self) -> None:
        """It prints what the reference printed by then, but for what varies.

        On a terminal what can be read is compared: every line that the reference shows, as often and in that order.
        """
        if self.program.terminal is not None:
            self._expect_shown()
            return
        script, conversation = self.scenario.script, self.scenario.conversation
        closed = self.output_closed
        if script.recording:
            self.scenario.watch.until_or_rest(closed)
            script.record(Facet("output", data=conversation.without_variation(bytes(self._unclaimed()))))
            self._claimed = self.program.stdout.count
            return
        expected = script.take("output").data

        def decided() -> bool:
            if conversation.output_varies:
                said = bytes(self._unclaimed())
                too_much = len(said) > len(expected) + _VARIES_BY_BYTES  # who floods us is not compared again and again
                return closed() or too_much or conversation.without_variation(said) == expected
            got = len(self.program.stdout.head) - self._claimed
            return got >= len(expected) or closed()

        standstill = self.scenario.watch.until(decided)
        printed = bytes(self._unclaimed())
        got = conversation.without_variation(printed)
        if got != expected:
            same = common_prefix(got, expected)
            wrong = same < len(got)
            self.scenario.fail(
                f"{self.program.name} printed something else from byte {same:,} on"
                if wrong
                else f"{self.program.name} printed {count(got)} of {count(expected)}",
                standstill=None if wrong or self.program.exit else standstill,
                outcome=Outcome.WRONG if wrong or self.program.exit else None,
                expected=expected,
                received=got,
                reference=f"printed {count(expected)}",
            )
        self._claimed += len(printed)

    def expect_last_line(self) -> None:
        """Its terminal shows the last line that the reference's shows; what is above it may have been left behind."""
        self._expect_shown(last=1)

    def _expect_shown(self, last: int = 0) -> None:
        script = self.scenario.script
        if script.recording:
            self.scenario.watch.until(self.output_closed)
            script.record(Facet("output", data="\n".join(self._screen.lines()[-last:]).encode()))
            return
        expected = [line for line in script.take("output").data.decode().split("\n") if line]

        def shown() -> list[str]:
            return [line for line in self._screen.lines() if line in expected]

        watch = self.scenario.watch
        standstill = watch.until(lambda: shown() == expected or self.output_closed())
        if standstill is None:  # what it shows too much may still be on its way
            watch.at_rest()
            watch.drain()
        if (found := shown()) != expected:
            missing = [line for line in expected if line not in found]
            what = f"does not show {missing[0]!r}" if missing else "shows a line twice, or lines in another order"
            self.scenario.fail(
                f"{self.program.name} {what}", standstill=standstill,
                outcome=None if missing and standstill else Outcome.WRONG,
                expected="\n".join(expected).encode(), received="\n".join(self._screen.lines()).encode(),
            )  # fmt: skip

    def expect_at_rest(self) -> None:
        """It sleeps, and what was typed or sent has reached it."""
        self.scenario.at_rest()

    def expect_screen(self, fault: Fault) -> None:
        """Once it has settled, `fault` finds nothing wrong with what can be read on its terminal."""
        self.scenario.at_rest()
        self.scenario.watch.drain()
        seen = "\n".join(self._screen.lines()).encode()
        if found := fault(seen):
            self.scenario.fail(f"{self.program.name} {found}", outcome=Outcome.WRONG, received=seen)

    def expect_printed(self, fault: Fault) -> None:
        """It ends, however it does, and `fault` finds nothing wrong with what it printed."""
        self._wait_for_exit()
        printed = bytes(self._unclaimed())
        if found := fault(printed):
            self.scenario.fail(f"{self.program.name} printed {count(printed)}: {found}",
                               outcome=Outcome.WRONG, received=printed)  # fmt: skip
        self._claimed = self.program.stdout.count

    def expect_output_after(self, seconds: float, since: float) -> None:
        """It prints what the reference printed, so long after that moment, and has not slept twice as long by then.

        The moment is on the monotonic clock, and may be earlier than what the program waits from: it is given that.
        """
        watch = self.scenario.watch
        watch.grant(2 * seconds)
        slept_before = watch.slept_in_all_s
        self.expect_output()
        passed, slept = time.monotonic() - since, watch.slept_in_all_s - slept_before
        early, late = passed < seconds * 0.9, slept > seconds * 2
        if early or late:
            self.scenario.fail(
                f"{self.program.name} printed it after {passed if early else slept:.1f} s",
                outcome=Outcome.WRONG,
                expected=f"it waits for {seconds:g} s",
                reference="waited as long as it was to",
            )

    def _unclaimed(self) -> memoryview:
        if self.program.terminal is not None:
            return memoryview(b"")
        return memoryview(self.program.stdout.head)[self._claimed :]

    def output_closed(self) -> bool:
        """It has ended, and all it printed is here."""
        return self.program.exit is not None and not self.scenario.watch.serves(self.program.out.fileno())

    def expect_success(self) -> None:
        """It ends by itself with exit status 0, and has printed nothing more; a terminal may be tidied up."""
        self._wait_for_exit(lambda: bool(self._unclaimed()))
        if extra := bytes(self._unclaimed()):
            self.scenario.fail(f"{self.program.name} printed {count(extra)} too many", received=extra,
                               expected="nothing more on its standard output",
                               reference="printed nothing more")  # fmt: skip
        assert self.program.exit is not None
        if self.program.exit.status != 0:
            crashed = diagnosis.crash(self.program)
            self.scenario.fail(
                crashed or f"{self.program.name} {self.program.exit}",
                outcome=Outcome.CRASHED if crashed else Outcome.EXITED,
                expected="exit status 0",
                reference="ended with exit status 0",
            )
        self.scenario.done(self.program)

    def expect_end(self) -> None:
        """It ends by itself, whatever its exit status; no signal kills it."""
        self._wait_for_exit()
        assert self.program.exit is not None
        if self.program.exit.by_signal:
            self.scenario.fail(diagnosis.crash(self.program), outcome=Outcome.CRASHED)

    def expect_failure(self, heard: bytes = b"") -> None:
        """It ends by itself with a status that is not 0, and says why; to print what it has `heard` does not."""
        standstill = self.scenario.watch.until(self.output_closed)
        self.scenario.check_failed(self.program, standstill, heard)

    def expect_word(self, within: float) -> None:
        """It ends by itself, and has said something, after a timer of that length at most; no signal kills it."""
        self.scenario.watch.grant(within)
        self.expect_end()
        if not self.program.stdout.count and not self.program.stderr.count:
            self.scenario.fail(f"{self.program.name} {self.program.exit} and did not say why", outcome=Outcome.WRONG)

    def expect_plain_message(self) -> None:
        """What it said of its failure is one line for people."""
        self.scenario.check_plain_message(self.program)

    def expect_silence(self) -> None:
        """It wrote nothing to its standard error."""
        if self.program.stderr.count:
            self.scenario.fail(f"{self.program.name} wrote to its standard error although all went well",
                               received=bytes(self.program.stderr.head[:1024]), expected="nothing",
                               reference="wrote nothing there")  # fmt: skip

    def _wait_for_exit(self, enough: Callable[[], bool] = lambda: False) -> None:
        standstill = self.scenario.watch.until(lambda: enough() or self.output_closed())
        if self.program.exit is None and not enough():
            self.scenario.fail(f"{self.program.name} does not end", standstill=standstill, expected="it ends",
                               reference="ended")  # fmt: skip

    def pause(self) -> None:
        """Stop it while it waits (SIGSTOP), and wait until every thread stands still."""
        self.scenario.pause(self.program)

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self.scenario.resume(self.program)


def default_port(scenario: Scenario, role: Role) -> int:
    """The port of a program that is given none; NotRun where it is not to be had."""
    port = scenario.exercise.default_port_of(role)
    if port is None:
        raise SuiteError(f"{scenario.exercise.name} names no default port")
    scenario.ports.hold(port)
    if scenario.watch.diagnostics.listening(port):
        raise NotRun(f"another program listens on port {port} of this machine")
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError:
            raise NotRun(f"port {port} needs a privilege that we do not have") from None
        except OSError:
            pass  # in TIME_WAIT, say: whoever listens there says so himself
    return port


def meet(scenario: Scenario, cast: Cast, port: int, stdin: bytes) -> "Visit":
    """The client of a cast, started against a server that is not ours."""
    command = cast.commands["client"].given(scenario.exercise.given)
    program = scenario.launch(cast, "client", command.line(host=LOOPBACK, port=str(port)))
    scenario.told.append(f"{program.name} was asked to connect to {LOOPBACK} port {port}")
    visit = Visit(scenario, program)
    visit.put_in(stdin)
    return visit
