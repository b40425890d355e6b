"""The private network of a run: its own loopback, ports and name service, whatever the machine has.

`enter()` moves this very process into a network and a mount namespace of its own (an ordinary user needs a user
namespace around them, in which he stays who he is); children inherit them, and they vanish with the last process.
Inside there is `lo` and nothing else, so fixed ports are free and nothing reaches another run or another machine.
Our own small files, which steer name lookups, lie on top of /etc. They are on a tmpfs that no path leads to, so nothing
needs tidying; and on top as an overlay, because a mount on a single file ends when a DHCP client outside replaces it.

A child makes all this and we join it at the end, by one call that succeeds or changes nothing: any step on the way may
be refused (containers, AppArmor, seccomp), and none can be taken back.
"""

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import msgspec

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWNET = 0x0002_0000, 0x1000_0000, 0x4000_0000  # unshare(2), linux/sched.h
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x4_0000  # mount(2)
_MNT_DETACH = 2  # umount2(2)
_SIOCSIFFLAGS, _SIOCSIFADDR, _IFF_UP = 0x8914, 0x8916, 1  # netdevice(7)

# getaddrinfo(3) with AI_ADDRCONFIG and a family fails, even for 127.0.0.1, where all addresses are loopback addresses.
# So `lo` gets one more of each family, from ranges that nobody may use on a network.
_DUMMY_IPV4 = "192.0.0.8"  # RFC 7600, "IPv4 dummy address"
_DUMMY_IPV6 = "100::1"  # RFC 6666, discard prefix

_STAGE = "/tmp"  # covered by our tmpfs for a moment, in our own mount namespace only
_NSCD = "/var/run/nscd"  # glibc asks the daemon behind this directory first (nscd(8)): outside, with the wrong answers
_PORT_START = "/proc/sys/net/ipv4/ip_unprivileged_port_start"  # ip(7)
_FILES = {
    # hosts(5). Programs look up their own host name, so it has to be there.
    "hosts": f"127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.0.1 {os.uname().nodename}\n",
    # resolv.conf(5). A server that is gone refuses at once, so patience costs nothing and serves a busy machine.
    "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:5\n",
    # nsswitch.conf(5)
    "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n"
    "protocols: files\nservices: files\n",
}

_libc = ctypes.CDLL(None, use_errno=True)


class Isolation(msgspec.Struct, frozen=True):
    """Which network the programs of a run live in. JSON-able, for the workers, which inherit the network itself."""

    kind: Literal["container", "private network", "this machine"]
    reason: str
    """Why it is not the private one, `unshare: Operation not permitted`; empty if it is."""
    ipv6: bool
    """`::1` works."""
    names: bool
    """The name server answers. False from `enter()`; whoever has started it (`names.serve()`) says so."""

    @classmethod
    def container(cls) -> "Isolation":
        """What a container of ours gives."""
        return cls("container", "", ipv6=True, names=True)


def enter() -> Isolation:
    """Move this process, while it has one thread, into a private network; or say why not, and leave all as it was."""
    reason = _enter()
    return Isolation("this machine" if reason else "private network", reason, ipv6=ipv6_works(), names=False)


def ipv6_works() -> bool:
    """Whether a socket can have the address `::1` here."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _enter() -> str:
    """What keeps us out; empty if we are in."""
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        return "the process already has several threads"  # which setns(2) does not move
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            ours.close()
            theirs.send((_attempt(_prepare) or "ready").encode())
            theirs.recv(1)  # returns when we have joined, or need not
        finally:
            os._exit(0)
    theirs.close()
    with ours:
        reason = ours.recv(1000).decode() or "the child that prepares it was killed"
        if reason == "ready":
            here = Path.cwd()
            reason = _attempt(lambda: _join(child))
            os.chdir(here)  # setns(2) goes to the root directory; the child has tried this way back
    with suppress(ChildProcessError):  # nobody to wait for where SIGCHLD is ignored, wait(2)
        os.waitpid(child, 0)
    return reason


def _attempt(step: Callable[[], None]) -> str:
    """Do it; what was refused, and why, or nothing."""
    try:
        step()
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    return ""


def _join(child: int) -> None:
    """Move to where the child is: all of it happens, or nothing (setns(2), Linux 5.8)."""
    with _naming("pidfd_open"):
        process = os.pidfd_open(child)
    try:
        _call("setns", process, _namespaces())
    finally:
        os.close(process)


def _namespaces() -> int:
    return _CLONE_NEWNET | _CLONE_NEWNS | (_CLONE_NEWUSER if os.geteuid() != 0 else 0)


def _prepare() -> None:
    """Enter and furnish new namespaces. An OSError has in its `filename` what was refused."""
    uid, gid = os.geteuid(), os.getegid()
    _call("unshare", _namespaces())
    if uid != 0:
        _write("/proc/self/setgroups", "deny")  # user_namespaces(7): before gid_map
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
    _mount("none", "/", flags=_MS_REC | _MS_PRIVATE)
    with _naming("lo"):
        bring_up_lo()
    if Path(_PORT_START).read_text().strip() != "1024":
        _write(_PORT_START, "1024")
    _cover_files()
    with _naming("the working directory"):
        os.chdir(Path.cwd())


def bring_up_lo() -> None:
    """Bring up the loopback, with an address of each family that is none of a loopback's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", _IFF_UP))
        address = socket.inet_aton(_DUMMY_IPV4)
        fcntl.ioctl(control, _SIOCSIFADDR, struct.pack("16sHH4s16x", b"lo:1", socket.AF_INET, 0, address))
    if ipv6_works():
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
            address = socket.inet_pton(socket.AF_INET6, _DUMMY_IPV6)
            fcntl.ioctl(control, _SIOCSIFADDR, struct.pack("16sIi", address, 128, socket.if_nametoindex("lo")))


def _cover_files() -> None:
    """Lay our files over the machine's. The tmpfs lasts as long as what is mounted from it, without a path to it."""
    _mount("tmpfs", _STAGE, "tmpfs")
    etc, empty = Path(_STAGE, "etc"), Path(_STAGE, "empty")
    for directory in (etc, empty):
        directory.mkdir()
        directory.chmod(0o755)  # whatever the umask is, and so below
    for name, text in _FILES.items():
        (etc / name).write_text(text)
        (etc / name).chmod(0o444)
    _mount("overlay", "/etc", "overlay", options=f"lowerdir={etc}:/etc")
    if Path(_NSCD).is_dir():
        _mount(str(empty), _NSCD, flags=_MS_BIND)
    _call("umount2", os.fsencode(_STAGE), _MNT_DETACH)


def _mount(source: str, target: str, kind: str = "", *, flags: int = 0, options: str = "") -> None:
    # The flags are an unsigned long: ctypes passes a plain number as an int, and leaves the upper half undefined.
    texts = [text.encode() for text in (source, target, kind, options)]
    _call("mount", *texts[:3], ctypes.c_ulong(flags), texts[3], name=f"mount {kind or source} over {target}")


def _call(function: str, *arguments: object, name: str = "") -> None:
    """Call a function of the C library that returns 0, or raise what errno says under its name."""
    if getattr(_libc, function)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), name or function)


def _write(path: str, text: str) -> None:
    with _naming(path):  # an error from write(2) does not
        Path(path).write_text(text)


@contextmanager
def _naming(what: str) -> Iterator[None]:
    """Make the OSErrors in here say what they are about."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, what) from error
