"""The saga told in examples: given a case, when this happens, then that."""

from datetime import timedelta

from services.cases.domain.case import CaseStatus, NoticeStatus, StepStatus, UndoCause
from services.cases.domain.effects import Announce, CaseCompleted, CaseUndone
from services.cases.domain.inputs import Archived, Completed, NoticeSealed, Refused, Withdrawn
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.plans import a_plan, a_restaurant, a_step
from tests.cases.domain.saga import Saga, a_running_restaurant


def test_all_steps_are_routed_at_once_with_one_request() -> None:
    saga = Saga(a_restaurant()).submitted()
    (question,) = saga.questions.values()
    assert question.request_no == 1
    assert question.region_code == "341802"
    assert [step.step_id for step in question.steps] == list(saga.case.steps)


def test_a_step_waits_for_the_steps_before_it_and_is_routed_meanwhile() -> None:
    saga = Saga(a_restaurant()).submitted()
    assert saga.step("check").status is StepStatus.ROUTING
    assert saga.step("food").status is StepStatus.WAITING
    saga.routed()
    assert saga.offered() == ["check"]
    assert saga.step("food").status is StepStatus.WAITING
    assert saga.step("food").organ_id == "office of food"


def test_the_next_steps_are_offered_side_by_side() -> None:
    saga = a_running_restaurant()
    assert saga.offered() == ["food", "sign", "fire"]
    assert saga.task_id("food") == "c1:food:1"


def test_a_skipped_step_counts_as_ended_and_is_never_routed() -> None:
    saga = Saga(a_restaurant()).submitted("fire")
    assert "fire" not in [step.step_id for step in saga.questions[1].steps]
    saga.routed().complete("check", "food", "sign")
    assert saga.step("fire").status is StepStatus.SKIPPED
    assert saga.offered() == ["hand-over"]


def test_a_case_of_skipped_steps_alone_is_completed_when_submitted() -> None:
    saga = Saga(a_plan(a_step("a"), a_step("b", "a"))).submitted("a", "b")
    assert saga.stands(CaseStatus.COMPLETED)
    assert not saga.questions
    assert saga.announced() == ["CaseSubmitted", "CaseCompleted"]


def test_acceptance_is_announced_and_completion_implies_it() -> None:
    saga = a_running_restaurant().accept("food")
    assert saga.step("food").status is StepStatus.ACCEPTED
    saga.complete("food", "sign")
    assert saga.announced().count("StepAccepted food") == 1
    assert "StepAccepted sign" not in saga.announced()
    assert saga.step("sign").result == {"permit": "of sign"}
    assert saga.step("sign").completion_no == 3


def test_a_case_completes_when_every_step_is_completed_and_every_notice_sealed() -> None:
    saga = a_running_restaurant("fire").complete("food", "sign").sealed("food").complete("hand-over", "delivery")
    assert saga.stands(CaseStatus.RUNNING)
    saga.later(timedelta(hours=1)).sealed("sign")
    assert saga.stands(CaseStatus.COMPLETED)
    assert saga.case.ended_at == saga.now
    assert saga.effects[-1] == Announce(CaseCompleted(("document of food", "document of sign")))
    all_laws_hold(saga)


def test_a_refusal_cancels_what_is_open_and_undoes_what_is_done_in_reverse_order() -> None:
    saga = a_running_restaurant().complete("sign", "food").sealed("sign")
    fire = saga.task_id("fire")
    saga.refuse("fire", "the exit is blocked")
    assert saga.stands(CaseStatus.UNDOING)
    assert saga.being_undone() == ["food"]
    assert fire not in saga.open
    assert saga.step("hand-over").status is StepStatus.CANCELLED
    saga.complete("food")
    assert saga.being_undone() == ["sign"]
    saga.complete("sign").revoked("food", "sign")
    assert saga.stands(CaseStatus.UNDONE)
    assert saga.undo_order() == ["food", "sign"]
    assert saga.effects[-1] == Announce(CaseUndone(UndoCause.REFUSED, "the exit is blocked"))
    assert saga.case.refusal_reason == "the exit is blocked"
    all_laws_hold(saga)


def test_data_only_steps_stay_completed_in_an_undone_case() -> None:
    saga = a_running_restaurant().refuse("food")
    assert saga.stands(CaseStatus.UNDONE)
    assert saga.statuses() == {
        "check": "completed",
        "food": "refused",
        "sign": "cancelled",
        "fire": "cancelled",
        "hand-over": "cancelled",
        "delivery": "cancelled",
    }
    assert saga.announced()[-2:] == ["StepRefused food", "CaseUndone"]


def test_an_undo_task_goes_to_the_same_office_and_tells_what_was_done() -> None:
    saga = a_running_restaurant().complete("food", result={"permit": "JY-1"})
    saga.refuse("fire")
    task = saga.open["c1:food:u1"]
    assert (task.organ_id, task.attempt, task.handled_task_id) == ("office of food", 1, "c1:food:1")
    assert task.handled_result == {"permit": "JY-1"}


def test_notices_are_void_from_the_moment_of_the_refusal() -> None:
    saga = a_running_restaurant().complete("food", "sign").sealed("food").refuse("fire")
    assert set(saga.withdrawn) == {"c1:food:n1", "c1:sign:n1"}
    assert saga.step("sign").notice_status is NoticeStatus.WITHDRAWN
    assert not saga.take(NoticeSealed("c1:sign:n1", "too late")).changed
    saga.complete("sign", "food").revoked("sign")
    assert saga.stands(CaseStatus.UNDOING)
    saga.revoked("food")
    assert saga.stands(CaseStatus.UNDONE)
    all_laws_hold(saga)


def test_an_act_that_crossed_with_a_refusal_is_taken_and_undone_in_its_turn() -> None:
    saga = a_running_restaurant().complete("food")
    sign = saga.task_id("sign")
    saga.refuse("fire")
    late = Completed(sign, "late", {"permit": "P9"})
    assert saga.take(late).changed
    assert not saga.take(late).changed
    assert saga.being_undone() == ["food"]
    saga.complete("food").revoked("food")
    assert saga.open["c1:sign:u1"].handled_result == {"permit": "P9"}
    assert "c1:sign:n1" not in saga.pending_notices(), "what is void is not sealed first"
    assert saga.complete("sign").stands(CaseStatus.UNDONE)
    all_laws_hold(saga)


def test_an_act_that_came_to_light_after_the_end_is_undone_and_the_case_ends_once_more() -> None:
    saga = Saga(a_plan(a_step("a", undoable=True, notice=True))).submitted().routed()
    task_id = saga.task_id("a")
    saga.take(Withdrawn("we have found other premises"))
    assert saga.stands(CaseStatus.UNDONE)
    first = saga.later(timedelta(days=1)).case.ended_at
    late = Completed(task_id, "late", {"permit": "P9"})
    assert saga.take(late).changed
    assert saga.stands(CaseStatus.UNDOING)
    assert (saga.case.ended_at, saga.case.undo_cause) == (None, UndoCause.WITHDRAWN)
    assert saga.open["c1:a:u1"].handled_result == {"permit": "P9"}
    assert saga.case.proceedings.clocks == {}
    all_laws_hold(saga)
    assert not saga.take(late).changed
    assert not saga.take(Withdrawn("as I said")).changed
    assert saga.complete("a").stands(CaseStatus.UNDONE)
    assert saga.case.ended_at is not None
    assert first is not None
    assert saga.case.ended_at > first
    assert saga.announced() == ["CaseSubmitted", "CaseUndone", "StepCompleted a", "StepUndone a", "CaseUndone"]
    assert not saga.pending_notices(), "what is void is not sealed first"
    all_laws_hold(saga)


def test_an_undo_that_fails_after_the_end_asks_an_operator_as_before_it() -> None:
    saga = a_running_restaurant().complete("food")
    sign = saga.task_id("sign")
    saga.refuse("fire").complete("food").revoked("food")
    assert saga.stands(CaseStatus.UNDONE)
    saga.take(Completed(sign, "late", {}))
    saga.fail("sign", times=8)
    assert (saga.incident("UNDO_FAILED").step_id, saga.stands(CaseStatus.UNDOING)) == ("sign", True)
    assert saga.retried("UNDO_FAILED").complete("sign").stands(CaseStatus.UNDONE)
    all_laws_hold(saga)


def test_acts_that_came_to_light_one_after_the_other_are_all_undone() -> None:
    saga = a_running_restaurant()
    food, sign = saga.task_id("food"), saga.task_id("sign")
    saga.refuse("fire")
    assert saga.stands(CaseStatus.UNDONE)
    saga.take(Completed(food, "late", {}))
    saga.take(Completed(sign, "later", {}))
    assert saga.complete("food").being_undone() == ["sign"]
    assert saga.complete("sign").stands(CaseStatus.UNDONE)
    assert saga.reopened == 1
    all_laws_hold(saga)


def test_an_archived_case_hears_of_no_act_any_more() -> None:
    saga = a_running_restaurant()
    food = saga.task_id("food")
    saga.refuse("fire").take(Archived())
    saga.is_refused(Completed(food, "late", {}), "CASE_ENDED")


def test_an_act_that_was_undone_already_or_cannot_be_undone_does_not_stand() -> None:
    saga = a_running_restaurant().complete("food")
    sign, food = saga.task_id("sign"), saga.step("food").handled_task_id
    saga.refuse("fire")
    saga.is_refused(Completed(food, "twice", {}), "TASK_SETTLED")
    saga.complete("food").revoked("food")
    saga.is_refused(Refused(sign, "no longer", "unfit"), "CASE_ENDED")
    lasting = Saga(a_plan(a_step("a"), a_step("b"))).submitted().routed()
    b = lasting.task_id("b")
    lasting.refuse("a").is_refused(Completed(b, "late", {}), "CASE_ENDED")
    plan = a_plan(a_step("a"), a_step("b"), a_step("c", undoable=True))
    other = Saga(plan).submitted().routed().complete("c")
    b = other.task_id("b")
    other.refuse("a").is_refused(Completed(b, "late", {}), "CASE_UNDOING")


def test_a_withdrawal_undoes_what_was_done() -> None:
    saga = a_running_restaurant().complete("food").sealed("food")
    assert saga.take(Withdrawn("we have found other premises")).changed
    assert not saga.take(Withdrawn("as I said")).changed
    assert (saga.case.undo_cause, saga.being_undone()) == (UndoCause.WITHDRAWN, ["food"])
    assert saga.complete("food").revoked("food").stands(CaseStatus.UNDONE)
    assert not saga.take(Withdrawn("once more")).changed
    assert saga.announced()[-1] == "CaseUndone"
    all_laws_hold(saga)


def test_a_withdrawal_comes_too_late_after_the_pivot_a_refusal_or_the_end() -> None:
    saga = a_running_restaurant("fire").complete("food", "sign").sealed("food", "sign").complete("hand-over")
    saga.is_refused(Withdrawn("too late"), "PIVOT_PASSED")
    saga.complete("delivery").is_refused(Withdrawn("too late"), "CASE_ENDED")
    other = a_running_restaurant().complete("food").refuse("sign")
    other.is_refused(Withdrawn("too late"), "CASE_UNDOING")
    assert other.case.undo_cause is UndoCause.REFUSED


def test_a_case_on_which_nobody_has_begun_is_withdrawn_at_once() -> None:
    saga = Saga(a_plan(a_step("a"), a_step("b", "a"))).submitted()
    saga.take(Withdrawn("a mistake"))
    assert saga.stands(CaseStatus.UNDONE)
    assert set(saga.statuses().values()) == {"cancelled"}
    all_laws_hold(saga)


def test_the_refusal_of_the_pivot_itself_undoes() -> None:
    saga = a_running_restaurant("fire").complete("food", "sign").refuse("hand-over")
    assert saga.being_undone() == ["sign"]


def test_a_refusal_beside_the_pivot_undoes_while_the_pivot_is_open_and_not_after() -> None:
    plan = a_plan(a_step("a", undoable=True), a_step("p", "a", pivot=True), a_step("b", "a", undoable=True))
    first = Saga(plan).submitted().routed().complete("a").refuse("b")
    assert first.step("p").status is StepStatus.CANCELLED
    assert first.being_undone() == ["a"]
    second = Saga(plan).submitted().routed().complete("a", "p").refuse("b")
    assert second.stands(CaseStatus.RUNNING)
    assert second.incident("REFUSED_AFTER_PIVOT").step_id == "b"


def test_after_the_pivot_a_refused_step_is_offered_to_the_same_office_again() -> None:
    saga = a_running_restaurant("fire").complete("food", "sign").sealed("food", "sign").complete("hand-over")
    saga.refuse("delivery", "no van").retried("REFUSED_AFTER_PIVOT")
    task = saga.open["c1:delivery:2"]
    assert task.organ_id == "office of delivery"
    assert saga.step("delivery").reason == ""
    assert saga.complete("delivery").stands(CaseStatus.COMPLETED)
    all_laws_hold(saga)


def test_a_skipped_pivot_is_no_point_of_no_return() -> None:
    plan = a_plan(a_step("a", undoable=True), a_step("p", "a", pivot=True), a_step("b", "p"))
    saga = Saga(plan).submitted("p").routed().complete("a").refuse("b")
    assert saga.being_undone() == ["a"]
