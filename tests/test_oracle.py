"""The oracle: what the reference did is taken in the same order, kept on a shelf, and found under its key only."""

import os
import sys
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sockspec.complaint import SuiteError
from sockspec.oracle import Facet, Kind, Script, Shelf, fingerprint, key

KINDS: list[Kind] = ["bytes", "end", "output", "exit"]
FACETS = [Facet("bytes", data=b"hello"), Facet("end", word="end"), Facet("output", data=b"bye\n")]
facets = st.lists(st.builds(Facet, st.sampled_from(KINDS), st.binary(), st.text()))
in_no_hurry = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
parts = st.lists(st.text(), min_size=1, max_size=6)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf")


# --- scripts


def test_a_script_without_facets_records() -> None:
    script = Script()
    for facet in FACETS:
        script.record(facet)
    assert (script.recording, script.facets) == (True, FACETS)


def test_a_script_with_facets_compares_even_if_there_are_none() -> None:
    assert not Script([]).recording
    assert not Script(FACETS).recording


@in_no_hurry
@given(facets)
def test_facets_are_taken_in_the_order_of_recording(recorded: list[Facet]) -> None:
    script = Script(recorded)
    assert [script.take(facet.kind) for facet in recorded] == recorded


@pytest.mark.parametrize("wanted", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_another_kind_in_this_place_is_a_fault_of_the_suite(kind: Kind, wanted: Kind) -> None:
    script = Script([Facet(kind)])
    if kind == wanted:
        assert script.take(wanted) == Facet(kind)
        return
    with pytest.raises(SuiteError, match=f"expects {wanted!r} here, and did not when the reference ran"):
        script.take(wanted)


def test_asking_for_more_than_was_recorded_is_a_fault_of_the_suite() -> None:
    script = Script(FACETS[:1])
    script.take("bytes")
    with pytest.raises(SuiteError, match="expects 'bytes' here"):
        script.take("bytes")


def test_a_wrong_kind_takes_nothing() -> None:
    script = Script(FACETS)
    with pytest.raises(SuiteError):
        script.take("end")
    assert script.take("bytes") == FACETS[0]


# --- the shelf


@in_no_hurry
@given(recorded=facets)
def test_what_is_put_on_the_shelf_is_what_it_gives(
    tmp_path_factory: pytest.TempPathFactory, recorded: list[Facet]
) -> None:
    shelf = Shelf(tmp_path_factory.getbasetemp() / "shelf")
    shelf.put("name", recorded)
    assert shelf.get("name") == recorded


def test_another_shelf_in_the_same_place_gives_the_same(shelf: Shelf) -> None:
    shelf.put("name", FACETS)
    assert Shelf(shelf.directory).get("name") == FACETS


def test_the_last_one_put_is_the_one_given(shelf: Shelf) -> None:
    shelf.put("name", FACETS)
    shelf.put("name", FACETS[:1])
    assert shelf.get("name") == FACETS[:1]
    assert [path.name for path in shelf.directory.iterdir()] == ["name"]


def test_a_shelf_without_it_gives_nothing(shelf: Shelf) -> None:
    assert shelf.get("name") is None
    shelf.put("other", FACETS)
    assert shelf.get("name") is None


DAMAGED = {
    "empty": b"",
    "not-compressed": b"just text",
    "cut-off": zlib.compress(msgspec.msgpack.encode(FACETS))[:-3],
    "not-msgpack": zlib.compress(b"\xc1\xc1\xc1"),
    "cut-off-inside": zlib.compress(msgspec.msgpack.encode(FACETS)[:-3]),
    "something-more": zlib.compress(msgspec.msgpack.encode(FACETS) + b"\x00"),
    "other-shape": zlib.compress(msgspec.msgpack.encode({"kind": "bytes"})),
    "other-kind": zlib.compress(msgspec.msgpack.encode([{"kind": "smell", "data": b"", "word": ""}])),
    "other-type": zlib.compress(msgspec.msgpack.encode([{"kind": "bytes", "data": 7}])),
    "not-utf-8": zlib.compress(b"\x91\x81\xa4kind\xa1\xff"),
    "nested": zlib.compress(b"\x91\x82\xa4kind\xa5bytes\xa1x" + b"\x91" * 100_000),
}


@pytest.mark.parametrize("damaged", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_as_good_as_none(shelf: Shelf, damaged: bytes) -> None:
    shelf.put("name", FACETS)
    (shelf.directory / "name").write_bytes(damaged)
    assert shelf.get("name") is None
    shelf.put("name", FACETS)
    assert shelf.get("name") == FACETS


@in_no_hurry
@given(at=st.integers(0, 10_000), byte=st.integers(1, 255))
def test_a_file_with_one_wrong_byte_gives_nothing_wrong(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int
) -> None:
    shelf = Shelf(tmp_path_factory.getbasetemp() / "shelf")
    shelf.put("name", FACETS)
    stored = bytearray((shelf.directory / "name").read_bytes())
    stored[at % len(stored)] ^= byte
    (shelf.directory / "name").write_bytes(stored)
    assert shelf.get("name") in (None, FACETS)


@in_no_hurry
@given(garbage=st.binary())
def test_no_garbage_upsets_the_shelf(tmp_path_factory: pytest.TempPathFactory, garbage: bytes) -> None:
    shelf = Shelf(tmp_path_factory.getbasetemp() / "shelf")
    shelf.put("name", FACETS)
    (shelf.directory / "name").write_bytes(zlib.compress(garbage))
    assert shelf.get("name") in (None, [])


@pytest.mark.parametrize("place", ["/proc/nothing/here", "/dev/null/shelf"])
def test_a_directory_that_cannot_be_written_is_done_without(place: str) -> None:
    shelf = Shelf(Path(place))
    shelf.put("name", FACETS)
    assert shelf.get("name") is None


def test_a_directory_in_place_of_the_file_is_done_without(shelf: Shelf) -> None:
    (shelf.directory / "name").mkdir(parents=True)
    shelf.put("name", FACETS)
    assert shelf.get("name") is None


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "HOME"])
def test_the_shelf_is_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    below = tmp_path if variable == "XDG_CACHE_HOME" else tmp_path / ".cache"
    assert Shelf().directory == below / "sockspec" / "observations"


# --- keys


@in_no_hurry
@given(parts, st.data())
def test_a_key_changes_with_each_part(given_parts: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(given_parts) - 1))
    other = data.draw(st.text().filter(lambda text: text != given_parts[at]))
    assert key(given_parts) != key([*given_parts[:at], other, *given_parts[at + 1 :]])


@in_no_hurry
@given(parts)
def test_a_key_is_the_same_for_the_same_parts_and_is_a_file_name(given_parts: list[str]) -> None:
    assert key(given_parts) == key(list(given_parts))
    assert key(given_parts).isalnum()


@pytest.mark.parametrize(("one", "other"), [(["ab", "c"], ["a", "bc"]), (["a"], ["a", ""]), ([1, 2], [12]), ([], [""])])
def test_parts_do_not_run_into_each_other(one: list[object], other: list[object]) -> None:
    assert key(one) != key(other)


def test_a_key_changes_with_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key(["a"])
    monkeypatch.setattr(sys, "version", "4.0")
    assert key(["a"]) != before


# --- fingerprints


def taken(*roots: Path) -> str:
    """The fingerprint as another process would take it."""
    fingerprint.cache_clear()
    return fingerprint(*roots)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "below").mkdir()
    for name in ("server.py", "below/server.py", "requirements.toml", "words.txt"):
        (tmp_path / name).write_text("as it was")
    return tmp_path


def test_a_fingerprint_is_the_same_for_the_same_files(tree: Path) -> None:
    assert taken(tree) == taken(tree)


def test_a_fingerprint_does_not_depend_on_where_the_directory_is(tree: Path, tmp_path: Path) -> None:
    moved = tmp_path.parent / f"{tmp_path.name}-moved"
    before = taken(tree)
    tree.rename(moved)
    assert taken(moved) == before


@pytest.mark.parametrize("name", ["server.py", "below/server.py", "requirements.toml", "words.txt"])
def test_a_fingerprint_changes_with_the_content_of_any_file(tree: Path, name: str) -> None:
    before = taken(tree)
    (tree / name).write_text("as it is")
    assert taken(tree) != before


@pytest.mark.parametrize("name", ["server.py", "below/server.py"])
def test_a_fingerprint_changes_when_a_file_is_added_removed_or_renamed(tree: Path, name: str) -> None:
    seen = [taken(tree)]
    (tree / name).rename(tree / "renamed.py")
    seen.append(taken(tree))
    (tree / "renamed.py").unlink()
    seen.append(taken(tree))
    (tree / "below" / "new.py").write_text("")
    assert len({*seen, taken(tree)}) == 4


def test_a_fingerprint_does_not_change_with_what_python_leaves_behind(tree: Path) -> None:
    before = taken(tree)
    (tree / "__pycache__").mkdir()
    (tree / "__pycache__" / "server.cpython-311.pyc").write_bytes(b"compiled")
    assert taken(tree) == before


def test_contents_of_neighbours_do_not_run_into_each_other(tree: Path) -> None:
    seen = set()
    for one, other in (("ab", "c"), ("a", "bc")):
        (tree / "one.py").write_text(one)
        (tree / "other.py").write_text(other)
        seen.add(taken(tree))
    assert len(seen) == 2


def test_a_shelf_that_has_grown_keeps_the_newest(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for number, name in enumerate(["old", "new"]):
        shelf.put(name, [])
        os.utime(tmp_path / name, (number, number))
    shelf.prune(keep=1)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_a_shelf_that_has_not_grown_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "old").touch()
    Shelf(tmp_path).prune(keep=0)
    assert (tmp_path / "old").exists()
