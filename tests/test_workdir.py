"""A directory that programs run in: what is copied, and what is put back whatever a program did to it."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sockspec import workdir as workdir_module
from sockspec.complaint import SuiteError, UsageError
from sockspec.workdir import Workdir, copy

FILES = ["server.py", "data/words.txt", "data/deep/er/file"]
Change = Callable[[Path], object]


def entries(directory: Path) -> dict[str, tuple[int, bytes | str]]:
    """Everything below, with its mode and what is in it."""
    found: dict[str, tuple[int, bytes | str]] = {}
    for path in sorted(directory.rglob("*")):
        mode = path.lstat().st_mode
        content = os.readlink(path) if stat.S_ISLNK(mode) else path.read_bytes() if stat.S_ISREG(mode) else b""
        found[str(path.relative_to(directory))] = mode, content
    return found


@pytest.fixture
def pristine(tmp_path: Path) -> Path:
    """A submission's directory."""
    directory = tmp_path / "pristine"
    for name in FILES:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(f"this is {name}")
    (directory / "server.py").chmod(0o755)
    (directory / "empty").mkdir()
    return directory


@pytest.fixture
def workdir(pristine: Path) -> Iterator[Workdir]:
    made = Workdir(pristine)
    yield made
    made.remove()


# --- copying


def test_a_copy_has_every_directory_and_plain_file(pristine: Path, tmp_path: Path) -> None:
    copy(pristine, tmp_path / "copy")
    assert entries(tmp_path / "copy") == entries(pristine)


LEFT_OUT: dict[str, Change] = {
    "link-to-a-file": lambda d: (d / "it").symlink_to("server.py"),
    "link-to-a-directory": lambda d: (d / "it").symlink_to("data"),
    "link-to-elsewhere": lambda d: (d / "it").symlink_to("/etc/passwd"),
    "link-to-nowhere": lambda d: (d / "it").symlink_to("nowhere"),
    "link-to-itself": lambda d: (d / "it").symlink_to("."),
    "fifo": lambda d: os.mkfifo(d / "it"),
    "socket": lambda d: os.mknod(d / "it", stat.S_IFSOCK | 0o600),
    "git": lambda d: (d / ".git" / "hooks").mkdir(parents=True),
    "virtual-environment": lambda d: (d / ".venv" / "bin").mkdir(parents=True),
    "pycache": lambda d: (d / "data" / "__pycache__").mkdir(),
    "node-modules": lambda d: (d / "node_modules").mkdir(),
}


@pytest.mark.parametrize("add", LEFT_OUT.values(), ids=LEFT_OUT)
def test_a_copy_leaves_out_what_is_no_part_of_a_submission(pristine: Path, tmp_path: Path, add: Change) -> None:
    before = entries(pristine)
    add(pristine)
    copy(pristine, tmp_path / "copy")
    assert entries(tmp_path / "copy") == before


def test_a_file_called_git_is_copied(pristine: Path, tmp_path: Path) -> None:
    (pristine / "git").write_text("a file")
    copy(pristine, tmp_path / "copy")
    assert (tmp_path / "copy" / "git").read_text() == "a file"


def test_too_many_files_are_a_usage_error(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workdir_module, "_MOST_ENTRIES", 2)
    with pytest.raises(UsageError, match=r"more than 2 files, .*; give the directory that has just the programs"):
        copy(pristine, tmp_path / "copy")


def test_as_many_files_as_allowed_are_none(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workdir_module, "_MOST_ENTRIES", len(FILES))
    copy(pristine, tmp_path / "copy")


def test_too_many_bytes_are_a_usage_error_before_they_are_copied(pristine: Path, tmp_path: Path) -> None:
    with (pristine / "big").open("wb") as big:
        big.truncate(257 << 20)
    with pytest.raises(UsageError, match="256 MiB"):
        copy(pristine, tmp_path / "copy")
    assert not (tmp_path / "copy" / "big").exists()


def test_too_many_directories_are_a_usage_error(
    pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workdir_module, "_MOST_DIRECTORIES", 20)
    for number in range(30):
        (pristine / "empty" / str(number)).mkdir()
    with pytest.raises(UsageError, match="20 directories"):
        copy(pristine, tmp_path / "copy")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["server.py", "data"])
def test_what_cannot_be_read_is_a_usage_error(pristine: Path, tmp_path: Path, name: str) -> None:
    (pristine / name).chmod(0)
    with pytest.raises(UsageError, match=f"cannot read .*{name}: Permission denied"):
        copy(pristine, tmp_path / "copy")
    (pristine / name).chmod(0o755)


def test_a_directory_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*nowhere: No such file"):
        copy(tmp_path / "nowhere", tmp_path / "copy")


# --- putting back


def in_place_as_it_was(directory: Path) -> None:
    """Write something of the same size, and put the time back: what a program does that hides it."""
    path = directory / "server.py"
    was = path.stat()
    path.write_text("THIS IS SERVER.PY")
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def swap(directory: Path) -> None:
    """Each of two files is called as the other one."""
    (directory / "server.py").rename(directory / "t")
    (directory / "data" / "words.txt").rename(directory / "server.py")
    (directory / "t").rename(directory / "data" / "words.txt")


def directory_for_file(directory: Path) -> None:
    (directory / "server.py").unlink()
    (directory / "server.py" / "inside").mkdir(parents=True)


def file_for_directory(directory: Path) -> None:
    shutil.rmtree(directory / "data")
    (directory / "data").write_text("a file")


def link_for_directory(directory: Path) -> None:
    (directory / "data").rename(directory / "elsewhere")
    (directory / "data").symlink_to("elsewhere")


def link_for_file(directory: Path) -> None:
    (directory / "server.py").rename(directory / "elsewhere")
    (directory / "server.py").symlink_to("elsewhere")


def everything(directory: Path) -> None:
    for path in directory.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


CHANGES: dict[str, Change] = {
    "nothing": lambda _: None,
    "file-changed": lambda d: (d / "server.py").write_text("something else"),
    "file-appended-to": lambda d: (d / "data" / "words.txt").open("a").close(),
    "file-emptied": lambda d: (d / "server.py").write_text(""),
    "file-replaced": lambda d: ((d / "new").write_text("this is server.py"), (d / "new").replace(d / "server.py")),
    "file-mode": lambda d: (d / "server.py").chmod(0o600),
    "file-removed": lambda d: (d / "server.py").unlink(),
    "file-added": lambda d: (d / "core").write_text("dumped"),
    "file-added-below": lambda d: (d / "data" / "deep" / "new").write_text("new"),
    "hidden-file-added": lambda d: (d / ".hidden").write_text("new"),
    "pycache-added": lambda d: (d / "__pycache__").mkdir(),
    "directory-added": lambda d: (d / "a" / "b" / "c").mkdir(parents=True),
    "directory-filled": lambda d: (d / "empty" / "new").write_text("new"),
    "directory-removed": lambda d: shutil.rmtree(d / "data"),
    "empty-directory-removed": lambda d: (d / "empty").rmdir(),
    "directory-renamed": lambda d: (d / "data").rename(d / "moved"),
    "link-added": lambda d: (d / "link").symlink_to("/etc/passwd"),
    "link-to-directory-added": lambda d: (d / "link").symlink_to("/etc"),
    "fifo-added": lambda d: os.mkfifo(d / "fifo"),
    "hard-link-added": lambda d: os.link(d / "server.py", d / "again"),
    "files-swapped": swap,
    "directory-for-file": directory_for_file,
    "file-for-directory": file_for_directory,
    "link-for-directory": link_for_directory,
    "link-for-file": link_for_file,
    "everything-removed": everything,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_a_program_did_is_put_back(workdir: Workdir, pristine: Path, change: Change) -> None:
    change(workdir.path)
    workdir.restore()
    assert entries(workdir.path) == entries(pristine)


def test_a_change_that_hides_itself_is_put_back(workdir: Workdir, pristine: Path) -> None:
    in_place_as_it_was(workdir.path)
    workdir.restore()
    assert entries(workdir.path) == entries(pristine)


@pytest.mark.parametrize("mode", [0o700, 0o777, 0o1777], ids=oct)
def test_the_mode_of_a_directory_is_put_back(workdir: Workdir, pristine: Path, mode: int) -> None:
    (workdir.path / "data").chmod(mode)
    workdir.restore()
    assert entries(workdir.path) == entries(pristine)


@pytest.mark.parametrize("change", [lambda d: d.chmod(0o777), shutil.rmtree], ids=["changed", "removed"])
def test_a_directory_gets_the_mode_that_it_had_in_the_first_scenario(pristine: Path, change: Change) -> None:
    (pristine / "data").chmod(0o700)
    workdir = Workdir(pristine)
    first = entries(workdir.path)
    change(workdir.path / "data")
    workdir.restore()
    found = entries(workdir.path)
    workdir.remove()
    assert found == first


@pytest.mark.parametrize("how", ["removed", "renamed", "file-in-its-place"])
def test_the_directory_itself_is_put_back(workdir: Workdir, pristine: Path, tmp_path: Path, how: str) -> None:
    workdir.path.rename(tmp_path / "moved")
    if how == "file-in-its-place":
        workdir.path.write_text("a file")
    elif how == "removed":
        shutil.rmtree(tmp_path / "moved")
    workdir.restore()
    assert entries(workdir.path) == entries(pristine)


def test_a_link_in_place_of_the_directory_is_not_followed(workdir: Workdir, pristine: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("not ours")
    shutil.rmtree(workdir.path)
    workdir.path.symlink_to(tmp_path / "outside")
    workdir.restore()
    assert list(entries(tmp_path / "outside")) == ["file"]
    assert (entries(workdir.path), workdir.path.is_symlink()) == (entries(pristine), False)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_it_is_put_back_again_and_again(workdir: Workdir, pristine: Path, change: Change) -> None:
    for _ in range(3):
        change(workdir.path)
        workdir.restore()
    assert entries(workdir.path) == entries(pristine)


def test_nothing_is_written_if_nothing_changed(workdir: Workdir) -> None:
    before = [path.stat() for path in sorted(workdir.path.rglob("*"))]
    workdir.restore()
    assert [path.stat() for path in sorted(workdir.path.rglob("*"))] == before


def test_what_a_link_points_at_is_left_alone(workdir: Workdir, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("not ours")
    shutil.rmtree(workdir.path / "data")
    (workdir.path / "data").symlink_to(tmp_path / "outside")
    workdir.restore()
    assert entries(tmp_path / "outside") == {"file": (stat.S_IFREG | 0o644, b"not ours")}


def test_the_pristine_directory_is_never_touched(workdir: Workdir, pristine: Path) -> None:
    before = entries(pristine)
    everything(workdir.path)
    workdir.restore()
    workdir.remove()
    assert entries(pristine) == before


def test_a_workdir_that_is_removed_leaves_nothing(pristine: Path) -> None:
    made = Workdir(pristine)
    (made.path / "new").mkdir()
    made.remove()
    assert not made.path.parent.exists()


def test_other_users_may_enter_a_workdir(workdir: Workdir) -> None:
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (workdir.path.parent, workdir.path)]
    assert modes == [0o755, 0o755]


def test_names_that_together_are_longer_than_any_path_are_removed(workdir: Workdir, pristine: Path) -> None:
    here = os.open(workdir.path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("n" * 255, dir_fd=here)
        above, here = here, os.open("n" * 255, os.O_RDONLY, dir_fd=here)
        os.close(above)
    os.close(here)
    workdir.restore()
    assert entries(workdir.path) == entries(pristine)


def test_directories_deeper_than_any_path_are_removed(workdir: Workdir, pristine: Path) -> None:
    here = os.open(workdir.path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deep", dir_fd=here)
        above, here = here, os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(above)
    os.close(here)
    workdir.restore()
    assert entries(workdir.path) == entries(pristine)


def test_the_mode_of_the_directory_itself_is_put_back(workdir: Workdir) -> None:
    before = workdir.path.stat().st_mode
    workdir.path.chmod(0)
    workdir.restore()
    assert workdir.path.stat().st_mode == before


def test_a_full_disk_is_no_fault_of_a_submission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "server.py").touch()
    monkeypatch.setattr("shutil.copy2", fail)
    with pytest.raises(SuiteError, match=r"No space left on device; make room there"):
        copy(tmp_path / "in", tmp_path / "out")
