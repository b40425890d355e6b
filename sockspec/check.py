"""One check: submissions of one exercise are built, run through its suite, and reported on."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import msgspec
import pytest

import sockspec
from sockspec import account, catalogue, house, mutants, sight
from sockspec.build import Built, build
from sockspec.complaint import SuiteError, UsageError
from sockspec.environment import base_python
from sockspec.model import Report
from sockspec.plugin import Collector, Run
from sockspec.scenario import Settings
from sockspec.submission import ROLES, Cast, Command, Submission
from sockspec.verdict import UNPLAYED, Diagnosis, Level, Outcome, Record, Role, Verdict
from sockspec.visible import visible

Seen = Callable[[int, int, Record], None]
"""Told about progress: how many cases are done, how many there are, and the last one."""


LIMITED = ", limited view"
"""What a report adds to its isolation where we may not see all that programs do."""
_MOST_SLIPS = 3
_TELLING = {Outcome.CRASHED, Outcome.SPINNING, Outcome.LIMIT}
"""Where all failures of a half are of these, they show no slip: they are its doing, whatever was asked."""
_UNUSED = ["terminal", "cacheprovider", "logging", "doctest", "junitxml", "unraisableexception", "threadexception"]
"""Plugins of pytest that would only take time: one collects garbage five times over when all is done."""


class Options(msgspec.Struct, frozen=True):
    """How a check is run."""

    settings: Settings
    roles: tuple[Role, ...] = ROLES
    only: tuple[str, ...] = ()
    strict: bool = False
    jobs: int = 1
    shelf: str | None = None
    """Where the reference's observations are kept; None for the user's cache."""
    users: bool = False
    """Whether programs run as users of their own outside a container of ours, too; only root can have that."""

    @property
    def confined(self) -> bool:
        """Whether programs run as users who are not us."""
        return self.users or self.settings.isolation.kind == "container"


def check(submissions: list[Submission], options: Options, seen: Seen) -> list[Report]:
    """A report on each of the submissions, which are all for the same exercise, in their order."""
    confined = options.confined
    exercise = submissions[0].exercise
    started = time.monotonic()
    limited = sight.limited(account.SUBMISSION if confined else None)
    named = labelled(submissions)
    with account.scratch(passable=confined) as scratch:
        built = {
            label: build(submission, scratch / str(number), options.settings.limits, confined=confined)
            for number, (label, submission) in enumerate(named.items())
        }
        records = _not_built(named, built, options)
        for number, record in enumerate(records, 1):
            seen(number, len(records), record)
        records += _run(exercise, {label: each.cast for label, each in built.items()}, options, seen, scratch)
        if not records:
            raise UsageError(_nothing_to_check(options))
    seconds = (time.monotonic() - started) / len(submissions)
    return [
        report(
            exercise,
            label,
            submission.shown,
            list(built[label].warnings.values()),
            options,
            records,
            seconds,
            limited=limited,
        )
        for label, submission in named.items()
    ]


def labelled(submissions: list[Submission]) -> dict[str, Submission]:
    """The submissions by names that differ, as short as they can be; a name need not be text."""
    names = [submission.name for submission in submissions]
    return {visible(one.name if names.count(one.name) == 1 else str(one.directory)): one for one in submissions}


def called(report: Report, label: str) -> Report:
    """The same report on a submission of that name."""
    records = [msgspec.structs.replace(record, submission=label) for record in report.records]
    return msgspec.structs.replace(report, submission=label, records=records)


def reference(exercise: str, user: int | None = None) -> Cast:
    """The reference of an exercise; started without site-packages, which is faster and shuts everything else out."""
    directory = house.REFERENCE / exercise
    commands: dict[Role, Command] = {
        role: Command((base_python(), "-IS", f"{role}.py", *arguments))
        for role, arguments in catalogue.exercise(exercise).arguments.items()
    }
    return Cast("the reference", commands, str(directory), user)


def _run(exercise: str, casts: dict[str, Cast], options: Options, seen: Seen, scratch: Path) -> list[Record]:
    casts = {label: cast for label, cast in casts.items() if cast.commands}
    if not casts:
        return []
    user = account.REFERENCE if options.confined else None
    run = Run(
        exercise, casts, reference(exercise, user), options.settings, str(scratch),
        list(options.only), options.strict, options.shelf,
    )  # fmt: skip
    collector = Collector(seen)
    arguments = [
        str(house.SUITES / exercise),
        "--sockspec-run", msgspec.json.encode(run).decode(),
        "--rootdir", str(house.ROOT), "-c", os.devnull, "--confcutdir", str(house.SUITES),
        "--override-ini", f"pythonpath={house.ROOT}",  # a suite may import modules of its own
        "--import-mode", "importlib",  # suites have files of the same names
        "-p", "sockspec.plugin", "--assert=plain", *(f"-pno:{name}" for name in _UNUSED),
        "--basetemp", str(scratch / "pytest"),
        *(["-p", "xdist", "-n", str(options.jobs)] if options.jobs > 1 else []),
    ]  # fmt: skip
    # Neither we nor a worker may import anything from where the user happens to be, or load anybody's plugins.
    os.environ.update(PYTHONSAFEPATH="1", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    here = Path.cwd()
    os.chdir(house.ROOT)
    try:
        with redirect_stdout(sys.stderr):  # standard output belongs to the report
            status = pytest.main(arguments, plugins=[collector])
    finally:
        os.chdir(here)
    if status == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    ended = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
    if collector.faults or status not in ended:
        raise SuiteError("\n".join(collector.faults) or f"pytest ended with {status!r}")
    return collector.records


def _not_built(submissions: dict[str, Submission], built: dict[str, Built], options: Options) -> list[Record]:
    """What was not built fails all that it would have been asked, had it been built."""
    exercise = next(iter(submissions.values())).exercise
    chosen = set(catalogue.select(list(catalogue.exercise(exercise).requirements), list(options.only)))
    return [
        _not_built_record(requirement, label, role, said, strict=options.strict)
        for label, submission in submissions.items()
        for role, said in built[label].failures.items()
        for requirement in _askable(exercise, set(submission.sources))
        if requirement.slug in chosen and requirement.role in (role, "both")
    ]


def _askable(exercise: str, roles: set[Role]) -> list[catalogue.Requirement]:
    """The requirements that are about those halves; what is about both needs both."""
    requirements = catalogue.exercise(exercise).requirements.values()
    return [each for each in requirements if each.role in roles or (each.role == "both" and len(roles) > 1)]


def _not_built_record(requirement: catalogue.Requirement, label: str, role: Role, said: str, *, strict: bool) -> Record:
    must = requirement.level is Level.MUST or (strict and requirement.level is Level.SHOULD)
    lenient = Verdict.WARN if requirement.level is Level.SHOULD else Verdict.NOTE
    diagnosis = Diagnosis(summary=f"your {role} was not built", last_words=said)
    return Record(
        requirement=requirement.slug, level=requirement.level, step=requirement.step, case="",
        verdict=Verdict.FAIL if must else lenient, outcome=Outcome.NOT_BUILT, seconds=0.0, submission=label,
        diagnosis=diagnosis,
    )  # fmt: skip


def report(
    exercise: str, label: str, roles: dict[Role, str], warnings: list[str], options: Options, records: list[Record],
    seconds: float, *, limited: bool,
) -> Report:  # fmt: skip
    """The report on one of the submissions that those records are about; `limited` if not all could be seen."""
    order = list(catalogue.exercise(exercise).requirements)
    own = sorted(
        (record for record in records if record.submission == label),
        key=lambda record: order.index(record.requirement),
    )
    return Report(
        version=sockspec.__version__,
        exercise=exercise,
        submission=label,
        roles=roles,
        seed=options.settings.seed,
        isolation=options.settings.isolation.kind + (LIMITED if limited else ""),
        seconds=seconds,
        warnings=list(dict.fromkeys(warnings)),
        slip=_slip(exercise, roles, own) if not options.only else "",
        records=own,
    )


def _slip(exercise: str, roles: dict[Role, str], records: list[Record]) -> str:
    """The slips that fail just what this submission fails, role by role; nothing where too many do.

    Nothing either for a half that was not built or never listened, or all of whose failures are a crash or the like:
    whatever goes wrong that early fails the same requirements, and the diagnosis says what it was.
    """
    unmet = [record for record in records if record.verdict in (Verdict.FAIL, Verdict.WARN)]
    told = []
    for role in ROLES:
        own = [record for record in unmet if f".{role}." in record.requirement]
        outcomes = {record.outcome for record in own}
        if own and outcomes.isdisjoint(UNPLAYED) and not outcomes <= _TELLING:
            failed = {record.requirement for record in own}
            slips = mutants.slips(exercise, role, failed, Path(roles.get(role, "")).suffix)
            if len(slips) <= _MOST_SLIPS:
                told += [" Or: ".join(slips)]
    return " ".join(told).strip()


def by_exercise(submissions: list[Submission], options: Options) -> list[tuple[list[Submission], Options]]:
    """The submissions of each exercise, and how they are checked: the others' part of `only` is left out."""
    groups: dict[str, list[Submission]] = {}
    for submission in submissions:
        groups.setdefault(submission.exercise, []).append(submission)
    if len(groups) == 1:
        return [(submissions, options)]
    catalogue.select([slug for name in groups for slug in catalogue.exercise(name).requirements], list(options.only))
    parts: list[tuple[list[Submission], Options]] = []
    for name, own in groups.items():
        only = _about(name, own, options.only)
        if only or not options.only:
            settings = msgspec.structs.replace(options.settings, fresh=not parts)
            parts.append((own, msgspec.structs.replace(options, settings=settings, only=only)))
    if not parts:
        raise UsageError(_nothing_to_check(options))
    return parts


def _about(exercise: str, submissions: list[Submission], patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The patterns that are about a half which one of the submissions has."""
    roles = {role for submission in submissions for role in submission.sources}
    slugs = [requirement.slug for requirement in _askable(exercise, roles)]
    return tuple(pattern for pattern in patterns if catalogue.matching(slugs, pattern))


def _nothing_to_check(options: Options) -> str:
    return f"nothing to check: {' '.join(options.only)} is about a half that is not there"
