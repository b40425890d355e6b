"""The command line. Exit status: 0 conforms, 1 does not, 2 wrong usage, 3 a fault of the suite or the machine."""

import errno
import math
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

import sockspec
from sockspec import ending, fresh
from sockspec.complaint import SuiteError, UsageError

if TYPE_CHECKING:
    from sockspec.catalogue import Requirement
    from sockspec.model import Again, Report
    from sockspec.policy import Policy
    from sockspec.sandbox.run import Sandbox
    from sockspec.submission import Submission
    from sockspec.verdict import Record, Role


class _Complaining(click.Group):
    """Turns our complaints into one line and an exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            click.echo(f"sockspec: {error}", err=True)
            sys.exit(2)
        except SuiteError as error:
            click.echo(f"sockspec: a fault of the suite or of this machine, not of a program:\n{error}", err=True)
            sys.exit(3)
        except OSError as error:
            if error.errno == errno.EPIPE:  # nobody reads what we print: click knows what to do
                raise
            click.echo(f"sockspec: this machine failed, and not a program: {error}", err=True)
            sys.exit(3)
        except KeyboardInterrupt:
            click.echo("sockspec: interrupted; the programs have been ended", err=True)
            sys.exit(128 + signal.SIGINT)


@click.group(cls=_Complaining, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(sockspec.__version__, prog_name="sockspec")
def main() -> None:
    """Run any client or server that claims to do a socket exercise, and say whether it does, and why not."""


_KEPT = ("exercise", "role", "strict", "client", "server", "port", "build", "seed", "patience", "cpu", "sandbox")
"""The options of a check that belong to the command that does the same again."""


class _Seconds(click.FloatRange):
    """A time that a clock can measure."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is no number of seconds.", param, ctx)
        return seconds


_TIME = _Seconds(0.05, 86_400)
_POLICY = click.option("--policy", "policy_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                       help="Points, and what students are told; else the one that the exercise brings.")  # fmt: skip


@main.command()
@click.argument("directories", nargs=-1, type=click.Path(path_type=Path, readable=False), metavar="[DIR]...")
@click.option("--exercise", metavar="NAME", help="Which exercise it is; else sockspec.toml or the file names say so.")
@click.option("--role", type=click.Choice(["client", "server"]), help="Check this half only.")
@click.option("--only", multiple=True, metavar="PATTERN", help="Requirements to check, as globs; repeatable.")
@click.option("--strict", is_flag=True, help="A SHOULD that is not met fails as well.")
@click.option("--client", metavar="CMD", help="How to start the client, with {host} and {port}.")
@click.option("--server", metavar="CMD", help="How to start the server, with {port}.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port of a program that cannot be told one.")
@click.option("--build", default="", metavar="CMD", help="How to build it, run in a copy of DIR.")
@click.option("--jobs", type=click.IntRange(1, 16), default=1, show_default=True, help="Worker processes.")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the verdicts there.")
@click.option("--junit", "junit_file", type=click.Path(path_type=Path, dir_okay=False), help="And as JUnit XML.")
@click.option("--classroom50", "classroom50_file", type=click.Path(path_type=Path, dir_okay=False),
              help="And with points, as Classroom 50's result.json.")  # fmt: skip
@_POLICY
@click.option("--github", is_flag=True, help="In a step of GitHub Actions: fill its summary, and annotate.")
@click.option("--seed", type=int, default=1, show_default=True, help="What the random data is made from.")
@click.option("--patience", type=_TIME, default=3.0, show_default=True,
              help="Seconds a program may spend sleeping on timers, a scenario.")  # fmt: skip
@click.option("--cpu", type=_TIME, default=1.0, show_default=True,
              help="Seconds of processor time it may use without moving a byte.")  # fmt: skip
@click.option("--sandbox", type=click.Choice(["auto", "docker", "none"]), default="auto", show_default=True,
              help="Run programs in a container, or as you; auto: in a container if an engine answers.")  # fmt: skip
def check(
    directories: tuple[Path, ...], exercise: str | None, role: str | None, only: tuple[str, ...], strict: bool,
    client: str | None, server: str | None, port: int | None, build: str, jobs: int, json_file: Path | None,
    junit_file: Path | None, classroom50_file: Path | None, policy_file: Path | None, github: bool, seed: int,
    patience: float, cpu: float, sandbox: str,
) -> None:  # fmt: skip
    """Check the client and the server in DIR against the reference; several directories get a column each.

    A DIR may have several exercises, each in a directory or in a table of sockspec.toml: they are checked in turn.
    """
    ending.as_by_ctrl_c()
    step = _Step() if github else None
    contained = _contained(sandbox)
    from sockspec import names

    # Before anything else: a process with several threads cannot enter a private network.
    isolation = None if contained else names.isolate()
    from sockspec import catalogue
    from sockspec import check as checking
    from sockspec.isolation import Isolation
    from sockspec.report.progress import progress
    from sockspec.scenario import Settings
    from sockspec.submission import ROLES, Wishes, find_all
    from sockspec.watch import Patience

    roles: tuple[Role, ...] = ROLES if role is None else (role,)  # type: ignore[assignment]
    commands: dict[Role, str] = {}
    if server is not None:
        commands["server"] = server
    if client is not None:
        commands["client"] = client
    wishes = Wishes(exercise, roles, commands, build, port, catalogue.exercise_of(only))
    for file in (json_file, junit_file):
        _complain_if_unwritable(file)
    submissions = [
        each for directory in dict.fromkeys(directories) or (Path(),) for each in find_all(directory, wishes)
    ]
    result = _result(classroom50_file, policy_file, submissions)
    settings = Settings(isolation or Isolation.container(), seed, Patience(patience, cpu))
    parts = checking.by_exercise(submissions, checking.Options(settings, roles, only, strict, jobs))
    reports: list[Report] = []
    with progress(sys.stderr) as show:

        def seen(done: int, total: int, record: "Record") -> None:
            show(done, total, record.requirement)

        for part, options in parts:
            if contained:
                for label, one in checking.labelled(part).items():
                    report = contained.check(one.handed_in, one.exercise, wishes, options, seen)
                    reports.append(checking.called(report, label))
            else:
                reports += checking.check(part, options, seen)
    checked = [one for part, _ in parts for one in checking.labelled(part).values()]
    program = ["sockspec"] if github else _program()  # a step's summary is read on another machine
    same = {
        (report.exercise, report.submission): _again(program, one.handed_in, only)
        for report, one in zip(reports, checked, strict=True)
    }

    def again(report: "Report") -> "Again":
        return same[report.exercise, report.submission]

    status = _show(reports, again, strict=strict)
    _write(reports, json_file, junit_file, again, strict=strict)
    if step:
        step.tell(reports, again, strict=strict)
    if result:
        result.tell(reports[0])
    sys.exit(status)


class _Step:
    """A step of GitHub Actions. Its log takes no orders until all is told; after a fault it never does again."""

    def __init__(self) -> None:
        from sockspec.report import as_github

        if not (summary := os.environ.get("GITHUB_STEP_SUMMARY")):
            raise UsageError("--github: GITHUB_STEP_SUMMARY is not in the environment; a step of GitHub Actions has it")
        self._summary = Path(summary)
        stop, self._resume = as_github.silence()
        click.echo(stop)

    def tell(self, reports: "list[Report]", again: "Callable[[Report], Again]", *, strict: bool) -> None:
        """The summary goes to its file, behind what is there already, and the annotations to the log."""
        from sockspec.report import as_github
        from sockspec.report.terminal import encodable
        from sockspec.report.view import ungraded

        requirements = _requirements(reports)
        views = [ungraded(report, requirements, strict=strict, again=again(report)) for report in reports]
        _append(self._summary, as_github.summary(*views))
        click.echo(self._resume)
        click.echo(encodable(as_github.annotations(*views), sys.stdout.encoding), nl=False)


def _append(file: Path, content: bytes) -> None:
    try:
        with file.open("ab") as opened:
            opened.write(content)
    except OSError as error:
        raise fresh.unwritten(file, error) from None


class _Result:
    """A result for Classroom 50. What lies in its place is taken away first: the submission may have brought it."""

    def __init__(self, file: Path, policy: "Policy", directory: Path) -> None:
        from sockspec.report import as_classroom50

        self._file, self._policy = file, policy
        self._runner, self._committed = as_classroom50.stated(os.environ), as_classroom50.committed(directory)
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write {file}: {error.strerror}") from None

    def tell(self, report: "Report") -> None:
        """Write it; SuiteError says why there are no points."""
        from sockspec import catalogue
        from sockspec.journal import Standing
        from sockspec.report import as_classroom50, outputs
        from sockspec.report.view import view

        standing = Standing(report.submission, "", "graded", "", report)
        seen = view(standing, self._policy, catalogue.exercise(report.exercise).requirements)
        if (content := as_classroom50.render(seen, self._runner, self._committed)) is None:
            raise SuiteError(f"{self._file} is not written, for there are no points: {seen.reason}")
        outputs.write(self._file, [content])


def _result(file: Path | None, policy_file: Path | None, submissions: "list[Submission]") -> _Result | None:
    if file is None and policy_file is not None:
        raise UsageError("--policy is for points; a check gives them with --classroom50 only")
    if file is None:
        return None
    if len(submissions) > 1:
        raise UsageError("--classroom50 writes one result; name one exercise, or its directory")
    return _Result(file, _policy(submissions[0].exercise, policy_file), submissions[0].directory)


def _program() -> list[str]:
    """What we are called from here: `sockspec`, or what does as well where there is no such command."""
    if shutil.which("sockspec") or Path(sys.argv[0]).name != "__main__.py":
        return ["sockspec"]
    python, here = Path(sys.executable), Path.cwd()
    # Without -P, a module that lies where it is run would be taken for one of ours.
    return [str(python.relative_to(here) if python.is_relative_to(here) else python), "-P", "-m", "sockspec"]


def _again(program: list[str], directory: Path, only: tuple[str, ...]) -> "Again":
    """The command line that checks that directory as it was checked now."""
    from sockspec.model import Again

    context, words = click.get_current_context(), [*program, "check", str(directory)]
    for option in context.command.params:
        if option.name in _KEPT and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE:
            value = context.params[option.name]
            words += option.opts if value is True else [*option.opts, str(value)]
    return Again(shlex.join(words), "".join(f" --only {shlex.quote(pattern)}" for pattern in only))


def _say(line: str) -> None:
    """What the sandbox tells: a name in it is no order to a build service that keeps the log."""
    from sockspec.report.terminal import escape

    click.echo("\n".join(map(escape, line.split("\n"))), err=True)


def _contained(sandbox: str) -> "Sandbox | None":
    """The sandbox that was asked for, or can be had; None for this machine, and what that means is said."""
    from sockspec import engine

    reason = "as --sandbox none says" if sandbox == "none" else engine.absent()
    if not reason:
        from sockspec.sandbox.run import Sandbox

        try:
            return Sandbox(_say)
        except SuiteError as error:
            reason = str(error)
    if sandbox == "docker":
        raise SuiteError(f"no sandbox: {reason}")
    click.echo(f"no sandbox ({reason}): programs run as you, with your rights; check only what you would run yourself",
               err=True)  # fmt: skip
    return None


def _complain_if_unwritable(file: Path | None) -> None:
    """Before anything is run, where it can be seen that early."""
    if file is not None and not file.parent.is_dir():
        raise UsageError(f"cannot write {file}: no such directory: {file.parent}")
    if file is not None and not os.access(file if file.exists() else file.parent, os.W_OK):
        raise UsageError(f"cannot write {file}: you have no right to")


def _write(
    reports: "list[Report]", json_file: Path | None, junit_file: Path | None, again: "Callable[[Report], Again]", *,
    strict: bool,
) -> None:  # fmt: skip
    from sockspec.report import as_json, as_junit, outputs

    if json_file is not None:
        outputs.write(json_file, [as_json.render(reports)])
    if junit_file is not None:
        outputs.write(junit_file, as_junit.render(lambda: reports, _requirements(reports), strict=strict, again=again))


def _requirements(reports: "list[Report]") -> "dict[str, Requirement]":
    """The requirements of every exercise that was checked, by slug."""
    from sockspec import catalogue

    exercises = [catalogue.exercise(name) for name in dict.fromkeys(report.exercise for report in reports)]
    return {slug: entry for exercise in exercises for slug, entry in exercise.requirements.items()}


def _show(reports: "list[Report]", again: "Callable[[Report], Again]", *, strict: bool) -> int:
    """One exercise after the other, and what it comes to; the status is the worst of theirs."""
    from rich.console import Console

    from sockspec.report import terminal
    from sockspec.verdict import exit_status

    console, statuses = Console(soft_wrap=True), []
    parts = [list(part) for _, part in groupby(reports, lambda report: report.exercise)]
    for part in parts:
        terminal.render(part, console, _requirements(part), strict=strict, again=again)
        statuses.append(exit_status((record for report in part for record in report.records), strict=strict))
        if len(parts) > 1:
            console.print()
    if len(parts) > 1:
        console.print(f"{statuses.count(0)} of {len(parts)} exercises conform")
    return max(statuses)


_SEED = click.option("--seed", type=int, default=1, show_default=True, help="What the random data is made from.")
_CLASS = click.argument("directory", type=click.Path(path_type=Path, readable=False), metavar="DIR")
_EXERCISE = click.option("--exercise", required=True, metavar="NAME", help="Which exercise it is.")


@main.command()
@_CLASS
@_EXERCISE
@_POLICY
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR",
              help="Where the journal is kept and the reports are written.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Containers at a time.")
@click.option("--regrade", multiple=True, metavar="PATTERN", help="Submissions to run again, as globs; repeatable.")
@_SEED
def grade(
    directory: Path, exercise: str, policy_file: Path | None, out: Path, jobs: int, regrade: tuple[str, ...], seed: int
) -> None:
    """Grade a class: each subdirectory or archive of DIR is a submission, and runs in a container of its own.

    Interrupted, the same command goes on where it stopped.
    """
    ending.as_by_ctrl_c()
    from rich.console import Console

    from sockspec import grade as grading
    from sockspec.policy import NotGraded, score
    from sockspec.report import as_github, as_gradebook, outputs
    from sockspec.report.progress import of_class

    job = grading.Job(_policy(exercise, policy_file), seed, jobs, regrade)
    out.mkdir(parents=True, exist_ok=True)
    sandbox = _sandbox(str(out.resolve()))
    with of_class(sys.stderr) as see:
        stands = grading.grade(directory, job, out, sandbox, lambda step: see(step.submission, step.what, step.detail))
    outputs.render_all(stands, job.policy, out)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        _append(Path(summary), as_github.of_class(stands, job.policy))
    as_gradebook.show(stands, job.policy, Console(soft_wrap=True))
    sys.exit(3 if any(isinstance(score(job.policy, each), NotGraded) for each in stands.values()) else 0)


@main.command()
@_CLASS
@_EXERCISE
@_POLICY
@click.option("--times", type=click.IntRange(2, 1000), default=2, show_default=True, help="How often each is run.")
@_SEED
def audit(directory: Path, exercise: str, policy_file: Path | None, times: int, seed: int) -> None:
    """Run every submission of a class several times, and report each verdict that differs."""
    ending.as_by_ctrl_c()
    from sockspec import grade as grading

    job = grading.Job(_policy(exercise, policy_file), seed)
    differing = 0
    for line in grading.audit(directory, job, times, _sandbox("")):
        click.echo(line)
        differing += 1
    click.echo(f"{differing} verdicts differ" if differing else f"no verdict differs in {times} runs")
    sys.exit(1 if differing else 0)


def _policy(exercise: str, file: Path | None) -> "Policy":
    from sockspec import policy

    found = policy.read(file) if file else policy.of(exercise)
    if found.exercise != exercise:
        raise UsageError(f"{file} is a policy for {found.exercise}, and the exercise is {exercise}")
    return found


def _sandbox(label: str) -> "Sandbox":
    """The sandbox; whoever grades does without nothing."""
    from sockspec import engine

    if reason := engine.absent():
        raise SuiteError(f"{reason}. A class is graded in containers only; start an engine, or name it in DOCKER_HOST")
    from sockspec.sandbox.run import Sandbox

    return Sandbox(_say, label=label)


@main.command()
@click.option("--base", default="", metavar="IMAGE", help="What to build on: Debian with Python 3.11 or newer.")
def image(base: str) -> None:
    """Make the image of the sandbox, if it is not there yet, and say how large it is."""
    from sockspec.sandbox import container
    from sockspec.sandbox import image as images

    client = container.connect()
    images.ready(client, click.echo, base=base)
    click.echo(images.described(client))


@main.group()
def package() -> None:
    """Make what a hosted grader is set up with."""


@package.command()
@_EXERCISE
@_POLICY
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, metavar="FILE",
              help="The zip archive to be uploaded.")  # fmt: skip
def gradescope(exercise: str, policy_file: Path | None, out: Path) -> None:
    """Make an autograder for Gradescope; it runs programs without the sandbox."""
    from sockspec.gradescope import archive

    found = archive.make(exercise, policy_file, out)
    click.echo(f"{out}: an autograder for {exercise}; make the assignment worth {found.total} points")


@main.command()
@click.argument("exercise")
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")
def new(exercise: str, directory: Path) -> None:
    """Lay out the files of a new exercise in DIR, a checkout of sockspec; each says what belongs into it."""
    from sockspec import skeleton

    for file in skeleton.lay_out(exercise, directory):
        click.echo(file)
    click.echo(
        f"\nWhere they say TODO something is missing, and they say what. Begin with reference/{exercise}; then, in"
        f" {directory}:\n  make check SUBMISSION=reference/{exercise} EXERCISE={exercise}"
    )


@main.command("list")
@click.argument("exercise", required=False)
def list_(exercise: str | None) -> None:
    """List the exercises' requirements: slug, level, step, sentence."""
    from sockspec import catalogue, house

    for name in [exercise] if exercise else house.exercises():
        for requirement in catalogue.exercise(name).requirements.values():
            level, step = requirement.level.value, requirement.step
            click.echo(f"{requirement.slug:<38} {level:<6} {step}  {requirement.sentence}")


@main.command()
@click.argument("slug")
def show(slug: str) -> None:
    """Show one requirement: what it asks, why, and what to look at."""
    from sockspec import catalogue

    requirement = catalogue.requirement(slug)
    rows: Sequence[tuple[str, str]] = [
        ("level", requirement.level.value),
        ("step", f"{requirement.step}, {catalogue.STEPS[requirement.step]}"),
        ("because", requirement.reason),
        ("hint", requirement.hint),
        ("source", requirement.clause),
        ("check it", shlex.join([*_program(), "check", "DIR", "--only", requirement.slug])),
    ]
    click.echo(f"{requirement.slug}\n{requirement.sentence}\n")
    for label, text in rows:
        click.echo(f"{label:<9} {text}")
