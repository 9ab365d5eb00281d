"""What follows from the light of a clock."""

from dataclasses import replace
from datetime import timedelta

from services.cases.domain import timing
from services.cases.domain.case import CaseStatus, StepStatus, TaskStatus
from services.cases.domain.clocks import BUNDLE, StopKind
from services.cases.domain.effects import AcceptTask, Announce, StepAccepted
from services.cases.domain.inputs import Accepted, ClockTurned
from services.cases.domain.lights import clock_turned
from services.cases.domain.plan import Limits
from services.cases.domain.reckoning import Light
from tests.cases.domain.holding_up import ask, resume, supply, suspend
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.plans import a_plan, a_step
from tests.cases.domain.saga import NINE, Saga
from tests.cases.domain.test_timing import DAY, STEP, a_timed_case, clocks, running, turn_of

RED = ClockTurned("food:acceptance", Light.RED)


def test_silence_is_acceptance_from_the_day_of_receipt() -> None:
    saga = a_timed_case().later(6 * DAY)
    saga.take(RED)
    assert saga.step("food").status is StepStatus.ACCEPTED
    assert saga.case.tasks["c1:food:1"].status is TaskStatus.ACCEPTED
    assert saga.effects[-2:] == [AcceptTask("c1:food:1"), Announce(StepAccepted("food", by_silence=True))]
    assert clocks(saga)["food:statutory"].clock.started_at == NINE
    assert clocks(saga)["food:acceptance"].clock.ended_at == saga.now
    all_laws_hold(saga)


def test_silence_starts_the_clock_of_the_bundle_on_the_day_of_receipt_too() -> None:
    plan = replace(a_plan(a_step("food", limits=STEP)), limits=Limits(statutory=BUNDLE))
    saga = Saga(plan).submitted().routed().later(30 * DAY)
    saga.take(RED)
    assert clocks(saga)[":statutory"].clock.started_at == NINE


def test_an_acceptance_after_silence_is_a_repeat() -> None:
    saga = a_timed_case()
    saga.take(RED)
    assert not saga.take(Accepted(saga.task_id("food"), "r1")).changed
    assert saga.complete("food").step("food").status is StepStatus.COMPLETED
    assert saga.announced().count("StepAccepted food") == 1


def test_the_day_of_receipt_is_that_of_what_was_supplied_last() -> None:
    saga = a_timed_case()
    turn = turn_of(saga)
    timing.stopped(turn, "food", "c1:food:1", StopKind.CORRECTION)
    turn.now += 3 * DAY
    timing.resumed(turn, "food", "c1:food:1")
    turn.now += 5 * DAY
    clock_turned(turn, RED)
    assert turn.proceedings.clocks["food:statutory"].clock.started_at == NINE + 4 * DAY


def test_a_procedure_before_the_acceptance_is_no_later_receipt_and_is_left_out_of_the_decision() -> None:
    saga = a_timed_case()
    suspend(saga, "food")
    began = saga.now
    resume(saga.later(9 * DAY), "food")
    ended = saga.now
    saga.later(6 * DAY).take(RED)
    clock = clocks(saga)["food:statutory"].clock
    assert clock.started_at == NINE
    assert [(each.stopped_at, each.resumed_at) for each in clock.stops] == [(began, ended)]
    all_laws_hold(saga)


def test_the_clock_of_the_bundle_stood_still_for_what_held_others_up_since_the_day_of_receipt() -> None:
    plan = replace(a_plan(a_step("food", limits=STEP), a_step("sign"), a_step("fire")), limits=Limits(statutory=BUNDLE))
    saga = Saga(plan).submitted().routed()
    ask(saga.later(DAY), "sign")
    supply(saga.later(2 * DAY))
    suspend(saga.later(DAY), "fire")
    saga.later(4 * DAY).take(RED)
    clock = clocks(saga)[":statutory"].clock
    assert clock.started_at == NINE
    assert [(each.stopped_at, each.resumed_at) for each in clock.stops] == [
        (NINE + DAY, NINE + 3 * DAY),
        (NINE + 4 * DAY, None),
    ]
    resume(saga.later(DAY), "fire")
    assert not clocks(saga)[":statutory"].clock.stopped
    all_laws_hold(saga)


def test_silence_during_an_incident_is_acceptance_and_the_retry_is_offered_as_accepted() -> None:
    saga = a_timed_case().fail("food", times=8, retry_after=timedelta())
    saga.take(RED)
    assert saga.step("food").status is StepStatus.ACCEPTED
    saga.retried("TASK_FAILED")
    assert saga.open[saga.task_id("food")].accepted
    all_laws_hold(saga)


def test_a_light_that_was_told_or_is_of_no_running_clock_changes_nothing() -> None:
    saga = a_timed_case().accept("sign")
    for given in (
        ClockTurned("food:acceptance", Light.GREEN),
        ClockTurned("sign:acceptance", Light.RED),
        ClockTurned("no such clock", Light.RED),
    ):
        assert not saga.take(given).changed
    assert saga.take(ClockTurned("food:acceptance", Light.YELLOW)).changed
    assert clocks(saga)["food:acceptance"].light is Light.YELLOW
    assert saga.step("food").status is StepStatus.OFFERED
    saga.take(RED)
    assert not saga.take(RED).changed


def test_a_light_after_the_end_of_the_case_changes_nothing() -> None:
    saga = a_timed_case().refuse("sign").drained()
    assert saga.stands(CaseStatus.UNDONE)
    assert not saga.take(RED).changed


def past_the_pivot(limits: Limits = STEP) -> Saga:
    """Food is offered, with all limits, and can only go forward."""
    plan = a_plan(a_step("hand-over", pivot=True), a_step("food", "hand-over", limits=limits))
    return Saga(plan).submitted().routed().complete("hand-over")


def test_what_was_accepted_is_offered_as_accepted_after_a_refusal_that_an_operator_settled() -> None:
    saga = past_the_pivot().accept("food").later(3 * DAY).refuse("food").later(DAY).retried("REFUSED_AFTER_PIVOT")
    assert saga.open[saga.task_id("food")].accepted
    assert running(saga) == {"food:statutory", "food:promised"}
    assert clocks(saga)["food:statutory"].clock.started_at == saga.now
    all_laws_hold(saga)
    saga.complete("food")
    assert saga.announced().count("StepAccepted food") == 1


def test_an_acceptance_that_stands_is_the_only_one_whatever_the_office_above_refuses() -> None:
    saga = past_the_pivot().accept("food").pass_up("food").routed().refuse("food").retried("REFUSED_AFTER_PIVOT")
    assert saga.step("food").status is StepStatus.ACCEPTED
    all_laws_hold(saga)


def test_what_nobody_had_accepted_is_offered_for_acceptance_again() -> None:
    saga = past_the_pivot().refuse("food").retried("REFUSED_AFTER_PIVOT")
    assert saga.step("food").status is StepStatus.OFFERED
    assert running(saga) == {"food:acceptance"}
    all_laws_hold(saga)
