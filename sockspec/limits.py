"""What a program may use. Limits of the kernel where they fit (setrlimit(2)), our own watch where they do not.

Memory is watched, not limited by address space: a sanitizer and a hundred thread stacks reserve far more than they use.
Processes are watched as well: RLIMIT_NPROC counts every process of the user, and does nothing for root.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """Bounds for one program with all its descendants."""

    processor_s: int = 60
    memory_bytes: int = 1 << 30
    processes: int = 256
    open_files: int = 1024
    file_bytes: int = 64 << 20
    output_bytes: int = 32 << 20


_OPTIONS = {resource.RLIMIT_CPU: "cpu", resource.RLIMIT_NOFILE: "nofile", resource.RLIMIT_FSIZE: "fsize",
            resource.RLIMIT_CORE: "core"}  # fmt: skip
_LENT = (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)
"""Soft limits of our own that may be low for a moment; processor time and open files would hit us instead."""


@contextmanager
def inherited(limits: Limits) -> Iterator[None]:
    """What is started in the block is bounded from its first instruction on; our own soft limits are lent for it."""
    lent = {kind: resource.getrlimit(kind) for kind in _bounds(limits) if kind in _LENT}
    for kind, (_, hard) in lent.items():
        resource.setrlimit(kind, (_bounded(_bounds(limits)[kind], hard), hard))
    try:
        yield
    finally:
        for kind, before in lent.items():
            resource.setrlimit(kind, before)


def apply(pid: int, limits: Limits) -> None:
    """Set the kernel's limits of a program that has just been started; its children inherit them."""
    for kind, value in _bounds(limits).items():
        _, hard = resource.prlimit(pid, kind)
        # At the soft limit of processor time comes a signal that says so, at the hard one, a second later, SIGKILL.
        beyond = 1 if kind == resource.RLIMIT_CPU else 0
        resource.prlimit(pid, kind, (_bounded(value, hard), _bounded(value + beyond, hard)))


def options(limits: Limits) -> list[str]:
    """The same bounds as options of prlimit(1)."""
    beyond = {resource.RLIMIT_CPU: 1}
    return [f"--{_OPTIONS[kind]}={value}:{value + beyond.get(kind, 0)}" for kind, value in _bounds(limits).items()]


def _bounds(limits: Limits) -> dict[int, int]:
    return {
        resource.RLIMIT_CPU: limits.processor_s,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_CORE: 0,
    }


def _bounded(value: int, hard: int) -> int:
    return value if hard == resource.RLIM_INFINITY else min(value, hard)
