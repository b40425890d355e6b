"""A policy says what it means: its errors name the place and the remedy, and no grade stands on a guess."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from sockspec import catalogue, house, policy
from sockspec.complaint import UsageError
from sockspec.journal import Standing
from sockspec.policy import NotGraded, Policy, Score
from sockspec.verdict import Level, Outcome, Record, Verdict
from tests.grading import SLUGS, echo, not_graded, record, standing, with_records

POINTS = '[points]\n"*" = 1\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "policy.toml"


def stated(file: Path, text: str = "", points: str = POINTS, total: int = len(SLUGS)) -> Policy:
    """The policy of a file that has these lines beside what it needs."""
    file.write_text(f'exercise = "echo"\ntotal = {total}\n{text}\n{points}')
    return policy.read(file)


score = policy.score


def scored(policy: Policy, standing: Standing) -> Score:
    found = score(policy, standing)
    assert isinstance(found, Score), found
    return found


@pytest.mark.parametrize("exercise", house.exercises())
def test_the_policy_of_an_exercise_is_out_of_100_and_a_must_outweighs_a_should(exercise: str) -> None:
    brought = policy.of(exercise)
    worth = {level: {brought.points[r.slug] for r in requirements(exercise, level)} for level in Level}
    assert brought.total == 100
    assert min(worth[Level.MUST]) > max(worth[Level.SHOULD]) >= min(worth[Level.SHOULD]) > 0
    assert worth[Level.MAY] <= {0}


def requirements(exercise: str, level: Level) -> list[catalogue.Requirement]:
    return [r for r in catalogue.exercise(exercise).requirements.values() if r.level is level]


@pytest.mark.parametrize("exercise", house.exercises())
def test_the_policy_of_an_exercise_hides_nothing_and_asks_for_a_container(exercise: str) -> None:
    brought = policy.of(exercise)
    assert (brought.hidden, brought.tell, brought.isolation) == (frozenset(), "full", "container")


def test_each_requirement_gets_the_points_of_its_most_specific_pattern(file: Path) -> None:
    points = '[points]\n"*" = 1\n"server.*" = 2\n"server.s*" = 3\n"echo.server.sizes" = 4\nbinary = 5\n'
    worth = stated(file, points=points, total=25 + 25 * 2 + 2 * 3 + 4 + 5 + 4).points
    slugs = ("client.large", "server.large", "server.slow-reader", "server.sizes", "server.binary")
    assert [worth[f"echo.{slug}"] for slug in slugs] == [1, 2, 3, 4, 5]


def test_hidden_requirements_are_named_by_patterns(file: Path) -> None:
    hidden = stated(file, 'hidden = ["server.in-*", "client.large"]').hidden
    assert hidden == {"echo.server.in-pieces", "echo.client.large"}


def test_what_is_not_said_has_a_safe_value(file: Path) -> None:
    said = stated(file)
    assert (said.tell, said.isolation, said.patience_s, said.processor_s) == ("full", "container", 3.0, 1.0)
    assert said.limits == policy.Limits()


def test_limits_are_read(file: Path) -> None:
    assert stated(file, points=POINTS + "[limits]\nprocesses = 7\n").limits.processes == 7


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('tel = "full"', "policy.toml: unknown key 'tel'; did you mean 'tell'? There are: exercise, total, "),
        ('tell = "fulll"', "policy.toml, tell: unknown word 'fulll'; did you mean 'full'? There are: full, diagnosis"),
        ('isolation = "jail"', "policy.toml, isolation: unknown word 'jail'. There are: container, none."),
        ("patience_s = 0", "policy.toml, patience_s: Expected float >= 0.05, not 0"),
        ("hidden = [7]", "policy.toml, hidden[0]: Expected str, got int, not 7"),
        ('hidden = ["server.binry"]', "policy.toml: hidden: no requirement matches 'server.binry'; did you mean "),
        (
            "[limits]\nmemry = 7",
            "policy.toml: unknown key 'limits.memry'; did you mean 'memory_mib'? There are: memory_mib, ",
        ),
        ("[limits]\nprocesses = 0", "policy.toml, limits.processes: Expected int >= 1, not 0"),
        ("tell = ", "policy.toml: Invalid value (at line 3, column 8)"),
    ],
    ids=["key", "word", "trust", "number", "list", "pattern", "limits-key", "limit", "toml"],
)
def test_a_mistake_is_named_with_its_place_and_what_would_be_right(file: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        stated(file, text)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ("", "policy.toml: there is no points; it has to be said"),
        ('[points]\n"server.*" = 2\n', 'nothing is said of echo.both.meet-each-other; write "echo.both.meet-each-'),
        ('[points]\n"*" = 1\n"server.binry" = 1\n', "points: no requirement matches 'server.binry'; did you mean"),
        ('[points]\n"*" = 1\nbinary = -1\n', "policy.toml, points[...]: Expected int >= 0, not 'binary = -1'"),
        ('[points]\n"*" = 1\nbinary = 0.5\n', "points[...]: Expected int, got float, not 'binary = 0.5'"),
        ('[points]\n"*" = 1\n"*.b*y" = 2\n"*.bi*" = 3\n', "gives it 3; name the requirement itself"),
        ('[points]\n"*" = 2\n', "the points of 56 requirements add up to 112, and total is 56; change one of them"),
    ],
    ids=["none", "not-all", "pattern", "negative", "half", "rivals", "sum"],
)
def test_points_that_do_not_add_up_are_refused(file: Path, points: str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        stated(file, points=points)
    assert says in str(raised.value)


def test_a_policy_for_an_unknown_exercise_names_the_nearest(file: Path) -> None:
    file.write_text('exercise = "ecco"\ntotal = 1\n[points]\n"*" = 1')
    with pytest.raises(UsageError, match="unknown exercise 'ecco'; did you mean 'echo'"):
        policy.read(file)


def test_a_policy_that_is_not_there_is_a_matter_of_usage(file: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        policy.read(file)


def test_whoever_meets_everything_earns_everything() -> None:
    assert (scored(echo(), standing()).points, scored(echo(), standing()).total) == (100, 100)


def test_a_requirement_earns_all_of_its_points_or_none() -> None:
    found = scored(echo(), standing("ada", "echo.server.in-pieces", "echo.server.burst"))
    assert found.points == 100 - 3 - 1
    assert [each.requirement for each in found.earned if each.points < each.worth] == [
        "echo.server.burst", "echo.server.in-pieces",
    ]  # fmt: skip


def test_one_failed_case_costs_the_requirement() -> None:
    slug = "echo.server.sizes"
    cases = [record(slug), record(slug, Verdict.FAIL, "short"), record(slug)]
    others = [record(other) for other in SLUGS if other != slug]
    assert scored(echo(), with_records("ada", [*cases, *others])).points == 98


def test_a_half_that_was_not_handed_in_earns_nothing() -> None:
    server = scored(echo(), standing(roles={"server": "server.c"}))
    client = scored(echo(), standing(roles={"client": "client.c"}))
    both = echo().points["echo.both.meet-each-other"]
    assert server.points + client.points == 100 - both
    assert {each.requirement for each in server.earned if each.row is None and each.points} == set()


def test_what_is_not_built_earns_nothing_not_even_what_it_may_do() -> None:
    unbuilt: list[Record] = [record(slug, Verdict.NOTE, outcome=Outcome.NOT_BUILT) for slug in SLUGS]
    assert scored(echo(), with_records("ada", unbuilt)).points == 0


def without(slug: str, verdict: Verdict, said: str) -> Standing:
    """All is met, and that one could not be judged."""
    return with_records("ada", [record(s, verdict, said) if s == slug else record(s) for s in SLUGS])


@pytest.mark.parametrize(
    ("verdict", "says"),
    [
        (Verdict.NOT_RUN, "echo.client.ipv6 was not run: no IPv6 here"),
        (Verdict.ERROR, "echo.client.ipv6 could not be judged: no IPv6 here"),
    ],
    ids=str,
)
def test_what_was_not_run_is_no_grade_and_says_why(verdict: Verdict, says: str) -> None:
    found = score(echo(), without("echo.client.ipv6", verdict, "no IPv6 here"))
    assert found == NotGraded(says, "echo.client.ipv6")


@pytest.mark.parametrize("verdict", [Verdict.NOT_RUN, Verdict.ERROR], ids=str)
def test_what_is_worth_nothing_need_not_be_run(verdict: Verdict) -> None:
    assert scored(echo(), without("echo.server.design", verdict, "hidden /proc")).points == 100


def test_a_verdict_that_is_missing_is_no_grade() -> None:
    found = score(echo(), with_records("ada", [record(slug) for slug in SLUGS[1:]]))
    assert found == NotGraded("echo.both.meet-each-other has no verdict", "echo.both.meet-each-other")


def test_a_submission_that_was_not_graded_has_no_score() -> None:
    assert score(echo(), not_graded(reason="the disk was full")) == NotGraded("the disk was full")


def test_a_run_without_a_container_is_no_grade_unless_the_policy_says_so() -> None:
    ada = standing()
    assert ada.report is not None
    outside = replace(ada, report=replace(ada.report, isolation="this machine"))
    assert score(echo(), outside) == NotGraded("it was run without a container (isolation: this machine)")
    assert scored(replace(echo(), isolation="none"), outside).points == 100


def test_a_run_for_another_exercise_is_no_grade() -> None:
    found = score(policy.of("hello"), standing())
    assert found == NotGraded("it was run for echo, and the policy is for hello")


def test_the_policy_of_the_page_on_grading_is_a_policy(file: Path) -> None:
    page = (house.ROOT / "docs" / "grading-a-class.md").read_text()
    file.write_text(page.split("```toml\n")[1].split("```")[0])
    assert policy.read(file).total == 111
