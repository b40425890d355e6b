"""Good web programs and the programs that the world uses: curl, wget, http.client, nginx, http.server and a browser.

What the suite says of curl, wget and nginx themselves is in `test_real_peers.py`.

Whoever is not installed is skipped, but not in CI. Everything is on loopback, on ports that nobody else has, with files
in a directory of the test.
"""

import http.client
import os
import subprocess
from pathlib import Path

import pytest

from sockspec import house
from sockspec.environment import base_python
from sockspec.program import Program
from tests.browser import needs_chromium, opened
from tests.installed import needs
from tests.stage import Stage

pytest_plugins = ["tests.stage"]

PROGRAMS = house.FIXTURES / "programs"
MIB = 1 << 20
DATA = bytes(range(256)) * (2 * MIB // 256)
PAGE = """<!DOCTYPE html>
<title>A page</title>
<script src="/more.js"></script>
"""
SCRIPT = 'const r = new XMLHttpRequest(); r.open("GET", "/hello.txt", false); r.send(); document.write(r.responseText);'
NGINX = """
daemon off; master_process off; pid {here}/pid; error_log stderr;
events {{}}
http {{
    access_log off; client_body_temp_path {here}/1; proxy_temp_path {here}/2; fastcgi_temp_path {here}/3;
    uwsgi_temp_path {here}/4; scgi_temp_path {here}/5;
    server {{ listen 127.0.0.1:{port}; root {here}; }}
}}
"""


def every(pattern: str, argument: str) -> pytest.MarkDecorator:
    """Once for each of those programs; a server is asked for by its port."""
    found = sorted(PROGRAMS.glob(pattern))
    return pytest.mark.parametrize(
        argument, found, ids=[path.parent.name for path in found], indirect=argument == "port"
    )


web_server, file_server = every("web/*/server.*", "port"), every("files/*/server.*", "port")
web_client = every("web/*/client.*", "program")


def started(stage: Stage, program: Path, *arguments: str) -> Program:
    """That program, in the directory of the test."""
    if program.suffix == ".c":
        return stage.run(str(stage.compile(program.read_text())), *arguments)
    return stage.run(base_python(), "-I", "-S", str(program), *arguments)


def run(*command: str) -> bytes:
    """What that command prints; it ends with status 0. No proxy is asked."""
    return subprocess.run(command, capture_output=True, check=True, env={"PATH": os.environ["PATH"]}).stdout


def curl(*arguments: str) -> bytes:
    return run("curl", "--silent", "--show-error", "--noproxy", "*", *arguments)


@pytest.fixture
def port(stage: Stage, request: pytest.FixtureRequest, tmp_path: Path) -> int:
    """The port of the server, with these files in its directory."""
    (tmp_path / "hello.txt").write_text("Hello!")
    (tmp_path / "data.bin").write_bytes(DATA)
    (tmp_path / "two words.html").write_text("<p>Two words</p>")
    (tmp_path / "page.html").write_text(PAGE)
    (tmp_path / "more.js").write_text(SCRIPT)
    return stage.port(started(stage, request.param, str(stage.ports.next())))


# --- clients of the world and our web servers


@needs("curl")
@web_server
def test_curl_gets_the_answer(port: int) -> None:
    assert curl(f"http://127.0.0.1:{port}/") == b"Hello!"


@needs("curl")
@web_server
def test_curl_asks_twice_on_a_connection_each(port: int) -> None:
    address = f"http://127.0.0.1:{port}/"
    assert curl("--write-out", "%{num_connects}", address, address) == b"Hello!1Hello!1"


@needs("wget")
@web_server
def test_wget_gets_the_answer(port: int) -> None:
    assert run("wget", "--quiet", "--no-proxy", "--tries=1", "-O", "-", f"http://127.0.0.1:{port}/") == b"Hello!"


@web_server
def test_the_library_of_python_gets_the_answer(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/", headers={"Cookie": "c" * 6000})
    answer = connection.getresponse()
    assert (answer.status, answer.headers.get_content_type(), answer.will_close) == (200, "text/plain", True)
    assert answer.read() == b"Hello!"


@needs_chromium
@web_server
def test_a_browser_shows_the_answer(port: int) -> None:
    assert "Hello!" in opened(f"http://127.0.0.1:{port}/")


# --- and our file servers


@needs("curl")
@file_server
def test_curl_gets_a_binary_file(port: int) -> None:
    assert curl(f"http://127.0.0.1:{port}/data.bin") == DATA


@needs("wget")
@file_server
def test_wget_gets_a_file_with_a_space_in_its_name(port: int) -> None:
    address = f"http://127.0.0.1:{port}/two words.html"
    assert run("wget", "--quiet", "--no-proxy", "--tries=1", "-O", "-", address) == b"<p>Two words</p>"


@needs("curl")
@file_server
def test_curl_is_told_that_a_file_is_not_there(port: int) -> None:
    address = f"http://127.0.0.1:{port}/nothing.txt"
    assert curl("--output", "/dev/null", "--write-out", "%{http_code} %{errormsg}", address) == b"404 "


@needs("curl")
@file_server
def test_curl_does_not_get_out_of_the_directory(port: int, tmp_path: Path) -> None:
    inner = tmp_path.parent / "beside.txt"
    inner.write_text("outside")
    assert b"outside" not in curl("--path-as-is", f"http://127.0.0.1:{port}/../beside.txt")


@file_server
def test_the_library_of_python_gets_a_page(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/page.html")
    answer = connection.getresponse()
    assert (answer.status, answer.headers.get_content_type(), answer.read().decode()) == (200, "text/html", PAGE)


@needs_chromium
@file_server
def test_a_browser_shows_a_page_with_all_that_belongs_to_it(port: int) -> None:
    assert "Hello!" in opened(f"http://127.0.0.1:{port}/page.html")


# --- servers of the world and our web clients


@pytest.fixture
def nginx(stage: Stage, tmp_path: Path) -> int:
    """The port of nginx, which serves a page and whose other files are in the directory of the test."""
    (tmp_path / "index.html").write_text(PAGE)
    port = stage.ports.next()
    (tmp_path / "nginx.conf").write_text(NGINX.format(here=tmp_path, port=port))
    return stage.port(stage.run("nginx", "-e", "stderr", "-p", str(tmp_path), "-c", "nginx.conf"))


@pytest.fixture
def http_server(stage: Stage, tmp_path: Path) -> int:
    """The port of Python's own web server."""
    (tmp_path / "index.html").write_text(PAGE)
    line = [base_python(), "-m", "http.server", "--bind", "127.0.0.1", str(stage.ports.next())]
    return stage.port(stage.run(*line))


def printed(stage: Stage, program: Path, host: str, port: int) -> str:
    """What that client prints, which ends well."""
    client = started(stage, program, host, str(port))
    text = stage.ended(client)
    assert client.exit and client.exit.status == 0, client.stderr.tail
    return text


@needs("nginx")
@web_client
def test_a_client_prints_the_page_of_nginx(stage: Stage, nginx: int, program: Path) -> None:
    text = printed(stage, program, "127.0.0.1", nginx)
    assert text.startswith("HTTP/1.1 200 OK\r\n")
    assert text.endswith(f"\r\n\r\n{PAGE}")


@web_client
def test_a_client_prints_the_page_of_pythons_server(stage: Stage, http_server: int, program: Path) -> None:
    text = printed(stage, program, "localhost", http_server)
    assert text.startswith("HTTP/1.0 200 OK\r\n")
    assert text.endswith(f"\r\n\r\n{PAGE}")
