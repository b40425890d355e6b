"""A new exercise is laid out whole: it is collected, and where only its author knows what belongs there it says so."""

from pathlib import Path

import pytest

from tests.running import copy_house, sockspec, sockspec_of


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the house in which an exercise has been laid out."""
    copy = copy_house(tmp_path_factory.mktemp("checkout"))
    done = sockspec_of(copy, "new", "blink", ".")
    assert done.returncode == 0, done.stderr
    return copy


def test_what_is_laid_out_is_found_as_an_exercise(checkout: Path) -> None:
    listed = sockspec_of(checkout, "list", "blink").stdout
    assert "blink.server.answers " in listed
    assert "blink.both.meet-each-other " in listed


def test_every_file_says_what_belongs_into_it(checkout: Path) -> None:
    files = [path for path in checkout.rglob("*") if "blink" in path.parts and path.is_file()]
    assert len(files) == 11
    assert [path for path in files if "TODO" not in path.read_text()] == []


@pytest.mark.parametrize("only", ["server.answers", "client.prints-reply"])
def test_a_reference_with_a_hole_is_a_fault_of_the_suite_and_says_where(checkout: Path, only: str) -> None:
    done = sockspec_of(checkout, "check", "reference/blink", "--exercise", "blink", "--only", only)
    assert done.returncode == 3
    assert "NotImplementedError: TODO: what the" in done.stdout
    assert f"in reference/blink/{only.split('.')[0]}.py, " in done.stdout


def test_what_holds_for_every_server_is_checked_already(checkout: Path) -> None:
    done = sockspec_of(checkout, "check", "reference/blink", "--exercise", "blink", "--only", "bad-port")
    assert (done.returncode, done.stdout.count("PASS")) == (0, 2)


def test_a_good_program_is_asked_for(checkout: Path) -> None:
    done = sockspec_of(checkout, "check", "fixtures/programs/blink/c-iterative", "--exercise", "blink")
    assert "TODO: a server in C that is right" in done.stdout


def test_the_points_are_asked_for(checkout: Path) -> None:
    done = sockspec_of(checkout, "package", "gradescope", "--exercise", "blink", "--out", "autograder.zip")
    assert "the points of 31 requirements add up to 31, and total is 100" in done.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("echo", "the name 'echo' is taken: there is suites/echo"),
        ("blink", "the name 'blink' is taken: there is suites/blink"),
        ("Guess-42", "'Guess-42' is no name for an exercise: lower-case letters and digits, a letter first; 'guess42'"),
        ("../oops", "'../oops' is no name for an exercise"),
        ("", "'' is no name for an exercise"),
        ("import", "an exercise cannot be called 'import'"),
        ("client", "an exercise cannot be called 'client'"),
        ("exercise", "an exercise cannot be called 'exercise'"),
    ],
)
def test_a_name_that_cannot_be_taken_is_a_usage_error(checkout: Path, name: str, said: str) -> None:
    done = sockspec_of(checkout, "new", name, ".")
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_a_directory_that_is_no_checkout_is_left_alone(tmp_path: Path) -> None:
    done = sockspec("new", "blink", tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert "is no checkout of sockspec: there is no suites/ in it" in done.stderr


def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    done = sockspec("new", "blink", tmp_path / "checkout")
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert "no such directory" in done.stderr


def test_what_is_left_of_an_exercise_is_not_written_over(tmp_path: Path) -> None:
    for top in ("suites", "fixtures", "reference/blink"):
        (tmp_path / top).mkdir(parents=True)
    done = sockspec("new", "blink", tmp_path)
    assert f"there is {tmp_path}/reference/blink" in done.stderr
    assert list((tmp_path / "suites").iterdir()) == []
