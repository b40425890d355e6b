"""Programs that were not written for this suite: each passes, but for what the table says it does differently, and why.

What a good program does differently is a finding about the requirement first. Here are those that stand all the same;
a clause that they concern names them.
"""

import os
import pwd
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.installed import needs
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
    patience: int = 1
    """How many seconds on a timer it is allowed."""

    def options(self, directory: Path) -> list[object]:
        command = self.command.replace("DIR", str(directory))
        port = ["--port", self.port] if self.port else []
        patience = [*IMPATIENT, "--patience", self.patience]
        only = [word for tail in self.only for word in ("--only", f"{self.role}.{tail}")]
        return [directory, "--exercise", self.exercise, f"--{self.role}", command, *port, *only, *patience]


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


NGINX = """
daemon off; master_process off; pid pid; error_log stderr;
events {}
http {
    access_log off; client_body_temp_path 1; proxy_temp_path 2; fastcgi_temp_path 3; uwsgi_temp_path 4;
    scgi_temp_path 5; types { text/plain txt; text/html html; } keepalive_timeout 0; disable_symlinks on;
    server { listen PORT; root ROOT; }
}
"""
START_NGINX = """
beside=$(dirname "$0")
sed "s|PORT|${1:-28333}|; s|ROOT|$PWD|" "$beside/template" > "$beside/nginx.conf"
exec nginx -e stderr -p "$beside" -c nginx.conf
"""
HTTP_SERVER = '''
"""Python's web server, for one answer a connection; links that lead outside are not followed, which it does else."""
import os, sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


class Handler(SimpleHTTPRequestHandler):
    def send_head(self):
        path = os.path.realpath(self.translate_path(self.path))
        if os.path.commonpath([path, ROOT]) == ROOT:
            return super().send_head()
        self.send_error(403)

    def end_headers(self):
        self.send_header("Connection", "close")
        super().end_headers()


ROOT = os.path.realpath(".")
try:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 28333
    if port < 1:
        raise ValueError("no port")
    ThreadingHTTPServer(("", port), Handler).serve_forever()
except (OSError, OverflowError, ValueError) as error:
    sys.exit(f"server: {error}")
'''


def xinetd(exercise: str, service: str, differs: dict[str, str], only: tuple[str, ...] = ()) -> Real:
    """A service that xinetd, a super-server, has built in."""
    socket, protocol, wait = ("dgram", "udp", "yes") if exercise == "datagram" else ("stream", "tcp", "no")
    user = pwd.getpwuid(os.getuid()).pw_name
    text = SERVICE.format(name=service, socket=socket, protocol=protocol, wait=wait, port=FIXED_PORT, user=user)
    command = "xinetd -dontfork -f DIR/xinetd.conf -filelog DIR/log -pidfile DIR/pid"
    return Real("xinetd", exercise, "server", command, differs, only, FIXED_PORT, (("xinetd.conf", text),))


SUPER = {
    "port-in-use": "a super-server goes on without one of its services: it may have others",
    "shares-no-port": "the same",
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
    Real(
        "nginx", "files", "server", "sh DIR/start {port}",
        {"error-messages": "a failure is told in several lines, as a log has them"},
        files=(("template", NGINX), ("start", START_NGINX)), patience=6,  # it tries five times to bind(), in 2.5 s
    ),
    Real(
        "python3", "files", "server", "python3 DIR/serve.py {port}",
        {
            "any-name": "a name that is not UTF-8 is not found",
            "unreadable": "a thread waits in open() for a FIFO, and its client with it",
        },
        files=(("serve.py", HTTP_SERVER),),
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


def each(real: Real) -> Any:
    """The case of a test that is about that program."""
    return pytest.param(real, id=f"{real.name}-{real.exercise}-{real.role}", marks=needs(real.name))


@pytest.mark.parametrize("real", [each(real) for real in REALS])
def test_a_real_program_differs_where_the_table_says_and_nowhere_else(real: Real, tmp_path: Path) -> None:
    for name, text in real.files:
        (tmp_path / name).write_text(text)
    report = checked(*real.options(tmp_path))
    assert {slug.split(".", 2)[2] for slug in failed(report)} == set(real.differs), report["text"]
    assert not [v for v in report["verdicts"] if v["verdict"] == "error"], report["text"]
