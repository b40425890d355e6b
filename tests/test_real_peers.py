"""Programs that were not written for this suite: each passes, but for what the table says it does differently, and why.

What a good program does differently is a finding about the requirement first. Here are those that stand all the same;
a clause that they concern names them.
"""

import os
import pwd
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.running import IMPATIENT, checked, failed

FIXED_PORT = 19_007
"""Below the ports that a check picks for itself."""


class Real(NamedTuple):
    """A program as it is installed, and what it is for."""

    name: str
    exercise: str
    role: str
    command: str
    differs: dict[str, str]
    """The requirements that it does not meet, without exercise and half, each with what it does instead."""
    only: tuple[str, ...] = ()
    """What is asked of a program that is not meant for all of it."""
    port: int | None = None
    files: tuple[tuple[str, str], ...] = ()

    def options(self, directory: Path) -> list[object]:
        command = self.command.replace("DIR", str(directory))
        port = ["--port", self.port] if self.port else []
        only = [word for tail in self.only for word in ("--only", f"{self.role}.{tail}")]
        return [directory, "--exercise", self.exercise, f"--{self.role}", command, *port, *only, *IMPATIENT]


SERVICE = """
service {name}
{{
    type = INTERNAL UNLISTED
    id = {name}-{socket}
    socket_type = {socket}
    protocol = {protocol}
    wait = {wait}
    port = {port}
    user = {user}
    cps = 100000 1
    instances = UNLIMITED
}}
"""


def xinetd(exercise: str, service: str, differs: dict[str, str], only: tuple[str, ...] = ()) -> Real:
    """A service that xinetd, a super-server, has built in."""
    socket, protocol, wait = ("dgram", "udp", "yes") if exercise == "datagram" else ("stream", "tcp", "no")
    user = pwd.getpwuid(os.getuid()).pw_name
    text = SERVICE.format(name=service, socket=socket, protocol=protocol, wait=wait, port=FIXED_PORT, user=user)
    command = "xinetd -dontfork -f DIR/xinetd.conf -filelog DIR/log -pidfile DIR/pid"
    return Real("xinetd", exercise, "server", command, differs, only, FIXED_PORT, (("xinetd.conf", text),))


SUPER = {
    "port-in-use": "a super-server goes on without one of its services: it may have others",
    "error-messages": "and says so in its log",
    "interrupt": "a daemon has no terminal; it ends at SIGTERM",
}
NO_PORTS = {"bad-port": "a port beyond 65535 is taken modulo 65536"}
ONE_ADDRESS = {
    "next-address": "the first address of a name is tried, and no other",
    "ipv6": "a host is looked up in IPv4, unless an option says otherwise",
}
RESET = {"server-resets": "a reset is taken for the end, and the status is 0: its caller takes a part for the whole"}
SILENT = {
    "refused": "ends with status 1, and says why only with -v",
    "error-messages": "the same",
}
NO_DEFAULT = {"default-port": "it has no port of its own"}

REALS = [
    xinetd("echo", "echo", SUPER),
    xinetd("time", "time", {**SUPER, "orderly-goodbye": "closes with what a client said unread, which is a reset"}),
    # The child that answers one datagram may take another along when it ends, so only single ones are asked for.
    xinetd("datagram", "echo", {}, ("listens-on-port", "every-address", "echoes", "binary")),
    Real("socat", "echo", "server", "socat TCP-LISTEN:{port},fork,reuseaddr EXEC:cat", NO_PORTS),
    Real("socat", "echo", "client", "socat -t 3600 - TCP:{host}:{port}", {**ONE_ADDRESS, **NO_PORTS, **RESET}),
    Real("nc.openbsd", "echo", "client", "nc.openbsd -N {host} {port}", {**SILENT, **RESET}),
    Real(
        "socat", "hello", "server", "socat TCP-LISTEN:{port},fork,reuseaddr 'SYSTEM:cat DIR/greeting'",
        {**NO_DEFAULT, **NO_PORTS}, files=(("greeting", "Hello, world!"),),
    ),
    Real(
        "socat", "hello", "client", "socat -u TCP:{host}:{port} -",
        {**NO_DEFAULT, **ONE_ADDRESS, **NO_PORTS, **RESET},
    ),
    Real("nc.openbsd", "hello", "client", "nc.openbsd -d {host} {port}", {**NO_DEFAULT, **SILENT, **RESET}),
    Real(
        "socat", "datagram", "server", "socat -b 65536 UDP-RECVFROM:{port},fork EXEC:cat",
        {**NO_PORTS, "empty": "0 bytes are the end of a stream, and so an empty datagram is taken for one"},
    ),
    # They send what is typed and print what comes, but know neither lines nor replies.
    Real(
        "nc.openbsd", "datagram", "client", "nc.openbsd -u -w 1 {host} {port}", {},
        ("dotted-address", "localhost", "host-name", "unknown-host", "ipv6", "interactive", "quiet"),
    ),
    Real(
        "socat", "datagram", "client", "socat -b 65536 -t 1 - UDP:{host}:{port}", {},
        ("dotted-address", "localhost", "host-name", "unknown-host", "interactive", "quiet"),
    ),
]  # fmt: skip


@pytest.mark.parametrize("real", REALS, ids=lambda real: f"{real.name}-{real.exercise}-{real.role}")
def test_a_real_program_differs_where_the_table_says_and_nowhere_else(real: Real, tmp_path: Path) -> None:
    if shutil.which(real.name) is None:
        pytest.skip(f"{real.name} is not installed")
    for name, text in real.files:
        (tmp_path / name).write_text(text)
    report = checked(*real.options(tmp_path))
    assert {slug.split(".", 2)[2] for slug in failed(report)} == set(real.differs), report["text"]
    assert not [v for v in report["verdicts"] if v["verdict"] == "error"], report["text"]
