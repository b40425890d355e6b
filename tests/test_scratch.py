"""Whoever was killed leaves nothing for long, and whoever is at work loses nothing."""

import os
import tempfile
from pathlib import Path

import pytest

from sockspec import scratch


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left(temporary: Path, name: str) -> Path:
    """What somebody made there long ago."""
    path = temporary / name
    (path / "submission").mkdir(parents=True)
    os.utime(path, (0, 0))
    return path


def test_what_was_left_goes(temporary: Path) -> None:
    path = left(temporary, "sockspec-taken-1")
    scratch.sweep()
    assert not path.exists()


def test_what_somebody_is_at_stays_and_goes_with_him(temporary: Path) -> None:
    with scratch.directory() as path:
        os.utime(path, (0, 0))
        scratch.sweep()
        assert path.exists()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("name", ["sockspec-1", "notes"])
def test_what_is_not_ours_stays(name: str, temporary: Path) -> None:
    path = left(temporary, name)
    scratch.sweep()
    assert path.exists()


def test_what_was_made_a_moment_ago_stays(temporary: Path) -> None:
    (temporary / "sockspec-taken-1").mkdir()
    scratch.sweep()
    assert (temporary / "sockspec-taken-1").exists()


def test_a_link_leads_nowhere(temporary: Path) -> None:
    target = left(temporary, "notes")
    (temporary / "sockspec-taken-1").symlink_to(target)
    scratch.sweep()
    assert target.exists()
