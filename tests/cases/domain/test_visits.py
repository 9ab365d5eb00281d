"""Joint visits: several offices go to the site together, and none decides before."""

from dataclasses import replace
from datetime import timedelta

from services.cases.domain.case import CaseStatus
from services.cases.domain.inputs import Accepted, Completed, StepForced, StepSkipped, VisitAttended, VisitScheduled
from services.cases.domain.plan import Plan, Visit
from services.cases.domain.proceedings import VisitState
from services.cases.domain.visiting import MOST_APPOINTMENTS
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.plans import a_plan, a_step
from tests.cases.domain.saga import NINE, Saga
from tests.cases.domain.site import go

TOMORROW = NINE + timedelta(days=1)
SITE = Visit("site", "联合踏勘", ("fire", "food", "sign"))


def a_joint_plan(*, pivot: bool = False) -> Plan:
    """Three offices visit together, one of them dispensable; then the end."""
    plan = a_plan(
        a_step("first", pivot=pivot, undoable=not pivot),
        a_step("fire", "first", undoable=not pivot),
        a_step("food", "first", undoable=not pivot),
        a_step("sign", "first", optional=True),
        a_step("end", "fire", "food", "sign"),
    )
    return replace(plan, visits=(SITE,))


def visiting(*skipped: str, pivot: bool = False) -> Saga:
    return Saga(a_joint_plan(pivot=pivot)).submitted(*skipped).routed().complete("first")


def schedule(saga: Saga, step_id: str, place: str = "at the premises") -> Saga:
    return saga.answer(VisitScheduled(saga.task_id(step_id), saga.request_id(), TOMORROW, place))


def attend(saga: Saga, *step_ids: str) -> Saga:
    for step_id in step_ids:
        saga.accept(step_id).answer(VisitAttended(saga.task_id(step_id), saga.request_id()))
    return saga


def pending(saga: Saga, step_id: str) -> None:
    saga.is_refused(Completed(saga.task_id(step_id), saga.request_id(), {}), "VISIT_PENDING")


def site(saga: Saga) -> VisitState:
    return saga.case.proceedings.visits["site"]


def test_no_office_decides_before_all_have_been_there() -> None:
    saga = attend(schedule(visiting(), "fire"), "fire", "food")
    pending(saga, "fire")
    pending(saga, "sign")
    attend(saga, "sign")
    assert site(saga).held_at == saga.now
    assert saga.announced().count("VisitHeld") == 1
    assert saga.complete("fire", "food", "sign", "end").stands(CaseStatus.COMPLETED)
    all_laws_hold(saga)


def test_any_office_says_when_and_where_and_any_other_moves_it() -> None:
    saga = schedule(schedule(visiting(), "fire"), "food", "at the harbour")
    assert (site(saga).at, site(saga).place) == (TOMORROW, "at the harbour")
    assert saga.announced().count("VisitScheduled fire") == saga.announced().count("VisitScheduled food") == 1
    same = VisitScheduled(saga.task_id("sign"), "same", TOMORROW, "at the harbour")
    assert not saga.take(same).changed


def test_an_office_accepts_its_task_and_knows_the_date_before_it_was_there() -> None:
    saga = visiting()
    there = VisitAttended(saga.task_id("fire"), "r")
    saga.is_refused(there, "NOT_ACCEPTED")
    saga.accept("fire").is_refused(there, "VISIT_NOT_SCHEDULED")
    schedule(saga, "fire").answer(there)
    assert not saga.take(there).changed
    assert not saga.take(VisitAttended(saga.task_id("fire"), "said again")).changed
    assert site(saga).attended == ("fire",)


def test_a_refusal_that_undoes_nothing_may_be_all_that_was_missing() -> None:
    saga = attend(schedule(visiting(), "fire"), "fire", "food").refuse("sign")
    assert site(saga).held_at is not None
    assert saga.complete("fire", "food").offered() == ["end"]


def test_past_the_point_of_no_return_the_others_do_not_wait_for_who_refused() -> None:
    saga = attend(schedule(visiting(pivot=True), "fire"), "fire", "sign").refuse("food")
    assert site(saga).held_at is not None
    saga.complete("fire", "sign").retried("REFUSED_AFTER_PIVOT")
    pending(saga, "food")
    attend(saga, "food").complete("food", "end")
    assert saga.stands(CaseStatus.COMPLETED)
    all_laws_hold(saga)


def test_a_step_that_is_left_out_does_not_count() -> None:
    saga = attend(schedule(visiting("sign"), "fire"), "fire")
    saga.take(StepSkipped("food", "handled elsewhere"))
    assert site(saga).held_at is not None
    assert saga.complete("fire").offered() == ["end"]


def test_a_step_that_misses_its_quorum_and_is_left_out_does_not_count() -> None:
    plan = a_plan(a_step("fire"), a_step("food"), a_step("survey", optional=True))
    sign = a_step("sign", "survey", optional=True, quorum=1)
    saga = Saga(replace(plan, steps=(*plan.steps, sign), visits=(SITE,))).submitted().routed()
    attend(schedule(saga, "fire"), "fire", "food")
    pending(saga, "fire")
    saga.refuse("survey")
    assert site(saga).held_at == saga.now
    assert saga.announced().count("VisitHeld") == 1
    all_laws_hold(saga)


def test_of_one_office_there_is_nothing_joint() -> None:
    alone = visiting("sign", "food")
    alone.is_refused(VisitScheduled(alone.task_id("fire"), "r", TOMORROW, "there"), "NO_VISIT")
    assert alone.complete("fire").offered() == ["end"]
    assert not alone.case.proceedings.visits
    left = visiting("sign")
    left.take(StepSkipped("food", "handled elsewhere"))
    assert left.complete("fire").offered() == ["end"]


def test_a_step_without_a_visit_has_nothing_to_say_about_one() -> None:
    saga = go(visiting()).complete("fire", "food", "sign")
    saga.accept("end").is_refused(VisitAttended(saga.task_id("end"), "r"), "NO_VISIT")


def test_an_office_that_gets_the_step_from_another_goes_there_itself() -> None:
    saga = attend(schedule(visiting(), "fire"), "fire", "food").send_back("food").routed()
    assert site(saga).attended == ("fire",)
    attend(saga, "sign")
    pending(saga, "fire")
    assert site(attend(saga, "food")).held_at is not None


def test_after_the_visit_was_held_only_the_new_office_waits_and_goes_again() -> None:
    saga = go(visiting()).complete("fire").send_back("food").routed()
    pending(saga, "food")
    saga.complete("sign")
    schedule(saga, "food", "at the harbour")
    attend(saga, "food").complete("food", "end")
    assert saga.stands(CaseStatus.COMPLETED)
    assert saga.announced().count("VisitHeld") == 1
    all_laws_hold(saga)


def test_a_visit_that_was_held_is_not_moved() -> None:
    saga = go(visiting())
    saga.is_refused(VisitScheduled(saga.task_id("fire"), "r", TOMORROW, "elsewhere"), "VISIT_HELD")


def test_an_operator_who_takes_a_step_as_done_needs_no_visit() -> None:
    saga = attend(schedule(visiting(), "fire"), "fire", "food")
    saga.take(StepForced("sign", "settled by telephone", {}))
    assert site(saga).held_at is not None


def test_what_crossed_with_a_refusal_is_undone_without_a_visit() -> None:
    saga = visiting()
    fire = saga.task_id("fire")
    saga.refuse("food")
    assert saga.take(Completed(fire, "late", {})).changed
    saga.complete("first", "fire")
    assert saga.stands(CaseStatus.UNDONE)


def test_an_undo_task_has_no_visit() -> None:
    saga = go(visiting()).complete("fire").refuse("food")
    task_id = saga.task_id("fire")
    saga.take(Accepted(task_id, "accepted"))
    saga.is_refused(VisitAttended(task_id, "r"), "NO_VISIT")


def test_an_office_cannot_move_a_visit_for_ever_and_another_still_can() -> None:
    saga = visiting()
    for number in range(MOST_APPOINTMENTS):
        schedule(saga, "fire", f"gate {number}")
    once_more = VisitScheduled(saga.task_id("fire"), "once more", TOMORROW, "the gate")
    saga.is_refused(once_more, "VISIT_MOVED_TOO_OFTEN")
    assert site(schedule(saga, "food", "the gate")).place == "the gate"
    all_laws_hold(saga)
