"""What root may do in a container (capabilities(7)), and what it gives up before anything untrusted is there."""

import ctypes
import os
from collections.abc import Collection

from sockspec.complaint import SuiteError

KEPT = {
    "CHOWN": 0,  # private copies for each user
    "DAC_OVERRIDE": 1, "SYS_PTRACE": 19,  # /proc/PID/syscall and fd of other users (proc(5), ptrace(2))
    "KILL": 5, "SETGID": 6, "SETUID": 7,  # programs run as other users, and end
    "NET_BIND_SERVICE": 10,  # the name server, on port 53
}  # fmt: skip
"""Names and numbers (linux/capability.h) of what it has to the end."""
FOR_THE_START = {
    "SETPCAP": 8,  # to drop both
    "NET_ADMIN": 12,  # the addresses of the loopback
}  # fmt: skip

_PR_CAPBSET_DROP, _VERSION_3 = 24, 0x20080522


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Sets(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def drop(numbers: Collection[int]) -> None:
    """Give those up, for this process while it has one thread, and for all that it starts: nothing brings them back."""
    libc = ctypes.CDLL(None, use_errno=True)
    for number in numbers:
        if libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            _complain()
    header, sets = _Header(_VERSION_3, 0), (_Sets * 2)()
    if libc.capget(ctypes.byref(header), sets) != 0:
        _complain()
    for number in numbers:
        word, bit = divmod(number, 32)
        for kind in ("effective", "permitted", "inheritable"):
            setattr(sets[word], kind, getattr(sets[word], kind) & ~(1 << bit))
    if libc.capset(ctypes.byref(header), sets) != 0:
        _complain()


def _complain() -> None:
    raise SuiteError(f"capabilities cannot be dropped: {os.strerror(ctypes.get_errno())}")
