"""One look at a program: every way of waiting, in C and Python, is told from running, from a timer and from an end."""

import os
import signal
import socket
from pathlib import Path

import pytest

from sockspec import house
from sockspec.environment import base_python
from sockspec.kernel import threads as proc
from sockspec.kernel.look import Look, Rest, inode_of, look
from sockspec.program import Program
from tests.stage import CLIENT, LISTENER, Compile, Stage, shown

pytest_plugins = ["tests.stage"]

Case = tuple[str, str, str]
LONG = "struct timespec t = {1000, 0}; struct timeval v = {1000, 0}; (void)t; (void)v;"
EPOLL = "int e = epoll_create1(0); struct epoll_event i = {.events = EPOLLIN}, o;"
ASYNCIO = "import asyncio\nasync def serve(reader, writer): await reader.read()\nasync def main():\n  "
SERVING = '(await asyncio.start_server(serve, "127.0.0.1", 0))'


def cases(*given: Case) -> pytest.MarkDecorator:
    """A test of each: a name, a language and a program."""
    ids = [f"{language}-{name}" for name, language, _ in given]
    return pytest.mark.parametrize(("language", "code"), [each[1:] for each in given], ids=ids)


# --- settled

WAITS_ALONE = cases(
    ("accept", "c", "client();"),
    ("standard-input", "c", "char b; read(0, &b, 1);"),
    ("select", "c", "int l = listener(); fd_set s; FD_ZERO(&s); FD_SET(l, &s); select(l + 1, &s, 0, 0, 0);"),
    ("poll", "c", "struct pollfd p = {listener(), POLLIN, 0}; poll(&p, 1, -1);"),
    ("epoll", "c", f"{EPOLL} epoll_ctl(e, EPOLL_CTL_ADD, listener(), &i); epoll_wait(e, &o, 1, -1);"),
    ("thread-join", "c", "pthread_join(started(hold, NULL), NULL);"),
    ("mutex", "c", "pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER; for (;;) pthread_mutex_lock(&m);"),
    ("wait", "c", "if (fork() == 0) for (;;) pause(); wait(NULL);"),
    ("waitpid", "c", "pid_t p = fork(); if (p == 0) for (;;) pause(); waitpid(p, NULL, 0);"),
    ("pre-forked", "c", "int l = listener(); for (int i = 0; i < 3; i++) fork(); accept(l, NULL, NULL);"),
    ("system", "c", 'system("read line");'),
    ("accept", "python", CLIENT),
    ("standard-input", "python", "input()"),
    ("select", "python", f"{LISTENER}select.select([listener], [], [])"),
    ("poll", "python", f"{LISTENER}p = select.poll()\np.register(listener)\np.poll()"),
    ("selectors", "python", "import selectors; selectors.DefaultSelector().select()"),
    ("thread-join", "python", f"{LISTENER}t = threading.Thread(target=listener.accept)\nt.start()\nt.join()"),
    ("queue", "python", "import queue; queue.Queue().get()"),
    ("wait", "python", f"{LISTENER}pid = os.fork()\npid or signal.pause()\nos.wait()"),
    ("signals", "python", "import signal; signal.pause()"),
    ("asyncio", "python", f"{ASYNCIO}await {SERVING}.serve_forever()\nasyncio.run(main())"),
)
CHILD = "if (fork() == 0) { char b; recv(c, &b, 1, 0); } close(c);"
WAITS_FOR_A_CLIENT = cases(
    ("recv", "c", "int c = client(); char b; recv(c, &b, 1, 0);"),
    ("read", "c", "int c = client(); char b; read(c, &b, 1);"),
    ("recvmsg", "c", "int c = client(); struct msghdr m = {0}; recvmsg(c, &m, 0);"),
    ("stdio", "c", 'FILE *f = fdopen(client(), "r"); fgetc(f);'),
    ("peek", "c", "int c = client(); char b; recv(c, &b, 1, MSG_PEEK);"),
    ("next-client", "c", "int l = listener(); accept(l, NULL, NULL); accept(l, NULL, NULL);"),
    ("send", "c", "int c = client(); static char b[32 << 20]; send(c, b, sizeof b, 0);"),
    ("small-sends", "c", "int c = client(); static char b[1000]; for (;;) send(c, b, sizeof b, 0);"),
    ("write", "c", "int c = client(); static char b[32 << 20]; write(c, b, sizeof b);"),
    ("select", "c", "int c = client(); fd_set s; FD_ZERO(&s); FD_SET(c, &s); select(c + 1, &s, 0, 0, 0);"),
    ("epoll", "c", f"{EPOLL} epoll_ctl(e, EPOLL_CTL_ADD, client(), &i); epoll_wait(e, &o, 1, -1);"),
    ("fork", "c", f"int l = listener(); for (;;) {{ int c = accept(l, NULL, NULL); {CHILD} }}"),
    ("close-and-wait", "c", "close(client()); pause();"),
    ("recv", "python", f"{CLIENT}client.recv(1)"),
    ("sendall", "python", f"{CLIENT}client.sendall(bytes(32 << 20))"),
    ("makefile", "python", f"{CLIENT}client.makefile().readline()"),
    ("epoll", "python", f"{CLIENT}p = select.epoll()\np.register(client, select.EPOLLIN)\np.poll()"),
    ("threads", "python", f"{CLIENT}threading.Thread(target=client.recv, args=[1]).start()\nlistener.accept()"),
    ("fork", "python", f"{CLIENT}client.recv(1) if os.fork() == 0 else os.wait()"),
    ("asyncio", "python", f"{ASYNCIO}await {SERVING}.serve_forever()\nasyncio.run(main())"),
)


@WAITS_ALONE
def test_a_program_that_waits_for_us_has_settled(stage: Stage, language: str, code: str) -> None:
    stage.either(language, code)
    assert stage.rest() is Rest.SETTLED


@WAITS_FOR_A_CLIENT
def test_a_program_that_waits_for_its_client_has_settled(stage: Stage, language: str, code: str) -> None:
    stage.client(stage.either(language, code))
    assert stage.rest() is Rest.SETTLED


TIMED = {"python-polling", "python-socketserver"}
SERVERS = sorted(path.parent.name for path in (house.FIXTURES / "programs" / "echo").glob("*/server.*"))


@pytest.mark.parametrize("design", [name for name in SERVERS if name not in TIMED])
def test_a_server_of_any_design_has_settled_with_three_clients(stage: Stage, compiled: Compile, design: str) -> None:
    server = house.FIXTURES / "programs" / "echo" / design
    with socket.socket() as holder:  # keeps the port for the program, which may share it by SO_REUSEADDR
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        program = start(stage, compiled, server, holder.getsockname()[1])
        for _ in range(3):
            stage.client(program).send(b"hello")
        assert stage.rest() is Rest.SETTLED


def start(stage: Stage, compiled: Compile, directory: Path, port: int) -> Program:
    if (directory / "server.py").exists():
        return stage.run(base_python(), str(directory / "server.py"), str(port))
    return stage.run(str(compiled((directory / "server.c").read_text())), str(port))


def test_a_program_that_leaves_bytes_of_another_client_unread_has_settled(stage: Stage) -> None:
    program = stage.c("int l = listener(); int c = accept(l, 0, 0); accept(l, 0, 0); char b; recv(c, &b, 1, 0);")
    peers = [stage.client(program), stage.client(program)]
    peers[1].send(b"nobody reads this")
    assert stage.rest() is Rest.SETTLED


def test_a_program_that_reads_all_or_nothing_has_settled_in_the_middle(stage: Stage) -> None:
    program = stage.c("int c = client(); char b[10]; recv(c, b, 10, MSG_WAITALL);")
    peer = stage.client(program)
    peer.send(b"hello")
    assert peer.wait_until_consumed() is None
    assert stage.rest() is Rest.SETTLED


def test_two_programs_that_wait_for_each_other_have_settled(stage: Stage) -> None:
    port = stage.port(stage.c("int c = client(); char b; recv(c, &b, 1, 0);"))
    stage.python(f"import socket; socket.create_connection(('127.0.0.1', {port})).recv(1)")
    assert stage.rest() is Rest.SETTLED


# --- on a timer

RECEIVE_TIMEOUT = "setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &v, sizeof v);"
SEND_TIMEOUT = "setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &v, sizeof v);"
TIMERFD = "struct itimerspec s = {.it_value = {1000, 0}}; int f = timerfd_create(CLOCK_MONOTONIC, 0);"
SOCKETSERVER = 'import socketserver as s; s.TCPServer(("127.0.0.1", 0), s.StreamRequestHandler).serve_forever()'
ON_A_TIMER = cases(
    ("sleep", "c", "sleep(1000);"),
    ("poll", "c", "struct pollfd p = {listener(), POLLIN, 0}; poll(&p, 1, 1000000);"),
    ("select", "c", f"{LONG} select(0, NULL, NULL, NULL, &v);"),
    ("epoll", "c", f"{EPOLL} epoll_wait(e, &o, 1, 1000000);"),
    ("accept-timeout", "c", f"{LONG} int c = listener(); {RECEIVE_TIMEOUT} accept(c, NULL, NULL);"),
    ("timerfd", "c", f"{TIMERFD} timerfd_settime(f, 0, &s, NULL); {EPOLL}"
     " epoll_ctl(e, EPOLL_CTL_ADD, f, &i); epoll_wait(e, &o, 1, -1);"),
    ("one-thread-of-two", "c", "started(doze, (void *)1000); pause();"),
    ("one-process-of-two", "c", "if (fork() == 0) sleep(1000); pause();"),
    ("sleep", "python", "import time; time.sleep(1000)"),
    ("settimeout", "python", f"{LISTENER}listener.settimeout(1000)\nlistener.accept()"),
    ("select", "python", f"{LISTENER}select.select([listener], [], [], 1000)"),
    ("event", "python", "import threading; threading.Event().wait(1000)"),
    ("timer", "python", "import threading; threading.Timer(1000, print).start()"),
    ("asyncio-sleep", "python", f"{ASYNCIO}await asyncio.sleep(1000)\nasyncio.run(main())"),
    ("asyncio-timeout", "python", f"{ASYNCIO}await asyncio.wait_for({SERVING}.serve_forever(), 1000)\n"
     "asyncio.run(main())"),
    ("socketserver", "python", SOCKETSERVER),
)  # fmt: skip
ON_A_TIMER_WITH_A_CLIENT = cases(
    ("receive-timeout", "c", f"{LONG} int c = client(); {RECEIVE_TIMEOUT} char b; recv(c, &b, 1, 0);"),
    ("receive-timeout-read", "c", f"{LONG} int c = client(); {RECEIVE_TIMEOUT} char b; read(c, &b, 1);"),
    ("send-timeout", "c", f"{LONG} int c = client(); {SEND_TIMEOUT} static char b[32 << 20]; send(c, b, 32 << 20, 0);"),
    ("settimeout", "python", f"{CLIENT}client.settimeout(1000)\nclient.recv(1)"),
    ("settimeout-send", "python", f"{CLIENT}client.settimeout(1000)\nclient.sendall(bytes(32 << 20))"),
    ("default-timeout", "python", f"{CLIENT}socket.setdefaulttimeout(1000)\nlistener.accept()[0].recv(1)"),
)


@ON_A_TIMER
def test_a_program_with_a_timer_waits_on_it(stage: Stage, language: str, code: str) -> None:
    stage.either(language, code)
    assert stage.rest() is Rest.WAITING


@ON_A_TIMER_WITH_A_CLIENT
def test_a_program_that_gives_its_client_some_time_waits_on_a_timer(stage: Stage, language: str, code: str) -> None:
    program = stage.either(language, code)
    stage.client(program)
    stage.client(program)
    assert stage.rest() is Rest.WAITING


@cases(
    ("send-timeout", "c", f"{LONG} int c = client(); {SEND_TIMEOUT} char b; recv(c, &b, 1, 0);"),
    ("receive-timeout", "c", f"{LONG} int c = client(); {RECEIVE_TIMEOUT} static char b[32 << 20];"
     " send(c, b, 32 << 20, 0);"),
    ("timeout-off-again", "c", f"{LONG} int c = client(); {RECEIVE_TIMEOUT} v.tv_sec = 0; {RECEIVE_TIMEOUT} char b;"
     " recv(c, &b, 1, 0);"),
)  # fmt: skip
def test_a_timeout_of_the_other_direction_or_of_nothing_is_none(stage: Stage, language: str, code: str) -> None:
    stage.client(stage.either(language, code))
    assert stage.rest() is Rest.SETTLED


def test_a_connect_with_a_send_timeout_waits_on_a_timer(stage: Stage) -> None:
    listener = stage.listen("127.0.0.1", 0, backlog=0)
    port = listener.getsockname()[1]
    queued = [stage.dial("127.0.0.1", port), stage.dial("127.0.0.1", port)]  # the second finds the queue full
    to = f"struct sockaddr_in a = {{AF_INET, htons({port}), {{htonl(INADDR_LOOPBACK)}}}};"
    stage.c(f"{LONG} int c = socket(AF_INET, SOCK_STREAM, 0); {SEND_TIMEOUT} {to} connect(c, (void *)&a, sizeof a);")
    assert stage.rest() is Rest.WAITING
    assert queued


@cases(
    ("alarm", "c", "signal(SIGALRM, exit); alarm(1000); client();"),
    ("alarm", "python", f"{LISTENER}signal.signal(signal.SIGALRM, sys.exit)\nsignal.alarm(1000)\nlistener.accept()"),
    ("timer-create", "c", "struct itimerspec s = {.it_value = {1000, 0}}; timer_t t; timer_create(CLOCK_MONOTONIC,"
     " NULL, &t); timer_settime(t, 0, &s, NULL); client();"),
)  # fmt: skip
def test_a_program_with_an_alarm_waits_on_a_timer(stage: Stage, language: str, code: str) -> None:
    stage.either(language, code)
    assert stage.rest() is Rest.WAITING


# --- running


@cases(
    ("loop", "c", 'write(1, "ready", 5); for (;;) ;'),
    ("thread", "c", 'started(spin, NULL); write(1, "ready", 5); pause();'),
    ("child", "c", 'if (fork() == 0) for (;;) ; write(1, "ready", 5); pause();'),
    ("poll-loop", "c", 'write(1, "ready", 5); struct pollfd p = {listener(), POLLIN, 0}; for (;;) poll(&p, 1, 0);'),
    ("loop", "python", 'import os; os.write(1, b"ready")\nwhile True: pass'),
    ("thread", "python", f"{LISTENER}threading.Thread(target=listener.accept).start()\n"
     'os.write(1, b"ready")\nwhile True: pass'),
)  # fmt: skip
def test_a_program_in_a_loop_runs(stage: Stage, language: str, code: str) -> None:
    stage.said(stage.either(language, code), "ready")
    assert {stage.watch.look().rest for _ in range(20)} == {Rest.RUNNING}


def test_who_was_forked_meanwhile_and_has_ended_already_is_no_rest(stage: Stage) -> None:
    program = stage.c("if (fork() == 0) exit(0); pause();")
    assert shown(lambda: "Z" in map(proc.state, proc.children(program.pid)) and stage.rest() is Rest.SETTLED)
    seen = [look(stage.watch.diagnostics, pids, []).rest for pids in ([program.pid], program.pids())]
    assert seen == [Rest.RUNNING, Rest.SETTLED]


@cases(("accept", "c", "client();"), ("sleep", "c", "sleep(1000);"), ("accept", "python", CLIENT))
def test_a_program_that_is_stopped_is_not_at_rest(stage: Stage, language: str, code: str) -> None:
    program = stage.either(language, code)
    stage.rest()
    stage.pause(program)
    seen = stage.watch.look()
    assert (seen.rest, seen.asleep) == (Rest.STOPPED, False)


@pytest.mark.parametrize(
    ("other", "rest"),
    [("pause();", Rest.STOPPED), ('write(1, "ready", 5); for (;;) ;', Rest.RUNNING)],
    ids=["sleeps", "runs"],
)
def test_one_stopped_process_of_two_is_stopped_if_the_other_sleeps(stage: Stage, other: str, rest: Rest) -> None:
    program = stage.c(f"if (fork() == 0) raise(SIGSTOP); else {{ {other} }}")
    assert shown(lambda: "T" in map(proc.state, proc.children(program.pid)))
    assert shown(lambda: stage.watch.look().rest is rest)


def test_a_program_with_a_timer_waits_on_it_although_its_child_is_stopped(stage: Stage) -> None:
    program = stage.c("if (fork() == 0) raise(SIGSTOP); sleep(1000);")
    assert shown(lambda: "T" in map(proc.state, proc.children(program.pid)))
    assert shown(lambda: stage.watch.look().rest is not Rest.RUNNING)
    assert stage.watch.look().rest is Rest.WAITING


WAITS_ON_A_CLIENT = f"{CLIENT}select.select([client], [], [])"


@pytest.mark.parametrize("times", [1, 3])
@cases(
    ("poll", "c", "struct pollfd p = {client(), POLLIN, 0}; poll(&p, 1, -1);"),
    ("poll-nothing", "c", "client(); poll(NULL, 0, -1);"),
    ("ppoll", "c", "client(); ppoll(NULL, 0, NULL, NULL);"),
    ("select", "c", "client(); select(0, NULL, NULL, NULL, NULL);"),
    ("epoll", "c", f"client(); {EPOLL} while (epoll_wait(e, &o, 1, -1) < 0) ;"),
    ("recv", "c", "char b; recv(client(), &b, 1, 0);"),
    ("accept", "c", "int l = listener(); accept(l, NULL, NULL); accept(l, NULL, NULL);"),
    ("thread-join", "c", "client(); pthread_join(started(hold, NULL), NULL);"),
    ("recv", "python", f"{CLIENT}client.recv(1)"),
    ("select", "python", WAITS_ON_A_CLIENT),
    ("poll", "python", f"{CLIENT}p = select.poll()\np.register(client, select.POLLIN)\np.poll()"),
    ("epoll", "python", f"{CLIENT}p = select.epoll()\np.poll()"),
)  # fmt: skip
def test_a_program_that_was_stopped_and_goes_on_has_settled(stage: Stage, language: str, code: str, times: int) -> None:
    program = stage.either(language, code)
    stage.client(program)
    stage.rest()
    for _ in range(times):
        stage.pause(program)
        program.signal(signal.SIGCONT)
        assert stage.rest() is Rest.SETTLED


@cases(
    ("sleep", "c", "sleep(1000);"),
    ("poll", "c", "poll(NULL, 0, 1000000);"),
    ("select", "c", f"{LONG} select(0, NULL, NULL, NULL, &v);"),
    ("settimeout", "python", f"{LISTENER}listener.settimeout(1000)\nlistener.accept()"),
    ("event", "python", "import threading; threading.Event().wait(1000)"),
)
def test_a_timer_goes_on_after_a_stop(stage: Stage, language: str, code: str) -> None:
    program = stage.either(language, code)
    stage.rest()
    stage.pause(program)
    program.signal(signal.SIGCONT)
    assert stage.rest() is Rest.WAITING


# --- moving

LOW_WATER = "int c = client(), n = 10; setsockopt(c, SOL_SOCKET, SO_RCVLOWAT, &n, sizeof n); char b[10];"


def test_bytes_that_a_sleeping_reader_has_not_taken_are_moving(stage: Stage) -> None:
    program = stage.c(f"{LOW_WATER} recv(c, b, 10, 0);")
    peer = stage.client(program)
    stage.rest()
    peer.send(b"hello")  # fewer than it asked to be woken for
    assert shown(lambda: (theirs := peer.far_end()) is not None and theirs.read_queue == 5)
    assert {stage.watch.look().rest for _ in range(20)} == {Rest.MOVING}


def test_the_same_bytes_have_arrived_once_it_takes_them(stage: Stage) -> None:
    program = stage.c(f"{LOW_WATER} recv(c, b, 10, 0); pause();")
    peer = stage.client(program)
    stage.rest()
    peer.send(b"hello")
    peer.send(b"world")
    assert peer.wait_until_consumed() is None
    assert stage.rest() is Rest.SETTLED


def test_a_connection_that_finds_no_room_is_moving(stage: Stage) -> None:
    program = stage.c("int l = listener(); listen(l, 0); pause();")
    stage.rest()
    port = stage.port(program)
    peers = [stage.peer(stage.dial("127.0.0.1", port), name) for name in ("first", "second")]
    assert shown(lambda: stage.watch.look().rest is Rest.MOVING)
    peers[1].vanish()
    assert stage.rest() is Rest.SETTLED


# --- gone


@pytest.mark.parametrize("waited_for", [False, True], ids=["zombie", "waited-for"])
def test_a_program_that_has_ended_is_gone(stage: Stage, waited_for: bool) -> None:
    program = stage.c("exit(3);")
    if not waited_for:
        stage.watch.remove(program.pidfd)
    assert shown(lambda: proc.state(program.pid) == "Z")
    stage.watch.drain()
    assert (program.exit is not None) == waited_for
    assert stage.watch.look() == Look(Rest.GONE if waited_for else Rest.RUNNING, ())  # how it ended is not known yet


def test_a_program_whose_child_goes_on_is_not_gone(stage: Stage) -> None:
    stage.exited(stage.c("if (fork() == 0) for (;;) pause();"))
    assert stage.rest() is Rest.SETTLED


def test_a_stage_without_a_program_is_gone(stage: Stage) -> None:
    assert stage.watch.look().rest is Rest.GONE


def test_only_what_will_do_nothing_by_itself_is_asleep() -> None:
    asleep = [rest for rest in Rest if Look(rest, ()).asleep]
    assert asleep == [Rest.WAITING, Rest.SETTLED, Rest.GONE]


def test_a_file_descriptor_that_is_no_socket_has_no_inode(stage: Stage) -> None:
    program = stage.c("listener(); pause();")
    stage.rest()
    inodes = [inode_of(program.pid, fd) for fd in (0, 3, 77)]
    assert [inode > 0 for inode in inodes] == [False, True, False]


# --- a tree that changes while we look

HANDS_OVER = "char b; read(0, &b, 1); if (fork() == 0) for (;;) ; exit(0);"
"""A process that makes another one in its place when it is told to."""


def hand_over_after_listing(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the processes were listed for the first time, and before anybody looks at them, the last one hands over."""
    listed = program.pids

    def pids() -> list[int]:
        found = listed()
        monkeypatch.setattr(program, "pids", listed)
        os.write(program.stdin.fileno(), b"!")
        assert shown(lambda: proc.state(found[-1]) in "ZX")
        return found

    monkeypatch.setattr(program, "pids", pids)


def test_a_daemon_that_forks_away_while_we_look_is_not_gone(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    program = stage.exited(stage.c(f"if (fork() == 0) {{ {HANDS_OVER} }}"))
    stage.rest()
    hand_over_after_listing(program, monkeypatch)
    assert stage.watch.look().rest is Rest.RUNNING


def test_an_orphan_that_runs_while_its_program_sleeps_is_seen(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    program = stage.c(f"signal(SIGCHLD, SIG_IGN); if (fork() == 0) {{ {HANDS_OVER} }} for (;;) pause();")
    stage.rest()
    hand_over_after_listing(program, monkeypatch)
    assert stage.watch.look().rest is Rest.RUNNING
