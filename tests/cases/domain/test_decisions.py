"""What operators decide, as stories; and which decisions each state of a step allows."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.cases.domain.case import CaseStatus, StepStatus, TaskStatus, UndoCause
from services.cases.domain.clocks import Limit, StopKind, Unit
from services.cases.domain.decisions import DecisionKind, allowed_decisions
from services.cases.domain.inputs import (
    Accepted,
    CaseStopped,
    Completed,
    CorrectionRequested,
    Input,
    Routed,
    StepForced,
    StepReassigned,
    StepSkipped,
    Suspended,
)
from services.cases.domain.plan import CorrectionRules, Limits, ResultField
from services.cases.domain.proceedings import ClockKind, CorrectionItem, CorrectionStatus, ItemKind
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.plans import a_plan, a_restaurant, a_step
from tests.cases.domain.saga import Saga, a_running_restaurant

SKIP, REASSIGN, FORCE, STOP = DecisionKind.SKIP, DecisionKind.REASSIGN, DecisionKind.FORCE, DecisionKind.STOP


def past_the_pivot() -> Saga:
    return a_running_restaurant("fire").complete("food", "sign", "hand-over").sealed("food", "sign")


def with_a_refusal_after_the_pivot() -> Saga:
    saga = past_the_pivot().refuse("delivery")
    assert saga.step("delivery").status is StepStatus.REFUSED
    return saga


def with_a_failed_undo() -> Saga:
    saga = a_running_restaurant("fire").complete("food").refuse("sign")
    return saga.fail("food", times=8)


def test_a_step_that_is_left_out_is_taken_from_its_office_and_the_next_start() -> None:
    saga = a_running_restaurant("fire").complete("food")
    task_id = saga.task_id("sign")
    saga.take(StepSkipped("sign", "the sign is inside the building"))
    assert saga.step("sign").status is StepStatus.SKIPPED
    assert saga.step("sign").reason == "the sign is inside the building"
    assert saga.case.tasks[task_id].status is TaskStatus.CLOSED
    assert saga.offered() == ["hand-over"]
    all_laws_hold(saga)
    all_laws_hold(saga.drained())
    assert saga.stands(CaseStatus.COMPLETED)


def test_a_case_ends_when_the_last_step_is_left_out() -> None:
    saga = past_the_pivot()
    saga.take(StepSkipped("delivery", "handed over at the counter"))
    assert saga.stands(CaseStatus.COMPLETED)
    all_laws_hold(saga)


def test_the_answer_of_an_office_from_which_a_step_was_taken_does_not_stand() -> None:
    saga = a_running_restaurant()
    task_id = saga.task_id("sign")
    saga.take(StepSkipped("sign", "not needed"))
    saga.is_refused(Completed(task_id, "late", {}), "TASK_SETTLED")
    saga.is_refused(Accepted(task_id, "later"), "TASK_SETTLED")


def test_the_answer_to_the_routing_of_a_step_that_is_left_out_is_late() -> None:
    saga = Saga(a_restaurant()).submitted()
    saga.take(StepSkipped("fire", "not needed"))
    saga.routed()
    assert saga.step("fire").organ_id == ""
    saga.complete("check")
    assert set(saga.offered()) == {"food", "sign"}
    all_laws_hold(saga)


def test_the_point_of_no_return_cannot_be_left_out_but_taken_as_done() -> None:
    saga = a_running_restaurant("fire").complete("food", "sign")
    saga.is_refused(StepSkipped("hand-over", "why not"), "PIVOT_STEP")
    saga.take(StepForced("hand-over", "handed over on paper", {"by": "hand"}))
    assert saga.step("hand-over").result == {"by": "hand"}
    saga.refuse("delivery")
    assert saga.stands(CaseStatus.RUNNING), "it counts as the point of no return"
    all_laws_hold(saga)


def test_a_step_taken_as_done_gets_its_notice_and_lets_the_next_start() -> None:
    saga = a_running_restaurant("fire").complete("sign").fail("food", times=8)
    saga.take(StepForced("food", "licensed on paper", {"permit": "F-1"}))
    assert not saga.open_incidents
    assert list(saga.wanted_notices) == ["c1:sign:n1", "c1:food:n1"]
    assert saga.offered() == ["hand-over"]
    assert saga.announced().count("StepCompleted food") == 1
    all_laws_hold(saga)


def test_a_step_whose_result_is_sealed_needs_an_office_before_it_is_taken_as_done() -> None:
    saga = Saga(a_restaurant()).submitted().routed(without=["food"]).complete("check")
    given = StepForced("food", "on paper", {})
    saga.is_refused(given, "STEP_WITHOUT_OFFICE")
    saga.take(StepReassigned("food", "found one", "organ-9"))
    saga.routed(offices={"food": "organ-9"})
    assert saga.take(given).changed


def test_a_step_taken_as_done_is_undone_without_asking_anybody() -> None:
    saga = a_running_restaurant("fire").complete("sign")
    saga.take(StepForced("food", "licensed on paper", {"permit": "F-1"}))
    saga.sealed("food", "sign").refuse("hand-over")
    assert saga.step("food").status is StepStatus.UNDONE
    assert saga.being_undone() == ["sign"]
    assert "c1:food:n1" in saga.withdrawn
    saga.complete("sign").revoked("food", "sign")
    assert saga.stands(CaseStatus.UNDONE)
    all_laws_hold(saga)


def test_a_case_in_which_nothing_but_words_is_to_be_undone_is_undone_at_once() -> None:
    saga = Saga(a_plan(a_step("a", undoable=True), a_step("b", "a", undoable=True), a_step("c", "b"))).submitted()
    saga.take(StepForced("a", "on paper", {}))
    saga.take(StepForced("b", "on paper", {}))
    saga.routed().refuse("c")
    assert saga.stands(CaseStatus.UNDONE)
    assert [each for each in saga.announced() if "Undone" in each] == ["StepUndone b", "StepUndone a", "CaseUndone"]
    all_laws_hold(saga)


def test_a_step_is_routed_anew_without_its_present_office() -> None:
    saga = a_running_restaurant().accept("food")
    task_id = saga.task_id("food")
    saga.take(StepReassigned("food", "the office is flooded"))
    assert saga.step("food").status is StepStatus.ROUTING
    assert saga.case.tasks[task_id].status is TaskStatus.CLOSED
    (question,) = saga.questions.values()
    assert question.steps[0].excluded_organ_ids == ("office of food",)
    assert question.steps[0].organ_id == ""
    saga.routed()
    assert saga.step("food").organ_id == "office 2 of food"
    assert saga.case.tasks[saga.task_id("food")].status is TaskStatus.OFFERED
    all_laws_hold(saga)


def test_a_step_goes_to_the_office_that_is_named_even_if_it_had_returned_it() -> None:
    saga = a_running_restaurant().send_back("food").routed()
    saga.take(StepReassigned("food", "they agreed to do it", "office of food"))
    (question,) = saga.questions.values()
    assert question.steps[0].organ_id == "office of food"
    assert question.steps[0].excluded_organ_ids == ("office 2 of food",)
    saga.routed(offices={"food": "office of food"})
    assert saga.step("food").organ_id == "office of food"
    all_laws_hold(saga)


def test_a_step_that_still_waits_is_reassigned_without_being_started() -> None:
    saga = a_running_restaurant()
    saga.take(StepReassigned("delivery", "moved", "organ-9"))
    assert saga.step("delivery").status is StepStatus.WAITING
    saga.routed(offices={"delivery": "organ-9"})
    assert saga.step("delivery").organ_id == "organ-9"
    assert "delivery" not in saga.offered()
    all_laws_hold(saga)


def test_the_routing_of_an_earlier_question_does_not_overtake_a_reassignment() -> None:
    saga = Saga(a_restaurant()).submitted()
    (first,) = saga.questions.values()
    saga.take(StepReassigned("check", "to the city", "organ-9"))
    early = saga._office("check", {})
    saga.take(Routed(first.request_no, (early,)))
    assert saga.step("check").organ_id == ""
    saga.questions.pop(first.request_no)
    saga.routed(offices={"check": "organ-9"})
    assert saga.offered() == ["check"]


def test_reassigning_to_the_office_that_has_it_is_refused() -> None:
    a_running_restaurant().is_refused(StepReassigned("food", "again", "office of food"), "OFFICE_UNCHANGED")


def test_an_act_of_an_earlier_office_does_not_cross_with_a_refusal() -> None:
    """The step has another office now: nobody could ask the earlier one to undo."""
    saga = a_running_restaurant()
    task_id = saga.task_id("food")
    saga.take(StepReassigned("food", "moved"))
    saga.routed().refuse("sign")
    assert saga.step("food").status is StepStatus.CANCELLED
    saga.is_refused(Completed(task_id, "late", {}), "CASE_UNDOING", "CASE_ENDED")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (StepSkipped("delivery", "r"), CaseStatus.COMPLETED),
        (StepForced("delivery", "r", {}), CaseStatus.COMPLETED),
        (StepReassigned("delivery", "r"), CaseStatus.RUNNING),
    ],
)
def test_each_decision_settles_a_refusal_after_the_point_of_no_return(given: Input, status: CaseStatus) -> None:
    saga = with_a_refusal_after_the_pivot()
    saga.take(given)
    assert not saga.open_incidents
    assert saga.stands(status)
    all_laws_hold(saga)
    all_laws_hold(saga.drained())
    assert saga.stands(CaseStatus.COMPLETED)


def test_a_failed_undo_can_be_taken_as_undone_and_nothing_else() -> None:
    saga = with_a_failed_undo()
    saga.is_refused(StepSkipped("food", "r"), "CASE_UNDOING")
    saga.is_refused(StepReassigned("food", "r"), "CASE_UNDOING")
    saga.take(StepForced("food", "the licence was collected by hand", {}, "c1:i1", "op-1"))
    assert saga.step("food").status is StepStatus.UNDONE
    assert saga.step("food").result == {"permit": "of food"}, "what was done stays on record"
    saga.revoked("food")
    assert saga.stands(CaseStatus.UNDONE)
    all_laws_hold(saga)


def test_an_undo_that_is_under_way_can_be_taken_as_done() -> None:
    saga = a_running_restaurant("fire").complete("food").refuse("sign")
    task_id = saga.task_id("food")
    saga.take(StepForced("food", "by hand", {}))
    saga.is_refused(Completed(task_id, "late", {}), "CASE_UNDOING")
    all_laws_hold(saga)


def test_stopping_a_case_undoes_it_once() -> None:
    saga = a_running_restaurant("fire").complete("food")
    assert saga.take(CaseStopped("the building was torn down")).changed
    assert saga.case.undo_cause is UndoCause.STOPPED
    assert saga.case.refusal_reason == "the building was torn down"
    assert not saga.take(CaseStopped("again")).changed
    all_laws_hold(saga.drained())
    assert not saga.take(CaseStopped("again")).changed


def test_a_case_is_not_stopped_after_its_point_of_no_return_nor_when_it_is_over() -> None:
    saga = past_the_pivot()
    saga.is_refused(CaseStopped("r"), "PIVOT_PASSED")
    saga.drained().is_refused(CaseStopped("r"), "CASE_ENDED")
    a_running_restaurant().refuse("food").is_refused(CaseStopped("r"), "CASE_UNDOING", "CASE_ENDED")


def test_a_decision_about_an_incident_is_taken_once() -> None:
    saga = Saga(a_restaurant()).submitted().routed(without=["food"])
    given = StepSkipped("food", "not needed", "c1:i1", "op-1")
    assert saga.take(given).changed
    assert not saga.take(given).changed
    saga.is_refused(StepSkipped("food", "not needed", "c1:i1", "op-2"), "INCIDENT_RESOLVED")
    saga.is_refused(StepSkipped("food", "not needed", "c1:i7", "op-2"), "INCIDENT_NOT_FOUND")
    saga.is_refused(StepSkipped("garden", "not needed"), "STEP_NOT_FOUND")


def test_a_decision_names_the_incident_of_its_own_step() -> None:
    saga = Saga(a_restaurant()).submitted().routed(without=["food"])
    saga.is_refused(StepSkipped("sign", "not needed", "c1:i1", "op-1"), "INCIDENT_NOT_FOUND")


def test_a_decision_resolves_every_incident_of_its_step() -> None:
    saga = Saga(a_restaurant()).submitted().routed(without=["food", "sign"])
    saga.take(StepSkipped("food", "not needed"))
    assert [each.step_id for each in saga.open_incidents.values()] == ["sign"]


def held_up(saga: Saga, how: str) -> Saga:
    """The food licence waits for the applicant, or for a hearing."""
    task_id = saga.task_id("food")
    if how == "correction":
        items = (CorrectionItem(ItemKind.FIELD, "shop.area", "too small"),)
        return saga.answer(CorrectionRequested(task_id, saga.request_id(), items))
    return saga.answer(Suspended(task_id, saga.request_id(), StopKind.HEARING, "neighbours object"))


def with_fields() -> Saga:
    return Saga(a_plan(a_step("food", form_fields=("shop.area",)), a_step("end", "food"))).submitted().routed()


def a_timed_case() -> Saga:
    """Two licences with a limit for the bundle, whose clock runs since the sign was accepted."""
    limit = Limit(5, Unit.WORKING_DAY)
    plan = a_plan(a_step("food", form_fields=("shop.area",)), a_step("sign", form_fields=("shop.area",)))
    plan = replace(plan, limits=Limits(statutory=limit), corrections=CorrectionRules(limit=limit))
    return Saga(plan).submitted().routed().accept("sign")


@pytest.mark.parametrize("how", ["correction", "procedure"])
@pytest.mark.parametrize(
    "given", [StepSkipped("food", "r"), StepReassigned("food", "r"), StepForced("food", "r", {"by": "hand"})]
)
def test_what_held_a_step_up_is_over_when_an_operator_decides(how: str, given: Input) -> None:
    saga = held_up(a_timed_case(), how)
    (clock,) = (each for each in saga.case.proceedings.clocks.values() if each.kind is ClockKind.STATUTORY)
    assert clock.clock.stops[-1].resumed_at is None
    saga.take(given)
    proceedings = saga.case.proceedings
    (clock,) = (each for each in proceedings.clocks.values() if each.kind is ClockKind.STATUTORY)
    assert clock.clock.stops[-1].resumed_at == saga.now, "the bundle's clock goes on"
    assert not [each for each in proceedings.procedures if each.ended_at is None]
    assert not [each for each in proceedings.corrections if each.status is CorrectionStatus.OPEN]
    all_laws_hold(saga)
    all_laws_hold(saga.drained())


def test_a_correction_that_another_step_needs_stays_open_for_it() -> None:
    saga = held_up(a_timed_case(), "correction")
    items = (CorrectionItem(ItemKind.FIELD, "shop.area", "too small"),)
    saga.answer(CorrectionRequested(saga.task_id("sign"), saga.request_id(), items))
    saga.take(StepSkipped("food", "not needed"))
    (correction,) = saga.case.proceedings.corrections
    assert correction.status is CorrectionStatus.OPEN
    assert [each.step_id for each in correction.requests] == ["sign"]
    all_laws_hold(saga)


STATES: dict[str, tuple[Callable[[], Saga], str, set[DecisionKind]]] = {
    "waiting": (a_running_restaurant, "delivery", {SKIP, REASSIGN, FORCE, STOP}),
    "waiting at the pivot": (a_running_restaurant, "hand-over", {REASSIGN, FORCE, STOP}),
    "routing": (lambda: Saga(a_restaurant()).submitted(), "check", {SKIP, REASSIGN, FORCE, STOP}),
    "without an office": (
        lambda: Saga(a_restaurant()).submitted().routed(without=["check"]),
        "check",
        {SKIP, REASSIGN, FORCE, STOP},
    ),
    "sealed, without an office": (
        lambda: Saga(a_restaurant()).submitted().routed(without=["food"]),
        "food",
        {SKIP, REASSIGN, STOP},
    ),
    "offered": (a_running_restaurant, "food", {SKIP, REASSIGN, FORCE, STOP}),
    "accepted": (lambda: a_running_restaurant().accept("food"), "food", {SKIP, REASSIGN, FORCE, STOP}),
    "failed": (lambda: a_running_restaurant().fail("food", times=8), "food", {SKIP, REASSIGN, FORCE, STOP}),
    "correcting": (lambda: held_up(with_fields(), "correction"), "food", {SKIP, REASSIGN, FORCE, STOP}),
    "suspended": (lambda: held_up(with_fields(), "procedure"), "food", {SKIP, REASSIGN, FORCE, STOP}),
    "completed": (a_running_restaurant, "check", {STOP}),
    "skipped": (lambda: a_running_restaurant("fire"), "fire", {STOP}),
    "offered after the pivot": (past_the_pivot, "delivery", {SKIP, REASSIGN, FORCE}),
    "refused after the pivot": (with_a_refusal_after_the_pivot, "delivery", {SKIP, REASSIGN, FORCE}),
    "refused": (lambda: a_running_restaurant().complete("food").refuse("sign"), "sign", set()),
    "cancelled": (lambda: a_running_restaurant().complete("food").refuse("sign"), "fire", set()),
    "undoing": (lambda: a_running_restaurant().complete("food").refuse("sign"), "food", {FORCE}),
    "undo failed": (with_a_failed_undo, "food", {FORCE}),
    "undone": (lambda: a_running_restaurant().complete("food").refuse("sign").drained(), "food", set()),
    "over": (lambda: past_the_pivot().complete("delivery"), "delivery", set()),
}


@pytest.mark.parametrize("kind", [SKIP, REASSIGN, FORCE, STOP])
@pytest.mark.parametrize("state", STATES)
def test_each_state_of_a_step_allows_what_the_table_says(state: str, kind: DecisionKind) -> None:
    make, step_id, allowed = STATES[state]
    saga = make()
    assert set(allowed_decisions(saga.plan, saga.case, step_id)) == allowed
    given: dict[DecisionKind, Input] = {
        SKIP: StepSkipped(step_id, "r"),
        REASSIGN: StepReassigned(step_id, "r", "organ-9"),
        FORCE: StepForced(step_id, "r", {"by": "hand"}),
        STOP: CaseStopped("r"),
    }
    if kind in allowed:
        assert saga.take(given[kind]).changed
        assert not [each for each in saga.case.incidents.values() if each.resolved_at is None and kind is not STOP]
    else:
        saga.is_refused(
            given[kind],
            "STEP_SETTLED",
            "CASE_ENDED",
            "CASE_UNDOING",
            "PIVOT_STEP",
            "PIVOT_PASSED",
            "STEP_WITHOUT_OFFICE",
        )
    all_laws_hold(saga)


def test_a_forced_result_must_be_what_the_matter_declares() -> None:
    declared = (ResultField("permit", "string"),)
    saga = Saga(a_plan(a_step("food", result_fields=declared))).submitted().routed()
    saga.is_refused(StepForced("food", "r", {"permit": 7}), "RESULT_INVALID")
    saga.take(StepForced("food", "r", {"permit": "F1"}))
    assert saga.stands(CaseStatus.COMPLETED)
