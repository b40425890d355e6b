"""The result directory of a class: every file that is made of the journal and the policy.

    gradebook.csv  overview.html  junit.xml      for whoever grades; they show everything
    feedback/NAME.txt, feedback/NAME.html        for the student
    gradescope/NAME.json                         for Gradescope

A file is written beside its place and moved there, so that nobody ever reads half of one.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sockspec import catalogue, fresh
from sockspec.journal import Standing
from sockspec.model import Again
from sockspec.policy import NotGraded, Policy, Score, score
from sockspec.report import as_feedback, as_gradebook, as_gradescope, as_junit, as_overview, as_page
from sockspec.report.view import view

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}(?<!\.)")
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # no file on Windows can be called so


def stems(names: Iterable[str]) -> dict[str, str]:
    """What the files of each submission are called: its name where that is a plain one, and no two the same.

    Any other name keeps its plain letters and gets a hash, after a sign that no plain name has.
    """
    names = list(names)
    alike = Counter(name.lower() for name in names)
    return {name: name if _is_plain(name) and alike[name.lower()] == 1 else _hashed(name) for name in names}


def _is_plain(name: str) -> bool:
    return bool(_PLAIN.fullmatch(name)) and not _DEVICE.fullmatch(name)


def _hashed(name: str) -> str:
    letters = re.sub(r"[^A-Za-z0-9-]+", "_", name)[:40]
    return f"{letters}~{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:20]}"


def render_all(standings: Mapping[str, Standing], policy: Policy, directory: Path) -> None:
    """Write all files of the class; what another run left there under the same names is replaced.

    No file keeps a standing, so that a class of any size can be gone over again and again.
    """
    files = stems(standings)
    requirements = catalogue.exercise(policy.exercise).requirements
    write(directory / "gradebook.csv", as_gradebook.render(standings, policy))
    write(directory / "overview.html", as_overview.render(standings, policy, files))
    write(directory / "junit.xml", _junit(standings, policy, requirements))
    for name, standing in standings.items():
        seen, graded = view(standing, policy, requirements), score(policy, standing)
        whole = graded if isinstance(graded, Score) else None
        write(directory / "feedback" / f"{files[name]}.txt", [as_feedback.render(seen)])
        write(directory / "feedback" / f"{files[name]}.html", [as_page.render(seen)])
        write(directory / "gradescope" / f"{files[name]}.json", [as_gradescope.render(seen, policy, whole)])


def _junit(
    standings: Mapping[str, Standing], policy: Policy, requirements: Mapping[str, catalogue.Requirement]
) -> Iterator[bytes]:
    again = Again(f"sockspec check DIR --exercise {policy.exercise}")
    scores = ((name, score(policy, standing)) for name, standing in standings.items())
    return as_junit.render(
        lambda: (standing.report for standing in standings.values() if standing.report),
        requirements,
        again=lambda _: again,
        not_graded={name: graded.reason for name, graded in scores if isinstance(graded, NotGraded)},
    )


def write(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file, whole or not at all, also if its pieces come to no end.

    UsageError says why it cannot be; SuiteError, that there is no room for it.
    """
    try:
        fresh.write(path, pieces)
    except OSError as error:
        raise fresh.unwritten(path, error) from None
