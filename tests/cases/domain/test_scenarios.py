"""The generic checks themselves, on bundles of every shape."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings

from services.cases.domain.plan import Plan, Visit
from tests.cases.domain.plans import a_plan, a_restaurant, a_step
from tests.cases.domain.scenarios import CHECKS
from tests.cases.domain.test_model import plans

SHAPES = {
    "one step": a_plan(a_step("only", undoable=True, notice=True)),
    "a chain": a_plan(
        a_step("a", undoable=True, notice=True),
        a_step("b", "a", undoable=True),
        a_step("c", "b", pivot=True, notice=True),
        a_step("d", "c"),
        a_step("e", "d", notice=True),
    ),
    "a fan": a_plan(
        a_step("a", undoable=True),
        *(a_step(name, "a", undoable=True, notice=True) for name in "bcd"),
        a_step("e", "b", "c", "d", pivot=True),
    ),
    "branches": a_plan(
        a_step("a", undoable=True, when="form.a"),
        a_step("b", "a", undoable=True, when="form.b"),
        a_step("c", "a", pivot=True, when="form.c"),
        a_step("d", "b", "c", undoable=True),
    ),
    "a quorum": a_plan(
        a_step("a", undoable=True),
        *(a_step(name, "a", undoable=True, optional=True) for name in "bcd"),
        a_step("e", "b", "c", "d", quorum=2, pivot=True),
        a_step("f", "e", without_application=True),
    ),
    "a choice, and what its results decide": replace(
        a_plan(
            a_step("a", undoable=True),
            a_step("b", "a", choice="how", when="form.b", undoable=True, notice=True),
            a_step("c", choice="how", when="!form.b", undoable=True),
            a_step("d", "b", "c", late=True, when="...", undoable=True),
            a_step("e", "d", pivot=True),
        ),
        undo_order=("a", "d"),
    ),
    "a joint visit": replace(
        a_plan(
            a_step("a", undoable=True),
            a_step("b", "a", undoable=True),
            a_step("c", undoable=True, notice=True),
            a_step("d", "a", optional=True),
            a_step("e", "b", "c", "d", pivot=True),
        ),
        visits=(Visit("site", "联合踏勘", ("b", "c", "d")),),
    ),
    "the restaurant": a_restaurant(),
}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_bundle_of_this_shape_survives(shape: str, check: Callable[[Plan], None]) -> None:
    check(SHAPES[shape])


@pytest.mark.parametrize("check", CHECKS)
@settings(max_examples=20)
@given(plan=plans())
def test_any_bundle_survives(check: Callable[[Plan], None], plan: Plan) -> None:
    check(plan)
