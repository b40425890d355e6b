"""What students see: nothing of what is hidden, and no more than the policy tells."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from sockspec.journal import Standing
from sockspec.model import Report
from sockspec.policy import Policy, Score, Tell, score
from sockspec.report import as_classroom50, as_feedback, as_github, as_gradescope, as_page
from sockspec.report.view import OURS, UNTOLD, View
from sockspec.verdict import Outcome, Verdict
from tests.grading import HIDDEN, SLUGS, not_graded, record, seen, standing, with_policy, with_records
from tests.running import checked

RUNNER = dict.fromkeys(as_classroom50.NAMES.values(), "submit/x")
COMMITTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET = "a wholly secret word"


def shown(view: View) -> str:
    """Everything a student is given, in one text."""
    result = as_classroom50.render(view, RUNNER, COMMITTED) or b""
    pages = [as_feedback.render(view), as_page.render(view), as_github.summary(view), result]
    return b"".join(pages).decode() + as_github.annotations(view)


def shown_by_gradescope(standing: Standing, policy: Policy) -> str:
    """What Gradescope shows to students before the grades are published."""
    graded = score(policy, standing)
    assert isinstance(graded, Score)
    document = json.loads(as_gradescope.render(seen(standing, policy), policy, graded))
    document["tests"] = [test for test in document["tests"] if test["visibility"] == "visible"]
    return json.dumps(document)


def told(tell: Tell, hidden: tuple[str, ...] = ()) -> str:
    failing = with_slip(standing("ada", HIDDEN, said=SECRET))
    return shown(seen(failing, with_policy(hidden, tell)))


def with_slip(standing: Standing) -> Standing:
    assert standing.report is not None
    return replace(standing, report=replace(standing.report, slip="the slip behind it", warnings=["unused variable"]))


def test_everything_is_shown_where_nothing_is_hidden() -> None:
    view = seen(standing("ada", HIDDEN))
    assert (view.points, view.worth, view.unseen, len(view.earned)) == (97, 100, 0, len(SLUGS))


def test_what_is_hidden_is_in_no_format_whether_met_or_not() -> None:
    policy, both = with_policy((HIDDEN,)), (standing("ada", HIDDEN, said=SECRET), standing())
    texts = [shown(seen(one, policy)) + shown_by_gradescope(one, policy) for one in both]
    assert texts[0] == texts[1]
    assert "server.in-pieces" not in texts[0] and SECRET not in texts[0]


def test_points_for_what_is_hidden_are_announced_and_not_told() -> None:
    view = seen(standing("ada", HIDDEN), with_policy((HIDDEN,)))
    assert (view.points, view.worth, view.unseen) == (97, 97, 3)
    said = "3 more points can be earned in checks that are not shown; whether they were is not told here."
    assert shown(view).count(said) == 2  # in the text and on the page
    assert "more points" not in shown(seen(not_graded(), with_policy((HIDDEN,))))


def test_a_slip_is_not_told_where_it_would_tell_of_something_hidden() -> None:
    assert "the slip behind it" in told("full")
    assert "the slip behind it" not in told("full", (HIDDEN,))


@pytest.mark.parametrize(
    ("tell", "has"),
    [("full", [True] * 4), ("diagnosis", [True, True, False, False]), ("verdict", [False] * 4)],
    ids=["full", "diagnosis", "verdict"],
)
def test_a_policy_says_how_much_is_told(tell: Tell, has: list[bool]) -> None:
    text = told(tell)
    parts = [SECRET, "unused variable", "Put recv() in a loop", "the slip behind it"]
    assert [re.sub("&#(..);", lambda m: chr(int(m[1])), text).count(part) > 0 for part in parts] == has


def test_a_verdict_alone_does_not_name_the_cases_that_failed() -> None:
    cases = [replace(record(HIDDEN, Verdict.FAIL, "x"), case=f"{n}-bytes") for n in range(3)]
    assert "3-bytes" not in shown(seen(with_records("ada", cases), with_policy(tell="verdict")))


def test_a_verdict_alone_still_says_what_was_not_built() -> None:
    unbuilt = [record(slug, Verdict.FAIL, "your server was not built", Outcome.NOT_BUILT) for slug in SLUGS]
    text = as_feedback.render(seen(with_records("ada", unbuilt), with_policy(tell="verdict"))).decode()
    assert "NOT BUILT  your server was not built\n  again: " in text


def test_a_fault_of_ours_is_told_without_its_details() -> None:
    view = seen(not_graded("ada", 'File "/opt/sockspec/house/sockspec/check.py"'))
    assert view.reason == OURS
    assert "/opt" not in shown(view)


def test_a_check_that_could_not_be_judged_is_told_without_its_details() -> None:
    broken = [
        record(slug, Verdict.ERROR, "OSError: /opt/sockspec") if slug == HIDDEN else record(slug) for slug in SLUGS
    ]
    view = seen(with_records("ada", broken))
    assert (view.points, view.reason, "/opt" in shown(view)) == (None, OURS, False)


def test_a_hidden_check_that_was_not_run_is_not_named() -> None:
    unrun = with_records("ada", [record(s, Verdict.NOT_RUN, SECRET) if s == HIDDEN else record(s) for s in SLUGS])
    view = seen(unrun, with_policy((HIDDEN,)))
    assert (view.points, view.reason) == (None, UNTOLD)
    assert SECRET not in shown(view)


def test_one_that_is_not_graded_has_no_points_in_any_format() -> None:
    view = seen(not_graded("dora", "the disk was full"))
    assert OURS in shown(view)
    assert not re.search(r"\b0 (of|points)|\"score\"|\b0/", shown(view))


def test_a_half_that_was_not_handed_in_is_named_with_its_points() -> None:
    view = seen(standing(roles={"server": "server.c"}))
    assert view.missing == {"client": 100 - (view.points or 0)}
    assert f"client: not handed in ({view.missing['client']} points not earned)" in shown(view)


def test_a_missing_half_costs_as_much_whether_the_other_was_built_or_not(tmp_path: Path) -> None:
    (tmp_path / "server.c").write_text("int main(void) { return 0 }\n")
    unbuilt = replace(msgspec.convert(checked(tmp_path, "--exercise", "echo"), Report), isolation="container")
    for one in (Standing("kim", "d1", "graded", "", unbuilt), standing("kim", roles={"server": "server.c"})):
        assert seen(one).missing == {"client": 44}


def test_points_shown_and_points_hidden_are_the_whole_grade() -> None:
    failing, policy = standing("ada", HIDDEN, "echo.client.large"), with_policy((HIDDEN, "echo.client.large"))
    graded, view = score(policy, failing), seen(failing, policy)
    assert isinstance(graded, Score)
    assert (graded.points, view.points, view.worth + view.unseen) == (95, 95, 100)
