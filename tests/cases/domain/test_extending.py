"""延长: leave to take longer, of a step and of the whole case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cases.domain.case import StepStatus
from services.cases.domain.clocks import Limit, Unit
from services.cases.domain.effects import Announce, ClockExtended
from services.cases.domain.inputs import ClockTurned, Completed, ExtensionGranted, LimitExtended
from services.cases.domain.plan import Limits
from services.cases.domain.reckoning import Light
from services.cases.domain.refusal import Refusal
from tests.cases.domain.holding_up import resume, suspend
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.plans import a_plan, a_step
from tests.cases.domain.saga import Saga
from tests.cases.domain.test_timing import DAY, a_timed_case, a_timed_plan, clocks, running


def said(saga: Saga, amount: int = 5, step_id: str = "food", request_id: str = "") -> LimitExtended:
    return LimitExtended(saga.task_id(step_id), request_id or saga.request_id(), amount, "案情复杂", "张局长")


def granted(amount: int = 15, step_id: str = "") -> ExtensionGranted:
    return ExtensionGranted(amount, "案情复杂", "王市长", step_id)


def amounts(saga: Saga) -> dict[str, int]:
    return {each.clock_id: each.clock.amount for each in clocks(saga).values() if each.clock_id in running(saga)}


def test_an_office_moves_the_statutory_limit_of_its_step_and_nothing_else_and_that_is_told() -> None:
    saga = a_timed_case().accept("food")
    saga.answer(said(saga, 10))
    assert amounts(saga) == {"food:statutory": 30, "food:promised": 4, "sign:acceptance": 5, ":statutory": 45}
    assert saga.effects[-1] == Announce(ClockExtended("food", 10, Unit.WORKING_DAY, "案情复杂", "张局长"))
    assert saga.step("food").status is StepStatus.ACCEPTED
    all_laws_hold(saga.complete("food"))


def test_the_limit_of_the_whole_case_is_moved_and_no_step_s_and_that_is_told() -> None:
    saga = a_timed_case().accept("food")
    assert saga.take(granted()).changed
    assert amounts(saga) == {"food:statutory": 20, "food:promised": 4, "sign:acceptance": 5, ":statutory": 60}
    assert saga.effects[-1] == Announce(ClockExtended("", 15, Unit.WORKING_DAY, "案情复杂", "王市长"))
    (extension,) = clocks(saga)[":statutory"].clock.extensions
    assert (extension.reason, extension.authority, extension.granted_at) == ("案情复杂", "王市长", saga.now)
    all_laws_hold(saga)


def test_the_limit_of_a_step_is_extended_without_a_word_of_its_office_too() -> None:
    saga = a_timed_case().accept("food")
    saga.take(granted(10, "food"))
    assert amounts(saga)["food:statutory"] == 30
    assert saga.effects[-1] == Announce(ClockExtended("food", 10, Unit.WORKING_DAY, "案情复杂", "王市长"))
    saga.is_refused(said(saga, 1), "ALREADY_EXTENDED")


def test_a_limit_is_extended_once_however_little_that_was() -> None:
    saga = a_timed_case().accept("food")
    first = said(saga, 6, request_id="r1")
    assert saga.take(first).changed
    assert not saga.take(first).changed
    saga.is_refused(said(saga, 4), "ALREADY_EXTENDED")
    saga.take(granted(1))
    saga.is_refused(granted(14), "ALREADY_EXTENDED")
    with pytest.raises(Refusal, match=r"extended by 1 working days at 2.*, by leave of 王市长; that is done once"):
        saga.take(granted(14))


def test_the_next_office_of_a_step_has_a_limit_of_its_own_and_one_extension_of_it() -> None:
    saga = a_timed_case().accept("food")
    saga.answer(said(saga, 10)).send_back("food").routed().accept("food")
    assert amounts(saga)["food:statutory"] == 20
    assert saga.take(said(saga, 10)).changed


def test_the_office_above_goes_on_with_the_limit_and_the_extension_of_the_one_below() -> None:
    saga = a_timed_case().accept("food")
    saga.answer(said(saga, 3)).pass_up("food").routed()
    assert amounts(saga)["food:statutory"] == 23
    saga.is_refused(said(saga, 7), "ALREADY_EXTENDED")


@pytest.mark.parametrize(("amount", "reason"), [(11, "EXTENSION_TOO_LONG"), (0, "EXTENSION_TOO_SHORT")])
def test_an_extension_of_a_step_has_its_bounds(amount: int, reason: str) -> None:
    saga = a_timed_case().accept("food")
    saga.is_refused(said(saga, amount), reason)
    saga.is_refused(granted(amount, "food"), reason)


@pytest.mark.parametrize(("amount", "reason"), [(16, "EXTENSION_TOO_LONG"), (0, "EXTENSION_TOO_SHORT")])
def test_an_extension_of_the_whole_has_its_bounds(amount: int, reason: str) -> None:
    a_timed_case().is_refused(granted(amount), reason)


def test_a_limit_that_does_not_run_cannot_be_extended() -> None:
    saga = a_timed_case()
    saga.is_refused(said(saga), "NO_LIMIT")
    saga.is_refused(granted(5, "food"), "NO_LIMIT")
    saga.is_refused(granted(5, "check"), "NO_LIMIT")
    untimed = Saga(a_plan(a_step("food"))).submitted().routed().accept("food")
    untimed.is_refused(said(untimed), "NO_LIMIT")
    untimed.is_refused(granted(), "NO_LIMIT")
    Saga(a_timed_plan()).submitted().is_refused(granted(), "NO_LIMIT")
    undoing = a_timed_case().complete("food").refuse("sign")
    undoing.is_refused(said(undoing), "NO_LIMIT")
    undoing.is_refused(granted(), "NO_LIMIT")
    a_timed_case().complete("food", "sign").is_refused(granted(), "NO_LIMIT")


def test_a_step_that_the_case_does_not_have_cannot_be_extended() -> None:
    a_timed_case().is_refused(granted(5, "nowhere"), "STEP_NOT_FOUND")


def test_a_limit_that_has_passed_cannot_be_extended() -> None:
    saga = a_timed_case().accept("food")
    for clock_id in ("food:statutory", ":statutory"):
        saga.take(ClockTurned(clock_id, Light.RED))
    saga.is_refused(said(saga), "LIMIT_PASSED")
    saga.is_refused(granted(5, "food"), "LIMIT_PASSED")
    saga.is_refused(granted(), "LIMIT_PASSED")


def test_a_limit_that_stands_still_may_be_extended() -> None:
    saga = a_timed_case().accept("food")
    suspend(saga, "food")
    saga.later(DAY).take(granted())
    saga.take(granted(10, "food"))
    resume(saga.later(DAY), "food")
    assert (amounts(saga)[":statutory"], amounts(saga)["food:statutory"]) == (60, 30)
    all_laws_hold(saga)


@given(st.integers(1, 15), st.lists(st.tuples(st.booleans(), st.integers(-1, 20)), max_size=8))
def test_whatever_is_asked_for_no_limit_grows_by_more_than_it_may_and_none_twice(
    longest: int, asked: list[tuple[bool, int]]
) -> None:
    limits = Limits(statutory=Limit(20, Unit.WORKING_DAY, longest_extension=longest))
    saga = Saga(a_plan(a_step("food", limits=limits), limits=limits)).submitted().routed().accept("food")
    taken = []
    for whole, amount in asked:
        try:
            saga.take(granted(amount, "" if whole else "food"))
        except Refusal:
            continue
        taken.append((":statutory" if whole else "food:statutory", amount))
    assert all(1 <= amount <= longest for _, amount in taken)
    assert len(dict(taken)) == len(taken)
    wanted = {"food:statutory": 20, ":statutory": 20}
    assert amounts(saga) == {name: amount + dict(taken).get(name, 0) for name, amount in wanted.items()}
    saga.take(Completed(saga.task_id("food"), "done", {}))
    all_laws_hold(saga)
