"""A filter for system calls: which kinds of sockets a process and all that it starts may have (seccomp(2)).

A container's network namespace holds back the internet families, and not those of virtual machines, say. So nothing
but local, internet and netlink sockets can be opened, and nothing that would open one in another way: the calls of
another processor's tables, and io_uring.
"""

import ctypes
import errno
import os
import platform
import socket
from typing import NamedTuple

from sockspec.complaint import SuiteError

FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)


class Machine(NamedTuple):
    """What the filter has to know of a processor: its name in audit(7), and the number of socket(2)."""

    audit: int
    socket: int


_MACHINES = {"x86_64": Machine(0xC000003E, 41), "aarch64": Machine(0xC00000B7, 198)}
_IO_URING_SETUP, _X32 = 425, 0x40000000
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _IS, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # BPF, of words
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16  # struct seccomp_data

_Step = tuple[int, int, int, int]


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("value", ctypes.c_uint)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("first", ctypes.POINTER(_Instruction))]


def apply() -> None:
    """From now on, for this process and its descendants; it cannot be taken back. SuiteError if it is not to be had."""
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        raise SuiteError(f"no filter for system calls is known for {platform.machine()}")
    steps = [_Instruction(*step) for step in _steps(machine)]
    program = _Program(len(steps), (_Instruction * len(steps))(*steps))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0)):
        if libc.prctl(*call) != 0:
            raise SuiteError(f"the filter for system calls cannot be set: {os.strerror(ctypes.get_errno())}")


def _steps(machine: Machine) -> list[_Step]:
    """The filter: each step a code, how many steps to pass over if so and if not, and a value."""
    unknown, refused = _ERRNO | errno.ENOSYS, _ERRNO | errno.EAFNOSUPPORT
    families = [(_IS, len(FAMILIES) - at, 0, family) for at, family in enumerate(FAMILIES)]
    return [
        (_LOAD, 0, 0, _ARCHITECTURE_AT), (_IS, 1, 0, machine.audit), (_RETURN, 0, 0, unknown),
        (_LOAD, 0, 0, _NUMBER_AT), (_AT_LEAST, 1, 0, _X32), (_IS, 0, 1, _IO_URING_SETUP), (_RETURN, 0, 0, unknown),
        (_IS, 1, 0, machine.socket), (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT), *families, (_RETURN, 0, 0, refused), (_RETURN, 0, 0, _ALLOW),
    ]  # fmt: skip
