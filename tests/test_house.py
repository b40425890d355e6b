"""The house keeps its rules: imports point one way, the engine knows no exercise, each requirement is complete."""

import ast
import sys
from pathlib import Path

import pytest

from sockspec import catalogue, house

ENGINE = house.ROOT / "sockspec"
ROOMS = [
    "__init__", "complaint", "verdict", "model", "visible", "fresh", "scratch", "limits", "environment", "house",
    "ending", "catalogue", "isolation", "names", "kernel", "kernel.calls", "kernel.threads", "kernel.sockets",
    "kernel.datagrams", "kernel.held", "kernel.ends", "kernel.look", "kernel.ticks", "failure", "account", "sight",
    "workdir", "members", "intake", "manifest", "submission", "mutants", "pages", "oracle", "terminal", "program",
    "watch", "peer", "datagram_peer", "diagnosis", "site", "scenario", "screen", "client", "server", "udp",
    "udp.client", "udp.server", "suite", "shared", "shared.server", "shared.client", "shared.http",
    "shared.http_server", "build", "plugin", "journal", "policy", "report", "report.story", "report.as_json",
    "report.as_junit", "report.terminal", "report.progress", "report.view", "report.words", "report.html",
    "report.as_feedback", "report.as_page", "report.as_overview", "report.as_gradebook", "report.as_gradescope",
    "report.as_classroom50", "report.as_github", "report.outputs", "check", "engine", "sandbox", "sandbox.seccomp",
    "sandbox.capabilities", "sandbox.wire", "sandbox.image", "sandbox.container", "sandbox.inside", "sandbox.run",
    "grade", "gradescope", "gradescope.archive", "gradescope.inside", "skeleton", "cli", "__main__",
]  # fmt: skip
"""The rooms of the engine in the order in which they may import each other: from those to their left."""


def room(path: Path) -> str:
    name = ".".join(path.relative_to(ENGINE).with_suffix("").parts)
    return name if name == "__init__" else name.removesuffix(".__init__")


def imported(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


FILES = sorted(ENGINE.rglob("*.py"))


def test_every_room_of_the_engine_has_its_place_in_the_order() -> None:
    assert {room(path) for path in FILES} == set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=room)
def test_a_room_imports_only_from_those_before_it(path: Path) -> None:
    used = {name.removeprefix("sockspec.") for name in imported(path) if name.startswith("sockspec.")} & set(ROOMS)
    assert [name for name in used if ROOMS.index(name) >= ROOMS.index(room(path))] == []


@pytest.mark.parametrize("path", FILES, ids=room)
def test_the_engine_knows_no_exercise_by_name(path: Path) -> None:
    slugs = tuple(f"{name}.{role}" for name in house.exercises() for role in ("client", "server", "both"))
    words = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
    assert [word for word in words if isinstance(word, str) and word.startswith(slugs)] == []


@pytest.mark.parametrize(
    "path", sorted(house.SUITES.glob("*/*.py")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_a_suite_imports_the_engine_and_pytest_and_its_own_modules_only(path: Path) -> None:
    others = {name for name in imported(path) if not name.startswith(f"suites.{path.parent.name}")}
    library = set() if path.stem.startswith("test_") else set(sys.stdlib_module_names)
    assert {name.split(".")[0] for name in others} <= {"sockspec", "pytest", *library}


SHORTCUTS = {
    "create_connection", "create_server", "has_dualstack_ipv6", "start_server", "open_connection", "socketserver",
    "asyncio", "http", "urlopen", "ftplib", "telnetlib", "xmlrpc", "wsgiref", "ssl", "subprocess", "ctypes",
    "__import__", "import_module", "exec", "eval",
}  # fmt: skip
"""What hides the calls that an exercise is about, or hides what is called."""


def named(text: str) -> set[str]:
    """Every name in a program, wherever in it: of variables, attributes and modules, and what an import renames."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                found.add(name)
            case ast.alias(name=name):
                found |= set(name.split("."))
            case ast.ImportFrom(module=str(name)):
                found |= set(name.split("."))
    return found


REFERENCES = pytest.mark.parametrize(
    "path", sorted(house.REFERENCE.glob("*/*.py")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)


@REFERENCES
def test_a_reference_is_one_short_file_of_the_standard_library(path: Path) -> None:
    assert {name.split(".")[0] for name in imported(path)} <= set(sys.stdlib_module_names)
    assert len(path.read_text().splitlines()) < 80


@REFERENCES
def test_a_reference_makes_the_calls_that_a_student_has_to_make(path: Path) -> None:
    assert named(path.read_text()) & SHORTCUTS == set()


@pytest.mark.parametrize(
    "line",
    [
        "socket.create_connection((host, port))", "from socket import create_server as listen", "import http.client",
        "from http import server", "import socketserver as s", "serve = asyncio.start_server", "create_server(('', 1))",
        "from urllib.request import urlopen",
    ],
)  # fmt: skip
def test_a_shortcut_is_seen_however_it_is_written(line: str) -> None:
    assert named(line) & SHORTCUTS


@pytest.mark.parametrize("exercise", house.exercises())
def test_an_exercise_is_finished(exercise: str) -> None:
    tops = (house.SUITES, house.REFERENCE, house.FIXTURES / "programs", house.MUTANTS)
    files = [path for top in tops for path in (top / exercise).rglob("*.*") if path.suffix != ".pyc"]
    left = [f"{path}: {line}" for path in files for line in path.read_text().splitlines() if "TODO" in line]
    assert left == []


@pytest.mark.parametrize("slug", list(catalogue.all_requirements()))
def test_a_requirement_says_what_why_and_what_to_do_each_in_a_sentence(slug: str) -> None:
    entry = catalogue.requirement(slug)
    assert entry.sentence.endswith(".")
    assert entry.reason.endswith((".", "?"))
    assert entry.hint.endswith((".", "?"))
    assert entry.clause
    assert "simply" not in f"{entry.sentence} {entry.reason} {entry.hint}".lower()
