"""Whatever happens to a case: each working day of a clock's life is used or stopped, and of each once."""

from datetime import timedelta

from hypothesis import event, given
from hypothesis import strategies as st

from chassis.clock import day_of
from services.cases.domain.calendar import ONE_DAY
from services.cases.domain.case import StepStatus
from services.cases.domain.clocks import Unit
from services.cases.domain.counted_days import Rules
from services.cases.domain.reckoning import read, stopped, used
from tests.cases.calendar.days import CALENDAR
from tests.cases.domain.holding_up import resume, suspend
from tests.cases.domain.saga import Saga
from tests.cases.domain.test_timing import a_timed_case, clocks

RULES = Rules()
STEPS = st.sampled_from(["food", "sign"])
# A wait, and who does something then: over the holidays of spring, in hours.
HAPPENINGS = st.lists(st.tuples(st.integers(0, 200), STEPS, st.sampled_from(["hold", "go on", "fail"])), max_size=12)


def happens(saga: Saga, step_id: str, what: str) -> None:
    status = saga.step(step_id).status
    if what == "hold" and status in (StepStatus.OFFERED, StepStatus.ACCEPTED):
        suspend(saga, step_id)
        event("a procedure began")
    elif what == "go on" and status is StepStatus.SUSPENDED:
        resume(saga, step_id)
    elif what == "go on" and status is StepStatus.OFFERED:
        saga.accept(step_id)
    elif what == "fail" and status in (StepStatus.OFFERED, StepStatus.ACCEPTED) and saga.step(step_id).failures < 3:
        saga.fail(step_id)


@given(happenings=HAPPENINGS, rest=st.integers(0, 200))
def test_each_working_day_is_used_or_stopped(happenings: list[tuple[int, str, str]], rest: int) -> None:
    saga = a_timed_case()
    for hours, step_id, what in happenings:
        happens(saga.later(timedelta(hours=hours)), step_id, what)
    saga.later(timedelta(hours=rest))
    for each in clocks(saga).values():
        until = min(saga.now, each.clock.ended_at or saga.now)
        passed = CALENDAR.working_days(day_of(each.clock.started_at) + ONE_DAY, day_of(until) - ONE_DAY)
        taken = (used(each.clock, saga.now, CALENDAR, RULES), stopped(each.clock, saga.now, CALENDAR, RULES))
        assert each.clock.limit.unit is Unit.WORKING_DAY
        assert sum(taken) == passed, each
        reading = read(each.clock, saga.now, CALENDAR, RULES)
        assert (reading.used, reading.stopped) == taken
        if each.step_id == "":
            assert each.clock.stopped == any(step.status is StepStatus.SUSPENDED for step in saga.case.steps.values())
