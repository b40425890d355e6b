"""A check in a container: the submission goes in, verdicts come out, and a report is made of them here.

What the reference does is recorded once an image, exercise and seed, in a container without any submission, and given
to every other: nobody's program has ever been near it.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from sockspec import intake
from sockspec.check import Options, Seen, report
from sockspec.complaint import SuiteError, UsageError
from sockspec.model import Report
from sockspec.oracle import kept
from sockspec.sandbox import container, image, wire
from sockspec.submission import Wishes
from sockspec.visible import visible

_Result = TypeVar("_Result")


class Sandbox:
    """An engine and an image, ready to take submissions."""

    def __init__(self, say: image.Say, *, base: str = "", label: str = "") -> None:
        client = container.connect()
        self.image = image.ready(client, say, base=base)
        self.image_id: str = client.images.get(self.image).id
        self.engine: str = client.version()["Version"]
        self.label = label or f"{os.getpid()}-{time.monotonic_ns()}"
        self._say = say
        self.stop()  # what somebody who was killed has left under this label

    def stop(self) -> None:
        """End every container of this sandbox, at once."""
        container.remove_all(container.connect(), self.label)

    def observed(self, exercise: str, options: Options) -> bytes:
        """What the reference does in every scenario of the exercise; recorded if nobody has yet."""
        known = [self.image_id, exercise, options.settings.seed]
        name = hashlib.sha256("\0".join(map(str, known)).encode()).hexdigest()
        cache = kept("rehearsals")
        if (cache / name).exists():
            return (cache / name).read_bytes()
        self._say(f"recording what the reference of {exercise} does")
        order = wire.Order(exercise, options.settings)
        told = self._again(lambda: list(container.tell(container.connect(), self.image, order, b"", label=self.label)))
        if faults := [one.reason for one in told if isinstance(one, wire.Faulted | wire.Refused)]:
            raise SuiteError("\n".join(faults))
        observed = b"".join(one.piece for one in told if isinstance(one, wire.Observed))
        cache.mkdir(parents=True, exist_ok=True)
        temporary = cache / f"{name}.{os.getpid()}"
        temporary.write_bytes(observed)
        temporary.replace(cache / name)
        return observed

    def _again(self, run: Callable[[], _Result]) -> _Result:
        """What fails for a reason of the machine is tried once more."""
        try:
            return run()
        except container.EngineFault as fault:
            self._say(f"{fault}; once more")
            return run()

    def told(self, directory: Path, exercise: str, wishes: Wishes, options: Options) -> Iterator[wire.Told]:
        """Check a clean copy of a submission; whatever the container tells, as it comes."""
        packed = b"".join(intake.pack(directory))
        observed = self.observed(exercise, options)
        order = wire.Order(
            exercise, options.settings, wishes.roles, options.only, options.strict, options.jobs, wishes.commands,
            wishes.build, wishes.port, len(packed), len(observed),
        )  # fmt: skip
        yield from container.tell(container.connect(), self.image, order, observed + packed, label=self.label)

    def check(self, directory: Path, exercise: str, wishes: Wishes, options: Options, seen: Seen) -> Report:
        """The report on one directory; UsageError if there is nothing in it to play."""
        return self._again(lambda: self._checked(directory, exercise, wishes, options, seen))

    def _checked(self, directory: Path, exercise: str, wishes: Wishes, options: Options, seen: Seen) -> Report:
        started = time.monotonic()
        records = []
        name = visible(directory.resolve().name)
        with tempfile.TemporaryDirectory(prefix="sockspec-") as scratch:
            copy = Path(scratch, "submission")
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
