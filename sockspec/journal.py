"""The journal of a class: one JSON line an event, on the disk before anything else happens.

Every report is rendered from it, and an interrupted run goes on from it. One process writes at a time. A line is
written whole or not at all; what a crash left of the last one is cut off when the journal is opened again.
"""

import fcntl
import os
import threading
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self, TypeVar

import msgspec

from sockspec.complaint import SuiteError, UsageError
from sockspec.model import Report
from sockspec.verdict import Record, Role

LONGEST = 1 << 20
"""Bytes of a line, its line feed included. A record is bounded far below this."""

_OPENING = b'{"entry":"'
_BLOCK = 1 << 16

Status = Literal["graded", "not graded"]


class Started(msgspec.Struct, tag="run", tag_field="entry", frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A run begins, or one that was interrupted goes on; all that follows was reached under these conditions."""

    version: str
    exercise: str
    seed: int
    suite: str
    """A hash of the suite, the engine and the reference."""
    image: str
    """The id of the image that the sandbox is made from."""
    tools: dict[str, str]
    """Versions, by name: compiler, interpreter, kernel."""
    isolation: str
    bounds: str = ""
    """Patience and limits, in words."""
    regrade: list[str] = []
    """Which submissions it was to grade again, as patterns."""
    at: str
    """ISO 8601, in UTC."""


class Done(msgspec.Struct, tag="done", tag_field="entry", frozen=True, forbid_unknown_fields=True):
    """The run has come to its end: who interrupts it now interrupts nothing."""

    at: str
    """ISO 8601, in UTC."""


class Begun(msgspec.Struct, tag="begin", tag_field="entry", frozen=True, forbid_unknown_fields=True):
    """A submission's attempt begins; what an earlier one left unfinished is void."""

    submission: str
    digest: str
    """A hash of the submission's content."""
    attempt: int


class Reached(msgspec.Struct, tag="verdict", tag_field="entry", frozen=True, forbid_unknown_fields=True):
    """One verdict of the attempt under way."""

    submission: str
    record: Record


class Ended(msgspec.Struct, tag="end", tag_field="entry", frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An attempt is complete: its verdicts stand, or it says why there is no grade."""

    submission: str
    digest: str
    status: Status
    reason: str = ""
    """Why it is not graded; empty if it is."""
    seconds: float
    isolation: str
    roles: dict[Role, str]
    warnings: list[str] = []
    slip: str = ""


Entry = Started | Begun | Reached | Ended | Done

_DECODER: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)
_REACHED = msgspec.json.Decoder(Reached)
_ENDED = msgspec.json.Decoder(Ended)
Of = TypeVar("Of")


class Standing(msgspec.Struct, frozen=True):
    """Where a submission stands: its last complete attempt."""

    submission: str
    digest: str
    status: Status
    reason: str
    report: Report | None
    """The verdicts that were reached; None if there are none."""
    run: Started | None = None
    """The conditions under which they were; None if no journal has them."""


class Journal:
    """A journal that is open for appending, by this process alone."""

    def __init__(self, path: Path) -> None:
        """Opens or creates it. UsageError if another process writes it, or if the file is no journal."""
        self.path = path
        self._turn = threading.Lock()
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(f"{path}: the journal cannot be opened: {error.strerror}") from None
        try:
            self._lock()
            self._size = self._cut()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the file, and of the lock on it."""
        os.close(self._fd)

    def append(self, entry: Entry) -> None:
        """The entry is on the disk when this returns; after a SuiteError nothing of it is in the journal."""
        try:
            line = msgspec.json.encode(entry) + b"\n"
        except UnicodeEncodeError as error:
            raise SuiteError(f"{self.path}: text that is not Unicode cannot be kept: {error.object!r}") from None
        if len(line) > LONGEST:
            raise SuiteError(f"{self.path}: an entry of {len(line):,} bytes; at most {LONGEST:,} are kept")
        with self._turn:
            try:
                self._write(line)
            except OSError as error:
                os.ftruncate(self._fd, self._size)
                raise SuiteError(
                    f"{self.path}: the journal cannot be written: {error.strerror}; make room, and start again: "
                    "what is in it is kept"
                ) from error
            self._size += len(line)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"{self.path}: another process is writing this journal; wait for it, or name another file"
            ) from None
        directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        os.fsync(directory)  # a file that was just created is only found again once its directory is on the disk
        os.close(directory)

    def _cut(self) -> int:
        """Cuts off the half line that a crash left, if there is one; the size of what stays."""
        opening = os.pread(self._fd, len(_OPENING), 0)
        if not _OPENING.startswith(opening):
            raise UsageError(f"{self.path}: this is not a journal, and stays as it is; name another file")
        size = os.fstat(self._fd).st_size
        whole = _whole(self._fd, size)
        if size - whole > LONGEST:
            raise SuiteError(f"{self.path}: the last line is longer than {LONGEST:,} bytes; it is not one of ours")
        if whole < size:
            os.ftruncate(self._fd, whole)
            os.fsync(self._fd)
        return whole

    def _write(self, line: bytes) -> None:
        left = memoryview(line)
        while left:
            left = left[os.write(self._fd, left) :]
        os.fsync(self._fd)


def _whole(fd: int, size: int) -> int:
    """The offset behind the last line feed; only so much is read as the last line is long."""
    end = size
    while end > max(0, size - LONGEST - _BLOCK):
        start = max(0, end - _BLOCK)
        if (at := os.pread(fd, end - start, start).rfind(b"\n")) >= 0:
            return start + at + 1
        end = start
    return end


def entries(path: Path) -> Iterator[Entry]:
    """The entries, one at a time; a half line at the end is left out, for its writer may be at it.

    SuiteError names a line that is too long or does not say what a line has to say.
    """
    return (entry for _, entry in _placed(path))


def _placed(path: Path) -> Iterator[tuple[int, Entry]]:
    """Each entry, and the offset of its line."""
    with _opened(path) as file:
        number = offset = 0
        while line := file.readline(LONGEST):
            number += 1
            if not line.endswith(b"\n"):
                if len(line) == LONGEST:
                    raise SuiteError(f"{path}, line {number}: longer than {LONGEST:,} bytes")
                return
            yield offset, _decoded(line, _DECODER, f"{path}, line {number}")
            offset += len(line)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise UsageError(f"{path}: the journal cannot be read: {error.strerror}") from None


def _decoded(line: bytes, decoder: msgspec.json.Decoder[Of], place: str) -> Of:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SuiteError(f"{place}: {error}") from None


class Attempt(msgspec.Struct, frozen=True):
    """The last complete attempt at a submission: what is to be known of it before its verdicts are read."""

    run: Started
    """The conditions under which it was made."""
    digest: str
    status: Status
    reached: "array[int]"
    """Where in the journal the lines of its verdicts begin; other submissions may have lines between them."""
    ended: int
    """Where its last line begins."""


class Standings(Mapping[str, Standing]):
    """Where each submission stands, by its name and in that order; one without a complete attempt is not in it.

    However large the class, only the places of the verdicts are in memory: they are read from the journal each time
    that they are asked for.
    """

    def __init__(self, path: Path) -> None:
        """SuiteError if a verdict belongs to no attempt: then nobody can say what it is about."""
        self._path = path
        attempts, self.unfinished = _attempts(path)
        self.attempts = dict(sorted(attempts.items()))

    def __getitem__(self, submission: str) -> Standing:
        attempt = self.attempts[submission]
        with _opened(self._path) as file:
            records = [self._read(file, at, _REACHED).record for at in attempt.reached]
            ended = self._read(file, attempt.ended, _ENDED)
        return _standing(attempt.run, ended, records)

    def __iter__(self) -> Iterator[str]:
        return iter(self.attempts)

    def __len__(self) -> int:
        return len(self.attempts)

    def _read(self, file: BinaryIO, offset: int, decoder: msgspec.json.Decoder[Of]) -> Of:
        file.seek(offset)
        return _decoded(file.readline(LONGEST), decoder, f"{self._path}, byte {offset:,}")


def _attempts(path: Path) -> tuple[dict[str, Attempt], list[Started]]:
    """The last complete attempts; and the runs since the last one that came to its end."""
    run: Started | None = None
    unfinished: list[Started] = []
    reached: dict[str, array[int]] = {}
    complete: dict[str, Attempt] = {}
    for offset, entry in _placed(path):
        match entry:
            case Started():
                run = entry
                unfinished.append(run)
                reached.clear()  # whoever wrote before has ended, and its unfinished attempts with it
            case Done():
                unfinished.clear()
            case Begun():
                reached[entry.submission] = array("Q")
            case Reached() if entry.submission in reached:
                reached[entry.submission].append(offset)
            case Ended() if run is not None:
                own = reached.pop(entry.submission, array("Q"))
                complete[entry.submission] = Attempt(run, entry.digest, entry.status, own, offset)
            case _:
                raise SuiteError(f"the journal has a line about {entry.submission!r} that belongs to no attempt")
    return complete, unfinished


def _standing(run: Started, ended: Ended, records: list[Record]) -> Standing:
    report = Report(
        version=run.version, exercise=run.exercise, submission=ended.submission, roles=ended.roles, seed=run.seed,
        isolation=ended.isolation, seconds=ended.seconds, warnings=ended.warnings, slip=ended.slip, records=records,
    )  # fmt: skip
    return Standing(ended.submission, ended.digest, ended.status, ended.reason, report if records else None, run)
