"""What a program may use. Limits of the kernel where they fit (setrlimit(2)), our own watch where they do not.

Memory is watched, not limited by address space: a sanitizer and a hundred thread stacks reserve far more than they use.
Processes are watched as well: RLIMIT_NPROC counts every process of the user, and does nothing for root.
"""

import resource

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """Bounds for one program with all its descendants."""

    processor_s: int = 60
    memory_bytes: int = 1 << 30
    processes: int = 256
    open_files: int = 1024
    file_bytes: int = 64 << 20
    output_bytes: int = 32 << 20


def apply(pid: int, limits: Limits) -> None:
    """Set the kernel's limits of a program that has just been started; its children inherit them."""
    for kind, value in (
        (resource.RLIMIT_CPU, limits.processor_s),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.prlimit(pid, kind)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.prlimit(pid, kind, (bound, bound))
