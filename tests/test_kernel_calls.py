"""System calls: lines of /proc read back, numbers against the kernel's headers, and which waits have no limit."""

import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sockspec.kernel import calls
from sockspec.kernel import threads as proc
from sockspec.kernel.calls import ACCEPTS, MULTIPLEXES, READS, SLEEPS, WRITES, Call, parse, waits_for_child
from tests.stage import Stage

pytest_plugins = ["tests.stage"]

HEADERS = {"asm/unistd_64.h": calls._X86_64, "asm-generic/unistd.h": calls._AARCH64}
POINTER, MINUS_ONE, MINUS_ONE_INT = 0x7FFD_0000_1000, 0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF
LINE = "{} 0x3 0x7ffd00001000 0x400 0x0 0x0 0x0 0x7ffd00000f00 0x7f0000001234"


def call(name: str, at: int = 0, argument: int = 0) -> Call:
    """That call, with that one argument and pointers for all others."""
    arguments = [POINTER] * 6
    arguments[at] = argument
    return Call(name, tuple(arguments))


# --- lines


@pytest.mark.parametrize("line", ["running\n", "-1 0x7ffd00001000 0x7f0000001234\n"], ids=["runs", "in-no-call"])
def test_a_thread_that_is_in_no_call_has_none(line: str) -> None:
    assert parse(line) is None


@pytest.mark.parametrize(("number", "name"), calls._X86_64.items(), ids=str)
def test_a_number_of_x86_64_gives_the_name(monkeypatch: pytest.MonkeyPatch, number: int, name: str) -> None:
    monkeypatch.setattr(calls, "NAMES", calls._X86_64)
    assert parse(LINE.format(number)) == Call(name, (3, POINTER, 0x400, 0, 0, 0))


@pytest.mark.parametrize(("number", "name"), calls._AARCH64.items(), ids=str)
def test_a_number_of_aarch64_gives_the_name(monkeypatch: pytest.MonkeyPatch, number: int, name: str) -> None:
    monkeypatch.setattr(calls, "NAMES", calls._AARCH64)
    assert parse(LINE.format(number)) == Call(name, (3, POINTER, 0x400, 0, 0, 0))


@pytest.mark.parametrize("header", HEADERS, ids=["x86_64", "aarch64"])
def test_the_numbers_are_those_of_the_kernels_headers(header: str) -> None:
    line = ["cc", "-E", "-dM", "-include", header, "-xc", "/dev/null"]
    macros = subprocess.run(line, capture_output=True, text=True, check=False)
    if macros.returncode:
        pytest.skip(f"this machine has no {header}")
    defined = {words[1]: words[2] for text in macros.stdout.splitlines() if len(words := text.split()) == 3}
    numbers = {defined.get(f"__NR_{name}", ""): name for name in HEADERS[header].values()}
    assert {int(defined.get(number, number)): name for number, name in numbers.items()} == HEADERS[header]


def test_every_call_that_has_a_rule_has_a_number() -> None:
    ruled = calls._WAITS_FOR_EVER | set(calls._TIMEOUT_POINTER) | set(calls._TIMEOUT_MILLISECONDS)
    assert ruled | READS | WRITES | ACCEPTS | MULTIPLEXES | SLEEPS | set(calls.PLAIN) <= set(calls._X86_64.values())


def test_opening_a_fifo_waits_for_ever_and_is_called_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "NAMES", calls._X86_64)
    found = parse(LINE.format(257))
    assert found is not None
    assert (found.plain, found.timed, found.takes_fd) == ("open", False, False)


def test_an_unknown_number_is_named_by_it_and_counts_as_timed() -> None:
    found = parse(LINE.format(99999))
    assert found is not None
    assert (found.name, found.timed, found.takes_fd) == ("system call 99999", True, False)


def test_a_restarted_call_in_poll_is_that_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "NAMES", calls._X86_64)
    found = parse("219 0x7ffd00001000 0x1 0xffffffff 0x0 0x0 0x0 0x1 0x2", "poll_schedule_timeout.constprop.0")
    assert found is not None
    assert (found.name, found.timed) == ("poll", False)


@pytest.mark.parametrize("waits_in", ["hrtimer_nanosleep", "futex_wait_queue", "0", ""])
def test_a_restarted_call_elsewhere_counts_as_timed(monkeypatch: pytest.MonkeyPatch, waits_in: str) -> None:
    monkeypatch.setattr(calls, "NAMES", calls._X86_64)
    found = parse(LINE.format(219), waits_in)
    assert found is not None
    assert (found.name, found.timed) == ("restart_syscall", True)


# --- uninterruptible

VFORK = {
    "vfork": (call("vfork"), "kernel_clone", True),
    "posix_spawn": (call("clone3"), "kernel_clone", True),
    "of-an-older-kernel": (call("clone", 0, 0x4111), "_do_fork", True),
    "not-told-where": (call("clone", 0, 0x4111), "0", True),
    "fork": (call("clone", 0, 0x1200011), "dup_mmap", False),
    "fork-not-told-where": (call("clone", 0, 0x1200011), "0", False),
    "disk": (call("read"), "folio_wait_bit_common", False),
}


@pytest.mark.parametrize(("found", "waits_in", "waits"), VFORK.values(), ids=list(VFORK))
def test_a_fork_that_is_held_up_does_not_wait_for_its_child(found: Call, waits_in: str, *, waits: bool) -> None:
    assert waits_for_child(found, waits_in) is waits


# --- timed or not

FOR_EVER = [
    "read", "readv", "preadv", "recvfrom", "recvmsg", "recvmmsg", "write", "writev", "sendto", "sendmsg", "sendmmsg",
    "accept", "accept4", "pause", "wait4", "waitid", "rt_sigsuspend", "flock", "sendfile", "splice",
]  # fmt: skip
BY_POINTER = [("select", 4), ("pselect6", 4), ("ppoll", 2), ("futex", 3), ("rt_sigtimedwait", 2), ("epoll_pwait2", 3),
              ("futex_waitv", 3)]  # fmt: skip
BY_MILLISECONDS = [("poll", 2), ("epoll_wait", 3), ("epoll_pwait", 3)]


@pytest.mark.parametrize("name", FOR_EVER)
def test_a_wait_without_a_timeout_is_untimed(name: str) -> None:
    assert not call(name).timed


@pytest.mark.parametrize("name", ["nanosleep", "clock_nanosleep", "restart_syscall", "io_uring_enter", "msgrcv", ""])
def test_a_sleep_and_any_call_without_a_rule_are_timed(name: str) -> None:
    assert call(name).timed


@pytest.mark.parametrize(("name", "at"), BY_POINTER)
def test_a_null_pointer_to_the_timeout_is_no_timeout(name: str, at: int) -> None:
    assert not call(name, at, 0).timed


@pytest.mark.parametrize(("name", "at"), BY_POINTER)
def test_a_pointer_to_a_timeout_is_a_timeout(name: str, at: int) -> None:
    assert Call(name, tuple(POINTER if position == at else 0 for position in range(6))).timed


@pytest.mark.parametrize("milliseconds", [MINUS_ONE, MINUS_ONE_INT, 0x8000_0000], ids=hex)
@pytest.mark.parametrize(("name", "at"), BY_MILLISECONDS)
def test_a_negative_number_of_milliseconds_is_no_timeout(name: str, at: int, milliseconds: int) -> None:
    assert not call(name, at, milliseconds).timed


@pytest.mark.parametrize("milliseconds", [0, 5, 0x7FFF_FFFF, 0xFFFF_FFFF_0000_0005], ids=hex)
@pytest.mark.parametrize(("name", "at"), BY_MILLISECONDS)
def test_any_other_number_of_milliseconds_is_a_timeout(name: str, at: int, milliseconds: int) -> None:
    assert call(name, at, milliseconds).timed


# --- what a call says of itself


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(-(2**31), 2**31 - 1), st.booleans())
def test_a_file_descriptor_is_a_signed_32_bit_number(fd: int, extended: bool) -> None:
    assert call("read", 0, fd & (MINUS_ONE if extended else MINUS_ONE_INT)).fd == fd


@pytest.mark.parametrize("name", sorted(READS | WRITES | ACCEPTS | {"connect"}))
def test_calls_on_one_file_descriptor_take_it_first(name: str) -> None:
    assert call(name).takes_fd


@pytest.mark.parametrize("name", sorted(MULTIPLEXES | SLEEPS | {"futex", "wait4", "pause", "splice"}))
def test_other_calls_take_none(name: str) -> None:
    assert not call(name).takes_fd


@pytest.mark.parametrize(
    ("name", "plain"),
    [("recvfrom", "recv"), ("sendto", "send"), ("accept4", "accept"), ("pselect6", "select"), ("ppoll", "poll"),
     ("epoll_pwait", "epoll_wait"), ("clock_nanosleep", "sleep"), ("wait4", "wait"), ("futex", "futex")],
)  # fmt: skip
def test_a_call_has_the_name_that_a_programmer_knows(name: str, plain: str) -> None:
    assert call(name).plain == plain


# --- the same, seen in a program

LONG = "struct timespec t = {1000, 0}; struct timeval v = {1000, 0}; struct epoll_event e; (void)t; (void)v; (void)e;"
WORD = "static int word; syscall(SYS_futex, &word, FUTEX_WAIT, 0"
SIGNALS = "sigset_t s; sigemptyset(&s); sigaddset(&s, SIGUSR1); sigprocmask(SIG_BLOCK, &s, NULL);"
SEEN = [
    ("poll(NULL, 0, -1);", "poll", False),
    ("poll(NULL, 0, 1000000);", "poll", True),
    ("ppoll(NULL, 0, NULL, NULL);", "poll", False),
    ("ppoll(NULL, 0, &t, NULL);", "poll", True),
    ("select(0, NULL, NULL, NULL, NULL);", "select", False),
    ("select(0, NULL, NULL, NULL, &v);", "select", True),
    ("pselect(0, NULL, NULL, NULL, NULL, NULL);", "select", False),
    ("pselect(0, NULL, NULL, NULL, &t, NULL);", "select", True),
    ("epoll_wait(epoll_create1(0), &e, 1, -1);", "epoll_wait", False),
    ("epoll_wait(epoll_create1(0), &e, 1, 1000000);", "epoll_wait", True),
    ("epoll_pwait(epoll_create1(0), &e, 1, -1, NULL);", "epoll_wait", False),
    ("epoll_pwait(epoll_create1(0), &e, 1, 1000000, NULL);", "epoll_wait", True),
    (f"{WORD}, NULL);", "futex", False),
    (f"{WORD}, &t);", "futex", True),
    ("nanosleep(&t, NULL);", "sleep", True),
    ("pause();", "pause", False),
    (f"{SIGNALS} sigsuspend(&(sigset_t){{0}});", "pause", False),
    (f"{SIGNALS} sigwaitinfo(&s, NULL);", "rt_sigtimedwait", False),
    (f"{SIGNALS} sigtimedwait(&s, NULL, &t);", "rt_sigtimedwait", True),
    ("read(0, &t, 1);", "read", False),
]


@pytest.mark.parametrize(("code", "name", "timed"), SEEN, ids=[code for code, *_ in SEEN])
def test_a_thread_is_seen_in_the_call_that_it_made(stage: Stage, code: str, name: str, timed: bool) -> None:
    program = stage.c(LONG + code)
    stage.rest()
    (thread,) = proc.threads(program.pids())
    assert thread.call is not None
    assert (thread.call.plain, thread.call.timed) == (name, timed)
