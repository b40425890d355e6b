"""What is written is written whole, and into nothing that somebody else has laid there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockspec import fresh


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "result.json").symlink_to("victim")
    fresh.write(tmp_path / "result.json", [b"{}"])
    assert ((tmp_path / "victim").read_text(), (tmp_path / "result.json").read_text()) == ("mine", "{}")
    assert not (tmp_path / "result.json").is_symlink()


def test_a_name_that_exists_beside_it_is_never_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "known")
    (tmp_path / ".known.new").symlink_to("victim")
    with pytest.raises(FileExistsError):
        fresh.write(tmp_path / "result.json", [b"{}"])
    assert not (tmp_path / "victim").exists()


def test_what_cannot_be_written_to_its_end_leaves_what_was_there(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"new"
        raise KeyError

    (tmp_path / "file").write_text("old")
    with pytest.raises(KeyError):
        fresh.write(tmp_path / "file", pieces())
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "old")]


def test_a_device_is_written_to_and_stays_one() -> None:
    fresh.write(Path("/dev/null"), [b"x"])
    assert Path("/dev/null").is_char_device()


def test_others_may_read_it_as_they_may_any_file_of_ours(tmp_path: Path) -> None:
    umask = os.umask(0o027)
    try:
        fresh.write(tmp_path / "file", [b"x"])
    finally:
        os.umask(umask)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
