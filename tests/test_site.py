"""The directory of a scenario that is about files: what is put there is there, and nothing of it is left behind."""

import os
import stat
from collections.abc import Iterator

import pytest

from sockspec.site import Site


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site({"hello.txt": "Hello!\n"})
    yield made
    made.remove()


def test_it_has_the_files_of_the_exercise(site: Site) -> None:
    assert {path.name: path.read_text() for path in site.path.iterdir()} == {"hello.txt": "Hello!\n"}


def test_a_name_may_be_of_any_bytes(site: Site) -> None:
    site.write(b"\xe9\n.txt", b"\0")
    assert os.listdir(os.fsencode(site.path)).count(b"\xe9\n.txt") == 1


def test_a_file_beside_it_is_not_in_it(site: Site) -> None:
    site.write(b"../secret.txt", b"secret")
    assert [path.name for path in site.path.iterdir()] == ["hello.txt"]
    assert site.path.with_name("secret.txt").read_bytes() == b"secret"


def test_every_user_may_read_it_and_none_but_us_may_write(site: Site) -> None:
    old = os.umask(0o077)
    site.write(b"sub/inner.txt", b"")
    os.umask(old)
    modes = [stat.S_IMODE((site.path / name).stat().st_mode) for name in ("", "sub", "sub/inner.txt")]
    assert modes == [0o755, 0o755, 0o644]


def test_a_file_may_be_one_that_nobody_may_read(site: Site) -> None:
    site.write(b"locked.txt", b"", mode=0)
    assert stat.S_IMODE((site.path / "locked.txt").stat().st_mode) == 0


def test_it_may_have_a_fifo_that_every_user_may_open(site: Site) -> None:
    site.fifo("pipe.txt")
    mode = (site.path / "pipe.txt").stat().st_mode
    assert (stat.S_ISFIFO(mode), stat.S_IMODE(mode)) == (True, 0o644)


def test_it_goes_with_all_that_was_put_beside_it() -> None:
    site = Site({})
    site.write(b"../secret.txt", b"secret")
    site.link("up", "..")
    site.fifo("pipe.txt")
    site.remove()
    assert not site.path.parent.exists()
