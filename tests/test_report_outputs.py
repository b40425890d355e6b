"""The result directory has a file for everyone who needs one, under a name that is safe everywhere."""

import json
import re
import tracemalloc
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockspec.complaint import SuiteError, UsageError
from sockspec.journal import Standing
from sockspec.report import outputs
from sockspec.report.outputs import stems
from tests.grading import HIDDEN, SOUP, echo, not_graded, soaked, standing, with_policy
from tests.test_report_junit import SCHEMA as JUNIT

CLASS = [standing("ada", HIDDEN, said="it is stuck"), standing("ben"), not_graded("dora", "the disk was full")]


def written(directory: Path, *standings: Standing, hidden: tuple[str, ...] = ()) -> dict[str, str]:
    """The files of a class and what is in them, by their names below the directory."""
    outputs.render_all({one.submission: one for one in standings}, with_policy(hidden), directory)
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_text() for path in files}


def test_there_is_a_file_for_each_reader(tmp_path: Path) -> None:
    assert list(written(tmp_path / "new" / "results", CLASS[0])) == [
        "feedback/ada.html", "feedback/ada.txt", "gradebook.csv", "gradescope/ada.json", "junit.xml", "overview.html",
    ]  # fmt: skip


def test_the_same_class_gives_the_same_files(tmp_path: Path) -> None:
    assert written(tmp_path / "one", *CLASS) == written(tmp_path / "two", *CLASS)


def test_files_of_an_earlier_run_are_replaced_and_nothing_lies_beside(tmp_path: Path) -> None:
    written(tmp_path, standing("ada"))
    files = written(tmp_path, standing("ada", HIDDEN))
    assert "97 of 100" in files["feedback/ada.txt"]
    assert not [name for name in files if name.endswith(".new")]


def test_what_is_hidden_is_in_the_instructors_files_and_in_no_students(tmp_path: Path) -> None:
    files = written(tmp_path, CLASS[0], hidden=(HIDDEN,))
    assert {name for name, text in files.items() if HIDDEN in text or "it is stuck" in text} == {
        "gradebook.csv", "overview.html", "junit.xml", "gradescope/ada.json",
    }  # fmt: skip


def test_in_junit_one_that_is_not_graded_is_an_error_that_says_why(tmp_path: Path) -> None:
    root = fromstring(written(tmp_path, *CLASS)["junit.xml"])
    assert [suite.get("name") for suite in root] == ["ada", "ben", "dora"]
    assert [error.text for error in root.iter("error")] == ["the disk was full"]
    assert (root.get("errors"), root[2].get("errors")) == ("1", "1")


def test_in_junit_no_two_cases_of_a_class_have_the_same_name(tmp_path: Path) -> None:
    root = fromstring(written(tmp_path, *CLASS)["junit.xml"])
    JUNIT.validate(root)
    assert [root[at][-1].get("classname") for at in range(3)] == ["ada.echo.server", "ben.echo.server", "dora.grade"]


def test_the_overview_links_to_the_page_of_each(tmp_path: Path) -> None:
    files = written(tmp_path, *CLASS, standing("Müller, J."))
    linked = set(re.findall(r'href="([^"]+)"', files["overview.html"]))
    assert linked == {name for name in files if name.startswith("feedback/") and name.endswith(".html")}


def test_any_name_at_all_gets_its_files_inside_the_directory(tmp_path: Path) -> None:
    names = ["../../etc/passwd", "a/b", "", ".", "..", "nul", "\ud800", "x" * 300, "A", "a"]
    files = written(tmp_path / "results", *(standing(name) for name in names))
    assert len([name for name in files if name.startswith("gradescope/")]) == len(names)
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_a_directory_that_cannot_be_written_is_a_matter_of_usage(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot write .*gradebook.csv: File exists"):
        outputs.render_all({}, echo(), tmp_path / "file")


def test_a_file_whose_pieces_come_to_no_end_is_not_there(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"a beginning"
        raise SuiteError("the journal is broken")

    (tmp_path / "file").write_bytes(b"as before")
    with pytest.raises(SuiteError, match="the journal is broken"):
        outputs.write(tmp_path / "file", pieces())
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"as before")]


class Alike(Mapping[str, Standing]):
    """A class of that many, each made anew whenever it is asked for."""

    def __init__(self, number: int) -> None:
        self._names = [f"student-{at}" for at in range(number)]
        self._one = standing("student-0", HIDDEN)

    def __getitem__(self, _: str) -> Standing:
        return deepcopy(self._one)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def peak_bytes(number: int, directory: Path) -> int:
    """The most memory that the files of so many take while they are written."""
    tracemalloc.start()
    outputs.render_all(Alike(number), echo(), directory)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_no_file_holds_the_whole_class_in_memory(tmp_path: Path) -> None:
    peak_bytes(1, tmp_path)  # what is loaded once is loaded now
    few, many = (peak_bytes(number, tmp_path) for number in (3, 12))
    assert many < 1.1 * few


def test_a_plain_name_is_its_file_name() -> None:
    assert stems(["ada", "Ben_2.0-x"]) == {"ada": "ada", "Ben_2.0-x": "Ben_2.0-x"}


@pytest.mark.parametrize("name", ["", ".x", "x.", "-x", "a b", "a/b", "con", "Com1.txt", "ä", "x" * 81, "a~b"])
def test_any_other_name_gets_a_hash_behind_its_letters(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{0,40}~[0-9a-f]{20}", stems([name])[name])


def test_names_that_differ_in_capitals_only_get_files_that_differ_in_more() -> None:
    found = stems(["ada", "Ada", "ben"])
    assert found["ben"] == "ben"
    assert len({stem.lower() for stem in found.values()}) == 3


@given(st.lists(SOUP | st.sampled_from(["a", "A", "a~b", "a.b", "\u00e4", "a\u0308"]), unique=True))
def test_no_two_names_share_a_file_on_any_system(names: list[str]) -> None:
    found = stems(names)
    assert len({stem.lower() for stem in found.values()}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9._~-]{1,81}", stem) and not stem.startswith(".") for stem in found.values())


@settings(deadline=None, max_examples=25)
@given(SOUP)
def test_a_hostile_class_gives_well_formed_files(tmp_path_factory: pytest.TempPathFactory, said: str) -> None:
    files = written(tmp_path_factory.mktemp("results"), soaked(said, f"a{said}"), not_graded(f"b{said}", said))
    JUNIT.validate(fromstring(files["junit.xml"]))
    assert all(json.loads(text) for name, text in files.items() if name.endswith(".json"))
    assert len(files) == 9


def test_reports_go_to_no_stream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, *CLASS)
    assert capsys.readouterr() == ("", "")
