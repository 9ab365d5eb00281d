"""Which clocks of a case start, stand still and end with what happens to it."""

from dataclasses import replace
from datetime import timedelta

from services.cases.domain import timing
from services.cases.domain.case import CaseStatus, StepStatus
from services.cases.domain.clocks import ACCEPTANCE, BUNDLE, DECISION, Limit, LimitKind, StopKind, Unit
from services.cases.domain.inputs import Completed, Withdrawn
from services.cases.domain.plan import Limits, Plan
from services.cases.domain.proceedings import CaseClock, ClockKind, Procedure
from services.cases.domain.turn import Turn
from tests.cases.domain.plans import a_plan, a_restaurant, a_step
from tests.cases.domain.saga import NINE, Saga

DAY = timedelta(days=1)
PROMISED = Limit(4, Unit.WORKING_DAY, LimitKind.PROMISED)
STEP = Limits(ACCEPTANCE, DECISION, PROMISED)


def a_timed_plan(limits: Limits = STEP) -> Plan:
    """check, without limits -> food || sign, with all of them; and the bundle's."""
    plan = a_plan(
        a_step("check", undoable=True),
        a_step("food", "check", undoable=True, limits=limits),
        a_step("sign", "check", undoable=True, limits=limits),
    )
    return replace(plan, limits=Limits(statutory=BUNDLE))


def a_timed_case() -> Saga:
    """Food and sign are offered, the check having been accepted and completed at nine."""
    return Saga(a_timed_plan()).submitted().routed().complete("check").later(DAY)


def clocks(saga: Saga) -> dict[str, CaseClock]:
    return dict(saga.case.proceedings.clocks)


def running(saga: Saga) -> set[str]:
    return {each.clock_id for each in timing.running(clocks(saga))}


def turn_of(saga: Saga) -> Turn:
    return Turn(saga.plan, saga.case, saga.now)


def test_a_plan_without_limits_has_no_clocks() -> None:
    saga = Saga(a_restaurant()).submitted().routed().accept("check").complete("check", "food").refuse("sign")
    assert clocks(saga) == {}


def test_an_offer_starts_the_clock_of_its_acceptance() -> None:
    saga = a_timed_case()
    assert running(saga) == {"food:acceptance", "sign:acceptance", ":statutory"}
    started = clocks(saga)["food:acceptance"]
    assert (started.clock.started_at, started.clock.limit, started.kind) == (NINE, ACCEPTANCE, ClockKind.ACCEPTANCE)


def test_acceptance_ends_that_clock_and_starts_those_of_the_decision() -> None:
    saga = a_timed_case().accept("food")
    assert running(saga) == {"food:statutory", "food:promised", "sign:acceptance", ":statutory"}
    assert clocks(saga)["food:acceptance"].clock.ended_at == NINE + DAY
    assert clocks(saga)["food:promised"].clock.started_at == NINE + DAY


def test_the_first_acceptance_starts_the_clock_of_the_bundle() -> None:
    saga = Saga(a_timed_plan()).submitted().later(DAY).routed().later(DAY)
    assert clocks(saga) == {}
    saga.accept("check").later(DAY).complete("check").accept("food")
    assert clocks(saga)[":statutory"].clock.started_at == NINE + 2 * DAY


def test_a_pre_check_is_no_acceptance_of_the_bundle() -> None:
    plan = replace(a_plan(a_step("look", pre_check=True), a_step("food", "look")), limits=Limits(statutory=BUNDLE))
    saga = Saga(plan).submitted().routed().complete("look")
    assert running(saga) == set()
    saga.accept("food")
    assert running(saga) == {":statutory"}


def test_a_completion_implies_acceptance_and_ends_the_clocks_of_the_step() -> None:
    saga = a_timed_case().complete("food")
    assert running(saga) == {"sign:acceptance", ":statutory"}
    decision = clocks(saga)["food:statutory"].clock
    assert decision.started_at == decision.ended_at == NINE + DAY


def test_a_technical_failure_is_no_reason_for_more_time() -> None:
    saga = a_timed_case().fail("food").later(DAY).accept("food")
    assert clocks(saga)["food:acceptance"].clock.started_at == NINE
    saga.later(DAY).fail("food")
    assert clocks(saga)["food:statutory"].clock.started_at == NINE + 2 * DAY
    assert running(saga) == {"food:statutory", "food:promised", "sign:acceptance", ":statutory"}


def test_after_a_return_the_next_office_has_clocks_of_its_own() -> None:
    saga = a_timed_case().accept("food").later(DAY).send_back("food")
    assert running(saga) == {"sign:acceptance", ":statutory"}
    saga.later(DAY).routed()
    assert clocks(saga)["food:acceptance"].clock.started_at == NINE + 3 * DAY
    saga.later(DAY).accept("food")
    assert clocks(saga)["food:statutory"].clock.started_at == NINE + 4 * DAY


def test_a_refusal_or_a_withdrawal_leaves_nothing_to_decide() -> None:
    refused = a_timed_case().accept("food").complete("sign").refuse("food")
    assert refused.stands(CaseStatus.UNDOING)
    assert running(refused) == set()
    withdrawn = a_timed_case().accept("food")
    withdrawn.take(Withdrawn("changed my mind"))
    assert running(withdrawn) == set()


def test_an_act_that_crossed_with_a_refusal_starts_no_clock() -> None:
    saga = a_timed_case()
    crossing = saga.task_id("food")
    saga.refuse("sign").take(Completed(crossing, "late", {}))
    assert saga.step("food").status is StepStatus.COMPLETED
    assert running(saga) == set()


def test_a_case_that_has_ended_has_no_clock_that_runs() -> None:
    saga = a_timed_case().complete("food", "sign")
    assert saga.stands(CaseStatus.COMPLETED)
    assert running(saga) == set()
    assert clocks(saga)[":statutory"].clock.ended_at == saga.now


def test_a_stop_holds_the_clocks_of_its_step_and_of_the_bundle_until_it_is_over() -> None:
    turn = turn_of(a_timed_case().accept("food"))
    timing.stopped(turn, "food", "c1:food:1", StopKind.HEARING)
    timing.stopped(turn, "sign", "c1:sign:1", StopKind.CORRECTION)
    timing.stopped(turn, "sign", "c1:sign:1", StopKind.CORRECTION)
    held = {each.clock_id for each in turn.proceedings.clocks.values() if each.clock.stopped}
    assert held == {"food:statutory", "food:promised", "sign:acceptance", ":statutory"}
    timing.resumed(turn, "sign", "c1:sign:1")
    assert not turn.proceedings.clocks["sign:acceptance"].clock.stopped
    assert turn.proceedings.clocks[":statutory"].clock.stopped
    timing.resumed(turn, "food", "c1:food:1")
    timing.resumed(turn, "food", "c1:food:1")
    assert not any(each.clock.stopped for each in turn.proceedings.clocks.values())
    assert [each.stop_id for each in turn.proceedings.clocks[":statutory"].clock.stops] == ["c1:food:1", "c1:sign:1"]


def test_what_held_the_bundle_up_for_a_step_is_over_when_the_step_is_decided() -> None:
    turn = turn_of(a_timed_case())
    timing.stopped(turn, "food", "c1:food:1", StopKind.SUSPENDED)
    timing.stopped(turn, "sign", "c1:sign:1", StopKind.CORRECTION)
    timing.decided(turn, "food")
    assert [each.resumed_at is None for each in turn.proceedings.clocks[":statutory"].clock.stops] == [False, True]
    timing.decided(turn, "sign")
    assert not turn.proceedings.clocks[":statutory"].clock.stopped


def test_a_clock_of_the_bundle_that_starts_during_a_procedure_stands_still() -> None:
    plan = a_plan(a_step("food", limits=STEP), a_step("sign", limits=STEP))
    turn = turn_of(Saga(replace(plan, limits=Limits(statutory=BUNDLE))).submitted().routed())
    turn.proceed(procedures=(Procedure("c1:food:1", "food", StopKind.VERIFICATION, "", NINE),))
    timing.stopped(turn, "food", "c1:food:1", StopKind.VERIFICATION)
    timing.taken_on(turn, "sign", turn.now)
    assert turn.proceedings.clocks[":statutory"].clock.stopped
    assert not turn.proceedings.clocks["sign:statutory"].clock.stopped


def test_a_follow_up_outlives_the_case_and_other_clocks_do_not() -> None:
    turn = turn_of(a_timed_case())
    timing.start(turn, "f1", "food", ClockKind.FOLLOW_UP, ACCEPTANCE)
    timing.start(turn, "c1", "", ClockKind.CORRECTION, ACCEPTANCE)
    timing.closed(turn)
    assert [each.clock_id for each in timing.running(turn.proceedings.clocks)] == ["f1"]
    timing.end(turn, "f1")
    timing.end(turn, "f1")
    timing.end(turn, "no such clock")
    assert list(timing.running(turn.proceedings.clocks)) == []


def test_what_is_called_again_changes_nothing() -> None:
    turn = turn_of(a_timed_case().accept("food").later(DAY))
    before = turn.proceedings
    timing.offered(turn, "food")
    timing.taken_on(turn, "food", turn.now)
    timing.resumed(turn, "food", "c1:food:1")
    assert turn.proceedings == before
    assert not turn.changed
