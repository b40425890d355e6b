"""A class is graded in containers: the right grade for each, whoever hands in what, and however often it is stopped."""

import shutil
import signal
import subprocess
import tarfile
import tempfile
import zipfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from sockspec import catalogue, journal, policy
from sockspec.journal import Standing
from sockspec.mutants import mutants, write
from sockspec.visible import visible
from tests.contained import GRADE, ended, grading, is_apart, needs_engine
from tests.hostile import hostile
from tests.running import PROGRAMS, sockspec

ECHO = policy.of("echo")
SLIPPED = "sockspec-slipped-out"
CLEARS = "clears\x1b[2J"
PASSING: dict[str, set[str]] = {
    "reads-by-proc-links": set(), "reads-the-suite": set(), "pytest-conftest": set(), "pytest-ini": set(),
    "site-customize": set(), "module-shadows": set(), "links-out": set(),
    "kills-everything": {"shares-no-port"}, "stops-everything": {"shares-no-port"},  # the second start hits the first
    "leaves-a-daemon": {"interrupt"}, "keeps-the-port": {"interrupt"},
}  # fmt: skip
"""Attacks that reach nothing, by honest servers; and what those do not meet because of it."""
FAILING: dict[str, set[str]] = {
    "forges-on-inherited-descriptors": set(), "reads-the-terminal": set(), "floods-stdout": set(), "fork-bomb": set(),
    **{f"forges-{how}": {"bad-port", "privileged-port"}
       for how in ("on-stdout", "on-stderr", "result-files", "through-proc")},
}  # fmt: skip
"""Attacks by what is no server; and what those meet all the same: they end with an error where they are to."""

RUN_AS_ROOT = {"c-zero-is-an-error"}
"""Mutants of which something depends on who runs them."""


class Class:
    """A class of submissions, and what each of them has to get: the requirements that it does not meet."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.unmet: dict[str, set[str]] = {}

    def points(self, name: str) -> int:
        return ECHO.total - sum(ECHO.points[slug] for slug in self.unmet[name])

    def put(self, name: str, unmet: set[str]) -> Path:
        self.unmet[name] = unmet
        return self.directory / name


def without(roles: set[str]) -> set[str]:
    """What nobody can meet who has handed in those halves only."""
    requirements = catalogue.exercise("echo").requirements
    return {
        slug for slug, each in requirements.items()
        if not ({"client", "server"} if each.role == "both" else {each.role}) <= roles
    }  # fmt: skip


def unmet(name: str) -> set[str]:
    """What the server of that hostile submission does not meet."""
    served = {slug for slug in catalogue.exercise("echo").requirements if slug.startswith("echo.server.")}
    if name in PASSING:
        return {f"echo.server.{tail}" for tail in PASSING[name]}
    return served - {f"echo.server.{tail}" for tail in FAILING[name]}


def roles_in(directory: Path) -> set[str]:
    return {path.stem for path in directory.iterdir()}


@pytest.fixture(scope="module")
def class_(tmp_path_factory: pytest.TempPathFactory) -> Class:
    """Good, wrong, hostile, not compiling, empty, archives of all that: more than sixty."""
    found = Class(tmp_path_factory.mktemp("class"))
    for program in sorted((PROGRAMS / "echo").iterdir()):
        shutil.copytree(program, found.put(f"good-{program.name}", without(roles_in(program))))
    every_third = [m for m in mutants("echo", "server") if m.program.endswith(".c")][::3]
    for mutant in [m for m in every_third if m.name not in RUN_AS_ROOT and not m.by_chance]:
        lost = {f"echo.server.{tail}" for tail in mutant.caught_by} | without({"server"})
        write(mutant, "echo", found.put(f"wrong-{mutant.name}", lost))
    assert PASSING.keys() | FAILING.keys() <= {each.name for each in hostile()}
    for each in hostile():
        if each.name in PASSING or each.name in FAILING:
            found.put(f"hostile-{each.name}", without({"server"}) | unmet(each.name))
            each.laid(found.directory).rename(found.directory / f"hostile-{each.name}")
    for number in range(12):
        found.put(f"broken-{number}", without(set())).mkdir()
        (found.directory / f"broken-{number}" / "server.c").write_text("int main(void) { return 0 }\n" * number)
    put_archives(found)
    return found


def put_archives(class_: Class) -> None:
    good = PROGRAMS / "echo" / "c-select"
    with tarfile.open(class_.put("tar", without(roles_in(good))).with_suffix(".tar.gz"), "w:gz") as archive:
        archive.add(good, "handed-in")
    with zipfile.ZipFile(class_.put("zip", without(roles_in(good))).with_suffix(".zip"), "w") as zipped:
        for path in good.iterdir():
            zipped.write(path, f"some/where/{path.name}".replace("some/where/", ""))
    class_.put("no-zip", without(set())).with_suffix(".zip").write_text("this is no archive")
    with zipfile.ZipFile(class_.put("bomb", without(set())).with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("server.py", bytes(200 << 20))
    for name, member in (("slips", f"../{SLIPPED}"), ("slips-far", f"/{SLIPPED}")):
        with zipfile.ZipFile(class_.put(name, without(set())).with_suffix(".zip"), "w") as zipped:
            zipped.writestr("server.py", "print('honest')")
            zipped.writestr(member, "out")
    with tarfile.open(class_.put("device", without(set())).with_suffix(".tar"), "w") as archive:
        device = tarfile.TarInfo("server.py")
        device.type, device.devmajor, device.devminor = tarfile.CHRTYPE, 1, 5  # /dev/zero has no end
        archive.addfile(device)
    with tarfile.open(class_.put(visible(CLEARS), without(roles_in(good))).with_name(f"{CLEARS}.tar"), "w") as archive:
        archive.add(good, "\u202e\x1b]0;x\x07")


def stands(out: Path) -> dict[str, Standing]:
    return dict(journal.Standings(out / "journal.jsonl"))


@pytest.fixture(scope="module")
def graded(class_: Class, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That class graded, and the grader killed three times on the way."""
    assert is_apart(tmp_path_factory.mktemp("apart")), "the sandbox is none: nothing hostile is started"
    out = tmp_path_factory.mktemp("results")
    for share in (0.2, 0.5, 0.8):
        with grading(class_.directory, out, "--jobs", 2) as grader:
            while len(ended(out)) < share * len(class_.unmet):
                assert grader.poll() is None
                with suppress(subprocess.TimeoutExpired):
                    grader.wait(0.1)
            grader.send_signal(signal.SIGKILL)
    with grading(class_.directory, out, "--jobs", 2) as grader:
        assert grader.wait() == 0
    return out


@needs_engine
def test_a_class_has_more_than_sixty_submissions(class_: Class) -> None:
    assert len(class_.unmet) >= 60


@needs_engine
def test_no_archive_put_anything_outside(class_: Class, graded: Path) -> None:
    places = (class_.directory, class_.directory.parent, graded, Path("/"), Path.cwd(), Path(tempfile.gettempdir()))
    assert [place / SLIPPED for place in places if (place / SLIPPED).exists()] == []


@needs_engine
def test_each_submission_gets_its_grade(class_: Class, graded: Path) -> None:
    scores = {name: policy.score(ECHO, standing) for name, standing in stands(graded).items()}
    assert {name: score for name, score in scores.items() if isinstance(score, policy.NotGraded)} == {}
    points = {name: score.points for name, score in scores.items() if not isinstance(score, policy.NotGraded)}
    assert points == {name: class_.points(name) for name in class_.unmet}


@needs_engine
def test_whoever_is_killed_grades_nobody_twice_and_loses_nobody(class_: Class, graded: Path) -> None:
    assert Counter(each.submission for each in ended(graded)) == dict.fromkeys(class_.unmet, 1)


@needs_engine
def test_every_submission_has_its_files(class_: Class, graded: Path) -> None:
    assert len((graded / "gradebook.csv").read_text().splitlines()) == 1 + len(class_.unmet)
    for directory, ending in (("feedback", "txt"), ("feedback", "html"), ("gradescope", "json")):
        assert len(list((graded / directory).glob(f"*.{ending}"))) == len(class_.unmet)


@needs_engine
def test_what_is_graded_under_one_seed_is_not_mixed_with_another(class_: Class, graded: Path) -> None:
    done = sockspec("grade", class_.directory, *GRADE, "--out", graded, "--seed", 2, engine=True)
    assert done.returncode == 2
    assert "graded with seed 1, and this is 2" in done.stderr
