"""What the tests of the engine's lower half share: a stage whose programs are written in the test, in C or Python.

A program listens on a port that the kernel picks, and the test asks the kernel which: nothing clashes with anybody.
Test modules import from here and take this as a plugin too, hence: PYTEST_DONT_REWRITE
"""

import ctypes
import hashlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import pytest

from sockspec import diagnosis
from sockspec.catalogue import Conversation, Exercise
from sockspec.environment import base_python
from sockspec.isolation import Isolation, ipv6_works
from sockspec.kernel.look import Rest
from sockspec.kernel.sockets import SYN_SENT, Diagnostics, own_info
from sockspec.limits import Limits
from sockspec.oracle import Facet, Script
from sockspec.peer import Peer
from sockspec.program import Program, adopt_orphans
from sockspec.scenario import LOOPBACK, Ports, Scenario, Settings
from sockspec.submission import Cast
from sockspec.watch import Patience

PRELUDE = r"""
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A socket that listens on a port of the kernel's choice. */
static int listener(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int opened = socket(AF_INET, SOCK_STREAM, 0);
    bind(opened, (struct sockaddr *)&address, sizeof address);
    listen(opened, 128);
    return opened;
}

/* The first client's connection. */
static int client(void) { return accept(listener(), NULL, NULL); }

static void *spin(void *unused) { for (;;) ; return unused; }
static void *hold(void *unused) { for (;;) pause(); return unused; }
static void *doze(void *seconds) { sleep((unsigned)(long)seconds); exit(0); }
static pthread_t started(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    pthread_create(&thread, NULL, function, argument);
    return thread;
}
"""
"""What every C program of these tests begins with; then comes its main()."""

LISTENER = (
    'import os, select, signal, socket, sys, threading, time\nlistener = socket.create_server(("127.0.0.1", 0))\n'
)
CLIENT = f"{LISTENER}client, _ = listener.accept()\n"
"""How a Python program of these tests begins that has a listener, or the first client's connection."""

EXERCISE = Exercise("made-up", "An exercise of the tests", Conversation("hello", "hello"), {}, None, {})
Compile = Callable[[str], Path]


class Stage(Scenario):
    """A scenario with a cast of nobody: its programs are given as code."""

    compile: Compile
    closed = False

    def python(self, code: str) -> Program:
        """Start a Python program."""
        return self.run(base_python(), "-I", "-S", "-c", dedent(code))

    def c(self, main: str) -> Program:
        """Start a C program, given the body of its main()."""
        return self.run(str(self.compile(f"{PRELUDE}\nint main(void)\n{{\n{main}\nreturn 0;\n}}\n")))

    def either(self, language: str, code: str) -> Program:
        """Start a program written in `c` or `python`."""
        return self.c(code) if language == "c" else self.python(code)

    def run(self, *line: str) -> Program:
        return self.launch(self.cast, "server", list(line))

    def port(self, program: Program) -> int:
        """The port it listens on, as soon as it does."""
        diagnostics = self.watch.diagnostics
        assert self.watch.until(lambda: bool(diagnosis.listeners(program, diagnostics))) is None
        return diagnosis.listeners(program, diagnostics)[0].local[1]

    def client(self, program: Program, host: str = LOOPBACK) -> Peer:
        """A client of ours, connected to the one port that it listens on."""
        peer = self.peer(self.dial(host, self.port(program)), self.next_name())
        assert self.watch.until(lambda: own_info(peer.connection).state != SYN_SENT) is None
        return peer

    def accept(self, listener: socket.socket) -> Peer:
        """Our end of the connection of the next client that calls there."""
        found: list[socket.socket] = []

        def accepted() -> bool:
            with suppress(BlockingIOError):
                found.append(listener.accept()[0])
            return bool(found)

        assert self.watch.until(accepted) is None, "nobody calls"
        self.keep(found[0])
        return self.peer(found[0], "our server")

    def rest(self) -> Rest:
        """How the programs are at rest, once they are."""
        assert self.watch.at_rest() is None
        return self.watch.look().rest

    def calm(self) -> None:
        """Wait until the programs sleep and have printed all, whatever they use up."""

        def asleep() -> bool:
            slept, printed = self.watch.look().asleep, self._printed()
            self.watch.drain()
            return slept and printed == self._printed()

        assert shown(asleep), self.watch.look()

    def _printed(self) -> int:
        return sum(program.stdout.count + program.stderr.count for program in self.watch.programs)

    def said(self, program: Program, text: str) -> None:
        """Wait until it has printed that."""
        assert self.watch.until(lambda: text.encode() in program.stdout.head) is None, bytes(program.stderr.tail)

    def ended(self, program: Program) -> str:
        """What it printed in all, once it has ended by itself."""
        fds = program.out.fileno(), program.err.fileno()
        self.watch.until(lambda: program.exit is not None and not any(map(self.watch.serves, fds)))
        assert program.exit is not None, self.watch.look()
        return program.stdout.head.decode()

    def exited(self, program: Program) -> Program:
        """That program, once its first process has ended, whoever else goes on."""
        self.watch.until(lambda: program.exit is not None)
        assert program.exit is not None, self.watch.look()
        return program

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            super().close()

    def expects(self, *facets: Facet) -> None:
        """From here on peers compare with those facets."""
        self.script = Script(list(facets))


def shown(condition: Callable[[], bool]) -> bool:
    """Whether that comes to hold, asked again and again: for what is to be seen without the engine's help."""
    give_up = time.monotonic() + 30
    while not condition() and time.monotonic() < give_up:
        os.sched_yield()
    return condition()


Staged = Callable[..., Stage]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """The C compiler; alike sources are compiled once."""
    directory = tmp_path_factory.mktemp("c")

    def compile_once(source: str) -> Path:
        program = directory / hashlib.sha256(source.encode()).hexdigest()[:16]
        if not program.exists():
            program.with_suffix(".c").write_text(source)
            line = ["cc", "-std=gnu17", "-pthread", "-o", str(program), str(program.with_suffix(".c"))]
            subprocess.run([*line, "-Wno-unused-result"], check=True, stdin=subprocess.DEVNULL)
        return program

    return compile_once


@pytest.fixture
def adopting() -> Iterator[None]:
    """Orphans fall to us, as in a run; for this test only."""
    before = signal.getsignal(signal.SIGINT)
    adopt_orphans()
    yield
    ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def diagnostics() -> Iterator[Diagnostics]:
    opened = Diagnostics()
    yield opened
    opened.close()


@pytest.fixture
def staged(adopting: None, diagnostics: Diagnostics, compiled: Compile, tmp_path: Path) -> Iterator[Staged]:  # noqa: ARG001
    """Opens stages, with patience and limits of their own; every program on them ends with the test."""
    opened: list[Stage] = []
    ports = Ports(0, diagnostics, tmp_path, alone=False)

    def stage(patience: Patience | None = None, limits: Limits | None = None) -> Stage:
        isolation = Isolation("this machine", "a test", ipv6=ipv6_works(), names=False)
        settings = Settings(isolation, patience=patience or Patience(), limits=limits or Limits())
        cast = Cast("your", {}, str(tmp_path))
        opened.append(Stage(cast, cast, Script(), settings, EXERCISE, diagnostics, ports))
        opened[-1].compile = compiled
        return opened[-1]

    yield stage
    for each in opened:
        each.close()
    ports.close()


@pytest.fixture
def stage(staged: Staged) -> Stage:
    """A stage with the usual patience and limits."""
    return staged()
