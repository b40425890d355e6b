"""Waiting for a condition: how each wait ends, and what it costs of a scenario's patience."""

import os
import select
import signal
import time
from collections.abc import Callable

import pytest

from sockspec.complaint import SuiteError
from sockspec.kernel import threads as proc
from sockspec.kernel.look import Rest
from sockspec.limits import Limits
from sockspec.program import Program
from sockspec.watch import Patience, Standstill, Watch, Why, chunks
from tests.stage import Stage, Staged

pytest_plugins = ["tests.stage"]

HASTY = Patience(timer_s=0.2, processor_s=0.1)
ANSWERS = 'usleep(300000); puts("answer"); fflush(stdout);'
ASKED = f"char b; while (read(0, &b, 1) == 1) {{ {ANSWERS} }}"
"""Answers every byte of its standard input after 0.3 s."""


def never() -> bool:
    return False


def why(standstill: Standstill | None) -> Why | None:
    return standstill.why if standstill is not None else None


def ask(stage: Stage, program: Program) -> Callable[[], bool]:
    """Ask for an answer; whether there is one more than before."""
    before = program.stdout.count
    stage.watch.writer(program.stdin.fileno(), b"?", lambda: None)
    return lambda: program.stdout.count > before


def printed(program: Program, number: int) -> Callable[[], bool]:
    """Whether it has printed so many bytes."""
    return lambda: program.stdout.count >= number


def used(program: Program, processor_s: float) -> Callable[[], bool]:
    """Whether it has used that much processor time."""
    return lambda: proc.processor_s([program.pid]) >= processor_s


def seconds(wait: Callable[[], object]) -> float:
    started = time.monotonic()
    wait()
    return time.monotonic() - started


# --- a condition that comes to hold


def test_a_condition_that_holds_is_met_at_once_and_nobody_looks(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watch, "look", never)
    assert stage.watch.until(lambda: True) is None


@pytest.mark.parametrize("code", ['puts("ready");', 'puts("ready"); fflush(stdout); pause();', ANSWERS])
def test_output_is_waited_for(stage: Stage, code: str) -> None:
    program = stage.c(code)
    assert stage.watch.until(lambda: program.stdout.count > 0) is None


def test_an_end_is_waited_for(stage: Stage) -> None:
    program = stage.c("exit(7);")
    assert stage.watch.until(lambda: program.exit is not None) is None


def test_what_only_the_kernel_shows_is_waited_for(stage: Stage) -> None:
    program = stage.c("usleep(50000); listener(); pause();")
    assert stage.port(program) > 0


def test_an_answer_after_a_timer_is_waited_for(staged: Staged) -> None:
    stage = staged(Patience(timer_s=30, processor_s=0.1))
    program = stage.c(ASKED)
    assert stage.watch.until(ask(stage, program)) is None


def test_an_answer_after_much_work_is_waited_for(staged: Staged) -> None:
    stage = staged(Patience(timer_s=0.001, processor_s=30))
    program = stage.c('while (clock() < CLOCKS_PER_SEC / 4) ; puts("answer");')
    assert stage.watch.until(lambda: program.stdout.count > 0) is None


def test_two_programs_are_waited_for_at_once(stage: Stage) -> None:
    programs = [stage.c(ANSWERS), stage.python("print('answer')")]
    assert stage.watch.until(lambda: all(program.stdout.count for program in programs)) is None


# --- a condition that does not

ENDINGS = {
    "exit": ("exit(1);", Why.GONE),
    "crash": ("abort();", Why.GONE),
    "accept": ("client();", Why.SETTLED),
    "standard-input": ("char b; read(0, &b, 1);", Why.SETTLED),
    "daemon": ("if (fork() == 0) { setsid(); for (;;) pause(); }", Why.SETTLED),
    "stopped": ("raise(SIGSTOP);", Why.SETTLED),
    "stopped-child": ("if (fork() == 0) raise(SIGSTOP); wait(NULL);", Why.SETTLED),
    "vfork": ("if (vfork() == 0) for (;;) pause();", Why.SETTLED),
    "sleep": ("sleep(1000);", Why.TIMER),
    "naps": ("for (;;) usleep(1000);", Why.TIMER),
    "poll": ("for (;;) poll(NULL, 0, 5);", Why.TIMER),
    "loop": ("for (;;) ;", Why.SPINNING),
    "thread": ("started(spin, NULL); pause();", Why.SPINNING),
    "child": ("if (fork() == 0) for (;;) ; pause();", Why.SPINNING),
    "short-children": ("for (;;) { if (fork() == 0) exit(0); wait(NULL); }", Why.SPINNING),
    "poll-loop": ("for (;;) poll(NULL, 0, 0);", Why.SPINNING),
    "files": ("for (;;) close(open(\"/dev/null\", O_RDONLY));", Why.SPINNING),
}  # fmt: skip


@pytest.mark.parametrize(("code", "ending"), ENDINGS.values(), ids=ENDINGS)
def test_a_wait_for_nothing_ends_as_the_program_stands(staged: Staged, code: str, ending: Why) -> None:
    stage = staged(HASTY)
    stage.c(code)
    assert why(stage.watch.until(never)) is ending


def test_a_limit_ends_a_wait_and_says_which(staged: Staged) -> None:
    stage = staged(HASTY, Limits(output_bytes=1 << 20))
    stage.c('for (;;) puts("again and again");')
    standstill = stage.watch.until(never)
    assert standstill is not None
    assert (standstill.why, standstill.detail) == (
        Why.LIMIT,
        "your server wrote more than 1 MiB to its standard output",
    )


def test_a_standstill_shows_what_was_seen(stage: Stage) -> None:
    program = stage.c("client();")
    standstill = stage.watch.until(never)
    assert standstill is not None
    (thread,) = standstill.look.threads
    assert thread.call is not None
    assert (standstill.look.rest, thread.pid, thread.call.plain) == (Rest.SETTLED, program.pid, "accept")


def test_one_program_that_runs_keeps_another_from_being_settled(staged: Staged) -> None:
    stage = staged(HASTY)
    stage.c("client();")
    stage.c("for (;;) ;")
    assert why(stage.watch.until(never)) is Why.SPINNING


def test_one_program_that_ended_leaves_the_other_settled(stage: Stage) -> None:
    stage.c("client();")
    stage.exited(stage.c(""))
    assert why(stage.watch.until(never)) is Why.SETTLED


def test_nobody_is_waited_for_on_an_empty_stage(stage: Stage) -> None:
    assert why(stage.watch.until(never)) is Why.GONE


def test_no_verdict_for_minutes_is_a_fault_of_the_machine(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockspec.watch._MACHINE_FAULT_S", 0.1)
    stage = staged(Patience(timer_s=1000, processor_s=1000))
    stage.c("sleep(1000);")
    with pytest.raises(SuiteError, match="no progress and no verdict"):
        stage.watch.until(never)


TRICKLES = 'for (;;) { if (write(1, ".", 1) != 1) return 0; usleep(300); }'


def test_what_trickles_without_end_keeps_no_wait_going(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockspec.watch._TRICKLE_S", 0.2)
    stage = staged(Patience(timer_s=1000, processor_s=1000))
    stage.c(TRICKLES)
    assert why(stage.watch.until(never)) is Why.TIMER
    assert stage.watch.trickles


def test_who_is_known_to_trickle_is_waited_for_no_longer(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockspec.watch._STILL_TRICKLES_S", 0.2)
    stage = staged(Patience(timer_s=1000, processor_s=1000))
    stage.watch.trickles = True
    stage.c(TRICKLES)
    assert why(stage.watch.until(never)) is Why.TIMER


# --- patience


def test_patience_is_for_the_whole_scenario(staged: Staged) -> None:
    stage = staged(Patience(timer_s=1))
    stage.c("sleep(1000);")
    waits = [seconds(lambda: stage.watch.until(never)) for _ in range(2)]
    assert waits[0] >= 1 > waits[1]


def test_patience_adds_up_over_waits_that_were_met(staged: Staged) -> None:
    stage = staged(Patience(timer_s=1))
    program = stage.c(ASKED)
    ends = [why(stage.watch.until(ask(stage, program))) for _ in range(6)]
    assert ends[0] is None
    assert next(filter(None, ends)) is Why.TIMER


def test_what_a_program_sleeps_at_its_start_costs_no_patience_afterwards(staged: Staged) -> None:
    stage = staged(Patience(timer_s=1))
    program = stage.c(f"usleep(600000); {ASKED}")
    assert [why(stage.watch.until(ask(stage, program))) for _ in range(3)] == [None] * 3
    assert stage.watch.slept_s < 1 < stage.watch.slept_in_all_s


def test_a_start_may_use_more_of_the_processor_than_what_follows(staged: Staged) -> None:
    stage = staged(Patience(processor_s=0.3))
    program = stage.c("for (;;) ;")
    assert stage.watch.until(used(program, 1)) is None
    standstill = stage.watch.until(never)
    assert standstill is not None and (standstill.why, standstill.detail) == (Why.SPINNING, "0.3 s")


def test_what_was_granted_meanwhile_is_not_charged_again(stage: Stage) -> None:
    with stage.watch.lenient(0.1):
        stage.watch.grant(1)
    assert stage.watch.slept_s == -1


def test_running_is_not_charged_as_sleeping(staged: Staged) -> None:
    stage = staged(Patience(timer_s=0.3, processor_s=30))
    work = "clock_t until = clock() + CLOCKS_PER_SEC / 5; while (clock() < until) ;"
    program = stage.c(f"char b; read(0, &b, 1); {work} sleep(1000);")
    assert stage.rest() is Rest.SETTLED
    assert seconds(lambda: (ask(stage, program), stage.watch.until(never))) >= 0.2 + 0.3


def test_settling_is_not_charged(staged: Staged) -> None:
    stage = staged(Patience(timer_s=1))
    program = stage.c(ASKED)
    assert [why(stage.watch.until(never)) for _ in range(100)] == [Why.SETTLED] * 100
    assert stage.watch.until(ask(stage, program)) is None


def test_processor_time_counts_anew_with_every_byte(staged: Staged) -> None:
    stage = staged(Patience(processor_s=0.3))
    work = "clock_t until = clock() + CLOCKS_PER_SEC / 7; while (clock() < until) ;"
    program = stage.c(f'for (;;) {{ {work} write(1, ".", 1); }}')
    assert [why(stage.watch.until(printed(program, number))) for number in (1, 2, 3)] == [None] * 3


def test_every_wait_has_the_whole_of_its_processor_time(staged: Staged) -> None:
    stage = staged(Patience(processor_s=0.3))
    program = stage.c("for (;;) ;")
    ends = [why(stage.watch.until(used(program, s))) for s in (0.25, 0.5, 5, 1)]
    assert ends == [None, None, Why.SPINNING, None]


def test_a_program_that_spins_is_believed_to_spin_on_where_its_rest_is_waited_for(staged: Staged) -> None:
    stage = staged(Patience(processor_s=0.5))
    program = stage.c("for (;;) ;")
    assert why(stage.watch.at_rest()) is Why.SPINNING
    before = proc.processor_s([program.pid])
    assert why(stage.watch.at_rest()) is stage.watch.outwait().why is Why.SPINNING
    assert proc.processor_s([program.pid]) - before < 0.4


# --- outwaiting


@pytest.mark.parametrize(
    ("code", "ending"),
    [("usleep(300000); pause();", Why.SETTLED), ("usleep(300000);", Why.GONE), ("sleep(1000);", Why.TIMER),
     ("for (;;) ;", Why.SPINNING)],
    ids=["settles", "ends", "sleeps-on", "spins"],
)  # fmt: skip
def test_outwaiting_lasts_until_nothing_more_comes(staged: Staged, code: str, ending: Why) -> None:
    stage = staged(Patience(timer_s=1, processor_s=0.1))
    stage.c(code)
    assert stage.watch.outwait().why is ending


def test_outwaiting_a_timer_costs_no_patience(staged: Staged) -> None:
    stage = staged(Patience(timer_s=0.9))
    program = stage.c(f"usleep(600000); {ASKED}")
    assert stage.watch.outwait().why is Why.SETTLED
    assert stage.watch.until(ask(stage, program)) is None
    assert program.stdout.count > 0


def test_outwaiting_gives_no_patience_back(staged: Staged) -> None:
    stage = staged(Patience(timer_s=1))
    stage.c("sleep(1000);")
    stage.watch.until(never)
    stage.watch.outwait()
    assert seconds(lambda: stage.watch.until(never)) < 1


# --- at rest


@pytest.mark.parametrize(
    ("code", "rest"),
    [("client();", Rest.SETTLED), ("sleep(1000);", Rest.WAITING), ("exit(0);", Rest.GONE)],
    ids=["settled", "timer", "gone"],
)
def test_a_program_that_sleeps_is_at_rest(stage: Stage, code: str, rest: Rest) -> None:
    stage.c(code)
    assert stage.watch.at_rest() is None
    assert stage.watch.look().rest is rest


@pytest.mark.parametrize("code", ["for (;;) ;", "started(spin, NULL); pause();"], ids=["loop", "thread"])
def test_a_program_that_runs_never_rests(staged: Staged, code: str) -> None:
    stage = staged(HASTY)
    stage.c(code)
    assert why(stage.watch.at_rest()) is Why.SPINNING


def test_rest_is_waited_for_without_charging_what_runs(staged: Staged) -> None:
    stage = staged(Patience(timer_s=0.001, processor_s=30))
    stage.c("while (clock() < CLOCKS_PER_SEC / 5) ; client();")
    assert stage.watch.at_rest() is None
    assert stage.watch.look().rest is Rest.SETTLED


def test_a_program_that_waits_for_us_to_take_its_output_is_not_at_rest(stage: Stage) -> None:
    program = stage.c("static char b[4 << 20]; write(1, b, sizeof b); pause();")
    stage.rest()
    assert program.stdout.count == 4 << 20


# --- serving


def test_draining_takes_what_has_come(stage: Stage) -> None:
    program = stage.c('write(1, "out", 3); write(2, "error", 5); pause();')
    stage.calm()
    assert (program.stdout.count, program.stderr.count) == (3, 5)


def test_a_writer_writes_more_than_a_pipe_holds(stage: Stage) -> None:
    program = stage.python("import sys; print(len(sys.stdin.buffer.read()))")
    done: list[bool] = []

    def then() -> None:
        done.append(True)
        program.stdin.close()

    stage.watch.writer(program.stdin.fileno(), bytes(5 << 20), then)
    assert stage.ended(program) == f"{5 << 20}\n"
    assert done == [True]


def test_a_writer_of_nothing_is_done_at_once(stage: Stage) -> None:
    done: list[bool] = []
    stage.watch.writer(stage.c("pause();").stdin.fileno(), b"", lambda: done.append(True))
    assert done == [True]


def test_a_writer_ends_when_its_reader_is_gone(stage: Stage) -> None:
    program = stage.c("close(0); pause();")
    stage.rest()
    done: list[bool] = []
    stage.watch.writer(program.stdin.fileno(), bytes(5 << 20), lambda: done.append(True))
    assert (done, stage.watch.serves(program.stdin.fileno())) == ([True], False)


def test_a_writer_whose_reader_does_not_read_does_not_hold_up_a_verdict(stage: Stage) -> None:
    program = stage.c("client();")
    stage.watch.writer(program.stdin.fileno(), bytes(5 << 20), lambda: None)
    assert why(stage.watch.until(never)) is Why.SETTLED


def test_what_is_added_is_served_until_it_is_removed(stage: Stage) -> None:
    ours, theirs = os.pipe()
    seen: list[int] = []
    stage.watch.add(ours, select.EPOLLIN, seen.append)
    os.write(theirs, b"!")
    assert stage.watch.until(lambda: len(seen) == 2) is None  # it is not read, so it is reported again
    stage.watch.remove(ours)
    stage.watch.remove(ours)
    stage.watch.drain()
    os.close(ours)
    os.close(theirs)
    assert (seen, stage.watch.serves(ours)) == ([select.EPOLLIN] * 2, False)


def test_a_program_that_is_forgotten_has_given_its_last_output(stage: Stage) -> None:
    program = stage.c('puts("last"); fflush(stdout); pause();')
    stage.rest()
    program.end()
    stage.watch.forget_program(program)
    program.close()
    assert (bytes(program.stdout.head), stage.watch.pids()) == (b"last\n", [])


def test_a_program_whose_input_has_ended_can_be_forgotten(stage: Stage) -> None:
    program = stage.c("char b; read(0, &b, 1); pause();")
    program.stdin.close()
    program.end()
    stage.watch.forget_program(program)
    program.close()
    assert stage.watch.pids() == []


@pytest.mark.parametrize("size", [1, 3, 10, 11])
def test_chunks_are_all_of_the_data_in_order(size: int) -> None:
    pieces = list(chunks(b"0123456789", size))
    assert b"".join(pieces) == b"0123456789"
    assert all(len(piece) == size for piece in pieces[:-1])


def test_the_stopped_program_of_a_pause_can_be_waited_for_again(stage: Stage) -> None:
    program = stage.c(ASKED)
    stage.rest()
    stage.pause(program)
    answered = ask(stage, program)
    program.signal(signal.SIGCONT)
    assert stage.watch.until(answered) is None


# --- several programs

TALKS_TO_ITSELF = """
struct sockaddr_in address; socklen_t size = sizeof address; int no = 0; char b;
int l = listener(), ours = socket(AF_INET, SOCK_STREAM, 0);
getsockname(l, (struct sockaddr *)&address, &size); connect(ours, (struct sockaddr *)&address, size);
int theirs = accept(l, NULL, NULL); setsockopt(theirs, IPPROTO_TCP, TCP_QUICKACK, &no, sizeof no);
if (fork() == 0) { recv(theirs, &b, 1, 0); recv(theirs, &b, 1, 0); write(1, "both", 4); pause(); }
send(ours, "a", 1, 0); send(ours, "b", 1, 0); pause();
"""
"""Its second byte waits until the first is acknowledged, which takes 40 ms (Nagle, delayed acknowledgements)."""


def test_what_programs_have_on_the_way_to_each_other_is_waited_for(stage: Stage) -> None:
    stage.c("pause();")
    program = stage.c(TALKS_TO_ITSELF)
    assert stage.watch.until(printed(program, 4)) is None
