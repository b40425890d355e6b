"""The evidence in words: where a program is stuck, what nobody has fetched, how a server is built, why it crashed."""

import pytest

from sockspec import diagnosis, house
from sockspec.environment import base_python
from sockspec.kernel.threads import threads
from sockspec.peer import Peer
from sockspec.program import Program
from sockspec.verdict import Outcome
from sockspec.watch import Patience, Standstill
from tests.stage import Stage, Staged

pytest_plugins = ["tests.stage"]

GOOD = house.FIXTURES / "programs" / "echo"
ITERATIVE = "iterative: one client after the other"
PROCESSES = "a process for each client (3 processes for 2 clients)"
THREADS = "a thread for each client (3 threads for 2 clients)"
DESIGNS = {
    "c-epoll": "one thread for all clients, waiting in epoll_wait()",
    "c-fork": PROCESSES,
    "c-iterative": ITERATIVE,
    "c-poll": "one thread for all clients, waiting in poll()",
    "c-select": "one thread for all clients, waiting in select()",
    "c-threads": THREADS,
    "python-asyncio": "one thread for all clients, waiting in epoll_wait()",
    "python-fork": PROCESSES,
    "python-iterative": ITERATIVE,
    "python-polling": "1 process and 1 thread",
    "python-selectors": "one thread for all clients, waiting in epoll_wait()",
    "python-socketserver": THREADS,
    "python-threads": THREADS,
}


def where(stage: Stage) -> str:
    """Where all threads are, once they are at rest."""
    stage.calm()
    return diagnosis.where_stuck(stage.watch.look().threads, stage.peers)


def stands(stage: Stage) -> str:
    """How the programs stand when nothing more comes of waiting."""
    return diagnosis.how_it_stands(*evidence(stage), stage.watch.diagnostics)


def evidence(stage: Stage) -> tuple[Standstill, list[Program], list[Peer]]:
    standstill = stage.watch.until(lambda: False)
    assert standstill is not None
    return standstill, stage.watch.programs, stage.peers


def outcome(stage: Stage) -> Outcome:
    standstill, programs, _ = evidence(stage)
    return diagnosis.outcome_of(standstill, programs)


def queued(stage: Stage) -> list[str]:
    """What the kernel keeps for the programs, once they are at rest."""
    stage.calm()
    return diagnosis.queues(stage.watch.programs, stage.peers, stage.watch.diagnostics)


# --- where it is stuck


@pytest.mark.parametrize(
    ("main", "words"),
    [
        ("pause();", "is blocked in pause()"),
        ("char b; read(0, &b, 1);", "is blocked in read() on its standard input"),
        ("int p[2]; pipe(p); char b; read(p[0], &b, 1);", "is blocked in read() on fd 3 (pipe)"),
        ("accept(listener(), NULL, NULL);", "is blocked in accept() (fd 3)"),
        ("poll(NULL, 0, -1);", "waits in poll()"),
        ("poll(NULL, 0, 60000);", "waits in poll() with a timeout"),
        ("select(0, NULL, NULL, NULL, NULL);", "waits in select()"),
        ("struct epoll_event e; epoll_wait(epoll_create1(0), &e, 1, -1);", "waits in epoll_wait()"),
        ("sleep(60);", "sleeps on a timer (sleep, or alike)"),
        ("pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER; pthread_mutex_lock(&m); pthread_mutex_lock(&m);",
         "waits for a lock or for another thread"),
        ("raise(SIGSTOP);", "is stopped (SIGSTOP, as by Ctrl-Z), and nobody continues it"),
    ],
    ids=["pause", "stdin", "pipe", "accept", "poll", "timeout", "select", "epoll", "sleep", "lock", "stopped"],
)  # fmt: skip
def test_a_thread_is_told_by_the_call_that_it_waits_in(staged: Staged, main: str, words: str) -> None:
    stage = staged(Patience(timer_s=0.1))
    stage.c(main)
    evidence(stage)
    assert diagnosis.where_stuck(stage.watch.look().threads, stage.peers) == words


def test_a_connection_is_told_by_whose_it_is(stage: Stage) -> None:
    peer = stage.client(stage.c("char b; int c = client(); recv(c, &b, 1, 0);"))
    host, port = peer.address
    assert where(stage) == f"is blocked in recv() on the connection of first client (fd 4, {host}:{port})"


def test_who_cannot_send_is_told_so(stage: Stage) -> None:
    stage.client(stage.c("char b[4096] = {0}; int c = client(); while (send(c, b, sizeof b, 0) > 0) ;"))
    assert where(stage).startswith("is blocked in send() on the connection of first client (fd 4, ")


@pytest.mark.parametrize(
    ("main", "words"),
    [
        ("started(hold, NULL); pause();", "is blocked in pause() (2 threads)"),
        ("fork(); pause();", "is blocked in pause() (2 processes)"),
        ("started(hold, NULL); listen(3, 1); accept(listener(), NULL, NULL);",
         "is blocked in accept() (fd 3), another thread is blocked in pause()"),
        ("for (int i = 0; i < 3; i++) started(hold, NULL); accept(listener(), NULL, NULL);",
         "is blocked in accept() (fd 3), each of 3 other threads is blocked in pause()"),
        ("if (!fork()) pause(); wait(NULL);",
         "waits for a child process to end (wait), another process is blocked in pause()"),
        ("for (int i = 0; i < 3; i++) if (!fork()) pause(); wait(NULL);",
         "waits for a child process to end (wait), each of 3 other processes is blocked in pause()"),
    ],
    ids=["2-threads", "2-processes", "1-thread", "3-threads", "1-child", "3-children"],
)  # fmt: skip
def test_several_threads_and_several_processes_are_told_apart(stage: Stage, main: str, words: str) -> None:
    stage.c(main)
    assert where(stage) == words


@pytest.mark.parametrize(("more", "words"), [(1, "and one more waits elsewhere"), (2, "and 2 more wait elsewhere")])
def test_of_many_places_three_are_told(stage: Stage, more: int, words: str) -> None:
    listeners = "; ".join(f"if (!fork()) accept(dup2(listener(), {30 + n}), NULL, NULL)" for n in range(2 + more))
    stage.c(f"{listeners}; wait(NULL);")
    assert where(stage).endswith(f", {words}")
    assert where(stage).count("another process is blocked in accept()") == 2


# --- how it stands


def test_a_program_that_ended_is_told_by_its_end(stage: Stage) -> None:
    stage.c("exit(3);")
    assert [stands(stage), outcome(stage)] == ["your server ended with exit status 3", Outcome.EXITED]


def test_a_program_that_spins_is_told_what_it_used(staged: Staged) -> None:
    stage = staged(Patience(processor_s=0.1))
    stage.c("spin(NULL);")
    assert stands(stage) == ("your server used 0.5 s of processor time without moving a byte: it runs in circles")


def test_only_where_a_timer_runs_our_patience_with_timers_ends(staged: Staged) -> None:
    stage = staged(Patience(timer_s=0.1))
    stage.c("sleep(60);")
    assert stands(stage) == ("your server sleeps on a timer (sleep, or alike) and our patience with timers ended")


def test_a_client_that_finds_the_queue_full_ends_no_patience_with_timers(staged: Staged) -> None:
    stage = staged(Patience(timer_s=0.1))
    program = stage.c("int l = listener(); listen(l, 0); pause();")
    stage.calm()
    stage.client(program)
    outside = stage.peer(stage.dial("127.0.0.1", stage.port(program)), stage.next_name())
    told = stands(stage)
    assert outside.told() == "second client: asked for a connection, and was not let in"
    assert "second client was not let in: a listen queue that is full answers nobody" in told
    assert "patience" not in told


def test_several_programs_are_told_one_after_the_other(stage: Stage) -> None:
    stage.c("pause();")
    stage.c("exit(0);")
    assert stands(stage) == "your server is blocked in pause(); your server (started again) ended with exit status 0"


# --- why it crashed


@pytest.mark.parametrize(
    ("main", "words"),
    [
        ("raise(SIGSEGV);", "your server was killed by SIGSEGV (signal 11): it used memory that is not its own"),
        ("abort();", "your server was killed by SIGABRT (signal 6): it called abort(), as a failed assertion"),
        ("raise(SIGPIPE);", "your server was killed by SIGPIPE (signal 13): it wrote to a connection that the other"),
        ("raise(SIGFPE);", "your server was killed by SIGFPE (signal 8): an arithmetic error"),
        ("raise(SIGTERM);", "your server was killed by SIGTERM (signal 15)"),
    ],
    ids=["segv", "abort", "pipe", "fpe", "term"],
)
def test_a_signal_is_told_with_what_raises_it(stage: Stage, main: str, words: str) -> None:
    stage.c(main)
    assert stands(stage).startswith(words)
    assert outcome(stage) is Outcome.CRASHED


@pytest.mark.parametrize("main", ["exit(1);", "raise(SIGKILL);", "raise(SIGXCPU);"], ids=["exit", "kill", "limit"])
def test_an_exit_status_is_no_crash_and_neither_is_a_kill_or_a_limit(stage: Stage, main: str) -> None:
    program = stage.exited(stage.c(main))
    assert diagnosis.crash(program) == ""


def test_an_exception_that_nobody_caught_is_a_crash(stage: Stage) -> None:
    stage.python("1 / 0")
    assert [stands(stage), outcome(stage)] == [
        "your server ended with an exception that nobody caught",
        Outcome.CRASHED,
    ]


# --- what nobody fetched


@pytest.mark.parametrize(("clients", "words"), [(1, "1 finished connection waits"), (2, "2 finished connections wait")])
def test_connections_that_nobody_accepts_are_counted(stage: Stage, clients: int, words: str) -> None:
    program = stage.c("listener(); pause();")
    for _ in range(clients):
        stage.client(program)
    assert queued(stage) == [f"{words} in the listen queue: nobody calls accept()"]


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"a", "nobody reads the 1 byte of first client that came"),
     (bytes(1234), "nobody reads the 1,234 bytes of first client that came")],
    ids=["one", "many"],
)  # fmt: skip
def test_bytes_that_nobody_reads_are_counted(stage: Stage, data: bytes, words: str) -> None:
    stage.client(stage.c("client(); pause();")).send(data)
    assert queued(stage) == [words]


def test_an_end_that_nobody_answers_is_told(stage: Stage) -> None:
    stage.client(stage.c("client(); pause();")).finish()
    assert queued(stage) == ["first client has ended its side, and nobody closes the connection (CLOSE_WAIT)"]


# --- how it is built


@pytest.mark.parametrize(("name", "words"), DESIGNS.items())
def test_the_design_of_every_good_server_is_seen(stage: Stage, name: str, words: str) -> None:
    written = next((GOOD / name).glob("server.*"))
    line = (
        [base_python(), "-IS", str(written)] if written.suffix == ".py" else [str(stage.compile(written.read_text()))]
    )
    program = stage.run(*line, str(stage.ports.next()))
    for _ in range(2):
        stage.client(program).send(b"hello\n")
    stage.calm()
    assert diagnosis.design(threads(program.pids()), stage.peers) == words


def test_no_good_server_is_left_out() -> None:
    dealt_out = "python-prefork"  # the kernel gives both clients to one process, or each its own
    assert {path.parent.name for path in GOOD.glob("*/server.*")} == {*DESIGNS, dealt_out}


@pytest.mark.parametrize("main", ["listener(); pause();", "int l = listener(); for (;;) close(accept(l, NULL, NULL));"])
def test_one_that_serves_nobody_is_not_called_iterative(stage: Stage, main: str) -> None:
    program = stage.c(main)
    for _ in range(2):
        stage.client(program)
    stage.calm()
    assert diagnosis.design(threads(program.pids()), stage.peers) == "1 process and 1 thread"


# --- the port


@pytest.mark.parametrize(
    ("port", "asked", "words"),
    [
        (12622, 20017, " (20017 with its two bytes swapped: htons() is missing)"),
        (20017, 85553, " (85553 modulo 65536)"),
        (12622, 85553, " (85553 with its two bytes swapped: htons() is missing)"),
        (65535, -1, " (-1 modulo 65536)"),
        (4711, 20017, ""),
        (257, 257, ""),
        (4711, None, ""),
    ],
)
def test_the_slip_behind_a_port_is_named(port: int, asked: int | None, words: str) -> None:
    assert diagnosis.port_slip(port, asked) == words


@pytest.mark.parametrize(("text", "number"), [("80", 80), ("-1", -1), ("abc", None), ("", None), ("--1", None)])
def test_a_port_that_is_no_number_is_none(text: str, number: int | None) -> None:
    assert diagnosis.number(text) == number
