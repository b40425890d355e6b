"""One container: it gets an order, and tells what it finds until it has told all.

Nothing of this machine is in it but what is sent: no bind mounts, so a remote engine will do. It has a loopback and no
other network, a read-only root, two small places to write, and the few capabilities with which its root, the suite, can
watch and end what runs as other users. When we are gone it ends by itself.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

from sockspec.complaint import SuiteError
from sockspec.limits import Limits
from sockspec.sandbox import capabilities, wire

LABEL = "sockspec"
_OWN_MEMORY_BYTES, _SCRATCH_BYTES, _TEMPORARY_BYTES, _SHARED_BYTES = 512 << 20, 512 << 20, 64 << 20, 16 << 20
_FILES = 20_000
_OWN_PROCESSES = 128
_SILENT_S, _MOST_S = 330.0, 1800.0
_FAULT_BYTES = 4096
_HOSTNAME = "sandbox"


class EngineFault(SuiteError):
    """The engine or the container failed, not the submission: it may go better another time."""


def connect() -> Any:
    """The engine that DOCKER_HOST names, or this machine's; EngineFault says why there is none."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except DockerException as error:
        raise EngineFault(f"no Docker engine answers: {error}") from error
    return client


def tell(client: Any, image: str, order: wire.Order, cargo: bytes, *, label: str) -> Iterator[wire.Told]:
    """Run a container for that order, with the cargo that it announces; whatever it tells, as it comes."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    identity = ""
    try:
        identity = _created(client, image, order.settings.limits, label)
        stream = client.api.attach_socket(identity, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
        client.api.start(identity)
        complaints = bytearray()
        with _watchdog(client, identity):
            sender = threading.Thread(target=_send, args=(stream, order, cargo), daemon=True)
            sender.start()
            yield from wire.decode(_heard(stream, complaints))
            sender.join()
        _check_end(client, identity, complaints)
    except (DockerException, RequestException, OSError) as error:
        raise EngineFault(f"the container failed: {error}") from error
    finally:
        if identity:
            remove(client, identity)


def remove(client: Any, identity: str) -> None:
    """Remove a container, whatever its state."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    with contextlib.suppress(
        DockerException, RequestException
    ):  # an engine that is gone has removed it, or will show it
        client.api.remove_container(identity, force=True, v=True)


def remove_all(client: Any, label: str) -> None:
    """Remove every container under that label."""
    for container in client.api.containers(all=True, filters={"label": f"{LABEL}={label}"}):
        remove(client, container["Id"])


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
        image, host_config=host, stdin_open=True, hostname=_HOSTNAME, labels={LABEL: label}, user="0:0"
    )
    return str(created["Id"])


def _send(stream: Any, order: wire.Order, cargo: bytes) -> None:
    """Send it all while we listen already; a container that is gone is noticed by the listener."""
    import msgspec

    with contextlib.suppress(OSError):
        raw = getattr(stream, "_sock", stream)
        raw.sendall(msgspec.json.encode(order) + b"\n" + cargo)


def _heard(stream: Any, complaints: bytearray) -> Iterator[bytes]:
    """Its standard output, piece by piece; the end of what it complained of on its standard error is kept."""
    from docker.utils.socket import STDOUT, frames_iter

    raw = getattr(stream, "_sock", stream)
    raw.settimeout(_SILENT_S)
    for kind, piece in frames_iter(stream, tty=False):  # type: ignore[no-untyped-call]
        if kind == STDOUT:
            yield piece
        else:
            complaints += piece
            del complaints[:-_FAULT_BYTES]


@contextlib.contextmanager
def _watchdog(client: Any, identity: str) -> Iterator[None]:
    """Nothing keeps a container for ever, not even a suite that has stopped."""
    timer = threading.Timer(_MOST_S, remove, (client, identity))
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
