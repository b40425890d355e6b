"""Whether a Docker engine may be there, found out without the docker SDK, which takes long to import."""

import os
import socket

_SOCKET = "/var/run/docker.sock"


def address() -> str:
    """Where an engine is looked for: what DOCKER_HOST says, or this machine's socket."""
    return os.environ.get("DOCKER_HOST") or f"unix://{_SOCKET}"


def absent() -> str:
    """Why no engine can answer, in words; empty if one may."""
    host = address()
    if not host.startswith("unix://"):
        return ""
    path = host.removeprefix("unix://")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError as error:
            return f"no Docker engine at {path}: {error.strerror}"
    return ""
