"""How a process ended that somebody else has waited for."""

import os
import signal
import subprocess

import pytest

from sockspec.kernel.ends import wait_status
from tests.stage import Stage, Staged

pytest_plugins = ["tests.stage"]


def ended(code: str) -> int | None:
    """The wait status of a shell's process that did that, told after it was waited for."""
    process = subprocess.Popen(["sh", "-c", f"read line; {code}"], stdin=subprocess.PIPE)
    pidfd = os.pidfd_open(process.pid)
    assert wait_status(pidfd) is None
    process.communicate(b"go on\n")
    try:
        return wait_status(pidfd)
    finally:
        os.close(pidfd)


needs_ends = pytest.mark.skipif(ended("exit 0") is None, reason="this kernel does not tell (before Linux 6.15)")


@needs_ends
@pytest.mark.parametrize(("code", "status"), [("exit 0", 0), ("exit 3", 3), ("kill -SEGV $$", -11)])
def test_the_end_of_a_process_is_known_by_its_pidfd(code: str, status: int) -> None:
    told = ended(code)
    assert told is not None
    assert os.waitstatus_to_exitcode(told) == status


def test_what_is_no_pidfd_tells_nothing() -> None:
    assert wait_status(1) is None


CHILD = "signal(SIGCHLD, SIG_IGN); if (fork() == 0) {{ char b; read(0, &b, 1); {} }} pause();"


@needs_ends
@pytest.mark.parametrize(
    ("code", "number"),
    [("raise(SIGSEGV);", signal.SIGSEGV), ("abort();", signal.SIGABRT), ("raise(SIGTERM);", None), ("exit(1);", None)],
    ids=["memory", "abort", "ended", "exit"],
)
def test_a_fault_of_a_child_is_known_although_its_parent_goes_on(
    stage: Stage, code: str, number: signal.Signals | None
) -> None:
    program = stage.c(CHILD.format(code))
    assert stage.watch.at_rest() is None
    os.write(program.stdin.fileno(), b"?")
    assert stage.watch.until(lambda: len(program.pids()) == 1) is None
    assert (fault.status if (fault := program.fault()) else None) == (-number if number else None)


def test_a_program_without_children_has_no_fault_but_its_own(staged: Staged) -> None:
    stage = staged()
    program = stage.c("pause();")
    assert stage.watch.at_rest() is None
    assert program.fault() is None
