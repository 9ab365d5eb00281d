"""What time has done to a case that nobody looked at for long: told in the order in which it came about."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.cases.domain.case import UndoCause
from services.cases.domain.clocks import Limit, Unit
from services.cases.domain.counted_days import Rules
from services.cases.domain.inputs import ClockTurned
from services.cases.domain.looking import turned, wake_at
from services.cases.domain.plan import CorrectionRules
from services.cases.domain.reckoning import Light
from services.cases.domain.timing import running
from tests.cases.calendar.days import CALENDAR
from tests.cases.domain.holding_up import ask
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.saga import Saga
from tests.cases.domain.test_timing import DAY, a_timed_case, a_timed_plan

RULES = Rules()


def told(saga: Saga) -> Iterator[ClockTurned]:
    """Tell the case what time has done to it, as the shell does."""
    while (said := turned(saga.case, saga.now, CALENDAR, RULES)) is not None:
        assert saga.take(said).changed
        yield said


def test_an_offices_silence_is_told_before_the_applicants_that_came_later() -> None:
    plan = replace(a_timed_plan(), corrections=CorrectionRules(limit=Limit(15, Unit.WORKING_DAY)))
    saga = Saga(plan).submitted().routed().complete("check")
    ask(saga, "sign")
    saga.later(90 * DAY)
    said = list(told(saga))
    assert said[:2] == [ClockTurned("food:acceptance", Light.RED), ClockTurned("food:promised", Light.RED)]
    assert said[-1] == ClockTurned(":correction:1", Light.RED)
    assert saga.case.undo_cause is UndoCause.HANDED_BACK
    assert "StepAccepted food" in saga.announced()
    all_laws_hold(saga)


def test_of_clocks_that_are_due_at_one_time_the_first_by_its_id_is_told_first_wherever_the_case_was_kept() -> None:
    saga = a_timed_case().later(6 * DAY)
    kept = saga.case.proceedings.clocks
    other = dict(reversed(list(kept.items())))
    elsewhere = replace(saga.case, proceedings=replace(saga.case.proceedings, clocks=other))
    assert turned(saga.case, saga.now, CALENDAR, RULES) == turned(elsewhere, saga.now, CALENDAR, RULES)
    assert [each.clock_id for each in told(saga)] == ["food:acceptance", "sign:acceptance"]


@given(st.integers(0, 300), st.sampled_from(["", "food", "sign"]))
def test_telling_comes_to_an_end_and_the_next_light_is_still_to_come(days: int, asking: str) -> None:
    plan = replace(a_timed_plan(), corrections=CorrectionRules(limit=Limit(15, Unit.WORKING_DAY)))
    saga = Saga(plan).submitted().routed().complete("check")
    if asking:
        ask(saga, asking)
    saga.later(timedelta(days=days))
    said = list(told(saga))
    assert len(said) == len(set(said))
    following = wake_at(saga.case, saga.now, CALENDAR, RULES)
    assert following is None or following > saga.now
    assert {each.light for each in running(saga.case.proceedings.clocks)} <= set(Light) - {Light.UNKNOWN}
    all_laws_hold(saga)
