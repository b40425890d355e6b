"""Building a submission: in a copy of its directory, with its warnings kept for the report."""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

from sockspec import account, workdir
from sockspec.complaint import UsageError
from sockspec.environment import environment
from sockspec.limits import Limits, apply
from sockspec.manifest import MANIFEST
from sockspec.submission import Cast, Submission, is_file
from sockspec.verdict import Role
from sockspec.visible import visible_lines

_TIME_S = 120
_MOST_LINES, _MOST_BYTES, _MOST_READ_BYTES = 12, 4000, 1 << 20


class Built(msgspec.Struct, frozen=True):
    """What came of building: who can play, what the compiler warned of, and what could not be built."""

    cast: Cast
    warnings: dict[Role, str]
    failures: dict[Role, str]


def build(submission: Submission, directory: Path, limits: Limits, *, confined: bool = False) -> Built:
    """Copy the submission to that directory and build its programs there; confined, as users who are not us.

    Of the limits only the number of processes is the build's too: a compiler may take more than its program.
    """
    workdir.copy(submission.directory, directory)
    builder = account.BUILDER if confined else None
    if builder is not None:
        account.give(directory, builder)
    warnings, failures, done = {}, {}, {}
    for role, source in submission.sources.items():
        if source.build and source.build not in done:
            done[source.build] = _run(source.build, directory, builder, Limits(processes=limits.processes))
        status, said = done.get(source.build, (0, ""))
        if status != 0:
            failures[role] = said or f"`{source.build}` ended with exit status {status}"
        elif "warning" in said.lower():  # make also says which commands it runs
            warnings[role] = said
        if role not in failures and not _runnable(source.command.words[0], directory):
            if not source.build:
                raise UsageError(_nothing_to_start(source.command.words[0], role, directory))
            failures[role] = f"`{source.build}` left no program {source.command.words[0]}"
    if done and (said := workdir.excess(directory)):
        failures = dict.fromkeys(submission.sources, f"the build left more than is copied: {said}")
    commands = {role: source.command for role, source in submission.sources.items() if role not in failures}
    user = account.SUBMISSION if confined else None
    return Built(Cast("your", commands, str(directory), user), warnings, failures)


def _nothing_to_start(word: str, role: Role, directory: Path) -> str:
    sources = sorted(directory.glob("*.c"), key=lambda path: (path.stem != Path(word).name, path.name))
    if word.startswith("/") or "/" not in word or not sources:
        return f"cannot run {word!r}: there is no such command; check its path"
    how = "make" if (directory / "Makefile").exists() else f"cc -o {Path(word).name} {sources[0].name}"
    return (
        f"cannot run {word!r}: nothing builds it. A half whose command is given is not compiled by itself; say how,"
        f' with `build = "{how}"` under [{role}] in {MANIFEST}, or with --build'
    )


def _runnable(word: str, directory: Path) -> bool:
    """Whether a command of that name can be started there, as far as can be seen beforehand."""
    if "/" in word:
        program = directory / word
        # A build may leave a link where its program should be, and what is run is a copy without links.
        return is_file(program) and (word.startswith("/") or not program.is_symlink()) and os.access(program, os.X_OK)
    return shutil.which(word, path=environment()["PATH"]) is not None or is_file(directory / word)


def _run(command: str, directory: Path, builder: int | None, limits: Limits) -> tuple[int, str]:
    """Run a build command; its exit status and what it said, shortened. Nothing of it is left running."""
    with tempfile.TemporaryFile() as output:  # a file is bounded by RLIMIT_FSIZE, a pipe by nothing
        try:
            words = shlex.split(command)
            process = subprocess.Popen(
                words if builder is None else account.under(builder, limits, words),
                cwd=directory,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise UsageError(f"cannot run the build command {command!r}: {error}") from None
        if builder is None:
            with suppress(ProcessLookupError):
                apply(process.pid, limits)
        else:
            account.first_to_die(process.pid)
        try:
            status = process.wait(_TIME_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait(), f"`{command}` did not end in {_TIME_S} s"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if builder is not None:
                account.sweep(builder)
                account.tidy(builder)
        output.seek(0)
        return status, shortened(output.read(_MOST_READ_BYTES))


def shortened(said: bytes) -> str:
    """The compiler's own words: the first lines, made visible, and how many more there were."""
    lines = [line for line in visible_lines(said[:_MOST_BYTES]).splitlines() if line.strip()]
    more = said.count(b"\n") - _MOST_LINES
    return "\n".join([*lines[:_MOST_LINES], *([f"({more} more lines)"] if more > 0 else [])])
