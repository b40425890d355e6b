"""What is handed in: only plain files and directories get in, nothing gets out, and nobody else's turn is lost."""

import bz2
import io
import os
import socket
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockspec import intake, workdir
from sockspec.complaint import SuiteError, UsageError
from sockspec.intake import BOUNDS, Refused, digest, pack, strays, submissions, take, unpack
from sockspec.members import Bounds

SMALL = Bounds(content_bytes=1 << 16, files=5, directories=5, members=12, ratio=10, depth=4, path_bytes=600)
FILES = {"server.c": b"int main;", "data/words": b"words\n", "data/deep/er": b""}

NAMES = st.binary(min_size=1, max_size=20).filter(
    lambda name: not set(name) & {0, ord("/")} and name not in (b".", b"..")
)
"""Any name that a file may have."""
CONTENTS = st.dictionaries(NAMES.filter(lambda name: not name.startswith(b"._")), st.binary(max_size=2000), max_size=5)
HOSTILE = st.lists(
    st.sampled_from(["..", ".", "", "/", "etc", "a", "b", "\\", "..\\", "C:", "%2e%2e", "\u202e", "\x1b", "\udcff"]),
    min_size=1, max_size=6,
).map("/".join).filter(bool)  # fmt: skip
"""Names that try to lead somewhere else."""


TarMember = tuple[tarfile.TarInfo, bytes]


def written(directory: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    return directory


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def member(
    name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, **fields: object
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def tarred(path: Path, *members: TarMember, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return path


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def zip_info(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Where the clean copy goes; it does not exist yet."""
    return tmp_path / "copy"


@pytest.fixture
def handed_in(tmp_path: Path) -> Path:
    """A directory that somebody handed in."""
    return written(tmp_path / "handed-in", FILES)


# --- what gets in


def test_every_plain_file_is_taken_from_a_directory(handed_in: Path, copy: Path) -> None:
    assert take(handed_in, copy) == intake.Taken(copy, [])
    assert contents(copy) == FILES


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tgz", "tar.bz2", "tar.xz", "TAR.GZ"])
def test_every_plain_file_is_taken_from_a_tar(ending: str, tmp_path: Path, copy: Path) -> None:
    compression = {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}.get(ending.lower().split(".")[-1], "w")
    take(tarred(tmp_path / f"it.{ending}", *(member(*file) for file in FILES.items()), mode=compression), copy)
    assert contents(copy) == FILES


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_every_plain_file_is_taken_from_a_zip(compression: int, tmp_path: Path, copy: Path) -> None:
    take(zipped(tmp_path / "it.zip", *FILES.items(), compression=compression), copy)
    assert contents(copy) == FILES


def test_the_only_directory_at_the_top_is_the_submission(tmp_path: Path, copy: Path) -> None:
    archive = zipped(tmp_path / "it.zip", ("anna-echo/server.c", b"x"), ("__MACOSX/anna-echo/._server.c", b"junk"))
    assert take(archive, copy).directory == copy / "anna-echo"


def test_a_directory_beside_a_file_is_not_the_submission(handed_in: Path, copy: Path) -> None:
    assert take(handed_in, copy).directory == copy


def test_a_name_that_is_no_utf_8_is_kept_as_it_is(tmp_path: Path, copy: Path) -> None:
    take(tarred(tmp_path / "it.tar", member("caf\udce9.c", b"x")), copy)
    assert os.listdir(os.fsencode(copy)) == [b"caf\xe9.c"]


def test_a_zip_without_the_flag_for_utf_8_keeps_its_bytes(tmp_path: Path, copy: Path) -> None:
    archive = zipped(tmp_path / "it.zip", ("cafXX.c", b"x"))
    archive.write_bytes(archive.read_bytes().replace(b"cafXX.c", "café.c".encode()))
    take(archive, copy)
    assert contents(copy) == {"café.c": b"x"}


def test_modes_are_0644_and_0755_and_all_times_are_one(handed_in: Path, copy: Path) -> None:
    (handed_in / "server.c").chmod(0o4777)
    (handed_in / "data" / "words").chmod(0o600)
    take(handed_in, copy)
    seen = {path.name: path.stat() for path in [copy, *copy.rglob("*")]}
    assert {name: oct(stat.S_IMODE(s.st_mode)) for name, s in seen.items() if stat.S_ISREG(s.st_mode)} == {
        "server.c": "0o755", "words": "0o644", "er": "0o644"
    }  # fmt: skip
    assert {s.st_mtime for s in seen.values()} == {946_684_800}


def test_of_two_members_with_one_name_the_last_one_counts(tmp_path: Path, copy: Path) -> None:
    take(tarred(tmp_path / "it.tar", member("a", b"first"), member("./a", b"last"), member("b"), member("b/c")), copy)
    assert contents(copy) == {"a": b"last", "b/c": b""}


def test_an_archive_in_an_archive_stays_one(tmp_path: Path, copy: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", ("bomb", bytes(1 << 20))).read_bytes()
    take(zipped(tmp_path / "it.zip", ("inner.zip", inner)), copy)
    assert contents(copy) == {"inner.zip": inner}


# --- what is left out


LEFT_OUT: dict[str, Callable[[Path], object]] = {
    "a symbolic link": lambda path: path.symlink_to("/etc/passwd"),
    "a hard link": lambda path: path.hardlink_to(path.parent / "server.c"),
    "a FIFO": os.mkfifo,
    "a socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("kind", LEFT_OUT)
def test_what_is_no_plain_file_is_left_out_and_told(kind: str, handed_in: Path, copy: Path) -> None:
    LEFT_OUT[kind](handed_in / "odd")
    assert f"odd: {kind}" in take(handed_in, copy).left_out
    assert "odd" not in os.listdir(copy)


def test_a_link_to_a_directory_is_not_entered(handed_in: Path, tmp_path: Path, copy: Path) -> None:
    written(tmp_path / "elsewhere", {"secret": b"x"})
    (handed_in / "data" / "link").symlink_to(tmp_path / "elsewhere")
    assert take(handed_in, copy).left_out == ["data/link: a symbolic link"]
    assert contents(copy) == FILES


@pytest.mark.parametrize(
    ("kind", "told"),
    [(tarfile.SYMTYPE, "a symbolic link"), (tarfile.LNKTYPE, "a hard link"), (tarfile.FIFOTYPE, "a FIFO"),
     (tarfile.CHRTYPE, "a device"), (tarfile.BLKTYPE, "a device")],
)  # fmt: skip
def test_a_tar_brings_no_links_and_no_devices(kind: bytes, told: str, tmp_path: Path, copy: Path) -> None:
    archive = tarred(tmp_path / "it.tar", member("odd", kind=kind, linkname="/etc/passwd"), member("server.c"))
    assert take(archive, copy).left_out == [f"odd: {told}"]
    assert os.listdir(copy) == ["server.c"]


def test_a_zip_brings_no_links(tmp_path: Path, copy: Path) -> None:
    archive = zipped(tmp_path / "it.zip", (zip_info("odd", stat.S_IFLNK | 0o777), b"/etc/passwd"), ("server.c", b""))
    assert take(archive, copy).left_out == ["odd: a symbolic link"]


def test_nothing_is_written_through_a_link_that_came_before(tmp_path: Path, copy: Path) -> None:
    link = member("out", kind=tarfile.SYMTYPE, linkname=str(tmp_path))
    take(tarred(tmp_path / "it.tar", link, member("out/file", b"x")), copy)
    assert (copy / "out" / "file").read_bytes() == b"x"
    assert not (tmp_path / "file").exists()


def test_what_tools_leave_behind_is_not_taken_and_not_told(handed_in: Path, copy: Path) -> None:
    written(handed_in, {".git/config": b"", "__MACOSX/a": b"", "data/.DS_Store": b"", "._server.c": b""})
    assert take(handed_in, copy).left_out == []
    assert contents(copy) == FILES


def test_a_name_is_never_told_raw(handed_in: Path, copy: Path) -> None:
    (handed_in / "\x1b]0;title\x07\udcff\n").symlink_to("nowhere")
    assert take(handed_in, copy).left_out == [r"\x1b]0;title\x07\xff\n: a symbolic link"]


def test_only_the_first_of_many_are_told(handed_in: Path, copy: Path) -> None:
    for number in range(30):
        (handed_in / f"link-{number}").symlink_to("nowhere")
    assert take(handed_in, copy).left_out[20:] == ["(10 more)"]


# --- what is refused


def broken(archive: Path) -> Path:
    archive.write_bytes(archive.read_bytes()[:-40])
    return archive


def garbled(archive: Path) -> Path:
    data = bytearray(archive.read_bytes())
    data[len(data) // 2 :] = b"\x55" * (len(data) - len(data) // 2)
    archive.write_bytes(data)
    return archive


def encrypted(archive: Path) -> Path:
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    return archive


def overlapping(archive: Path) -> Path:
    """A zip whose every entry is the same data: listed ten times, stored once."""
    data = zipped(archive, ("kernel", bytes(2000))).read_bytes()
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry, tail = data[start:end], bytearray(data[end:])
    struct.pack_into("<HHI", tail, 8, 10, 10, 10 * len(entry))
    archive.write_bytes(data[:start] + entry * 10 + tail)
    return archive


def sparse_tar(archive: Path) -> Path:
    """A file of 1 GiB that is a hole, told in 2 KiB of GNU tar."""
    fields = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "hole",
              "GNU.sparse.realsize": str(1 << 30)}  # fmt: skip
    return tarred(archive, member("hole", b"0\n".ljust(512, b"\0"), pax_headers=fields))


def deep(directory: Path) -> Path:
    here = os.open(directory, os.O_RDONLY)
    for _ in range(40):
        os.mkdir("d", dir_fd=here)
        here, above = os.open("d", os.O_RDONLY, dir_fd=here), here
        os.close(above)
    os.close(here)
    return directory


def made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def hole(directory: Path) -> Path:
    with (made(directory) / "server.c").open("wb") as file:
        file.truncate(1 << 40)
    return directory


def linked(path: Path) -> Path:
    path.symlink_to("/etc")
    return path


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "zip-slip": (lambda d: zipped(d / "a.zip", ("../../evil", b"x")), "to be put outside"),
    "zip-slip-in-the-middle": (lambda d: zipped(d / "a.zip", ("a/../../evil", b"x")), "to be put outside"),
    "zip-absolute": (lambda d: zipped(d / "a.zip", ("/tmp/evil", b"x")), "to be put outside"),
    "tar-slip": (lambda d: tarred(d / "a.tar", member("../evil")), "to be put outside"),
    "tar-absolute": (lambda d: tarred(d / "a.tar", member("/tmp/evil")), "to be put outside"),
    "zip-bomb": (lambda d: zipped(d / "a.zip", ("bomb", bytes(8 << 20))), "more than"),
    "tar-bomb": (lambda d: tarred(d / "a.tar.gz", member("bomb", bytes(8 << 20)), mode="w:gz"), "more than"),
    "xz-bomb": (lambda d: tarred(d / "a.tar.xz", member("bomb", bytes(8 << 20)), mode="w:xz"), "more than"),
    "overlapping-zip": (lambda d: overlapping(d / "a.zip"), "more than|broken"),
    "bzip2-in-a-zip": (lambda d: zipped(d / "a.zip", ("a", b"x"), compression=zipfile.ZIP_BZIP2), "something else"),
    "sparse-tar": (lambda d: sparse_tar(d / "a.tar"), "more than"),
    "link-bomb": (lambda d: tarred(d / "a.tar", *[member("l", kind=tarfile.SYMTYPE)] * 13), "lists more than 12"),
    "listing-bomb": (lambda d: zipped(d / "a.zip", *((f"{n}", b"") for n in range(13))), "lists more than 12 members"),
    "too-many-files": (lambda d: zipped(d / "a.zip", *((f"{n}", b"") for n in range(6))), "more than 5 files"),
    "too-many-directories": (lambda d: tarred(d / "a.tar", member("a/b/c/f"), member("d/e/g/f")), "more than 5 dir"),
    "too-deep": (lambda d: zipped(d / "a.zip", ("d/" * 4 + "f", b"")), "more than 4 deep"),
    "too-deep-directory": (lambda d: deep(made(d / "a")), "more than 4 deep"),
    "name-too-long": (lambda d: zipped(d / "a.zip", ("n" * 256, b"")), "a name of more than 255 bytes"),
    "path-too-long": (lambda d: zipped(d / "a.zip", (("n" * 250 + "/") * 3, b"")), "a path of more than 600"),
    "name-with-nul": (lambda d: tarred(d / "a.tar", member("a", pax_headers={"path": "a\0b"})), "outside|broken"),
    "file-and-directory": (lambda d: tarred(d / "a.tar", member("a/b"), member("a")), "both a file and a directory"),
    "encrypted": (lambda d: encrypted(zipped(d / "a.zip", ("a", b"x"))), "encrypted"),
    "empty-zip-file": (lambda d: written(d, {"a.zip": b""}) / "a.zip", "broken"),
    "empty-tar-file": (lambda d: written(d, {"a.tar": b""}) / "a.tar", "broken"),
    "no-zip-at-all": (lambda d: written(d, {"a.zip": b"hello" * 99}) / "a.zip", "broken"),
    "no-gzip-at-all": (lambda d: written(d, {"a.tgz": b"hello" * 99}) / "a.tgz", "broken"),
    "no-tar-inside": (lambda d: written(d, {"a.tar.bz2": bz2.compress(b"hello" * 99)}) / "a.tar.bz2", "broken"),
    "cut-off-zip": (lambda d: broken(zipped(d / "a.zip", *FILES.items())), "broken"),
    "cut-off-tar": (lambda d: broken(tarred(d / "a.tgz", member("a", os.urandom(3000)), mode="w:gz")), "broken"),
    "garbled-tar": (lambda d: garbled(tarred(d / "a.tar", *[member("a", b"x" * 600)] * 4)), "broken"),
    "garbled-zip": (lambda d: garbled(zipped(d / "a.zip", ("a", os.urandom(3000)))), "broken"),
    "rar": (lambda d: written(d, {"a.rar": b"Rar!"}) / "a.rar", ".rar is no archive that is read here"),
    "a-link": (lambda d: linked(d / "a"), "it is a link"),
    "a-link-to-an-archive": (lambda d: linked(d / "a.zip"), "it is a link"),
    "not-there": (lambda d: d / "nobody.zip", "cannot be read"),
    "a-terabyte-of-nothing": (lambda d: hole(d / "a"), "more than"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_in_words_and_leaves_nothing(case: str, tmp_path: Path, copy: Path) -> None:
    make, reason = REFUSED[case]
    with pytest.raises(Refused, match=reason):
        take(make(made(tmp_path / "class")), copy, SMALL)
    assert not copy.exists()
    assert os.listdir(tmp_path) == ["class"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_directory_that_may_not_be_read_is_refused(handed_in: Path, copy: Path) -> None:
    (handed_in / "data").chmod(0)
    with pytest.raises(Refused, match="cannot read data: Permission denied"):
        take(handed_in, copy)


@pytest.mark.parametrize("text", ["x", "1"], ids=["letters", "digits"])
def test_a_large_pax_header_is_not_read_whole(text: str, tmp_path: Path, copy: Path) -> None:
    archive = tarred(tmp_path / "a.tar.gz", member("a", pax_headers={"comment": text * (4 << 20)}), mode="w:gz")
    with pytest.raises(Refused, match="its pax headers are larger than any honest archive's: 4,194,"):
        take(archive, copy)


def test_many_pax_headers_are_not_read_for_ever(tmp_path: Path, copy: Path) -> None:
    members = [member(str(number), pax_headers={"comment": "1" * 40_000}) for number in range(3)]
    with pytest.raises(Refused, match="its pax headers are larger"):
        take(tarred(tmp_path / "a.tar", *members), copy)


def test_a_pax_header_for_all_members_is_short(tmp_path: Path, copy: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", pax_headers={str(number): "1" for number in range(1_000)}):
        pass
    with pytest.raises(Refused, match="its pax headers are larger"):
        take(tmp_path / "a.tar", copy)


def test_a_full_disk_is_no_fault_of_the_submission(handed_in: Path, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="cannot lay out"):
        take(handed_in, tmp_path / "no" / "such" / "place")


def test_what_is_taken_is_no_more_than_a_work_directory_holds() -> None:
    assert BOUNDS.files <= workdir._MOST_ENTRIES
    assert BOUNDS.directories <= workdir._MOST_DIRECTORIES
    assert BOUNDS.content_bytes <= workdir._MOST_BYTES


@settings(deadline=None, max_examples=200)
@given(names=st.lists(HOSTILE, min_size=1, max_size=4, unique=True), tar=st.booleans())
def test_no_name_leads_outside(names: list[str], tar: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("outer") / "a" / "b" / "c"
    place.mkdir(parents=True)
    if tar:
        archive = tarred(place / "it.tar", *(member(name, b"x") for name in names))
    else:
        archive = zipped(place / "it.zip", *((zip_info(name.replace("\udcff", "\x7f"), 0), b"x") for name in names))
    with_all = set(place.parents[2].rglob("*"))
    try:
        take(archive, place / "copy")
    except Refused:
        assert set(place.parents[2].rglob("*")) == with_all
    assert {path for path in place.parents[2].rglob("*") if place / "copy" not in (path, *path.parents)} == with_all


@settings(deadline=None, max_examples=200)
@given(soup=st.binary(max_size=400), ending=st.sampled_from([".zip", ".tar", ".tgz", ".tar.bz2", ".tar.xz"]))
def test_any_bytes_at_all_are_taken_or_refused(
    soup: bytes, ending: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("soup")
    (place / f"it{ending}").write_bytes(soup)
    with pytest.raises(Refused):
        take(place / f"it{ending}", place / "copy")


@settings(deadline=None, max_examples=200)
@given(at=st.integers(0, 10**6), byte=st.integers(0, 255), kind=st.sampled_from(["zip", "tar"]))
def test_one_wrong_byte_never_raises_anything_else(
    at: int, byte: int, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("byte")
    archive = zipped(place / "it.zip", *FILES.items()) if kind == "zip" else tarred(place / "it.tar", member("a", b"x"))
    data = bytearray(archive.read_bytes())
    data[at % len(data)] = byte
    archive.write_bytes(data)
    try:
        reason = take(archive, place / "copy").directory.name
    except Refused as refused:
        reason = refused.reason
    assert reason.isprintable()


# --- the copy, hashed and sent


@pytest.fixture
def clean(handed_in: Path, tmp_path: Path) -> Path:
    """A clean copy."""
    return take(handed_in, tmp_path / "clean").directory


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda d: (d / "server.c").write_bytes(b"other"),
    "mode": lambda d: (d / "server.c").chmod(0o755),
    "name": lambda d: (d / "server.c").rename(d / "server2.c"),
    "place": lambda d: (d / "server.c").rename(d / "data" / "server.c"),
    "empty-directory": lambda d: (d / "empty").mkdir(),
    "file-less": lambda d: (d / "data" / "words").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_digest_tells_what_was_changed(change: str, clean: Path) -> None:
    before = digest(clean)
    CHANGES[change](clean)
    assert digest(clean) != before


def test_a_digest_knows_neither_times_nor_where_it_is(clean: Path, tmp_path: Path) -> None:
    before = digest(clean)
    os.utime(clean / "server.c", (1, 1))
    assert digest(clean.rename(tmp_path / "moved")) == before


def test_the_same_files_from_a_directory_and_from_an_archive_have_one_digest(clean: Path, tmp_path: Path) -> None:
    archive = tarred(tmp_path / "it.tgz", *reversed([member(*file) for file in FILES.items()]), mode="w:gz")
    assert digest(take(archive, tmp_path / "from-archive").directory) == digest(clean)


@settings(deadline=None)
@given(files=CONTENTS)
def test_what_was_packed_is_unpacked(files: dict[bytes, bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("round")
    (place / "one").mkdir()
    for name, content in files.items():
        (place / "one" / os.fsdecode(name)).write_bytes(content)
    stream = b"".join(pack(place / "one"))
    unpack(io.BytesIO(stream), place / "two")
    assert b"".join(pack(place / "two")) == stream
    assert digest(place / "two") == digest(place / "one")


def test_a_packed_copy_is_a_tar_that_others_read(clean: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(b"".join(pack(clean)))) as archive:
        assert {info.name for info in archive.getmembers() if info.isreg()} == set(FILES)


def test_a_file_that_grows_while_it_is_packed_is_a_fault_of_ours(clean: Path) -> None:
    stream = pack(clean)
    while b"server.c" not in next(stream):
        pass
    (clean / "server.c").write_bytes(b"much longer than before")
    with pytest.raises(SuiteError, match=r"server\.c changed"):
        list(stream)


def test_a_stream_without_end_is_refused(tmp_path: Path) -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return (member("a")[0].tobuf() * 128)[:size]

    with pytest.raises(Refused, match="more than"):
        unpack(Endless(), tmp_path / "copy")


# --- a class


@pytest.fixture
def school_class(tmp_path: Path) -> Path:
    """A directory with three submissions and some other things."""
    directory = written(tmp_path / "class", {"boris/server.c": b"", "grades.csv": b"", ".hidden/x": b""})
    zipped(directory / "anna.zip", *FILES.items())
    return tarred(directory / "chen.TAR.GZ", member("a"), mode="w:gz").parent


def test_a_class_is_its_directories_and_archives_by_name(school_class: Path) -> None:
    assert [entry.name for entry in submissions(school_class)] == ["anna", "boris", "chen"]


def test_two_names_that_look_alike_are_one_name(tmp_path: Path) -> None:
    written(tmp_path / "class", {"bob\x07/server.c": b"", "bob\\x07/server.c": b"", "bobby/server.c": b""})
    with pytest.raises(UsageError, match="two submissions of one name"):
        submissions(tmp_path / "class")


def test_files_that_are_no_submissions_can_be_mentioned(school_class: Path) -> None:
    assert strays(school_class) == ["grades.csv"]


def test_two_submissions_of_one_name_are_an_error_that_says_which(school_class: Path) -> None:
    written(school_class, {"anna/server.c": b""})
    with pytest.raises(UsageError, match=r"anna and anna\.zip are two submissions of one name"):
        submissions(school_class)


def test_a_link_in_a_class_is_listed_so_that_it_can_be_refused(school_class: Path) -> None:
    (school_class / "dora").symlink_to("boris")
    assert submissions(school_class)[-1].name == "dora"


def test_a_class_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        submissions(tmp_path / "nobody")
