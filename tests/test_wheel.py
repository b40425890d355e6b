"""A built wheel carries the house, and works from any directory."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sockspec import house
from tests.running import sockspec


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that the wheel of this checkout was unpacked to, as pip does it."""
    directory = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    build = [
        *pip,
        "wheel",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--wheel-dir",
        str(directory),
        str(house.ROOT),
    ]
    subprocess.run(build, check=True)
    wheel = next(directory.glob("*.whl"))
    subprocess.run(
        [*pip, "install", "--no-deps", "--no-index", "--target", str(directory / "site"), str(wheel)], check=True
    )
    return directory / "site"


def test_it_carries_suites_reference_and_fixtures(installed: Path) -> None:
    carried = installed / "sockspec" / "house"
    assert (carried / "suites" / "echo" / "requirements.toml").exists()
    assert (carried / "reference" / "hello" / "server.py").exists()
    assert (carried / "fixtures" / "mutants" / "echo" / "server.toml").exists()


def test_it_carries_policies_and_the_pages_it_renders(installed: Path) -> None:
    assert (installed / "sockspec" / "house" / "suites" / "echo" / "policy.toml").exists()
    assert {"page.html", "overview.html", "style.css"} <= set(os.listdir(installed / "sockspec" / "report"))


def test_it_checks_a_submission_from_another_directory(installed: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    program = house.FIXTURES / "programs" / "echo" / "c-iterative"
    only = ("--exercise", "echo", "--only", "in-pieces", "--jobs", 2)
    done = sockspec("check", program, *only, cwd=tmp_path, env=environment)
    assert done.stdout.endswith("conforms\n"), done.stderr


def test_it_packs_an_autograder_that_has_all_it_needs(installed: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    sockspec("package", "gradescope", "--exercise", "echo", "--out", "a.zip", cwd=tmp_path, env=environment)
    names = zipfile.ZipFile(tmp_path / "a.zip").namelist()
    assert {"setup.sh", "sockspec/gradescope/inside.py", "suites/echo/test_server.py"} <= set(names)
    assert not [name for name in names if "/house/" in name]


def test_it_is_the_installed_engine_that_ran(installed: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-c", "import sockspec.house; print(sockspec.house.ROOT)"]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment)
    assert Path(done.stdout.strip()) == installed / "sockspec" / "house"
