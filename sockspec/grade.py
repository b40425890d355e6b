"""Grading a class: every submission in a container of its own, every verdict in the journal, all reports from there.

Whatever happens to one submission is its own affair: it never stops the class. What happens to the machine is nobody's
fault: it is tried again, and then the submission is not graded, which is no zero. Interrupted at any point, the same
command goes on where the journal ends; what is graded and has not changed since is not run again.
"""

import hashlib
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

import sockspec
from sockspec import catalogue, check, intake, scratch
from sockspec.catalogue import Requirement
from sockspec.complaint import SuiteError, UsageError, nearest
from sockspec.isolation import Isolation
from sockspec.journal import Begun, Done, Ended, Journal, Reached, Standing, Standings, Started
from sockspec.limits import Limits
from sockspec.model import Report
from sockspec.policy import NotGraded, Policy, Score, score
from sockspec.sandbox import wire
from sockspec.sandbox.run import Sandbox
from sockspec.scenario import Settings
from sockspec.submission import Wishes
from sockspec.verdict import Diagnosis, Level, Outcome, Record, Verdict
from sockspec.visible import visible, visible_lines
from sockspec.watch import Patience

_TRIES = 2
_NAMED = 5
_CONDITIONS = ("exercise", "suite", "image", "seed", "bounds")
"""What has to be the same for grades to stand in one journal."""
_CUT_OFF = "the container ended before it had told all"
JOURNAL = "journal.jsonl"


class Job(msgspec.Struct, frozen=True):
    """How a class is graded."""

    policy: Policy
    seed: int = 1
    jobs: int = 1
    regrade: tuple[str, ...] = ()


class Step(msgspec.Struct, frozen=True):
    """Something that progress is shown of."""

    submission: str
    what: str
    """`waits`, `runs`; and in the end `passed`, `failed` (a MUST is not met), `not graded` or `kept`."""
    detail: str = ""
    done: int = 0
    total: int = 0


See = Callable[[Step], None]


def options(job: Job) -> check.Options:
    """What the policy says about how programs are run."""
    policy = job.policy
    limits = Limits(
        memory_bytes=policy.limits.memory_mib << 20,
        output_bytes=policy.limits.output_mib << 20,
        processes=policy.limits.processes,
    )
    patience = Patience(policy.patience_s, policy.processor_s)
    return check.Options(Settings(Isolation.container(), job.seed, patience, limits))


def grade(directory: Path, job: Job, out: Path, sandbox: Sandbox, see: See) -> Standings:
    """Grade every submission of that directory; where each stands afterwards."""
    entries = _entries(directory, sandbox, out)
    again = _chosen(entries, job.regrade)
    with Journal(out / JOURNAL) as written:
        sandbox.stop()  # what somebody who was killed has left; only now is it sure that nobody is at it
        started = _started(job, sandbox)
        kept = _kept(written.path, started, again, {visible(entry.name) for entry in entries})
        written.append(started)
        sandbox.observed(job.policy.exercise, options(job))  # before the class, so that every worker finds it
        _Class(job, sandbox, written, kept, see).run(entries)
        written.append(Done(_now()))
    return Standings(out / JOURNAL)


def _entries(directory: Path, sandbox: Sandbox, out: Path | None = None) -> list[intake.Entry]:
    """The submissions; what else lies there is mentioned, the directory of the results included."""
    entries, results = [], (out or Path("/")).resolve()
    for entry in intake.submissions(directory):
        here = directory.resolve() / entry.path.name
        if here in results.parents:
            shown = visible(entry.path.name)
            raise UsageError(f"--out {out} is in {shown}, which would be a submission; name another directory")
        if here == results:
            sandbox.say(f"{visible(entry.path.name)}: no submission, for the results go there")
        else:
            entries.append(entry)
    if strays := intake.strays(directory):
        sandbox.say(f"{', '.join(strays)}: no submission; each is a directory or an archive of its own")
    if not entries:
        raise UsageError(f"{directory}: no submission in it; each is a directory or an archive of its own")
    return entries


def _chosen(entries: list[intake.Entry], patterns: tuple[str, ...]) -> set[str]:
    names = [visible(entry.name) for entry in entries]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise UsageError(f"--regrade {pattern}: no submission is called so{nearest(pattern, names)}")
    return {name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)}


def _started(job: Job, sandbox: Sandbox) -> Started:
    return Started(
        version=sockspec.__version__, exercise=job.policy.exercise, seed=job.seed, suite=sandbox.image,
        image=sandbox.image_id, bounds=_bounds(job.policy), regrade=sorted(set(job.regrade)),
        tools={"kernel": sandbox.kernel, "engine": sandbox.engine, **sandbox.tools()},
        isolation=Isolation.container().kind, at=_now(),
    )  # fmt: skip


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _bounds(policy: Policy) -> str:
    limits = policy.limits
    return (
        f"{policy.patience_s:g} s of timers, {policy.processor_s:g} s of processor, {limits.memory_mib} MiB of memory,"
        f" {limits.output_mib} MiB of output, {limits.processes} processes"
    )


def _kept(path: Path, now: Started, again: set[str], here: set[str]) -> dict[str, str]:
    """The digests of those that are graded and stay so; UsageError if one was graded under other conditions.

    Of those to be graded again an interrupted run that had the same to do may have done some: they stay.
    """
    stands = Standings(path)
    graded = {name: attempt for name, attempt in stands.attempts.items() if attempt.status == "graded"}
    mine = [run for run in stands.unfinished if run.regrade == now.regrade and not _differ(run, now)]
    attempts = {
        name: attempt
        for name, attempt in graded.items()
        if name not in again or any(attempt.run is run for run in mine)
    }
    for what in _CONDITIONS:
        was = {name: getattr(attempt.run, what) for name, attempt in attempts.items()}
        if others := [name for name in was if was[name] != getattr(now, what)]:
            remedy = "grade all again (--regrade '*'), or name another --out"
            if gone := [name for name in others if name not in here]:
                remedy = f"name another --out, for {_few(gone)} cannot be graded again: no longer handed in"
            differ = f"graded with {what} {was[others[0]]}, and this is {getattr(now, what)}"
            raise UsageError(f"{path}: {differ}: {_few(others)}; {remedy}")
    return {name: attempt.digest for name, attempt in attempts.items()}


def _few(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if names[_NAMED:] else "")


def _differ(one: Started, other: Started) -> bool:
    return any(getattr(one, what) != getattr(other, what) for what in _CONDITIONS)


def _told(sandbox: Sandbox, taken: intake.Taken, job: Job) -> Iterator[wire.Told]:
    """What the sandbox tells of a submission; what goes wrong is a fault of that run, and of no other."""
    exercise = job.policy.exercise
    try:
        yield from sandbox.told(taken.directory, exercise, Wishes(exercise), options(job))
    except SuiteError as fault:
        yield wire.Faulted(str(fault))


class _Class:
    """The submissions of one run, handed out to workers."""

    def __init__(self, job: Job, sandbox: Sandbox, written: Journal, kept: dict[str, str], see: See) -> None:
        self._job = job
        self._sandbox = sandbox
        self._journal = written
        self._kept = kept
        self._see = see
        self._waiting: queue.SimpleQueue[intake.Entry] = queue.SimpleQueue()
        self._fatal: list[BaseException] = []

    def run(self, entries: list[intake.Entry]) -> None:
        """All of them, by as many workers as the job says; what stops one worker stops all, and is raised."""
        for entry in entries:
            self._see(Step(visible(entry.name), "waits"))
            self._waiting.put(entry)
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(self._job.jobs)]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                worker.join()
        except BaseException as interrupted:
            self._fatal.append(interrupted)
            with suppress(SuiteError):  # an engine that is gone has ended it
                self._sandbox.stop()  # ends what the workers listen to
            raise
        if self._fatal:
            raise self._fatal[0]

    def _work(self) -> None:
        while not self._fatal:
            try:
                entry = self._waiting.get_nowait()
            except queue.Empty:
                return
            try:
                self._submission(entry)
            except Exception as error:  # the journal cannot be written, or we are wrong: nobody else is to suffer more
                self._fatal.append(error)

    def _submission(self, entry: intake.Entry) -> None:
        name = visible(entry.name)
        with scratch.directory() as place:
            try:
                taken = intake.take(entry.path, place / "submission")
            except intake.Refused as refused:
                digest = hashlib.sha256(refused.reason.encode()).hexdigest()
                if not self._keeps(name, digest):
                    self._journal.append(Begun(name, digest, 1))
                    self._unplayable(name, digest, refused.reason)
                return
            digest = intake.digest(taken.directory)
            if self._keeps(name, digest):
                return
            for attempt in range(1, _TRIES + 1):
                if (fault := self._attempt(name, digest, taken, attempt)) == "":
                    return
                self._sandbox.wait()
                if self._fatal:  # nobody's fault, and nothing to be written down
                    return
            self._not_graded(name, digest, fault)

    def _keeps(self, name: str, digest: str) -> bool:
        """Whether it was graded before, and has not changed since."""
        if self._kept.get(name) != digest:
            return False
        self._see(Step(name, "kept"))
        return True

    def _attempt(self, name: str, digest: str, taken: intake.Taken, attempt: int) -> str:
        """One run of it; empty if it is graded, or what failed us."""
        self._journal.append(Begun(name, digest, attempt))
        self._see(Step(name, "runs"))
        exercise, how = self._job.policy.exercise, options(self._job)
        records: list[Record] = []
        for told in _told(self._sandbox, taken, self._job):
            match told:
                case wire.Reached(done, total, record):
                    records.append(msgspec.structs.replace(record, submission=name))
                    self._journal.append(Reached(name, records[-1]))
                    self._see(Step(name, "runs", record.requirement, done, total))
                case wire.Refused(reason):
                    self._unplayable(name, digest, reason)
                    return ""
                case wire.Faulted(reason):
                    return reason
                case wire.Finished(roles, warnings, seconds, limited):
                    if broken := [record for record in records if record.verdict is Verdict.ERROR]:
                        return _fault(broken[0])
                    warnings = [*warnings, *(f"left out: {line}" for line in taken.left_out)]
                    report = check.report(exercise, name, roles, warnings, how, records, seconds, limited=limited)
                    self._graded(digest, report)
                    return ""
        return _CUT_OFF

    def _unplayable(self, name: str, digest: str, reason: str) -> None:
        """There is nothing that the attempt under way could run: no requirement is met, and each says why."""
        report = unplayable(name, self._job.policy.exercise, reason, options(self._job))
        for record in report.records:
            self._journal.append(Reached(name, record))
        self._graded(digest, report)

    def _graded(self, digest: str, report: Report) -> None:
        ended = Ended(
            submission=report.submission, digest=digest, status="graded", seconds=report.seconds,
            isolation=report.isolation, roles=report.roles, warnings=report.warnings, slip=report.slip,
        )  # fmt: skip
        self._journal.append(ended)
        points = score(self._job.policy, Standing(report.submission, digest, "graded", "", report))
        if isinstance(points, NotGraded):
            self._see(Step(report.submission, "not graded", points.reason))
        else:
            what = "passed" if _meets_all(points) else "failed"
            self._see(Step(report.submission, what, f"{points.points} of {points.total} points"))

    def _not_graded(self, name: str, digest: str, reason: str) -> None:
        ended = Ended(
            submission=name, digest=digest, status="not graded", reason=visible_lines(reason), seconds=0.0,
            isolation=Isolation.container().kind, roles={},
        )  # fmt: skip
        self._journal.append(ended)
        self._see(Step(name, "not graded", reason.partition("\n")[0]))


def _fault(record: Record) -> str:
    return f"{record.requirement} could not be judged: {record.diagnosis.summary if record.diagnosis else 'a fault'}"


def _meets_all(graded: Score) -> bool:
    """Whether each MUST is met, those of both halves."""
    unmet = [each.requirement for each in graded.earned if not (each.row and each.row.met)]
    return not any(catalogue.requirement(slug).level is Level.MUST for slug in unmet)


def unplayable(name: str, exercise: str, reason: str, how: check.Options) -> Report:
    """The report on what cannot be run: no requirement is met, and each says why."""
    requirements = catalogue.exercise(exercise).requirements.values()
    records = [_not_found(name, requirement, reason) for requirement in requirements]
    return check.report(exercise, name, {}, [], how, records, 0.0, limited=False)


def _not_found(name: str, requirement: Requirement, reason: str) -> Record:
    verdict = {Level.MUST: Verdict.FAIL, Level.SHOULD: Verdict.WARN, Level.MAY: Verdict.NOTE}[requirement.level]
    return Record(
        requirement=requirement.slug, level=requirement.level, step=requirement.step, case="", verdict=verdict,
        outcome=Outcome.NOT_FOUND, seconds=0.0, submission=name, diagnosis=Diagnosis(summary=visible(reason)),
    )  # fmt: skip


def audit(directory: Path, job: Job, times: int, sandbox: Sandbox) -> Iterator[str]:
    """Run every submission so many times; a line for each verdict or outcome that is not what it was the first time.

    SuiteError, at the end, names those that could not be run so often.
    """
    faults = []
    for entry in _entries(directory, sandbox):
        first: dict[tuple[str, str], str] = {}
        try:
            for run in range(1, times + 1):
                now = _verdicts(entry, job, sandbox)
                first = first or now
                for case in sorted(first | now):
                    was, is_ = first.get(case, "no verdict"), now.get(case, "no verdict")
                    if was != is_:
                        yield visible(f"{entry.name}: {' '.join(case).strip()}: {was} in run 1, {is_} in run {run}")
        except SuiteError as fault:
            faults.append(visible(f"{entry.name}: {fault}"))
    if faults:
        raise SuiteError("\n".join(faults))


def _verdicts(entry: intake.Entry, job: Job, sandbox: Sandbox) -> dict[tuple[str, str], str]:
    """The verdict on every case of a submission; one on the whole, where none of it could be run."""
    with scratch.directory() as place:
        try:
            taken = intake.take(entry.path, place / "submission")
        except intake.Refused as refused:
            return {("", ""): str(refused)}
        for _ in range(_TRIES):
            told = list(_told(sandbox, taken, job))
            if not (faults := _faults(told)):
                break
            sandbox.wait()
        else:
            raise SuiteError(faults[0])
    if reasons := [one.reason for one in told if isinstance(one, wire.Refused)]:
        return {("", ""): reasons[0]}
    return {(r.requirement, r.case): f"{r.verdict.value} ({r.outcome.value})" for r in _records(told)}


def _records(told: list[wire.Told]) -> list[Record]:
    return [one.record for one in told if isinstance(one, wire.Reached)]


def _faults(told: list[wire.Told]) -> list[str]:
    """Why these verdicts are none: what failed us, or that the end is missing."""
    broken = [_fault(record) for record in _records(told) if record.verdict is Verdict.ERROR]
    if not isinstance(told[-1] if told else None, wire.Finished | wire.Refused | wire.Faulted):
        broken.append(_CUT_OFF)
    return [one.reason for one in told if isinstance(one, wire.Faulted)] + broken
