"""How clocks are shown: due, used, stopped, allowed and light, at the time of the answer."""

import pytest

from chassis.database import Database
from chassis.testing import ManualClock
from duokua.cases.v1 import case_pb2
from services.cases.calendars import Calendars
from services.cases.domain.clocks import StopKind
from services.cases.domain.inputs import Suspended
from services.cases.messages import case_message
from tests.cases.builders import Town, accepting, completing, given, refusing, taken
from tests.cases.calendar.days import at, close
from tests.cases.timed import a_timed_bundle, until

ACCEPTANCE, STATUTORY, PROMISED = (
    case_pb2.CLOCK_KIND_ACCEPTANCE,
    case_pb2.CLOCK_KIND_STATUTORY,
    case_pb2.CLOCK_KIND_PROMISED,
)


@pytest.fixture
def town(database: Database) -> Town:
    with database.begin() as work:
        Calendars().install(work)
    return Town(database).publish(a_timed_bundle())


def shown(town: Town, case_id: str) -> case_pb2.Case:
    row = town.row(case_id)
    with town.database.read() as work:
        plan = town.cases.plans.of(work.connection, row.bundle_id, row.bundle_version).plan
        return case_message(row, plan, town.cases.reader(work, plan))


def of_food(case: case_pb2.Case) -> case_pb2.StepState:
    return next(step for step in case.steps if step.step_id == "food")


def clock_of_food(town: Town, case_id: str, kind: "case_pb2.ClockKind.ValueType") -> case_pb2.ClockState:
    return next(clock for clock in of_food(shown(town, case_id)).clocks if clock.kind == kind)


def an_accepted_case(town: Town, clock: ManualClock) -> str:
    """Food is offered on Wednesday, 30 September 2026, and accepted at once."""
    until(clock, "2026-09-30 09:00")
    case_id = town.running()
    taken(town.answer(accepting(town.one("food"))))
    return case_id


def test_a_running_clock_tells_when_it_is_due_and_what_is_used(town: Town, clock: ManualClock) -> None:
    case_id = an_accepted_case(town, clock)
    until(clock, "2026-10-12 15:00")  # the 8th, 9th and 10th are over, and make-up Saturday counts
    state = clock_of_food(town, case_id, STATUTORY)
    assert state.due_at.ToDatetime(at("2026-11-03").tzinfo) == close("2026-11-03")
    assert (state.measure, state.allowed, state.used, state.stopped) == (case_pb2.MEASURE_WORKING_DAY, 20, 3, 0)
    assert (state.light, state.stands_still, state.due_unknown) == (case_pb2.LIGHT_GREEN, False, "")
    assert [each.kind for each in of_food(shown(town, case_id)).clocks] == [ACCEPTANCE, STATUTORY, PROMISED]
    assert of_food(shown(town, case_id)).clocks[0].HasField("ended_at")


def test_lights_are_read_at_the_time_of_the_answer_and_the_worst_is_that_of_the_case(
    town: Town, clock: ManualClock
) -> None:
    case_id = an_accepted_case(town, clock)
    lights = []
    for day in ("2026-10-15", "2026-10-16", "2026-10-20", "2026-10-21"):  # 10 promised days: the 8th is 16 October
        until(clock, day)
        case = shown(town, case_id)
        assert of_food(case).light == case.light
        lights.append(case_pb2.Light.Name(case.light))
        assert [clock.light for clock in case.clocks] == [case_pb2.LIGHT_GREEN]
    assert lights == ["LIGHT_GREEN", "LIGHT_YELLOW", "LIGHT_YELLOW", "LIGHT_RED"]


def test_a_clock_that_stands_still_has_no_due_time_and_counts_what_is_taken_out(town: Town, clock: ManualClock) -> None:
    """Stopped on the 12th, read on the 16th: 3 days used, then the 12th to the 15th taken out."""
    case_id = an_accepted_case(town, clock)
    until(clock, "2026-10-12 10:00")
    task = town.one("food")
    taken(town.answer(given(task, Suspended(task.task_id, "r1", StopKind.HEARING, "听证"))))
    until(clock, "2026-10-16 10:00")
    state = clock_of_food(town, case_id, STATUTORY)
    assert state.stands_still
    assert not state.HasField("due_at")
    assert "stands still" in state.due_unknown
    assert (state.used, state.stopped) == (3, 4)
    (own,) = shown(town, case_id).clocks
    assert (own.stands_still, own.used, own.stopped) == (True, 3, 4)


def test_an_ended_clock_stays_as_it_was(town: Town, clock: ManualClock) -> None:
    case_id = an_accepted_case(town, clock)
    until(clock, "2026-10-21 10:00")  # one day after the promise
    taken(town.answer(completing(town.one("food"))))
    until(clock, "2026-12-01")
    state = clock_of_food(town, case_id, PROMISED)
    assert (state.light, state.used) == (case_pb2.LIGHT_RED, 10)
    assert state.ended_at.ToDatetime(at("2026-10-21").tzinfo) == at("2026-10-21 10:00")
    assert of_food(shown(town, case_id)).light == case_pb2.LIGHT_UNSPECIFIED


def test_a_case_that_has_ended_has_no_light(town: Town, clock: ManualClock) -> None:
    case_id = an_accepted_case(town, clock)
    until(clock, "2026-10-09 09:00")
    taken(town.answer(refusing(town.one("food"))))
    assert shown(town, case_id).light == case_pb2.LIGHT_UNSPECIFIED


def test_what_the_calendar_does_not_reach_is_said_to_be_unknown(town: Town, clock: ManualClock) -> None:
    until(clock, "2026-12-28 09:00")
    case_id = town.running()
    due = clock_of_food(town, case_id, ACCEPTANCE)
    assert not due.HasField("due_at")
    assert "load" in due.due_unknown
    assert (due.used, due.light) == (0, case_pb2.LIGHT_GREEN)
    until(clock, "2027-01-06")
    lost = clock_of_food(town, case_id, ACCEPTANCE)
    assert not lost.HasField("used")
    assert not lost.HasField("stopped")
    assert lost.light == shown(town, case_id).light == case_pb2.LIGHT_UNKNOWN
