"""The server under test, as a scenario sees it: its life, the clients we send to it, and what is expected of it."""

import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import msgspec

from sockspec import diagnosis
from sockspec.client import Visit, default_port, meet
from sockspec.complaint import SuiteError
from sockspec.failure import Failure, NotRun
from sockspec.kernel import threads as proc
from sockspec.kernel.calls import MULTIPLEXES
from sockspec.kernel.held import Held, waits_for_sockets
from sockspec.kernel.sockets import CLOSE, CLOSE_WAIT, ESTABLISHED, SYN_SENT, Socket, own_info
from sockspec.kernel.threads import Thread
from sockspec.oracle import Facet
from sockspec.peer import LINGER_NOT, Meaning, Peer
from sockspec.program import Program
from sockspec.scenario import LOOPBACK, Scenario
from sockspec.site import Site
from sockspec.verdict import Outcome
from sockspec.watch import Standstill, Why

A_VISIT_S = 0.1
"""Who answers may sleep so long on timers in each visit, as who looks for clients ten times a second does."""
_LET_GO_S = 1.0
_KNOCKS_AGAIN_S = 1.5
"""A SYN that nobody answered is sent once more after a second (RFC 6298)."""
_MORE_BATCHES = {"threads": 2, "memory": 8}
"""Of what may level off: a pool of threads is not much larger than a batch."""
_PRINTED_BOUND_BYTES = 1 << 21
"""No scenario makes a server print so much; who does is not listened to for ever."""


class Server:
    """The server under test, started when it is first needed."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.command = scenario.cast.commands["server"].given(scenario.exercise.given)
        self.port = scenario.ports.take(self.command.port)
        self.program: Program | None = None
        self._asked: int | None = self.port
        """The port on its command line, if that is a number."""
        self._has_listened = False
        self._others: set[int] = set()
        """The sockets that listened before it was started: where its files may not be read, all might be its."""
        self._before_visits = 0
        """Where the script was before the last visits."""
        self._repeated: Callable[[], None] = self.visit
        """What each of the last visits was."""

    # --- its life

    def start(self) -> None:
        """Start it, and wait until the kernel shows that it listens on its port."""
        if self.command.port and self.taken(self.port):
            raise NotRun(f"another program listens on port {self.port} of this machine")
        outcome = Outcome.WRONG if self._has_listened else Outcome.NOT_STARTED
        directory = self.scenario.cast.directory
        if directory in self.scenario.gave_up:  # nobody waits that long for its start again
            raise self.scenario.gave_up[directory]
        name = self.launch(self.command.line(port=str(self.port))).name
        if self._has_listened:
            self.scenario.told.append(f"{name} was started again")
        watch = self.scenario.watch
        slept_s, spun = watch.slept_s, watch.spins
        try:
            self.expect_listening(f"asked to listen on port {self.port}", outcome)
        except Failure as failure:
            out_of_patience = watch.slept_s - slept_s > watch.patience.timer_s or (watch.spins and not spun)
            if outcome is Outcome.NOT_STARTED and out_of_patience:
                self.scenario.gave_up[directory] = failure
            raise

    def launch(self, line: list[str]) -> Program:
        """Start it with that command line, and wait for nothing."""
        self._others = {found.inode for found in self.scenario.watch.diagnostics.listening()}
        self.program = self.scenario.launch(self.scenario.cast, "server", line)
        return self.program

    def running(self) -> Program:
        if self.program is None:
            self.start()
        assert self.program is not None
        return self.program

    def expect_listening(self, asked: str, otherwise: Outcome) -> None:
        """It listens on its port; `asked` is how it was told which."""
        standstill = self.scenario.watch.until(lambda: bool(self.listeners()))
        if standstill is not None:
            self._not_listening(asked, standstill, otherwise)
        self._has_listened = True

    def _not_listening(self, asked: str, standstill: Standstill, outcome: Outcome) -> NoReturn:
        assert self.program is not None
        name = self.program.name
        elsewhere = [s.local for s in diagnosis.listeners(self.program, self.scenario.watch.diagnostics)]
        self.scenario.told.append(f"{name} was {asked}")
        if elsewhere:
            told = [f"{host} port {port}{diagnosis.port_slip(port, self._asked)}" for host, port in elsewhere]
            self.scenario.told.append(f"{name} listens on {diagnosis.few(told)}")
            self.scenario.fail(f"{name} listens on another port than it should", outcome=outcome)
        self.scenario.fail(f"{name} does not listen on its port", standstill=standstill, outcome=outcome)

    def taken(self, port: int) -> bool:
        """Whether anybody listens on that port."""
        return bool(self.scenario.watch.diagnostics.listening(port))

    def listeners(self) -> list[Socket]:
        """Its listening sockets on its port."""
        held = Held(self.running().pids())
        return [s for s in self.scenario.watch.diagnostics.listening(self.port) if s in held]

    def stop(self) -> None:
        """Kill it with all it started."""
        program = self.running()
        program.end()
        self.scenario.watch.forget_program(program)
        program.close()
        self._let_go()
        self.program = None
        self.scenario.told.append(f"{program.name} was killed (SIGKILL)")

    def interrupt(self) -> None:
        """What Ctrl-C does once it rests: SIGINT to the foreground job; NotRun where it goes on and is none of it."""
        program = self.running()
        self.scenario.watch.at_rest()  # who is still busy with the last client may take it in another place
        if program.exit is None:
            program.signal(signal.SIGINT)
            self.scenario.told.append(f"{program.name} was interrupted (SIGINT, as by Ctrl-C)")
        elif program.pids():
            raise NotRun("the server has put itself into the background, where Ctrl-C does not reach it")

    def pause(self) -> None:
        """Stop it while it waits (SIGSTOP), and wait until every thread stands still."""
        self.scenario.pause(self.running())

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self.scenario.resume(self.running())

    # --- the files in the directory that it is started in

    @property
    def site(self) -> Site:
        """That directory, where the exercise has one: `write()` and `link()` put something there."""
        if self.scenario.site is None:
            raise SuiteError(f"{self.scenario.exercise.name} names no files (`[directory]`)")
        return self.scenario.site

    # --- clients

    def connect(self, host: str = LOOPBACK, *, ethernet: bool = False) -> Peer:
        """A client of ours, connected to it; as from another machine on an `ethernet`."""
        with self.scenario.preliminary(first=not self.scenario.peers and host == LOOPBACK):
            peer = self.dial(host, ethernet=ethernet)
            if own_info(peer.connection).state == SYN_SENT:  # the listen queue was full: we knock again by ourselves
                self.scenario.watch.grant(_KNOCKS_AGAIN_S)
            standstill = self.scenario.watch.until(lambda: own_info(peer.connection).state != SYN_SENT)
            if standstill is not None:
                self.scenario.fail(f"{peer.name} cannot connect", standstill=standstill, reference="let it connect")
            if own_info(peer.connection).state == CLOSE:
                self._expect_met(peer, host)
        return peer

    def _expect_met(self, peer: Peer, host: str) -> None:
        """A connection that is gone already was there once: what was sent on it before its reset can still be read."""
        if not peer.was_reset():
            peer.did.clear()
            self._refuses(peer.name, host)

    def dial(self, host: str = LOOPBACK, *, ethernet: bool = False) -> Peer:
        """A client of ours on its way to it; not yet connected if the listen queue is full."""
        self.running()
        name = self.scenario.next_name()
        try:
            peer = self.scenario.peer(self.scenario.dial(host, self.port, ethernet=ethernet), name)
        except ConnectionRefusedError:
            self._refuses(name, host)
        peer.did.append("connected" if host == LOOPBACK else f"connected to {host}")
        return peer

    def _refuses(self, name: str, host: str) -> NoReturn:
        watch = self.scenario.watch
        standstill = watch.at_rest() or watch.until(lambda: False)
        bound = [s.local[0] for s in self.listeners()] if self.program and self.program.alive else []
        where = f"; it listens on {', '.join(bound)} only" if bound else "; nobody listens there any more"
        self.scenario.fail(
            f"{name} was refused at {host}{where}",
            standstill=standstill if not bound else None,
            outcome=Outcome.WRONG if bound else None,
            reference=f"could be reached at {host}",
        )

    def visit(self, host: str = LOOPBACK) -> None:
        """One short, complete, correct conversation; then the client leaves."""
        with self.scenario.watch.lenient(A_VISIT_S):
            self.converse(self.connect(host))

    def converse(self, peer: Peer) -> None:
        """The short conversation, on a connection that is there already."""
        ends = self.scenario.conversation.client_ends
        with self.scenario.preliminary(first=peer is self.scenario.peers[0]):
            if self.request:
                self.ask(peer)
            self.hear(peer)
            if self.request and ends == "reply":
                peer.finish()
            peer.expect_nothing_more()
        peer.vanish()

    def converse_with(self, clients: Iterable[Peer]) -> None:
        """The short conversation with each of those, in their order."""
        for client in clients:
            self.converse(client)

    @property
    def request(self) -> bytes:
        """What a client of ours says in the short conversation."""
        return self.scenario.conversation.request_bytes()

    def visits(self, number: int, visit: Callable[[], None] | None = None) -> None:
        """That many visits, one after the other: short conversations, or whatever `visit` does."""
        self._repeated = visit or self.visit
        self._before_visits = self.scenario.script.place
        for _ in range(number):
            self._repeated()

    def ask(self, peer: Peer) -> None:
        """All that a client says in the short conversation, and the end of its side if that comes first."""
        peer.send(self.request)
        if self.scenario.conversation.client_ends == "request":
            peer.finish()

    def say_and_finish(self, peer: Peer) -> None:
        """All that a client says in the short conversation; it reads the reply, ends its side, and stays."""
        with self.scenario.preliminary(first=peer is self.scenario.peers[0]):
            self.ask(peer)
            self.hear(peer)
            peer.expect_nothing_more()
        if self.scenario.conversation.client_ends != "request":
            peer.finish()

    def hear(self, peer: Peer) -> None:
        """The reply of the short conversation; any reply at all, where what a server says is its own affair."""
        if self.scenario.conversation.names_clients:
            self._expect_named(peer)
        if self.scenario.conversation.reply_varies:
            peer.expect_message(lambda said: "" if said else "a server has something to say")
        else:
            peer.expect_bytes()

    def _expect_named(self, peer: Peer) -> None:
        host, port = peer.address
        program = self.running()
        standstill = self.scenario.watch.until(lambda: f"{host}', {port}".encode() in program.stdout.head)
        if standstill is not None:
            self.scenario.fail(
                f"{program.name} has printed no line about {peer.name}", standstill=standstill,
                expected=f"a line that begins with {peer.address}", received=bytes(program.stdout.tail[-1024:]),
            )  # fmt: skip

    def connect_and_stay(self) -> None:
        """A client that is connected and has been noticed; it is still there when the server ends."""
        peer = self.connect()
        self.scenario.watch.until_or_rest(peer.accepted)  # a server may nap before it looks who is there
        self.scenario.at_rest()
        if own_info(peer.connection).state == CLOSE and not self.listeners():
            peer.ended = "reset"
            self.scenario.fail(f"{peer.name} was reset as soon as it had connected", reference="let it stay")

    def wait_for_another_second(self) -> None:
        """Our clock goes on to another second: what the program read from its clock before this is old now."""
        self.scenario.at_rest()
        self.scenario.watch.let_a_second_begin()
        self.scenario.told.append("our clock went on to another second")

    def payload(self, size: int) -> bytes:
        """Data to send, of that size."""
        return self.scenario.payload(size)

    def serve_reference_client(self, stdin: bytes) -> Visit:
        """The client of the reference, started against this server."""
        self.running()
        return meet(self.scenario, self.scenario.reference, self.port, stdin)

    # --- expectations

    def expect_failure(self) -> None:
        """It ends by itself and leaves nobody listening, with a status that is not 0, and says why."""
        self.scenario.check_failed(*self._ended_without_listening())

    def _ended_without_listening(self) -> tuple[Program, Standstill | None]:
        """The program, and why it will not end; None if it has ended."""
        program = self.running()
        watch = self.scenario.watch
        standstill = watch.until(lambda: program.exit is not None)
        watch.at_rest()  # who listens for a moment and ends, or goes on as a daemon, is judged whenever we look
        found = diagnosis.listeners(program, watch.diagnostics)
        if seen := [each for each in found if each.inode not in self._others]:
            host, port = seen[0].local
            self.scenario.fail(
                f"{program.name} listens on {host} port {port}{diagnosis.port_slip(port, self._asked)}",
                outcome=Outcome.WRONG, expected="it ends with an error", received="it listens",
                reference="ended with an error, and listened nowhere",
            )  # fmt: skip
        return program, standstill

    def expect_no_second(self) -> None:
        """Started once more on its port it ends, whatever it says of it, and does not listen; the first one goes on."""
        first = self.running()
        self.launch_on_its_port()
        self.scenario.told.append(f"{self.running().name}, a second time, while the first one had its port")
        second, standstill = self._ended_without_listening()
        if second.exit is None:
            self.scenario.fail(f"{second.name} does not end", standstill=standstill, expected="it ends with an error")
        self.scenario.expected_end(second)
        self.program = first

    def expect_at_rest(self) -> None:
        """It sleeps, and nothing is on its way."""
        self.scenario.at_rest()

    def expect_one_listener(self) -> None:
        """It listens on its port and nowhere else; one socket for IPv4 and one for IPv6 count as one."""
        self.scenario.watch.at_rest()  # its port may be the first of several
        found = sorted({s.local for s in diagnosis.listeners(self.running(), self.scenario.watch.diagnostics)})
        if any(port != self.port for _, port in found) or len(found) > 2:
            told = diagnosis.few([f"{host} port {port}" for host, port in found])
            self.scenario.fail(f"{self.running().name} listens in several places: {told}", outcome=Outcome.WRONG,
                               reference="listened on its port and nowhere else")  # fmt: skip

    def expect_printed(self, meaning: Meaning) -> None:
        """What it has printed by now means the same as what the reference had printed."""
        script, watch, program = self.scenario.script, self.scenario.watch, self.running()
        if script.recording:
            watch.until(lambda: False)
            script.record(Facet("output", data=meaning(bytes(program.stdout.head))))
            return
        expected = script.take("output").data

        def decided() -> bool:
            head = program.stdout.head
            return len(head) > _PRINTED_BOUND_BYTES or meaning(bytes(head)) == expected

        standstill = watch.until(decided)
        printed = meaning(bytes(program.stdout.head))
        if printed == expected:
            return
        wrong = not expected.startswith(printed)
        self.scenario.fail(
            f"{program.name} printed something else" if wrong else f"{program.name} has not printed all yet",
            standstill=None if wrong else standstill,
            outcome=Outcome.WRONG if wrong else None,
            expected=expected,
            received=printed,
            reference=f"printed {len(expected.splitlines())} lines by then",
        )

    def expect_multiplexed(self) -> None:
        """One thread of it waits in select(), poll() or epoll_wait() for everybody at once, and no other for anybody.

        Others may be there that wait for no socket: those of a runtime, or a shell that started it.
        """
        threads = self._threads_at_rest()
        at_work = [thread for thread in threads if waits_for_sockets(thread)]
        if len(at_work) != 1 or at_work[0].call is None or at_work[0].call.name not in MULTIPLEXES:
            self.scenario.fail(
                f"{self.running().name} is not one thread that waits for all clients at once: "
                + diagnosis.where_stuck(at_work or threads, self.scenario.peers),
                outcome=Outcome.WRONG,
                expected="one thread, which waits in select(), poll() or epoll_wait()",
                received=diagnosis.design(threads, self.scenario.peers),
            )

    def _threads_at_rest(self) -> list[Thread]:
        """Its threads as they slept: one whose timer ends is awake for a moment."""
        self.scenario.at_rest()
        pids = set(self.running().pids())
        return [thread for thread in self.scenario.watch.rested.threads if thread.pid in pids]

    def expect_queue_for(self, peer: Peer) -> None:
        """That client's connection is complete although nobody has accepted it yet: there is room in the queue."""
        watch = self.scenario.watch

        def decided() -> bool:
            return own_info(peer.connection).state != SYN_SENT or self._queue_is_full()

        watch.until(decided)
        if own_info(peer.connection).state == SYN_SENT:
            room = max((s.write_queue for s in self.listeners()), default=0)
            self.scenario.fail(
                f"{peer.name} finds the listen queue full, as listen() was told to keep {room} waiting",
                outcome=Outcome.WRONG,
                reference="kept all of them waiting",
            )

    def _queue_is_full(self) -> bool:
        return any(s.read_queue > s.write_queue for s in self.listeners())

    def expect_quiet(self) -> None:
        """Left alone, it uses no processor time: it has settled, or sleeps on a timer and does next to nothing else."""
        watch, program = self.scenario.watch, self.running()

        def now() -> tuple[float, float]:
            return proc.processor_s(program.pids()), time.monotonic()

        start = now()
        if watch.at_rest() is None:  # what it still had to do counts for nothing
            start = now()
        standstill = watch.outwait()
        used, passed = (after - before for after, before in zip(now(), start, strict=True))
        if standstill.why is Why.SPINNING or used > max(0.05, passed / 10):
            self.scenario.fail(
                f"{program.name} used {used:.2f} s of processor time in {passed:.1f} s with nothing to do",
                outcome=Outcome.SPINNING,
                reference="slept",
            )

    @contextmanager
    def bounded(self, most_bytes: int) -> Iterator[None]:
        """While the block lasts it never holds so much more than ever before; a child that has ended is not seen."""
        self.scenario.at_rest()
        before = proc.peak_bytes(self.running().pids())
        yield
        self.scenario.at_rest()
        grown = proc.peak_bytes(self.running().pids()) - before
        if grown > most_bytes:
            self.scenario.fail(
                f"{self.running().name} took {grown >> 20} MiB of memory meanwhile",
                outcome=Outcome.WRONG,
                expected=f"no more than {most_bytes >> 20} MiB",
                reference="took less",
            )

    def holdings(self) -> "Holdings":
        """What it holds at rest: a leak shows as a difference between two of these."""
        self.scenario.at_rest()
        return self._holdings()

    def _holdings(self) -> "Holdings":
        pids = self.running().pids()
        zombies = proc.zombies(pids)
        return Holdings(
            open_files=sum(proc.open_files(pid) for pid in pids),
            threads=len(proc.threads(pids)),
            zombies=zombies,
            processes=len(pids) - zombies,
            memory_bytes=proc.resident_bytes(pids),
        )

    def expect_no_growth(self, before: "Holdings", clients: int) -> None:
        """It holds no more now than before those clients came and left.

        What it tidies up in its own time is waited for. Threads and memory have to grow with every further batch of as
        many clients to be a leak: a pool that is filled when it is needed, a collector of garbage, or an allocator
        takes some and then levels off.
        """
        self._wait_for_tidiness(before, clients)
        for what, was, is_ in self._holdings().kept(before, clients):
            self.scenario.fail(
                f"{self.running().name} keeps {what}: {was:,} before {clients} clients came and left, {is_:,} now",
                outcome=Outcome.WRONG,
                reference=f"held no more after those {clients} clients than before",
            )
        if self.scenario.script.recording:
            return
        batches, first = 1, before
        while grown := (now := self._holdings()).outgrew(before, clients):
            if batches > _MORE_BATCHES[grown] or not self._takes_another(clients, now, grown):
                self.scenario.fail(
                    f"{self.running().name} takes more {grown} with every {clients} clients:"
                    f" {first.amount(grown)} at first, {now.amount(grown)} after {batches * clients} clients",
                    outcome=Outcome.WRONG,
                    reference=f"held no more after those {clients} clients than before",
                )
            before, batches = now, batches + 1

    def _takes_another(self, clients: int, before: "Holdings", grown: str) -> bool:
        """Another batch of clients; False if it has no threads left for them."""
        self.scenario.script.place = self._before_visits
        try:
            self.visits(clients, self._repeated)
        except Failure:
            if grown == "threads":
                return False
            raise
        self._wait_for_tidiness(before, clients)
        return True

    def _wait_for_tidiness(self, before: "Holdings", clients: int) -> None:
        """At rest, and with no more files, threads or processes than before, if it comes to that: at no cost."""
        self.scenario.at_rest()
        watch = self.scenario.watch

        def tidy() -> bool:
            now = self._holdings()
            return not now.kept(before, clients) and now.outgrew(before, clients) != "threads"

        with watch.lenient(watch.patience.timer_s):
            watch.until(tidy)

    def expect_design(self) -> None:
        """Record how it deals with the clients that are connected now, as the kernel shows it."""
        self.scenario.note = diagnosis.design(self._threads_at_rest(), self.scenario.peers)

    # --- a port that is not to be had

    def take_port(self) -> "Holder":
        """Somebody else, who listens on its port already."""
        return Holder(self.scenario, self.port)

    def launch_on_its_port(self) -> None:
        """Start it on its port, and wait for nothing."""
        self.launch(self.command.line(port=str(self.port)))

    def launch_with_port(self, port: str) -> None:
        """Start it with whatever that is for a port, and wait for nothing."""
        if not self.command.takes_port:
            raise NotRun("the program's port is fixed")
        self._asked = diagnosis.number(port)
        self.scenario.told.append(f"port given: {port}")
        self.launch(self.command.line(port=port))

    def launch_without_port(self) -> None:
        """Start it with no port at all, and wait for nothing."""
        if not self.command.takes_port:
            raise NotRun("the program's port is fixed")
        self.scenario.told.append("port given: none")
        self.launch(self.command.without_port())

    def start_on_default_port(self) -> None:
        """Start it with no port, and wait until it listens on the port that the exercise names for that."""
        self.port = self._asked = default_port(self.scenario, "server")
        self.launch_without_port()
        self.expect_listening(f"given no port; the exercise names {self.port} for that", Outcome.WRONG)

    def launch_on_privileged_port(self) -> None:
        """Start it, as an ordinary user, on a port below 1024 that is free."""
        start = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
        on_port = self.scenario.watch.diagnostics.on_port
        free = next((port for port in range(1023, 600, -1) if not (on_port(port) or self.taken(port))), None)
        if start < 1024 or free is None:
            raise NotRun("every user may use ports below 1024 on this machine")
        if not self.command.takes_port:
            raise NotRun("the program's port is fixed")
        self.port = self._asked = free
        self.scenario.told.append(f"port given: {self.port}, without the privilege that it needs")
        self.launch([*unprivileged(), *self.command.line(port=str(self.port))])

    def expect_plain_message(self) -> None:
        """What it said of its failure is one line for people."""
        self.scenario.check_plain_message(self.running())

    def expect_ended(self) -> None:
        """It ends, all of it."""
        program = self.running()
        standstill = self.scenario.watch.until(lambda: not program.pids())
        if standstill is not None and program.pids():
            self.scenario.fail(f"{program.name} goes on", standstill=standstill, reference="ended")
        self.scenario.expected_end(program)

    def expect_port_free(self) -> None:
        """Nobody listens on its port any more."""
        if not self._let_go():
            self.scenario.fail(f"port {self.port} is still listened on", reference="left its port free")

    def _let_go(self) -> bool:
        """Whether its port is free; what a process had open may be closed a moment after its end (io_uring(7))."""
        until = time.monotonic() + _LET_GO_S
        while self.taken(self.port) and time.monotonic() < until:
            self.scenario.watch.drain()
        return not self.taken(self.port)

    def expect_closed(self, peer: Peer) -> None:
        """Its end of that connection is closed, now or in its own time: nothing in CLOSE_WAIT."""

        def closed() -> bool:
            theirs = peer.far_end()
            return theirs is None or theirs.state != CLOSE_WAIT

        self.scenario.watch.at_rest()  # who never rests may close all the same
        if (standstill := self.scenario.watch.until(closed)) is not None:
            self.scenario.fail(
                f"{self.running().name} has not closed its end of the connection of {peer.name} (CLOSE_WAIT)",
                standstill=standstill,
                outcome=Outcome.WRONG,
                reference="closed its end",
            )


class Holdings(msgspec.Struct, frozen=True):
    """What a program holds at one moment."""

    open_files: int
    threads: int
    zombies: int
    processes: int
    memory_bytes: int

    def kept(self, before: "Holdings", clients: int) -> list[tuple[str, int, int]]:
        """What it holds more of than before that many clients, in words, before and now; not threads, nor memory.

        A tenth of the clients may be in the middle of being tidied up.
        """
        compared = [
            ("open file descriptors", before.open_files, self.open_files),
            ("children that ended and were never waited for (zombies)", before.zombies, self.zombies),
            ("processes", before.processes, self.processes),
        ]
        return [(what, was, is_) for what, was, is_ in compared if is_ - was > clients / 10]

    def outgrew(self, before: "Holdings", clients: int) -> str:
        """What of it has grown: `threads`, by more than a tenth of the clients; or `memory`, by more than a page a
        client, and more than allocators and interpreters vary by; or nothing.
        """
        if self.threads - before.threads > clients / 10:
            return "threads"
        return "memory" if self.memory_bytes - before.memory_bytes > max(clients * 4096, 512 * 1024) else ""

    def amount(self, what: str) -> str:
        """How many threads, or how much memory, in words."""
        return f"{self.threads:,}" if what == "threads" else f"{self.memory_bytes:,} bytes"


class Holder:
    """Somebody else's listening sockets on a port, IPv4 and IPv6."""

    def __init__(self, scenario: Scenario, port: int) -> None:
        self._scenario, self._port = scenario, port
        hosts = ["0.0.0.0", "::"] if scenario.settings.isolation.ipv6 else ["0.0.0.0"]
        self._sockets = [self._open(host) for host in hosts]
        scenario.told.append(f"port {port} was in use by another program")

    def _open(self, host: str) -> socket.socket:
        return self._scenario.listen(host, self._port)

    def expect_undisturbed(self) -> None:
        """Who connects to the port still reaches us."""
        with socket.create_connection((LOOPBACK, self._port)) as visitor:
            self._scenario.watch.until(lambda: own_info(visitor).state == ESTABLISHED)
            try:
                connection, _ = self._sockets[0].accept()
            except BlockingIOError:
                self._scenario.fail("who had the port before gets no connections any more", outcome=Outcome.WRONG)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            connection.close()

    def release(self) -> None:
        """Give the port back."""
        for opened in self._sockets:
            opened.close()
        self._scenario.told.append(f"port {self._port} was free again")


def unprivileged() -> list[str]:
    """The words before a command that take from it the right to use ports below 1024 (capabilities(7), setpriv(1))."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise NotRun("taking the privilege from a program started by root needs setpriv (util-linux)")
    return ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service", "--"]
