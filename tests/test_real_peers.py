"""Programs that were not written for this suite: each passes, but for what the table says it does differently, and why.

What a good program does differently is a finding about the requirement first. Here are those that stand all the same;
the clause of a requirement that one does not meet names it.
"""

import os
import pwd
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sockspec import catalogue
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
    server { listen PORT; WHAT }
}
"""
FILES = "root ROOT;"
HELLO = 'location / { default_type text/plain; return 200 "Hello!"; }'
PATIENCE_OF_NGINX = 6
"""It tries five times to bind(), in 2.5 s."""
START_NGINX = """
beside=$(dirname "$0")
sed "s|PORT|${1:-28333}|; s|ROOT|$PWD|" "$beside/template" > "$beside/nginx.conf"
exec nginx -e stderr -p "$beside" -c nginx.conf
"""
URL = """
case $1 in *:*) host="[$1]" ;; *) host=$1 ;; esac
url="http://$host${2:+:$2}/"
"""
START_CURL = f"""{URL}
exec curl -sSi --http1.1 --noproxy '*' -H 'Connection: close' "$url"
"""
START_WGET = f"""{URL}
exec wget -nv --tries=1 --no-proxy --no-http-keep-alive --content-on-error --save-headers -O - "$url"
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
    """A service that xinetd, a super-server, has built in.

    Its port stands in its configuration and not on its command line, so what is no port is not asked of it.
    """
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
ONE_DATAGRAM = {
    **SUPER,
    "shares-no-port": "sets SO_REUSEADDR as for TCP, and over UDP two may then have one port",
    "burst": "answers one datagram and throws away what has come besides, lest it go on for ever",
    "one-by-one": "the same",
    "sizes": "its buffer has 2048 bytes",
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
    # What comes just after a datagram was answered is thrown away, or not, as chance has it (drain() in its service.c).
    # So these are left out: empty, own-sender, next-client, hundred-clients, meets-reference-client.
    xinetd(
        "datagram", "echo", ONE_DATAGRAM,
        (
            "listens-on-port", "every-address", "port-in-use", "error-messages", "shares-no-port", "burst", "echoes",
            "one-by-one", "sizes", "binary", "nothing-extra", "client-vanishes", "idle-is-quiet", "interrupt",
        ),
    ),
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
        files=(("template", NGINX.replace("WHAT", FILES)), ("start", START_NGINX)), patience=PATIENCE_OF_NGINX,
    ),
    Real(
        "nginx", "web", "server", "sh DIR/start {port}",
        {"error-messages": "a failure is told in several lines, as a log has them"},
        files=(("template", NGINX.replace("WHAT", HELLO)), ("start", START_NGINX)), patience=PATIENCE_OF_NGINX,
    ),
    Real("curl", "web", "client", "sh DIR/start {host} {port}", {}, files=(("start", START_CURL),)),
    Real(
        "wget", "web", "client", "sh DIR/start {host} {port}",
        {
            "prints-all": "an answer with the status 404 is printed, and then the exit status is 8",
            "quiet": "says on standard error what it has fetched; -q would keep it from saying what went wrong",
        },
        files=(("start", START_WGET),),
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


CALLED = {"nc.openbsd": "nc", "python3": "http.server"}
"""What a clause calls a program whose command has another name."""


def each(real: Real) -> Any:
    """The case of a test that is about that program."""
    return pytest.param(real, id=f"{real.name}-{real.exercise}-{real.role}", marks=needs(real.name))


@pytest.mark.parametrize("real", REALS, ids=[f"{real.name}-{real.exercise}-{real.role}" for real in REALS])
def test_a_clause_names_who_does_it_differently(real: Real) -> None:
    name = re.compile(rf"\b{re.escape(CALLED.get(real.name, real.name))}\b")
    requirements = catalogue.exercise(real.exercise).requirements
    clauses = {tail: requirements[f"{real.exercise}.{real.role}.{tail}"].clause for tail in real.differs}
    assert {tail: clause for tail, clause in clauses.items() if not name.search(clause)} == {}


@pytest.mark.parametrize("real", [each(real) for real in REALS])
def test_a_real_program_differs_where_the_table_says_and_nowhere_else(real: Real, tmp_path: Path) -> None:
    for name, text in real.files:
        (tmp_path / name).write_text(text)
    report = checked(*real.options(tmp_path))
    assert {slug.split(".", 2)[2] for slug in failed(report)} == set(real.differs), report["text"]
    assert not [v for v in report["verdicts"] if v["verdict"] == "error"], report["text"]
