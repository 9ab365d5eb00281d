"""补正: asked for all at once, merged over offices, supplied, limited, and over when the applicant keeps silent."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.cases.domain import corrections, timing
from services.cases.domain.case import Case, CaseStatus, StepStatus, TaskStatus, UndoCause
from services.cases.domain.clocks import ACCEPTANCE, DECISION, Limit, StopKind, Unit
from services.cases.domain.inputs import (
    Completed,
    Corrected,
    CorrectionRequested,
    IncidentRetried,
    StepSkipped,
    Withdrawn,
)
from services.cases.domain.interruptions import drop
from services.cases.domain.plan import CorrectionRules, Limits, Plan
from services.cases.domain.proceedings import CorrectionItem, CorrectionStatus
from services.cases.domain.turn import Turn
from tests.cases.domain.holding_up import ask, asked, asking, field, latest, material, supply, suspend
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.plans import a_plan, a_restaurant, a_step
from tests.cases.domain.saga import NINE, Saga, a_running_restaurant

DAY = timedelta(days=1)
FORTNIGHT = Limit(15, Unit.CALENDAR_DAY)


def a_plan_with_limits(**rules: object) -> Plan:
    """food || sign, each with its limits, then the point of no return and a step after it."""
    limits = Limits(ACCEPTANCE, DECISION)
    plan = a_plan(
        a_step("food", undoable=True, limits=limits),
        a_step("sign", undoable=True, limits=limits),
        a_step("hand-over", "food", "sign", pivot=True),
        a_step("delivery", "hand-over"),
    )
    given = {"limit": FORTNIGHT, **rules}
    return replace(plan, limits=Limits(statutory=DECISION), corrections=CorrectionRules(**given))  # type: ignore[arg-type]


def a_case(**rules: object) -> Saga:
    return Saga(a_plan_with_limits(**rules)).submitted().routed()


def past_the_pivot() -> Saga:
    """Delivery, the only step left, asks for corrections."""
    saga = a_case().complete("food", "sign", "hand-over")
    ask(saga, "delivery")
    return saga


def expire(saga: Saga) -> Case:
    """What the rules make of the applicant's silence."""
    turn = Turn(saga.plan, saga.case, saga.now)
    corrections.expired(turn)
    return turn.after()


def test_a_request_settles_the_task_and_the_step_waits_for_the_applicant() -> None:
    saga = a_running_restaurant().accept("food")
    task_id = saga.task_id("food")
    ask(saga, "food", field("shop.area", "the deed says 120"), material("lease"))
    assert saga.step("food").status is StepStatus.CORRECTING
    assert saga.case.tasks[task_id].status is TaskStatus.CORRECTING
    assert "food" not in saga.offered()
    assert latest(saga).correction_no == 1
    (request,) = latest(saga).requests
    assert request.items == (field("shop.area", "the deed says 120"), material("lease"))
    assert saga.announced()[-1] == "CorrectionRequested"
    all_laws_hold(saga)


def test_what_is_supplied_brings_a_new_task_accepted_as_before() -> None:
    saga = a_running_restaurant().accept("food")
    ask(saga, "food")
    supply(saga)
    assert (saga.step("food").status, saga.task_id("food")) == (StepStatus.ACCEPTED, "c1:food:2")
    assert saga.open["c1:food:2"].accepted
    assert (latest(saga).status, latest(saga).settled_at) == (CorrectionStatus.SUPPLIED, saga.now)
    assert saga.announced()[-1] == "CorrectionSupplied"
    ask(saga, "sign")
    supply(saga)
    assert saga.step("sign").status is StepStatus.OFFERED
    all_laws_hold(saga.drained())
    assert saga.stands(CaseStatus.COMPLETED)


def test_offices_that_ask_at_once_are_merged_into_one_request_and_go_on_together() -> None:
    saga = a_running_restaurant()
    ask(saga, "food", field("owner"), material("lease"))
    ask(saga.later(DAY), "sign", field("owner"))
    assert len(saga.case.proceedings.corrections) == 1
    assert [(each.step_id, [item.name for item in each.items]) for each in latest(saga).requests] == [
        ("food", ["owner", "lease"]),
        ("sign", ["owner"]),
    ]
    assert latest(saga).opened_at == NINE
    supply(saga)
    assert sorted(saga.offered()) == ["fire", "food", "sign"]
    ask(saga, "fire")
    assert latest(saga).correction_no == 2
    all_laws_hold(saga)


def test_a_second_request_of_a_step_needs_a_reason_and_a_third_is_too_many() -> None:
    saga = a_running_restaurant()
    ask(saga, "food")
    supply(saga)
    saga.is_refused(asking(saga, "food"), "CORRECTION_NEEDS_REASON")
    saga.is_refused(asking(saga, "food", reason="  "), "CORRECTION_NEEDS_REASON")
    ask(saga, "food", reason="the plan is still missing")
    ask(saga, "sign")  # its first
    supply(saga)
    saga.is_refused(asking(saga, "food", reason="once more"), "CORRECTION_LIMIT")
    assert corrections.requests_of(saga.case.proceedings.corrections, "food") == 2
    all_laws_hold(saga)


def test_a_bundle_may_allow_another_number_of_requests() -> None:
    saga = a_case(most=1)
    ask(saga, "food")
    supply(saga)
    saga.is_refused(asking(saga, "food", reason="once more"), "CORRECTION_LIMIT")


@pytest.mark.parametrize(
    ("item", "allowed"),
    [
        (field("shop.area"), True),
        (field("shop"), True),
        (field("shop.area.unit"), True),
        (field("owner"), True),
        (material("lease"), True),
        (field("shop.areas"), False),
        (field("sho"), False),
        (field("shop.name"), False),
        (field("lease"), False),
        (material("owner"), False),
        (material("plan"), False),
    ],
)
def test_an_office_asks_for_what_its_matter_declares(item: CorrectionItem, *, allowed: bool) -> None:
    saga = a_running_restaurant()
    if allowed:
        ask(saga, "food", item)
    else:
        saga.is_refused(asking(saga, "food", field("owner"), item), "ITEM_NOT_DECLARED")


def test_a_request_for_nothing_is_refused() -> None:
    saga = a_running_restaurant()
    saga.is_refused(CorrectionRequested(saga.task_id("food"), "r1", ()), "ITEM_NOT_DECLARED")


def test_nobody_corrects_what_nobody_applied_for() -> None:
    saga = Saga(a_plan(a_step("allowance", without_application=True))).submitted().routed()
    saga.is_refused(asking(saga, "allowance"), "NOT_APPLIED_FOR")


def test_an_undo_task_asks_for_no_corrections() -> None:
    saga = a_running_restaurant().complete("food").refuse("sign").revoked("food")
    saga.is_refused(asking(saga, "food"), "UNDO_CANNOT_BE_REFUSED")


def test_repeats_change_nothing() -> None:
    saga = a_running_restaurant()
    given = asking(saga, "food")
    saga.answer(given)
    assert not saga.take(given).changed
    saga.is_refused(Completed(given.task_id, "late", {}), "TASK_SETTLED")
    supply(saga, "digest")
    assert not saga.take(given).changed
    assert not saga.take(Corrected(1, "digest")).changed
    saga.is_refused(Corrected(1, "another"), "CORRECTION_SETTLED")
    saga.is_refused(Corrected(2, "digest"), "CORRECTION_NOT_FOUND")


@pytest.mark.parametrize("withdrawn", [True, False])
def test_a_withdrawal_or_a_refusal_meanwhile_cancels_the_request(*, withdrawn: bool) -> None:
    saga = a_running_restaurant().complete("sign").sealed("sign")
    ask(saga, "food")
    if withdrawn:
        saga.take(Withdrawn("found another shop"))
    else:
        saga.refuse("fire")
    assert (latest(saga).status, latest(saga).settled_at) == (CorrectionStatus.CANCELLED, saga.now)
    assert saga.step("food").status is StepStatus.CANCELLED
    assert saga.being_undone() == ["sign"]
    saga.is_refused(Corrected(1, "late"), "CORRECTION_SETTLED")
    all_laws_hold(saga)
    all_laws_hold(saga.drained())


def test_an_act_that_crosses_with_a_refusal_is_not_taken_from_who_asked_for_corrections() -> None:
    saga = a_running_restaurant()
    task_id = saga.task_id("food")
    ask(saga, "food")
    saga.refuse("fire")
    saga.is_refused(Completed(task_id, "crossing", {}), "CASE_ENDED")


def test_clocks_stand_still_until_everything_is_supplied() -> None:
    saga = a_case().accept("food").later(DAY)
    ask(saga, "food")
    clocks = saga.case.proceedings.clocks
    assert [each.clock_id for each in clocks.values() if each.clock.stopped] == ["food:statutory", ":statutory"]
    assert clocks["food:statutory"].clock.stops[0].kind is StopKind.CORRECTION
    supply(saga.later(3 * DAY))
    clocks = saga.case.proceedings.clocks
    assert not any(each.clock.stopped for each in clocks.values())
    assert clocks["food:statutory"].clock.stops[0].resumed_at == saga.now
    assert clocks["food:statutory"].clock.ended_at is None


def test_a_request_before_acceptance_holds_its_clock() -> None:
    saga = a_case()
    ask(saga, "food")
    assert saga.case.proceedings.clocks["food:acceptance"].clock.stopped
    supply(saga.later(DAY))
    held = saga.case.proceedings.clocks["food:acceptance"].clock
    assert (held.started_at, held.stopped, held.ended_at) == (NINE, False, None)


def test_a_request_in_the_pre_check_stops_clocks_under_its_own_name() -> None:
    step = a_step("look", pre_check=True, limits=Limits(ACCEPTANCE))
    saga = Saga(a_plan(step)).submitted().routed()
    ask(saga, "look")
    assert saga.case.proceedings.clocks["look:acceptance"].clock.stops[0].kind is StopKind.PRE_CHECK_CORRECTION


def test_a_correction_and_a_procedure_of_two_steps_hold_the_bundle_until_both_are_over() -> None:
    saga = a_case().accept("food").accept("sign")
    ask(saga, "food")
    suspend(saga, "sign")
    supply(saga)
    clocks = saga.case.proceedings.clocks
    assert clocks[":statutory"].clock.stopped
    assert not clocks["food:statutory"].clock.stopped


def test_the_applicant_has_time_and_has_it_again_when_more_is_asked_for() -> None:
    saga = a_case()
    ask(saga, "food")
    assert saga.case.proceedings.clocks[":correction:1"].clock.started_at == NINE
    ask(saga.later(DAY), "sign")
    clock = saga.case.proceedings.clocks[":correction:1"].clock
    assert (clock.started_at, clock.limit) == (NINE + DAY, FORTNIGHT)
    supply(saga.later(DAY))
    assert saga.case.proceedings.clocks[":correction:1"].clock.ended_at == NINE + 2 * DAY
    ask(saga, "food", reason="once more")
    assert saga.case.proceedings.clocks[":correction:2"].clock.ended_at is None


def test_without_a_limit_the_applicant_has_all_the_time() -> None:
    saga = Saga(a_restaurant()).submitted().routed()
    ask(saga, "check")
    assert not saga.case.proceedings.clocks


def stopped(saga: Saga) -> set[str]:
    """The clocks that stand still."""
    return {each.clock_id for each in timing.running(saga.case.proceedings.clocks) if each.clock.stopped}


def test_a_step_that_is_skipped_meanwhile_holds_nobody_up() -> None:
    saga = a_case().accept("food").accept("sign").later(DAY)
    ask(saga, "food")
    suspend(saga, "sign")
    saga.take(StepSkipped("food", "the shop sells no food"))
    assert latest(saga).status is CorrectionStatus.CANCELLED
    assert stopped(saga) == {":statutory", "sign:statutory"}
    saga.take(StepSkipped("sign", "there is no sign"))
    assert saga.case.proceedings.procedures[0].ended_at == saga.now
    assert stopped(saga) == set()
    all_laws_hold(saga)


def test_a_step_that_is_skipped_leaves_the_request_to_the_others() -> None:
    saga = a_running_restaurant()
    ask(saga, "food")
    ask(saga, "sign")
    saga.take(StepSkipped("food", "the shop sells no food"))
    assert asked(saga) == ["sign"]
    supply(saga)
    assert "food" not in saga.offered()
    assert "sign" in saga.offered()
    all_laws_hold(saga)


def test_the_operator_is_asked_once_more_for_those_that_are_left() -> None:
    saga = Saga(a_late_pair()).submitted().routed().complete("hand-over")
    ask(saga, "one")
    ask(saga, "two")
    turn = Turn(saga.plan, expire(saga), saga.now)
    drop(turn, ("one",))
    assert {each.step_id for each in turn.incidents.values() if each.resolved_at is None} == {"two"}
    drop(turn, ("two",))
    assert not [each for each in turn.incidents.values() if each.resolved_at is None]
    assert turn.proceedings.corrections[-1].status is CorrectionStatus.CANCELLED


def a_late_pair() -> Plan:
    """The point of no return, then two steps side by side."""
    plan = a_plan(a_step("hand-over", pivot=True), a_step("one", "hand-over"), a_step("two", "hand-over"))
    return replace(plan, corrections=CorrectionRules(limit=FORTNIGHT))


def test_silence_before_the_pivot_hands_the_case_back() -> None:
    saga = a_case().complete("sign")
    ask(saga, "food")
    case = expire(saga.later(16 * DAY))
    assert (case.status, case.undo_cause) == (CaseStatus.UNDOING, UndoCause.HANDED_BACK)
    assert case.refusal_reason == "逾期未补正，申请退回", "it is for the applicant to read"
    assert case.proceedings.corrections[-1].status is CorrectionStatus.EXPIRED
    assert case.steps["food"].status is StepStatus.CANCELLED
    assert case.steps["sign"].status is StepStatus.UNDOING
    assert not list(timing.running(case.proceedings.clocks))


def test_silence_past_the_pivot_asks_an_operator_and_what_comes_late_is_still_taken() -> None:
    saga = past_the_pivot()
    saga.current = expire(saga)
    (incident,) = saga.case.incidents.values()
    assert (incident.reason, incident.step_id) == ("CORRECTION_EXPIRED", "delivery")
    assert saga.stands(CaseStatus.RUNNING)
    assert asked(saga) == ["delivery"]
    assert expire(saga) is saga.case
    late = Turn(saga.plan, saga.case, saga.now)
    corrections.corrected(late, Corrected(1, "late"))
    assert late.after().open_incidents == 0
    assert late.after().steps["delivery"].status is StepStatus.OFFERED


def test_an_operator_gives_the_applicant_the_time_once_more() -> None:
    saga = past_the_pivot().later(16 * DAY)
    saga.current = case = expire(saga)
    (incident_id,) = case.incidents
    turn = Turn(saga.plan, case, saga.now)
    again = IncidentRetried(incident_id, "r1", "the applicant was ill")
    corrections.ask_again(turn, case.incidents[incident_id].step_id)
    assert turn.after().proceedings.clocks[":correction:1"].clock.started_at == saga.now
    assert turn.after().open_incidents == 0
    saga.open_incidents[incident_id] = None  # type: ignore[assignment] # expired by hand, past the books
    assert saga.take(again).changed
    assert saga.case.open_incidents == 0
    supply(saga)
    assert saga.offered() == ["delivery"]


def test_silence_when_nothing_is_asked_for_changes_nothing() -> None:
    saga = a_case()
    assert expire(saga) is saga.case
