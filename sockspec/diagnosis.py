"""The kernel's evidence in words: where each thread is stuck, on which connection, and what nobody has fetched.

Words are a programmer's own: `recv()`, not recvfrom or system call 45; `the first client's connection`, not an inode.
"""

import os
import re
import signal
from collections.abc import Iterable, Mapping, Sequence

from sockspec.kernel.calls import ACCEPTS, MULTIPLEXES, READS, SLEEPS, UNREAD, WRITES
from sockspec.kernel.datagrams import Bound, bound
from sockspec.kernel.held import Held
from sockspec.kernel.look import Rest, inode_of
from sockspec.kernel.sockets import CLOSE_WAIT, Diagnostics, Socket
from sockspec.kernel.threads import Thread
from sockspec.peer import Peer
from sockspec.program import Exit, Program
from sockspec.verdict import Outcome
from sockspec.visible import visible
from sockspec.watch import Standstill, Why

_STANDARD = {0: "its standard input", 1: "its standard output", 2: "its standard error"}
_WORTH_TELLING = 3
_SANITIZED = re.compile(rb"==\d+==ERROR: \w+Sanitizer|WARNING: ThreadSanitizer")
_SANITIZERS_SUMMARY = re.compile(rb"SUMMARY: \w+Sanitizer: ([^\n]{1,200})")


def outcome_of(standstill: Standstill, programs: Iterable[Program]) -> Outcome:
    """How the run went, judged by how a wait ended."""
    if standstill.why is Why.GONE:
        return Outcome.CRASHED if any(crash(program) for program in programs) else Outcome.EXITED
    return {
        Why.SETTLED: Outcome.STUCK,
        Why.TIMER: Outcome.WAITING,
        Why.SPINNING: Outcome.SPINNING,
        Why.LIMIT: Outcome.LIMIT,
    }[standstill.why]


def crash(program: Program) -> str:
    """How a program crashed, in words; empty if it did not: a signal, a traceback, a sanitizer's report.

    A signal or a sanitizer may also end one of its processes while the others go on.
    """
    if (fault := program.fault()) is not None:
        return _with_reason(f"a process of {program.name}", fault)
    said = bytes(program.stderr.head[-65536:]) + program.stderr.tail
    if _SANITIZED.search(said):
        found = _SANITIZERS_SUMMARY.search(said)
        return f"{program.name} was stopped by a sanitizer" + (f": {visible(found[1])}" if found else "")
    if program.exit is None or program.exit.status == 0:
        return ""
    if program.exit.by_signal and program.exit.status not in (-signal.SIGKILL, -signal.SIGXCPU, -signal.SIGXFSZ):
        return _with_reason(program.name, program.exit)
    if b"Traceback (most recent call last)" in said:
        return f"{program.name} ended with an exception that nobody caught"
    return ""


_SIGNAL_REASONS: dict[int, str] = {
    signal.SIGPIPE: "it wrote to a connection that the other side had ended; such a write raises SIGPIPE, and the"
    " default action of SIGPIPE is to kill the program",
    signal.SIGSEGV: "it used memory that is not its own",
    signal.SIGABRT: "it called abort(), as a failed assertion or a damaged heap does",
    signal.SIGFPE: "an arithmetic error, such as a division by zero",
    signal.SIGBUS: "it used memory that is not there",
}


def _with_reason(name: str, end: Exit) -> str:
    reason = _SIGNAL_REASONS.get(-end.status, "")
    return f"{name} {end}" + (f": {reason}" if reason else "")


def how_it_stands(
    standstill: Standstill,
    programs: Iterable[Program],
    peers: Iterable[Peer],
    diagnostics: Diagnostics,
) -> str:
    """One or two sentences: why the wait ended, for each program that has a part in it."""
    if standstill.why is Why.LIMIT:
        return standstill.detail
    sentences = []
    for program in programs:
        threads = [thread for thread in standstill.look.threads if thread.pid in set(program.pids())]
        if program.exit is not None and not threads:
            sentences.append(crash(program) or f"{program.name} {program.exit}")
        elif standstill.why is Why.SPINNING and not all(thread.asleep for thread in threads):
            sentences.append(
                f"{program.name} used {standstill.detail} of processor time without moving a byte: it runs in circles"
            )
        else:
            where = where_stuck(threads, peers)
            timed = standstill.why is Why.TIMER and standstill.look.rest is not Rest.MOVING
            waits = " and our patience with timers ended" if timed else ""
            sentences.append(f"{program.name} {where}{waits}" if where else f"{program.name} has no thread left")
    sentences += queues(programs, peers, diagnostics)
    return "; ".join(sentences)


def few(told: list[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(told) - _WORTH_TELLING
    return ", ".join(told[:_WORTH_TELLING]) + (f" and {more} more" if more > 0 else "")


def where_stuck(threads: Iterable[Thread], peers: Iterable[Peer]) -> str:
    """`is blocked in recv() on the first client's connection (fd 4)`, the main thread first, alike ones counted."""
    owners = _owners(peers)
    places: dict[str, list[Thread]] = {}
    for thread in threads:
        places.setdefault(_place(thread, owners), []).append(thread)
    if not places:
        return ""
    (first, here), *others = places.items()
    told = [first if len(here) == 1 else f"{first} ({len(here)} {_kind(here)})"]
    others.sort(key=lambda item: -len(item[1]))
    for place, there in others[: _WORTH_TELLING - 1]:
        kind = _kind([here[0], *there])
        who = f"another {kind.removesuffix('es' if kind == 'processes' else 's')}"
        told.append(f"{who if len(there) == 1 else f'each of {len(there)} other {kind}'} {place}")
    if more := sum(len(there) for _, there in others[_WORTH_TELLING - 1 :]):
        told.append("and one more waits elsewhere" if more == 1 else f"and {more} more wait elsewhere")
    return ", ".join(told)


def _kind(threads: list[Thread]) -> str:
    """What to call several threads: processes, if each is in one of its own."""
    return "processes" if len({thread.pid for thread in threads}) == len(threads) else "threads"


def _owners(peers: Iterable[Peer]) -> Mapping[int, Peer]:
    return {theirs.inode: peer for peer in peers if (theirs := peer.far_end()) is not None and theirs.inode}


def _place(thread: Thread, owners: Mapping[int, Peer]) -> str:
    call = thread.call
    if thread.state in "Tt":
        return "is stopped (SIGSTOP, as by Ctrl-Z), and nobody continues it"
    if call is None:
        return "runs"
    if call == UNREAD:
        return "sleeps in a call that we may not read here"
    name = f"{call.plain}()"
    if call.name in READS | WRITES:
        verb = "is blocked in"
        inode = inode_of(thread.tid, call.fd)
        if inode in owners:
            peer = owners[inode]
            return f"{verb} {name} on the connection of {peer.name} (fd {call.fd}, {_shown(peer.address)})"
        if (found := _datagrams(inode)) is not None:
            return f"{verb} {call.name}() on its UDP socket (fd {call.fd}, {_shown(found.local)})"
        return f"{verb} {name} on {_file(thread.tid, call.fd, inode)}"
    if call.name in ACCEPTS:
        return f"is blocked in {name} (fd {call.fd})"
    if call.name in MULTIPLEXES:
        return f"waits in {name}" + (" with a timeout" if call.timed else "")
    if call.name in SLEEPS or call.name == "restart_syscall":
        return "sleeps on a timer (sleep, or alike)"
    if call.name == "futex":
        return "waits for a lock or for another thread" + (" with a timeout" if call.timed else "")
    if call.name in ("wait4", "waitid"):
        return "waits for a child process to end (wait)"
    return f"is blocked in {name}"


def _datagrams(inode: int) -> Bound | None:
    return next((each for each in bound() if inode and each.inode == inode), None)


def _file(tid: int, fd: int, inode: int) -> str:
    if fd in _STANDARD and not inode:
        return _STANDARD[fd]
    try:
        link = os.readlink(f"/proc/{tid}/fd/{fd}")
    except OSError:
        return f"fd {fd}"
    return f"fd {fd} ({visible(link.split(':')[0])})"


def _shown(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listeners(program: Program, diagnostics: Diagnostics) -> list[Socket]:
    """The listening TCP sockets that the program holds."""
    held = Held(program.pids())
    return [found for found in diagnostics.listening() if found in held]


def number(text: str) -> int | None:
    """The number that a text stands for, if it stands for one."""
    return int(text) if text.removeprefix("-").isdecimal() else None


def port_slip(port: int, asked: int | None) -> str:
    """Which well-known slip turns the port that was asked for, if that was a number, into that one."""
    if asked is None or port == asked:
        return ""
    cut = asked % 65536
    if port == ((cut & 0xFF) << 8 | cut >> 8) and port != cut:
        return f" ({asked} with its two bytes swapped: htons() is missing)"
    return f" ({asked} modulo 65536)" if port == cut else ""


def queues(programs: Iterable[Program], peers: Iterable[Peer], diagnostics: Diagnostics) -> list[str]:
    """What the kernel keeps and nobody fetches: finished connections, unread bytes, ends nobody answered."""
    told = []
    for program in programs:
        for listener in listeners(program, diagnostics):
            # Whether there is room now says nothing: a first packet that was dropped is sent again after a second.
            if outside := [peer.name for peer in peers if peer.knocks]:
                told.append(
                    f"{outside[0]} {'was' if len(outside) == 1 else f'and {len(outside) - 1} more were'} not let in: a"
                    f" listen queue that is full answers nobody, and listen() was told to keep {listener.write_queue}"
                    " waiting"
                )
            if waiting := listener.read_queue:
                are = "finished connections wait" if waiting > 1 else "finished connection waits"
                told.append(f"{waiting} {are} in the listen queue: nobody calls accept()")
        held = Held(program.pids())
        for each in bound():
            if each in held and each.read_queue:
                told.append(f"datagrams for port {each.local[1]} are there and nobody reads them")
            if each in held and each.drops:
                lost = _number(each.drops, "datagram", "datagrams")
                told.append(f"{lost} for port {each.local[1]} found no room in its receive queue")
    for peer in peers:
        theirs = peer.far_end()
        if theirs is None or not theirs.inode:
            continue
        ended = theirs.state == CLOSE_WAIT
        if unread := max(theirs.read_queue - ended, 0):
            told.append(f"nobody reads the {_number(unread, 'byte', 'bytes')} of {peer.name} that came")
        elif ended:
            told.append(f"{peer.name} has ended its side, and nobody closes the connection (CLOSE_WAIT)")
    return told


def design(threads: Sequence[Thread], peers: Iterable[Peer]) -> str:
    """How a server at rest, with several clients connected, deals with them: what each of its threads waits for."""
    processes = len({thread.pid for thread in threads})
    multiplexed = {thread.call.plain for thread in threads if thread.call and thread.call.name in MULTIPLEXES}
    owners = _owners(peers)
    served = sum(
        thread.call is not None and thread.call.name in READS and inode_of(thread.tid, thread.call.fd) in owners
        for thread in threads
    )
    if processes > 1 and served > 1:
        return f"a process for each client ({processes} processes for {len(owners)} clients)"
    if served > 1:
        return f"a thread for each client ({len(threads)} threads for {len(owners)} clients)"
    if multiplexed and len(threads) == 1:
        return f"one thread for all clients, waiting in {', '.join(sorted(multiplexed))}()"
    if len(threads) == 1 and served == 1:
        return "iterative: one client after the other"
    return f"{_number(processes, 'process', 'processes')} and {_number(len(threads), 'thread', 'threads')}"


def _number(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"
