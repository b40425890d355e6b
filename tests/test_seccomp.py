"""What the filter for system calls leaves of socket(2); it is set in a process that is started for it alone."""

import subprocess
import sys

import pytest

from sockspec.sandbox.seccomp import FAMILIES

TRY = """
import ctypes, os, socket, sys
from sockspec.sandbox import seccomp
seccomp.apply()
{}
"""


def said(attempt: str) -> str:
    """What a process behind the filter prints."""
    done = subprocess.run([sys.executable, "-c", TRY.format(attempt)], capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("family", FAMILIES)
def test_sockets_that_a_program_needs_are_to_be_had(family: int) -> None:
    assert said(f"print(socket.socket({int(family)}, socket.SOCK_DGRAM).fileno() > 2)") == "True"


@pytest.mark.parametrize("family", [3, 17, 38, 40])
def test_no_other_socket_is(family: int) -> None:
    assert "[Errno 97] Address family not supported" in said(f"socket.socket({family}, socket.SOCK_STREAM)")


def test_no_socket_is_had_by_way_of_io_uring() -> None:
    assert said("libc = ctypes.CDLL(None, use_errno=True); libc.syscall(425, 1, 0); print(ctypes.get_errno())") == "38"


def test_what_a_filtered_process_starts_is_filtered() -> None:
    inner = "import socket; socket.socket(40, socket.SOCK_STREAM)"
    assert said(f"print(os.spawnv(os.P_WAIT, sys.executable, [sys.executable, '-c', {inner!r}]))") == "1"
