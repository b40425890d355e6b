"""One process tree: its output and its end in words, everything it leaves behind, and every limit it can go beyond."""

import os
import resource
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sockspec import program as program_module
from sockspec.failure import Failure
from sockspec.kernel import threads as proc
from sockspec.limits import Limits, apply
from sockspec.program import Exit, Output, Program, adopt_orphans, raise_own_limit
from sockspec.verdict import Outcome
from sockspec.watch import Patience, Why
from tests.stage import Stage, Staged, shown

pytest_plugins = ["tests.stage"]

HOLDS = "for (;;) pause();"
DAEMON = f"if (fork() == 0) {{ setsid(); if (fork() == 0) {{ {HOLDS} }} exit(0); }} wait(NULL);"
SAYS = 'write(1, "ready", 5);'


def open_files() -> dict[str, str]:
    """What our own file descriptors are."""
    found = {}
    for fd in os.listdir("/proc/self/fd"):
        if Path(f"/proc/self/fd/{fd}").is_symlink():
            found[fd] = os.readlink(f"/proc/self/fd/{fd}")
    return found


# --- output


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(max_size=6000), max_size=6), st.integers(1, 9000))
def test_output_keeps_its_head_and_its_tail_and_counts_all(written: list[bytes], bound: int) -> None:
    output, whole = Output(bound), b"".join(written)
    for data in written:
        output.add(data)
    assert (bytes(output.head), output.tail) == (whole[:bound], whole[-Output.TAIL_BYTES :])
    assert (output.count, output.overflowed) == (len(whole), len(whole) > bound)


def test_both_streams_are_collected_apart(stage: Stage) -> None:
    program = stage.c('write(1, "out", 3); write(2, "error", 5); write(1, "!", 1);')
    assert stage.ended(program) == "out!"
    assert bytes(program.stderr.head) == b"error"


def test_much_output_is_kept_up_to_the_bound(staged: Staged) -> None:
    stage = staged(limits=Limits(output_bytes=1000))
    program = stage.c('for (int i = 0; i < 100000; i++) printf("%07d\\n", i);')
    stage.calm()
    assert (program.stdout.count, bytes(program.stdout.head[-8:])) == (800_000, b"0000124\n")
    assert program.stdout.tail.endswith(b"0099999\n")


def test_standard_input_reaches_it(stage: Stage) -> None:
    program = stage.c("char b[100]; write(1, b, read(0, b, sizeof b));")
    stage.watch.writer(program.stdin.fileno(), b"hello", lambda: None)
    assert stage.ended(program) == "hello"


# --- its end


@pytest.mark.parametrize(
    ("status", "words"),
    [(0, "ended with exit status 0"), (3, "ended with exit status 3"), (-9, "was killed by SIGKILL (signal 9)"),
     (-11, "was killed by SIGSEGV (signal 11)"), (-40, "was killed by a signal (signal 40)")],
)  # fmt: skip
def test_an_end_has_words(status: int, words: str) -> None:
    assert str(Exit(status)) == words
    assert Exit(status).by_signal == (status < 0)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("return 0;", 0),
        ("exit(255);", 255),
        ("abort();", -6),
        ("raise(SIGPIPE);", -13),
        ("*(volatile int *)0 = 1;", -11),
    ],
)
def test_the_exit_status_is_taken(stage: Stage, code: str, status: int) -> None:
    assert stage.exited(stage.c(code)).exit == Exit(status)


def test_death_by_a_real_time_signal_is_a_crash(stage: Stage) -> None:
    stage.exited(stage.c("kill(getpid(), 40); pause();"))
    with pytest.raises(Failure) as failure:
        stage.check_crash()
    assert failure.value.outcome is Outcome.CRASHED


def test_a_program_is_alive_until_it_ends(stage: Stage) -> None:
    program = stage.c("char b; read(0, &b, 1);")
    assert program.alive
    program.stdin.close()
    assert not stage.exited(program).alive


@pytest.mark.parametrize(("status", "alive"), [(0, True), (1, False)])
def test_a_program_in_the_background_is_alive_if_it_said_so(stage: Stage, status: int, alive: bool) -> None:
    program = stage.exited(stage.c(f"if (fork() == 0) {{ {HOLDS} }} return {status};"))
    assert program.alive == alive


def test_a_daemon_that_was_killed_is_not_alive(stage: Stage) -> None:
    program = stage.exited(stage.c(DAEMON))
    os.kill(program.pids()[0], signal.SIGKILL)
    assert shown(lambda: not program.alive)


@pytest.mark.parametrize("command", ["./nobody", "/nonexistent/program", "no-such-command"])
def test_a_command_that_does_not_exist_is_not_started(stage: Stage, command: str) -> None:
    with pytest.raises(Failure, match=f"cannot be run: {Path(command).name}: No such file or directory"):
        stage.run(command)


def test_a_command_that_is_no_program_is_not_started(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("just text")
    with pytest.raises(Failure, match="Permission denied"):
        stage.run("./text")


def test_a_program_that_could_not_be_started_leaves_nothing(stage: Stage) -> None:
    before = open_files()
    with pytest.raises(Failure):
        stage.run("./nobody")
    assert (open_files(), stage.watch.programs) == (before, [])


# --- signals


def test_an_interrupt_reaches_every_process_of_the_job(stage: Stage) -> None:
    program = stage.c(f"fork(); fork(); {SAYS} pause();")
    assert stage.watch.until(lambda: program.stdout.count == 4 * 5) is None
    program.signal(signal.SIGINT)
    assert stage.watch.until(lambda: program.exit is not None and not program.pids()) is None
    assert program.exit == Exit(-signal.SIGINT)


def test_a_signal_to_a_program_that_has_ended_is_lost(stage: Stage) -> None:
    stage.exited(stage.c("")).signal(signal.SIGINT)


def test_an_interrupt_is_not_ignored_in_a_program_although_we_ignored_it(stage: Stage) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    adopt_orphans()
    program = stage.c("pause();")
    stage.rest()
    program.signal(signal.SIGINT)
    assert stage.exited(program).exit == Exit(-signal.SIGINT)


def test_a_process_with_a_session_of_its_own_is_stopped_and_goes_on_like_the_rest(stage: Stage) -> None:
    program = stage.c(f"if (fork() == 0) {{ setsid(); {SAYS} {HOLDS} }} {HOLDS}")
    stage.said(program, "ready")
    stage.pause(program)
    program.signal_each(signal.SIGCONT)
    assert stage.watch.until(lambda: {proc.state(pid) for pid in program.pids()} == {"S"}) is None


@pytest.mark.parametrize("number", [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGTERM], ids=str)
def test_no_other_signal_is_ignored_or_blocked_in_a_program(stage: Stage, number: signal.Signals) -> None:
    program = stage.c("pause();")
    stage.rest()
    status = dict(line.split(":\t") for line in Path(f"/proc/{program.pid}/status").read_text().splitlines())
    assert not (int(status["SigIgn"], 16) | int(status["SigBlk"], 16)) >> (number - 1) & 1


# --- the end of all of it

TREES = {
    "one": HOLDS,
    "children": f"for (int i = 0; i < 5; i++) if (fork() == 0) break; {HOLDS}",
    "daemon": DAEMON,
    "ignores-sigterm": f"signal(SIGTERM, SIG_IGN); if (fork() == 0) {{ {HOLDS} }} {HOLDS}",
    "stopped": f"if (fork() == 0) raise(SIGSTOP); {HOLDS}",
    "zombies": f"for (int i = 0; i < 5; i++) if (fork() == 0) exit(0); {HOLDS}",
    "other-sessions": f"for (int i = 0; i < 3; i++) if (fork() == 0) {{ setsid(); {HOLDS} }} {HOLDS}",
    "threads": "for (int i = 0; i < 5; i++) started(hold, NULL); pthread_exit(NULL);",
    "spins": "fork(); for (;;) ;",
    "forks-on": f"for (;; usleep(500)) if (fork() == 0) {{ fork(); {HOLDS} }}",
    "has-ended": "",
}


@pytest.mark.parametrize("code", TREES.values(), ids=TREES)
def test_nothing_is_left_of_a_program_that_was_ended(stage: Stage, code: str) -> None:
    program = stage.c(f"{SAYS} {code}")
    stage.said(program, "ready")
    program.end()
    assert (program.pids(), proc.children(os.getpid())) == ([], [])
    assert program.exit is not None


@pytest.mark.parametrize("code", TREES.values(), ids=TREES)
def test_nothing_of_ours_is_left_of_a_scenario_that_was_closed(staged: Staged, code: str) -> None:
    before = open_files()
    stage = staged()
    program = stage.c(f"{SAYS} {code}")
    stage.said(program, "ready")
    stage.close()
    assert (open_files(), proc.children(os.getpid())) == (before, [])
    assert program.pid not in program_module._roots


def test_a_daemon_is_part_of_the_tree_and_ends_with_it(stage: Stage) -> None:
    program = stage.exited(stage.c(DAEMON))
    (daemon,) = program.pids()
    assert os.getsid(daemon) != program.pid
    program.end()
    assert proc.state(daemon) == "X"


def test_a_child_of_ours_that_was_there_before_is_no_part_of_the_tree(stage: Stage) -> None:
    stranger = os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "1000")
    program = stage.c(HOLDS)
    stage.rest()
    assert program.pids() == [program.pid]
    program.end()
    os.kill(stranger, signal.SIGKILL)
    assert os.waitpid(stranger, 0) == (stranger, signal.SIGKILL)


def test_a_child_whose_parent_ends_while_we_list_is_not_overlooked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = stage.exited(stage.c(f"if (fork() == 0) {{ fork(); {HOLDS} }}"))
    stage.rest()
    parent, child = program.pids()
    state = proc.state

    def state_after_the_end(pid: int) -> str:
        if pid == parent:
            os.kill(parent, signal.SIGKILL)
            assert shown(lambda: state(parent) == "Z")
        return state(pid)

    monkeypatch.setattr(proc, "state", state_after_the_end)
    assert program.pids() == [child]


def test_one_program_of_two_ends_alone(stage: Stage) -> None:
    programs = [stage.c(HOLDS), stage.c(HOLDS)]
    programs[0].end()
    assert [bool(program.pids()) for program in programs] == [False, True]


# --- limits

MEMORY = "size_t size = 100 << 20; memset(malloc(size), 1, size);"
CHILDREN = f"for (int i = 0; i < 50; i++) if (fork() == 0) {{ {HOLDS} }}"
OUTPUT = 'for (int i = 0; i < 300000; i++) printf("%07d\\n", i); fflush(stdout);'
BIG_FILE = 'int f = open("big", O_CREAT | O_WRONLY, 0600); static char b[1 << 20]; for (;;) write(f, b, sizeof b);'
SMALL = Limits(processes=20, memory_bytes=64 << 20, output_bytes=1 << 20, file_bytes=1 << 20, open_files=32)
BEYOND = {
    "processes": (CHILDREN, "has 51 processes; 20 are allowed"),
    "memory": (MEMORY, "holds 100 MiB of memory; 64 MiB are allowed"),
    "memory-of-all": ("fork(); fork(); size_t size = 25 << 20; memset(malloc(size), 1, size);",
                      "holds 100 MiB of memory; 64 MiB are allowed"),
    "output": (OUTPUT, "wrote more than 1 MiB to its standard output"),
}  # fmt: skip
beyond = pytest.mark.parametrize(("code", "words"), BEYOND.values(), ids=BEYOND)
NEVER = Patience(timer_s=300, processor_s=300)
GO = "char go; read(0, &go, 1);"
"""Waits until it is told to go: its limits are set by then."""


def let_go(stage: Stage, program: Program) -> None:
    stage.rest()
    stage.watch.writer(program.stdin.fileno(), b"!", lambda: None)


def outcome(stage: Stage) -> tuple[Why, str]:
    """How a wait for nothing ends, and what it says."""
    standstill = stage.watch.until(lambda: False)
    assert standstill is not None
    return standstill.why, standstill.detail


@beyond
def test_a_program_within_its_limits_is_beyond_none(stage: Stage, code: str, words: str) -> None:
    program = stage.c(f"{code} pause();")
    stage.calm()
    assert program.beyond_limit() == "", words


@beyond
def test_a_program_beyond_a_limit_says_which(staged: Staged, code: str, words: str) -> None:
    stage = staged(limits=SMALL)
    program = stage.c(f"{code} pause();")
    stage.calm()
    assert program.beyond_limit() == words


@beyond
def test_a_program_beyond_a_limit_ends_a_wait(staged: Staged, code: str, words: str) -> None:
    stage = staged(limits=SMALL, patience=NEVER)
    stage.c(f"{code} sleep(1000);")
    why, detail = outcome(stage)
    assert (why, detail.split("; ")[1:]) == (Why.LIMIT, words.split("; ")[1:])


@beyond
def test_a_program_beyond_a_limit_has_not_settled(staged: Staged, code: str, words: str) -> None:
    stage = staged(limits=SMALL)
    stage.c(f"{code} pause();")
    stage.calm()
    assert outcome(stage) == (Why.LIMIT, f"your server {words}")


def test_300_children_are_too_many_and_all_of_them_end(stage: Stage) -> None:
    program = stage.c("for (int i = 0; i < 300; i++) if (fork() == 0) break; sleep(1000);")
    why, detail = outcome(stage)
    assert (why, detail.partition("; ")[2]) == (Why.LIMIT, "256 are allowed")
    program.end()
    assert proc.children(os.getpid()) == []


def test_standard_error_has_a_bound_of_its_own(stage: Stage) -> None:
    program = stage.c("static char b[1024]; for (int i = 0; i < 2048; i++) write(2, b, sizeof b); pause();")
    stage.calm()
    assert program.beyond_limit() == "wrote more than 1 MiB to its standard error"


def test_a_file_that_grows_too_large_kills_it(staged: Staged) -> None:
    stage = staged(limits=SMALL)
    program = stage.c(f"{GO} {BIG_FILE}")
    let_go(stage, program)
    assert stage.exited(program).beyond_limit() == "was killed by SIGXFSZ (signal 25)"


def test_a_program_that_a_limit_killed_is_beyond_it_and_not_just_gone(staged: Staged) -> None:
    stage = staged(limits=SMALL)
    program = stage.c(f"{GO} {BIG_FILE}")
    let_go(stage, program)
    stage.exited(program)
    assert outcome(stage) == (Why.LIMIT, "your server was killed by SIGXFSZ (signal 25)")


@pytest.mark.parametrize("ignores", [False, True], ids=["", "ignores-it"])
def test_too_much_processor_time_is_beyond_a_limit(staged: Staged, ignores: bool) -> None:
    stage = staged(limits=Limits(processor_s=1), patience=NEVER)
    program = stage.c(f"{'signal(SIGXCPU, SIG_IGN);' if ignores else ''} for (;;) ;")
    assert stage.exited(program).beyond_limit()


def test_a_program_that_was_killed_otherwise_is_beyond_no_limit(stage: Stage) -> None:
    assert stage.exited(stage.c("raise(SIGSEGV);")).beyond_limit() == ""


def test_there_are_no_more_file_descriptors_than_allowed(staged: Staged) -> None:
    stage = staged(limits=SMALL)
    program = stage.c(f'{GO} int n; while ((n = dup(0)) >= 0) ; printf("%s", strerror(errno));')
    let_go(stage, program)
    assert stage.ended(program) == "Too many open files"


@pytest.mark.parametrize("forks", ["", "fork();"], ids=["itself", "its-child"])
def test_every_limit_of_the_kernel_is_set(staged: Staged, forks: str) -> None:
    stage = staged(limits=SMALL)
    program = stage.c(f"{GO} {forks} pause();")
    let_go(stage, program)
    stage.rest()
    kinds = resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU, resource.RLIMIT_CORE
    found = [resource.prlimit(program.pids()[-1], kind)[0] for kind in kinds]
    assert found == [32, 1 << 20, 60, 0]


def test_limits_hold_from_the_first_instruction_on(staged: Staged) -> None:
    stage = staged(limits=SMALL)
    code = 'struct rlimit l; getrlimit(RLIMIT_FSIZE, &l); printf("%ld", (long)l.rlim_cur);'
    assert {stage.ended(stage.c(code)) for _ in range(50)} == {str(1 << 20)}


def test_a_limit_that_is_lower_already_stays(stage: Stage) -> None:
    program = stage.c(HOLDS)
    resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (16, 16))
    apply(program.pid, Limits())
    assert resource.prlimit(program.pid, resource.RLIMIT_NOFILE) == (16, 16)


def test_our_own_limit_of_open_files_is_raised_to_the_hard_one() -> None:
    before = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft // 2, hard))
    raise_own_limit()
    raised, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert raised == min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536
