"""Whether a Docker engine may be there, found out without the docker SDK, which takes long to import."""

import os
import socket

SOCKET = "/var/run/docker.sock"


def absent() -> str:
    """Why no engine can answer, in words; empty if one may."""
    host = os.environ.get("DOCKER_HOST") or f"unix://{SOCKET}"
    if not host.startswith("unix://"):
        return ""
    path = host.removeprefix("unix://")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError as error:
            return f"no Docker engine at {path}: {error.strerror}"
    return ""
