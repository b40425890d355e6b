"""How a process ended that is not our child, from a pidfd that was opened while it lived (ioctl_pidfd(2)).

The kernel keeps that since Linux 6.15. Before, and for a process that still runs, nothing is known.
"""

import fcntl
import struct

_PIDFD_GET_INFO = 0xC040FF0B  # _IOWR(0xFF, 11, struct pidfd_info), as large as it was at first
_EXIT = 1 << 3  # PIDFD_INFO_EXIT
_INFO = struct.Struct("=QQ11Ii")  # mask, cgroup, eleven ids, wait status


def wait_status(pidfd: int) -> int | None:
    """What wait(2) would say of it; None if it has not ended, or the kernel does not tell."""
    info = bytearray(_INFO.pack(_EXIT, *[0] * 13))
    try:
        fcntl.ioctl(pidfd, _PIDFD_GET_INFO, info)
    except OSError:
        return None
    mask, *_, status = _INFO.unpack(info)
    return status if mask & _EXIT else None
