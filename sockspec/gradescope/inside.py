"""What runs in Gradescope's container: one submission is checked, and its results are written.

The first results say that the run has not ended. They stand if it is killed, when its time is over for one.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from sockspec import account, catalogue, check, ending, grade, intake, names, policy
from sockspec.complaint import SuiteError, UsageError
from sockspec.environment import base_python
from sockspec.gradescope.archive import POLICY
from sockspec.isolation import Isolation
from sockspec.journal import Standing
from sockspec.kernel import threads as proc
from sockspec.limits import Limits
from sockspec.model import Report
from sockspec.policy import Policy, Score, score
from sockspec.report import as_gradescope, outputs
from sockspec.report.view import view
from sockspec.submission import Wishes, find
from sockspec.visible import visible_lines

UNFINISHED = "the run did not end; hand it in again, and if that changes nothing ask whoever grades"
_NAME = "submission"
_OPEN = ("venv", "results")
"""What others may look into: the packages, and the results, which Gradescope fetches."""


def main(home: Path) -> None:
    """Check what lies in that directory's `submission`; its `results` say what came of it."""
    ending.as_by_ctrl_c()
    by = policy.read(home / "source" / POLICY)
    results = home / "results" / "results.json"
    outputs.write(results, [_rendered(_not_graded(UNFINISHED), by, told=UNFINISHED)])
    isolation, users = names.isolate(), shut_out(home)
    try:
        standing = Standing(_NAME, "", "graded", "", _report(home / _NAME, by, isolation, users=users))
    except SuiteError as fault:
        sys.stderr.write(f"{visible_lines(str(fault))}\n")  # the log that whoever grades can read
        standing = _not_graded(visible_lines(str(fault)))
    outputs.write(results, [_rendered(standing, by)])


def shut_out(home: Path) -> bool:
    """Where programs can run as other users, let these change nothing there, and read what they have to.

    False where programs have to run as us: we are not root, may not become those users, or they are somebody's.
    """
    if os.geteuid() != 0 or not _spare({account.BUILDER, account.SUBMISSION, account.REFERENCE}):
        return False
    for path in (home, *home.iterdir()):
        open_to_all = path == home or path.name in _OPEN
        path.chmod(path.stat().st_mode & (0o755 if open_to_all else 0o700))
    return True


def _spare(users: set[int]) -> bool:
    """Whether nobody runs as one of those, and we can run a program as one."""
    if any(proc.owner(pid) in users for pid in proc.everybody()):
        return False
    try:
        tried = account.under(min(users), Limits(), [base_python(), "-IS", "-c", ""])
        return subprocess.run(tried, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _not_graded(reason: str) -> Standing:
    return Standing(_NAME, "", "not graded", reason, None)


def _report(directory: Path, by: Policy, isolation: Isolation, *, users: bool) -> Report:
    """The verdicts on a clean copy of the submission; that nothing of it could be run is a verdict, too."""
    how = grade.options(grade.Job(by))
    settings = msgspec.structs.replace(how.settings, isolation=isolation)
    how = msgspec.structs.replace(how, settings=settings, users=users)
    with tempfile.TemporaryDirectory(prefix="sockspec-") as scratch:
        try:
            taken = intake.take(directory, Path(scratch, _NAME))
            submission = find(taken.directory, Wishes(by.exercise))
            report = check.check([submission], how, lambda *_: None)[0]
        except intake.Refused as refused:
            return grade.unplayable(_NAME, by.exercise, refused.reason, how)
        except UsageError as error:
            return grade.unplayable(_NAME, by.exercise, str(error), how)
    left_out = [f"left out: {line}" for line in taken.left_out]
    return msgspec.structs.replace(report, submission=_NAME, warnings=[*report.warnings, *left_out])


def _rendered(standing: Standing, by: Policy, *, told: str = "") -> bytes:
    graded = score(by, standing)
    seen = view(standing, by, catalogue.exercise(by.exercise).requirements)
    seen = msgspec.structs.replace(seen, reason=told or seen.reason)
    return as_gradescope.render(seen, by, graded if isinstance(graded, Score) else None)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
