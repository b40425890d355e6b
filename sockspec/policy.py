"""The policy of a class: which requirement earns how many points, what students are told, what a run may use.

It is a TOML file; an exercise brings one of its own. A grade has to be defensible, so nothing is guessed: each
requirement is given points by a pattern (0 is a number), and the points add up to the total. A submission whose points
depend on something that was not run is not graded, which is no number at all.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from sockspec import catalogue, house
from sockspec.complaint import UsageError, nearest
from sockspec.journal import Standing
from sockspec.model import Report
from sockspec.submission import ROLES
from sockspec.verdict import Row, Verdict, rows

Tell = Literal["full", "diagnosis", "verdict"]
"""How much feedback tells: all of it; all but the hint and the slip; the verdict alone."""

Trust = Literal["container", "none"]
"""The least isolation that a grade may come from."""

Points = Annotated[int, msgspec.Meta(ge=0)]
Amount = Annotated[int, msgspec.Meta(gt=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0.05)]

_PLACE = re.compile(r"(?P<what>.*) - at `\$\.?(?P<place>.*)`", re.DOTALL)


class Limits(msgspec.Struct, frozen=True):
    """What one submission may use."""

    memory_mib: Amount = 512
    output_mib: Amount = 16
    processes: Amount = 128


class _Stated(msgspec.Struct, frozen=True):
    """A policy as its file states it: requirements are named by patterns."""

    exercise: str
    total: Amount
    points: dict[str, Points]
    hidden: list[str] = []
    tell: Tell = "full"
    isolation: Trust = "container"
    patience_s: Seconds = 3.0
    processor_s: Seconds = 1.0
    limits: Limits = Limits()


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that holds for an exercise as it is now."""

    exercise: str
    total: int
    points: dict[str, int]
    """What each requirement of the exercise is worth, in the order of the catalogue."""
    hidden: frozenset[str]
    """Requirements that count, and that no student is shown."""
    tell: Tell
    isolation: Trust
    patience_s: float
    processor_s: float
    limits: Limits


class Earned(msgspec.Struct, frozen=True):
    """What one requirement brought: all of its points, or none."""

    requirement: str
    points: int
    worth: int
    row: Row | None
    """None where the half it is about was not handed in."""


class Score(msgspec.Struct, frozen=True):
    """The grade of a submission, and what each requirement brought to it."""

    points: int
    total: int
    earned: list[Earned]


class NotGraded(msgspec.Struct, frozen=True):
    """There is no grade, which is not a grade of nothing."""

    reason: str
    requirement: str = ""
    """The requirement the reason is about, where it is about one."""


def read(path: Path) -> Policy:
    """The policy in that file; UsageError names the place, what was given, and the remedy."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: the policy cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from None
    _complain_about_keys(path, "", given, _Stated)
    if isinstance(limits := given.get("limits"), dict):
        _complain_about_keys(path, "limits.", limits, Limits)
    try:
        return _resolved(msgspec.convert(given, _Stated))
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}{_complaint(str(error), given)}") from None
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def of(exercise: str) -> Policy:
    """The policy that the exercise brings."""
    return read(file(exercise))


def file(exercise: str) -> Path:
    """The file of that policy."""
    path = house.SUITES / catalogue.exercise(exercise).name / "policy.toml"
    if not path.exists():
        raise UsageError(f"{exercise} brings no policy; write one, and name it with --policy")
    return path


def score(policy: Policy, standing: Standing) -> Score | NotGraded:
    """What the submission earned by this policy.

    A requirement earns its points if it is met, or is a MAY. There is no grade if points hang on what was not run, on a
    fault of ours, or on a run with less isolation than the policy accepts.
    """
    if standing.status != "graded":
        return NotGraded(standing.reason or "no reason was written down")
    if standing.report is None:
        return NotGraded("no verdict was reached")
    if standing.report.exercise != policy.exercise:
        return NotGraded(f"it was run for {standing.report.exercise}, and the policy is for {policy.exercise}")
    if policy.isolation == "container" and not standing.report.isolation.startswith("container"):
        return NotGraded(f"it was run without a container (isolation: {standing.report.isolation})")
    found = {row.requirement: row for row in rows(standing.report.records)}
    requirements = catalogue.exercise(policy.exercise).requirements
    earned = []
    for slug, worth in policy.points.items():
        row = found.get(slug)
        if worth and (doubt := _doubt(requirements[slug], row, standing.report)):
            return NotGraded(f"{slug} {doubt}", slug)
        earned.append(Earned(slug, worth if row and row.met else 0, worth, row))
    return Score(sum(each.points for each in earned), policy.total, earned)


def _doubt(requirement: catalogue.Requirement, row: Row | None, report: Report) -> str:
    """Why nobody can say whether the requirement is met; nothing if its half was not handed in: then it is not."""
    role = requirement.role
    if any(half not in report.roles for half in (ROLES if role == "both" else (role,))):
        return ""
    if row is None:
        return "has no verdict"
    if row.verdict is Verdict.NOT_RUN:
        return f"was not run: {row.worst.note}"
    if row.verdict is Verdict.ERROR:
        why = row.worst.diagnosis
        return f"could not be judged: {why.summary if why else 'a fault of the suite or of the machine'}"
    return ""


def _resolved(stated: _Stated) -> Policy:
    slugs = list(catalogue.exercise(stated.exercise).requirements)
    hidden = frozenset(slug for pattern in stated.hidden for slug in _matched("hidden", slugs, pattern))
    points = _points(slugs, stated.points)
    given = sum(points.values())
    if given != stated.total:
        counted = sum(1 for worth in points.values() if worth)
        raise UsageError(
            f"the points of {counted} requirements add up to {given}, and total is {stated.total}; change one of them"
        )
    return Policy(
        exercise=stated.exercise, total=stated.total, points=points, hidden=hidden, tell=stated.tell,
        isolation=stated.isolation, patience_s=stated.patience_s, processor_s=stated.processor_s, limits=stated.limits,
    )  # fmt: skip


def _points(slugs: list[str], patterns: Mapping[str, int]) -> dict[str, int]:
    """What each requirement is worth: the most specific pattern that matches it says so."""
    matching: dict[str, list[str]] = {slug: [] for slug in slugs}
    for pattern in patterns:
        for slug in _matched("points", slugs, pattern):
            matching[slug].append(pattern)
    worth = {}
    for slug, found in matching.items():
        if not found:
            raise UsageError(f'points: nothing is said of {slug}; write "{slug}" = 0 if it is to count nothing')
        first = max(found, key=_specific)
        rivals = [one for one in found if _specific(one) == _specific(first) and patterns[one] != patterns[first]]
        if rivals:
            raise UsageError(
                f"points: {first!r} gives {slug} {patterns[first]}, and {rivals[0]!r} gives it {patterns[rivals[0]]}; "
                "name the requirement itself"
            )
        worth[slug] = patterns[first]
    return worth


def _specific(pattern: str) -> tuple[bool, int]:
    """A name before a glob, and the longer before the shorter."""
    literal = re.sub(r"\[[^]]*\]|[*?]", "", pattern)
    return literal == pattern, len(literal)


def _matched(place: str, slugs: list[str], pattern: str) -> list[str]:
    try:
        return catalogue.select(slugs, [pattern])
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from None


def _complain_about_keys(path: Path, place: str, given: Mapping[str, Any], kind: type[msgspec.Struct]) -> None:
    allowed = kind.__struct_fields__
    for key in given:
        if key not in allowed:
            raise UsageError(
                f"{path}: unknown key {place + key!r}{nearest(key, allowed)} There are: {', '.join(allowed)}."
            )


def _complaint(said: str, given: Mapping[str, Any]) -> str:
    """`, limits.processes: Expected int >= 1, not 0`: the place first, and what was given."""
    match = _PLACE.fullmatch(said)
    if match is None:
        return f": {said.replace('Object missing required field', 'there is no').replace('`', '')}; it has to be said"
    place, value = match["place"], _at(match["place"], given)
    if place == "tell" or place == "isolation":
        allowed = get_args(Tell if place == "tell" else Trust)
        return f", {place}: unknown word {value!r}{nearest(str(value), allowed)} There are: {', '.join(allowed)}."
    return f", {place}: {match['what'].replace('`', '')}, not {value!r}"


def _at(place: str, given: Any) -> Any:
    """What was given at that place; of `points[...]`, the first entry that no requirement can be worth."""
    if place == "points[...]":
        return next((f"{name} = {worth!r}" for name, worth in given["points"].items() if not _worth(worth)), "?")
    for key in re.findall(r"\w+", place):
        given = given[int(key) if isinstance(given, list) else key]
    return given


def _worth(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
