"""One container: it gets an order, and tells what it finds until it has told all.

Nothing of this machine is in it but what is sent: no bind mounts, so a remote engine will do. It has a loopback and no
other network, a read-only root, two small places to write, and the few capabilities with which its root, the suite, can
watch and end what runs as other users. When we are gone it ends by itself.
"""

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sockspec.complaint import SuiteError
from sockspec.limits import Limits
from sockspec.sandbox import capabilities, wire
from sockspec.visible import visible_lines

LABEL = "sockspec"
_MACHINE, _MAKER = "sockspec.machine", "sockspec.process"
_OWN_MEMORY_BYTES, _SCRATCH_BYTES, _TEMPORARY_BYTES, _SHARED_BYTES = 512 << 20, 512 << 20, 64 << 20, 16 << 20
_FILES = 20_000
_OWN_PROCESSES = 128
_SILENT_S, _MOST_S = 330.0, 1800.0
_FAULT_BYTES = 4096
_HEAD, _STDOUT, _PIECE_BYTES = struct.Struct(">BxxxL"), 1, 1 << 16
"""Of the engine's API, "attach to a container": before each piece."""
_TOOLS = ("cc", "make", "python3")
_ANSWER_S = 120
_RESTART_S, _FIRST_PAUSE_S, _LAST_PAUSE_S = 120.0, 0.25, 8.0
"""How long an engine may take to be started anew, and how often we look."""
_HOSTNAME = "sandbox"


class EngineFault(SuiteError):
    """The engine or the container failed, not the submission: it may go better another time."""


def connect() -> Any:
    """The engine that DOCKER_HOST names, or this machine's; EngineFault says why there is none."""
    import docker

    with faults("no Docker engine answers"):
        client = docker.from_env(timeout=_ANSWER_S)
        client.ping()
    return client


def wait() -> None:
    """Return when an engine answers, at once or after its restart; EngineFault if none does for some minutes."""
    until, pause_s = time.monotonic() + _RESTART_S, _FIRST_PAUSE_S
    while True:
        try:
            return connect().close()  # type: ignore[no-any-return]
        except EngineFault as fault:
            if time.monotonic() >= until:
                remedy = "Start it, and the same command again: a class goes on where it stopped"
                raise EngineFault(f"{fault}\n{remedy}") from None
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LAST_PAUSE_S)


@contextlib.contextmanager
def faults(what: str) -> Iterator[None]:
    """Whatever the engine, or the way to it, fails of in here is an EngineFault."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except (DockerException, RequestException, OSError) as error:
        raise EngineFault(f"{what}: {error}") from error


def tell(client: Any, image: str, order: wire.Order, cargo: bytes, *, label: str) -> Iterator[wire.Told]:
    """Run a container for that order, with the cargo that it announces; whatever it tells, as it comes."""
    identity = ""
    try:
        with faults("the container failed"):
            identity = _created(client, image, order.settings.limits, label)
            stream = client.api.attach_socket(identity, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
            raw: socket.socket = getattr(stream, "_sock", stream)
            client.api.start(identity)
            complaints = bytearray()
            with contextlib.closing(raw), contextlib.closing(stream), _watchdog(client, identity, raw):
                sender = threading.Thread(target=_send, args=(raw, order, cargo), daemon=True)
                sender.start()
                yield from wire.decode(_heard(raw, complaints))
                sender.join()
            _check_end(client, identity, complaints)
    finally:
        if identity:
            remove(client, identity)


def tools(client: Any, image: str) -> dict[str, str]:
    """The versions of what that image builds and runs programs with, in their own words."""
    show = ["sh", "-c", ";".join(f"echo $({tool} --version 2>&1 | head -n 1)" for tool in _TOOLS)]
    with faults("the image does not tell its tools"):
        said: bytes = client.containers.run(image, show, remove=True, network_mode="none")
    return dict(zip(_TOOLS, visible_lines(said).splitlines(), strict=False))


def remove(client: Any, identity: str) -> None:
    """Remove a container, whatever its state."""
    with contextlib.suppress(EngineFault), faults("it stays"):  # an engine that is gone has removed it, or will show it
        client.api.remove_container(identity, force=True, v=True)


def remove_all(client: Any, label: str) -> None:
    """Remove every container under that label."""
    for container in _labelled(client, f"{LABEL}={label}"):
        remove(client, container["Id"])


def remove_orphans(client: Any) -> None:
    """Remove the containers that somebody on this machine has made who was killed; by themselves they only end."""
    for container in _labelled(client, f"{_MACHINE}={_here()}"):
        if not Path(f"/proc/{container['Labels'][_MAKER]}").exists():
            remove(client, container["Id"])


def _here() -> str:
    """Where numbers of processes mean what they mean to us: this start of this machine, this process namespace."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}-{Path('/proc/self/ns/pid').stat().st_ino}"


def _labelled(client: Any, label: str) -> list[dict[str, Any]]:
    with faults("its containers cannot be listed"):
        found: list[dict[str, Any]] = client.api.containers(all=True, filters={"label": label})
    return found


def _created(client: Any, image: str, limits: Limits, label: str) -> str:
    memory = limits.memory_bytes + _OWN_MEMORY_BYTES
    host = client.api.create_host_config(
        network_mode="none", read_only=True, init=True,
        cap_drop=["ALL"], cap_add=[*capabilities.KEPT, *capabilities.FOR_THE_START],
        security_opt=["no-new-privileges"], mem_limit=memory, memswap_limit=memory, shm_size=_SHARED_BYTES,
        pids_limit=limits.processes + _OWN_PROCESSES, nano_cpus=10**9, dns=["127.0.0.1"],
        extra_hosts={_HOSTNAME: "127.0.0.1"},  # programs look up their own host name
        tmpfs={
            "/work": f"exec,nosuid,nodev,mode=755,size={_SCRATCH_BYTES},nr_inodes={_FILES}",
            "/tmp": f"exec,nosuid,nodev,mode=1777,size={_TEMPORARY_BYTES},nr_inodes={_FILES}",
        },
        sysctls={"net.ipv4.ip_unprivileged_port_start": "1024", "net.ipv6.conf.all.disable_ipv6": "0"},
        log_config={"Type": "none"},
    )  # fmt: skip
    created = client.api.create_container(
        image, host_config=host, stdin_open=True, hostname=_HOSTNAME, user="0:0",
        labels={LABEL: label, _MACHINE: _here(), _MAKER: str(os.getpid())},
    )  # fmt: skip
    return str(created["Id"])


def _send(raw: socket.socket, order: wire.Order, cargo: bytes) -> None:
    """Send it all while we listen already; a container that is gone is noticed by the listener."""
    import msgspec

    with contextlib.suppress(OSError):
        raw.sendall(msgspec.json.encode(order) + b"\n" + cargo)


def _heard(raw: socket.socket, complaints: bytearray) -> Iterator[bytes]:
    """Its standard output, piece by piece; the end of what it complained of on its standard error is kept.

    The engine sends both in one stream, each piece behind a head that says which it is and how long. They are read
    here, because the SDK waits for the next one without end.
    """
    raw.settimeout(_SILENT_S)
    while head := _exactly(raw, _HEAD.size):
        kind, left = _HEAD.unpack(head)
        while left:
            piece = raw.recv(min(left, _PIECE_BYTES))
            if not piece:
                return
            left -= len(piece)
            if kind == _STDOUT:
                yield piece
            else:
                complaints += piece
                del complaints[:-_FAULT_BYTES]


def _exactly(raw: socket.socket, size: int) -> bytes:
    """So many bytes; none if the stream ends before."""
    data = b""
    while len(data) < size:
        piece = raw.recv(size - len(data))
        if not piece:
            return b""
        data += piece
    return data


@contextlib.contextmanager
def _watchdog(client: Any, identity: str, raw: socket.socket) -> Iterator[None]:
    """Nothing keeps a container for ever, not even a suite that has stopped; nor us, if the engine has."""

    def end() -> None:
        with contextlib.suppress(OSError):
            raw.shutdown(socket.SHUT_RDWR)
        remove(client, identity)

    timer = threading.Timer(_MOST_S, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _check_end(client: Any, identity: str, complaints: bytearray) -> None:
    status = client.api.wait(identity)["StatusCode"]
    if status != 0:
        state = client.api.inspect_container(identity)["State"]
        reason = " (memory ran out)" if state.get("OOMKilled") else ""
        said = bytes(complaints).decode(errors="backslashreplace").strip()
        raise EngineFault(
            f"the suite in the container ended with status {status}{reason}{os.linesep if said else ''}{said}"
        )
