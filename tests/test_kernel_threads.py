"""What /proc tells of a process tree: its threads and their states, its children, its time, its memory, its files."""

import os
import signal
from pathlib import Path

import pytest

from sockspec.kernel import threads as proc
from sockspec.watch import Watch
from tests.stage import Stage, shown

pytest_plugins = ["tests.stage"]

NOBODY = 2**22 + 1  # above the largest process id there is (proc(5), pid_max)
SAY = 'puts("ready"); fflush(stdout);'
DOUBLE_FORK = "if (fork() == 0) { if (fork() == 0) { for (;;) pause(); } for (;;) pause(); } pause();"
DAEMON = "if (fork() == 0) { setsid(); if (fork() == 0) { for (;;) pause(); } exit(0); } wait(NULL);"
MIB_20 = "size_t size = 20 << 20;"


# --- threads


@pytest.mark.parametrize(
    ("code", "state"),
    [("for (;;) ;", "R"), ("pause();", "S"), ("raise(SIGSTOP);", "T"), ("exit(0);", "Z")],
    ids=["runs", "sleeps", "is-stopped", "has-ended"],
)
def test_a_process_has_the_state_that_proc_shows(stage: Stage, code: str, state: str) -> None:
    program = stage.c(code)
    stage.watch.remove(program.pidfd)  # nobody waits for it yet
    assert stage.watch.until(lambda: proc.state(program.pid) == state) is None


def test_a_process_that_is_not_there_has_state_x() -> None:
    assert proc.state(NOBODY) == "X"


def test_every_thread_is_read_with_its_own_call(stage: Stage) -> None:
    program = stage.c("started(hold, NULL); pthread_join(started(hold, NULL), NULL);")
    stage.rest()
    found = proc.threads([program.pid])
    assert [thread.call and thread.call.name for thread in found] == ["futex", "pause", "pause"]
    assert (found[0].tid, found[1].pid) == (program.pid, program.pid)


@pytest.mark.parametrize("code", ["for (;;) ;", "raise(SIGSTOP);"], ids=["runs", "is-stopped"])
def test_a_thread_that_runs_or_is_stopped_does_not_sleep(stage: Stage, code: str) -> None:
    program = stage.c(code)
    assert stage.watch.until(lambda: proc.state(program.pid) in "RT") is None
    assert not any(thread.asleep for thread in proc.threads([program.pid]))


def test_two_readings_are_equal_while_nothing_runs(stage: Stage) -> None:
    program = stage.c("started(hold, NULL); pause();")
    stage.rest()
    assert proc.threads([program.pid]) == proc.threads([program.pid])


def test_two_readings_differ_once_it_has_run_in_between(stage: Stage) -> None:
    program = stage.c('char byte; while (read(0, &byte, 1) == 1) write(1, "!", 1);')
    stage.rest()
    (before,) = proc.threads([program.pid])
    stage.watch.writer(program.stdin.fileno(), b"?", lambda: None)
    stage.said(program, "!")
    stage.rest()
    (after,) = proc.threads([program.pid])
    assert after != before
    assert after.switches[0] > before.switches[0]


@pytest.mark.parametrize("name", [") Z 1 (", "\nState:\tZ", "a b) R", "\xff"], ids=ascii)
def test_a_name_that_looks_like_fields_of_proc_changes_nothing(stage: Stage, name: str) -> None:
    octal = "".join(f"\\{byte:03o}" for byte in name.encode("latin-1"))
    program = stage.c(f'pthread_setname_np(pthread_self(), "{octal}"); pause();')
    stage.rest()
    assert proc.state(program.pid) == "S"
    assert [thread.state for thread in proc.threads([program.pid])] == ["S"]


def test_a_process_that_is_not_there_has_nothing() -> None:
    assert (proc.threads([NOBODY]), proc.children(NOBODY), proc.links(NOBODY)) == ([], [], {})
    assert (proc.zombies([NOBODY]), proc.processor_s([NOBODY]), proc.resident_bytes([NOBODY])) == (0, 0.0, 0)
    assert proc.peak_bytes([NOBODY]) == 0


# --- the tree


@pytest.mark.parametrize(
    ("code", "depth"),
    [("pause();", 1), ("if (fork() == 0) for (;;) pause(); pause();", 2), (DOUBLE_FORK, 3)],
    ids=["alone", "fork", "double-fork"],
)
def test_a_tree_has_parents_first(stage: Stage, code: str, depth: int) -> None:
    program = stage.c(code)
    assert stage.watch.until(lambda: len(proc.tree([program.pid])) == depth) is None
    found = proc.tree([program.pid])
    assert found == [program.pid, *(child for parent in found for child in proc.children(parent))]


def test_a_child_of_any_thread_is_a_child_of_the_process(stage: Stage) -> None:
    forks = "void *forks(void *unused) { if (fork() == 0) for (;;) pause(); for (;;) pause(); return unused; }"
    program = stage.c(f"{forks} started(forks, NULL); pause();")
    assert stage.watch.until(lambda: len(proc.children(program.pid)) == 1) is None


def test_children_that_nobody_waited_for_are_counted(stage: Stage) -> None:
    program = stage.c(f"for (int i = 0; i < 3; i++) if (fork() == 0) exit(0); {SAY} pause();")
    assert stage.watch.until(lambda: proc.zombies(program.pids()) == 3) is None
    assert len(proc.tree([program.pid])) == 4
    assert {thread.pid for thread in proc.threads(program.pids())} == {program.pid}


def test_an_orphan_stays_in_the_tree_of_its_program(stage: Stage) -> None:
    program = stage.exited(stage.c(DAEMON))
    stage.rest()
    (daemon,) = program.pids()
    assert (daemon != program.pid, proc.state(daemon)) == (True, "S")


def test_an_orphan_that_ends_is_waited_for(stage: Stage) -> None:
    program = stage.exited(stage.c(DAEMON))
    (daemon,) = program.pids()
    os.kill(daemon, signal.SIGKILL)
    assert stage.watch.until(lambda: not program.pids()) is None
    assert proc.state(daemon) == "X"


# A process whose first thread has called pthread_exit() while others go on: proc shows it as a zombie, and its fd/
# directory, its memory and its "wait for me" live on in the other threads only (proc(5), pthread_exit(3)).


def first_thread_ended(pid: int) -> bool:
    return ") Z " in Path(f"/proc/{pid}/stat").read_text()


def leaderless(stage: Stage, code: str) -> int:
    program = stage.c(f"{code} started(hold, NULL); pthread_exit(NULL);")
    assert shown(lambda: first_thread_ended(program.pid))
    return program.pid


def test_a_process_whose_first_thread_ended_has_its_other_threads(stage: Stage) -> None:
    pid = leaderless(stage, "")
    assert [thread.tid != pid for thread in proc.threads([pid])] == [True]


def test_a_process_whose_first_thread_ended_has_its_sockets(stage: Stage) -> None:
    pid = leaderless(stage, "listener();")
    assert len(proc.sockets([pid])) == 1


def test_a_process_whose_first_thread_ended_is_no_zombie(stage: Stage) -> None:
    assert proc.zombies([leaderless(stage, "")]) == 0


def test_a_process_whose_first_thread_ended_has_its_memory(stage: Stage) -> None:
    pid = leaderless(stage, f"{MIB_20} memset(malloc(size), 1, size);")
    assert proc.resident_bytes([pid]) >= 20 << 20


def test_an_orphan_whose_first_thread_ended_stays_in_the_tree(stage: Stage) -> None:
    program = stage.exited(stage.c("if (fork() == 0) { started(doze, (void *)8); pthread_exit(NULL); }"))
    (daemon,) = proc.children(os.getpid())
    assert shown(lambda: first_thread_ended(daemon))
    assert program.pids() == [daemon]


# --- what it uses


def test_processor_time_grows_while_it_runs(stage: Stage) -> None:
    program = stage.c("for (;;) ;")
    assert stage.watch.until(lambda: proc.processor_s([program.pid]) > 0.1) is None


def test_processor_time_of_a_child_counts_once_it_was_waited_for(stage: Stage) -> None:
    burns = "while (clock() < CLOCKS_PER_SEC / 10) ; exit(0);"
    program = stage.c(f"if (fork() == 0) {{ {burns} }} wait(NULL); {SAY} pause();")
    stage.said(program, "ready")
    assert proc.processor_s([program.pid]) >= 0.09


def test_sleeping_costs_no_processor_time(stage: Stage) -> None:
    program = stage.c(f"{SAY} pause();")
    stage.said(program, "ready")
    before = proc.processor_s([program.pid])
    stage.rest()
    assert proc.processor_s([program.pid]) == before


def test_memory_that_it_has_touched_is_resident(stage: Stage) -> None:
    program = stage.c(f"{MIB_20} memset(malloc(size), 1, size); {SAY} pause();")
    stage.said(program, "ready")
    assert 20 << 20 <= proc.resident_bytes([program.pid]) < 22 << 20


def test_memory_that_was_given_back_is_seen_in_the_peak(stage: Stage) -> None:
    program = stage.c(f"{MIB_20} char *p = malloc(size); memset(p, 1, size); free(p); {SAY} pause();")
    stage.said(program, "ready")
    assert proc.resident_bytes([program.pid]) < 2 << 20 < 20 << 20 < proc.peak_bytes([program.pid]) < 30 << 20


def test_memory_that_is_only_reserved_or_shared_with_a_file_is_not_its_own(stage: Stage) -> None:
    maps = 'int f = open("map", O_RDWR | O_CREAT, 0600); ftruncate(f, size);'
    touch = "memset(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0), 1, size);"
    program = stage.c(f"{MIB_20} malloc(size); {maps} {touch} {SAY} pause();")
    stage.said(program, "ready")
    assert proc.resident_bytes([program.pid]) < 2 << 20


# --- what it holds


def test_every_file_descriptor_shows_what_it_is(stage: Stage, tmp_path: Path) -> None:
    opens = 'open("here", O_CREAT, 0600); listener(); timerfd_create(CLOCK_MONOTONIC, 0); epoll_create1(0);'
    program = stage.c(f"{opens} pause();")
    stage.rest()
    kinds = {fd: link.partition("[")[0] for fd, link in proc.links(program.pid).items()}
    assert [kinds[fd] for fd in (0, 1, 2)] == ["pipe:"] * 3
    assert kinds[3] == str(tmp_path / "here")
    assert [proc.links(program.pid)[fd] for fd in (5, 6)] == ["anon_inode:[timerfd]", "anon_inode:[eventpoll]"]


def test_sockets_are_found_by_inode_with_their_holder(stage: Stage) -> None:
    program = stage.c("listener(); listener(); pause();")
    stage.rest()
    inodes = [int(proc.links(program.pid)[fd][8:-1]) for fd in (3, 4)]
    assert proc.sockets([program.pid]) == {inodes[0]: (program.pid, 3), inodes[1]: (program.pid, 4)}


def test_the_first_holder_of_a_shared_socket_is_named(stage: Stage) -> None:
    program = stage.c("listener(); if (fork() == 0) for (;;) pause(); pause();")
    assert stage.watch.until(lambda: len(program.pids()) == 2) is None
    assert list(proc.sockets(program.pids()).values()) == [(program.pid, 3)]


def test_a_watch_sees_the_processes_of_all_its_programs(stage: Stage) -> None:
    programs = [stage.c("pause();") for _ in range(2)]
    watch: Watch = stage.watch
    assert watch.pids() == [program.pid for program in programs]
