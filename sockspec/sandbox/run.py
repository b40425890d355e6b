"""A check in a container: the submission goes in, verdicts come out, and a report is made of them here.

What the reference does is recorded once an image, exercise and seed, in a container without any submission, and given
to every other: nobody's program has ever been near it.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import msgspec

from sockspec import fresh, intake, scratch
from sockspec.check import Options, Seen, report
from sockspec.complaint import SuiteError, UsageError
from sockspec.model import Report
from sockspec.oracle import kept
from sockspec.sandbox import container, image, wire
from sockspec.submission import Wishes
from sockspec.visible import visible

_Result = TypeVar("_Result")


class _Stored:
    """Something recorded, in a file with its checksum: what is damaged counts for nothing, and is recorded again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes:
        """What was written; nothing if it is not there, or not all of it."""
        try:
            checksum, observed = self._path.read_bytes().split(b"\n", 1)
        except (FileNotFoundError, ValueError):
            return b""
        return observed if checksum == _checksum(observed) else b""

    def write(self, observed: bytes) -> None:
        """Keep it; SuiteError says why the disk does not let us."""
        try:
            fresh.write(self._path, [_checksum(observed), b"\n", observed], lasting=True)
        except OSError as error:
            raise SuiteError(
                f"{self._path}: what the reference does cannot be kept: {error.strerror};"
                " make room, or name another place in XDG_CACHE_HOME"
            ) from error


def _checksum(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


class Sandbox:
    """An engine and an image, ready to take submissions."""

    def __init__(self, say: image.Say, *, base: str = "", label: str = "") -> None:
        self.label = label or f"{os.getpid()}-{time.monotonic_ns()}"
        self.say = say
        scratch.sweep()
        with closing(container.connect()) as client, container.faults("the engine does not answer"):
            self.image = image.ready(client, say, base=base)
            self.image_id: str = client.images.get(self.image).id
            about = client.version()
            self.engine: str = about["Version"]
            self.kernel: str = about["KernelVersion"]  # of the engine's machine, which may be another
            container.remove_orphans(client)

    def stop(self) -> None:
        """End every container of this sandbox, at once, and what somebody who was killed has left under its label."""
        with closing(container.connect()) as client:
            container.remove_all(client, self.label)

    def wait(self) -> None:
        """Return once the engine answers; EngineFault if it does not come back."""
        container.wait()

    def tools(self) -> dict[str, str]:
        """The versions of what programs are built and run with, by name."""
        with closing(container.connect()) as client:
            return container.tools(client, self.image)

    def observed(self, exercise: str, options: Options) -> bytes:
        """What the reference does in every scenario of the exercise; recorded if nobody has yet."""
        known = [self.image_id, exercise, options.settings.seed]
        name = hashlib.sha256("\0".join(map(str, known)).encode()).hexdigest()
        stored = _Stored(kept("rehearsals") / name)
        if found := stored.read():
            return found
        self.say(f"recording what the reference of {exercise} does")
        order = wire.Order(exercise, options.settings)
        told = self._again(lambda: list(self._tell(order, b"")))
        if faults := [one.reason for one in told if isinstance(one, wire.Faulted | wire.Refused)]:
            raise SuiteError("\n".join(faults))
        observed = b"".join(one.piece for one in told if isinstance(one, wire.Observed))
        if not observed:
            raise container.EngineFault("the container that recorded the reference told nothing of it")
        stored.write(observed)
        return observed

    def _again(self, run: Callable[[], _Result]) -> _Result:
        """What fails for a reason of the machine is tried once more."""
        try:
            return run()
        except container.EngineFault as fault:
            self.say(f"{fault}; once more")
            self.wait()
            return run()

    def told(self, directory: Path, exercise: str, wishes: Wishes, options: Options) -> Iterator[wire.Told]:
        """Check a clean copy of a submission; whatever the container tells, as it comes."""
        packed = b"".join(intake.pack(directory))
        observed = self.observed(exercise, options)
        order = wire.Order(
            exercise, options.settings, wishes.roles, options.only, options.strict, options.jobs, wishes.commands,
            wishes.build, wishes.port, len(packed), len(observed),
        )  # fmt: skip
        yield from self._tell(order, observed + packed)

    def _tell(self, order: wire.Order, cargo: bytes) -> Iterator[wire.Told]:
        with closing(container.connect()) as client:
            yield from container.tell(client, self.image, order, cargo, label=self.label)

    def check(self, directory: Path, exercise: str, wishes: Wishes, options: Options, seen: Seen) -> Report:
        """The report on one directory; UsageError if there is nothing in it to play."""
        return self._again(lambda: self._checked(directory, exercise, wishes, options, seen))

    def _checked(self, directory: Path, exercise: str, wishes: Wishes, options: Options, seen: Seen) -> Report:
        started = time.monotonic()
        records = []
        name = visible(directory.resolve().name)
        with scratch.directory() as place:
            copy = place / "submission"
            try:
                taken = intake.take(directory, copy)
            except intake.Refused as refused:
                raise UsageError(f"{directory}: {refused.reason}") from None
            for told in self.told(taken.directory, exercise, wishes, options):
                match told:
                    case wire.Reached(done, total, record):
                        records.append(msgspec.structs.replace(record, submission=name))
                        seen(done, total, record)
                    case wire.Refused(reason):
                        raise UsageError(f"{directory}: {reason}")
                    case wire.Faulted(reason):
                        raise SuiteError(reason)
                    case wire.Finished(roles, warnings, _, limited):
                        seconds = time.monotonic() - started
                        return report(exercise, name, roles, warnings, options, records, seconds, limited=limited)
        raise container.EngineFault("the container ended before it had told all")
