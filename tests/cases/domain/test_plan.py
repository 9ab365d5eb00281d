"""A plan refuses steps that could never be run."""

import pytest

from services.cases.domain.plan import PlanStep
from tests.cases.domain.plans import a_plan, a_restaurant, a_step


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "no steps"),
        ([a_step("a"), a_step("a")], "twice"),
        ([a_step("a", "b")], "a comes after b"),
        ([a_step("a", "a")], "wait for each other: a -> a"),
        ([a_step("a", "c"), a_step("b", "a"), a_step("c", "b")], "wait for each other"),
        ([a_step("")], "1 to 50"),
        ([a_step("s" * 51)], "1 to 50"),
    ],
)
def test_a_plan_that_cannot_run_is_refused(steps: list[PlanStep], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        a_plan(*steps)


def test_a_plan_knows_what_follows_a_step() -> None:
    plan = a_restaurant()
    assert [step.step_id for step in plan.followers["check"]] == ["food", "sign", "fire"]
    assert plan.followers["delivery"] == ()
    assert plan.by_id["food"].after == ("check",)


def test_a_pivot_is_never_compensated() -> None:
    assert a_step("a", undoable=True).compensated
    assert not a_step("a", undoable=True, pivot=True).compensated


def test_plans_with_the_same_content_are_equal() -> None:
    assert a_restaurant() == a_restaurant()
    assert hash(a_restaurant()) == hash(a_restaurant())


def test_what_comes_before_a_step_is_known_through_others_too() -> None:
    plan = a_plan(a_step("d", "b", "c"), a_step("c", "a"), a_step("b", "a"), a_step("a"))
    assert plan.before == {"d": ("c", "b", "a"), "c": ("a",), "b": ("a",), "a": ()}
