"""A built wheel, installed into a virtual environment of its own, carries the house and works from any directory."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from sockspec import house
from tests.running import NO_ENGINE

PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
OFFLINE = ["--no-deps", "--no-index"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the wheel of this checkout; what it stands on is taken from ours."""
    directory = tmp_path_factory.mktemp("wheel")
    build = ["wheel", *OFFLINE, "--no-build-isolation", "--wheel-dir", str(directory), str(house.ROOT)]
    subprocess.run([*PIP, *build], check=True)
    fresh = directory / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(fresh)], check=True)
    wheel = next(directory.glob("*.whl"))
    subprocess.run([*PIP, "--python", str(fresh / "bin" / "python"), "install", *OFFLINE, str(wheel)], check=True)
    # Their names behind its own: a path in a .pth file comes last, and its .pth files, which name us, are not read.
    (packages(fresh) / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return fresh


def packages(environment: Path) -> Path:
    """Where that environment keeps what is installed into it."""
    return next(environment.glob("lib/python3*/site-packages"))


def installed(environment: Path, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run its `sockspec`, as a shell that has activated it does, from that directory."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    variables |= {"PATH": f"{environment / 'bin'}:{variables['PATH']}", "DOCKER_HOST": NO_ENGINE}
    command = ["sockspec", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=variables, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def test_it_carries_suites_reference_and_fixtures(environment: Path) -> None:
    carried = packages(environment) / "sockspec" / "house"
    assert (carried / "suites" / "echo" / "requirements.toml").exists()
    assert (carried / "reference" / "hello" / "server.py").exists()
    assert (carried / "fixtures" / "mutants" / "echo" / "server.toml").exists()


def test_it_carries_policies_and_the_pages_it_renders(environment: Path) -> None:
    engine = packages(environment) / "sockspec"
    assert (engine / "house" / "suites" / "echo" / "policy.toml").exists()
    assert {"page.html", "overview.html", "style.css"} <= set(os.listdir(engine / "report"))


def test_it_checks_a_submission_from_another_directory(environment: Path, tmp_path: Path) -> None:
    program = house.FIXTURES / "programs" / "echo" / "c-iterative"
    only = ("--exercise", "echo", "--only", "in-pieces", "--jobs", 2)
    done = installed(environment, "check", program, *only, cwd=tmp_path)
    assert done.stdout.endswith("conforms\n"), done.stderr


def test_a_failure_names_the_command_as_it_was_started(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "server.py").touch()
    done = installed(environment, "check", "--exercise", "echo", "--only", "in-pieces", cwd=tmp_path)
    assert "\n  again: sockspec check . --exercise echo --only in-pieces\n" in done.stdout


def test_it_packs_an_autograder_that_has_all_it_needs(environment: Path, tmp_path: Path) -> None:
    installed(environment, "package", "gradescope", "--exercise", "echo", "--out", "a.zip", cwd=tmp_path)
    names = zipfile.ZipFile(tmp_path / "a.zip").namelist()
    assert {"setup.sh", "sockspec/gradescope/inside.py", "suites/echo/test_server.py"} <= set(names)
    assert not [name for name in names if "/house/" in name]


def test_it_is_the_installed_engine_that_ran(environment: Path, tmp_path: Path) -> None:
    command = [str(environment / "bin" / "python"), "-P", "-c", "import sockspec.house; print(sockspec.house.ROOT)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert Path(done.stdout.strip()) == packages(environment) / "sockspec" / "house"
