"""A submission is found by names of plain files; nothing that lies there makes us wait, or read without end."""

import os
from pathlib import Path

import pytest

from sockspec.complaint import UsageError
from sockspec.submission import Wishes, find

ECHO = Wishes(exercise="echo")


@pytest.mark.parametrize("name", ["sockspec.toml", "Makefile"])
def test_a_fifo_is_not_opened(name: str, tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text("")
    os.mkfifo(tmp_path / name)
    assert find(tmp_path, ECHO).sources["server"].shown == "server.py"


def test_a_link_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "server.py").symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="nothing to run for echo"):
        find(tmp_path, ECHO)


def test_a_makefile_of_any_size_is_read_in_part(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("server: it.c\n")
    os.truncate(tmp_path / "Makefile", 1 << 40)
    assert find(tmp_path, ECHO).sources["server"].build == "make server"


def test_an_exercise_of_one_half_has_no_place_for_the_other(tmp_path: Path) -> None:
    for name in ("server.py", "client.py"):
        (tmp_path / name).write_text("")
    assert set(find(tmp_path, Wishes(exercise="files")).sources) == {"server"}
    with pytest.raises(UsageError, match="files is an exercise for a server only"):
        find(tmp_path, Wishes(exercise="files", roles=("client",)))
