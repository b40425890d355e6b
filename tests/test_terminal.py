"""Programs at a terminal: they see one, and what crosses it has arrived before a verdict is reached."""

import signal

import msgspec
import pytest

from sockspec.kernel.look import Rest
from sockspec.program import Program
from tests.stage import Stage

pytest_plugins = ["tests.stage"]

ANSWERS = 'char line[100]; while (fgets(line, sizeof line, stdin)) printf("%s!\\n", line);'
WAITS = {
    "c-read": "char key; while (read(0, &key, 1) == 1) write(1, &key, 1);",
    "c-poll": (
        "char key; struct pollfd typed = {.fd = 0, .events = POLLIN};"
        "while (poll(&typed, 1, -1) == 1 && read(0, &key, 1) == 1) write(1, &key, 1);"
    ),
    "c-thread": "started(hold, NULL); char key; while (read(0, &key, 1) == 1) write(1, &key, 1);",
}


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """A stage whose programs are at a terminal."""
    stage.exercise = msgspec.structs.replace(stage.exercise, terminal=["server"])
    return stage


def type_(stage: Stage, program: Program, keys: bytes) -> None:
    stage.watch.writer(program.stdin.fileno(), keys, lambda: None)


def test_a_program_sees_a_terminal_and_its_size(stage: Stage) -> None:
    program = stage.python("import os; print(os.isatty(0), os.isatty(1), os.isatty(2), os.get_terminal_size())")
    assert stage.ended(program) == "True True False os.terminal_size(columns=200, lines=50)\r\n"


def test_lines_leave_when_they_are_printed(stage: Stage) -> None:
    program = stage.c('printf("a line\\n"); pause();')
    stage.said(program, "a line")


def test_what_is_typed_when_the_program_has_ended_goes_nowhere(stage: Stage) -> None:
    program = stage.exited(stage.c("return 0;"))
    type_(stage, program, b"anybody there?\r")
    assert not stage.watch.serves(program.stdin.fileno())


def test_what_was_printed_last_is_not_lost(stage: Stage) -> None:
    program = stage.python("print('x' * 30000)")
    assert stage.ended(program) == "x" * 30000 + "\r\n"


@pytest.mark.parametrize("waits", WAITS)
def test_a_key_is_answered_before_the_program_is_at_rest_again(stage: Stage, waits: str) -> None:
    program = stage.c(WAITS[waits])
    assert stage.rest() is Rest.SETTLED
    for number in range(100):
        type_(stage, program, b"k\r")
        assert stage.rest() is Rest.SETTLED
        stage.watch.drain()
        assert program.stdout.count == (number + 1) * 3  # k, and the end of the line, which a terminal makes two of


def test_what_nobody_reads_does_not_keep_a_program_from_having_settled(stage: Stage) -> None:
    program = stage.c("pause();")
    type_(stage, program, b"to nobody\r")
    assert stage.rest() is Rest.SETTLED


def test_the_end_of_input_can_be_typed(stage: Stage) -> None:
    program = stage.c(ANSWERS)
    type_(stage, program, b"hello\r\x04")
    assert stage.ended(program) == "hello\r\n!\r\n"


def test_an_interrupt_can_be_typed(stage: Stage) -> None:
    program = stage.c("pause();")
    type_(stage, program, b"\x03")
    assert stage.exited(program).exit is not None
    assert program.exit is not None
    assert program.exit.status == -signal.SIGINT
