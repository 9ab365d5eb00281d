"""The saga told in examples: given a case, when this happens, then that."""

from datetime import timedelta

import pytest

from services.cases.domain.case import CaseStatus, NoticeStatus, StepStatus
from services.cases.domain.effects import CaseCompleted, CaseUndone
from services.cases.domain.inputs import Accepted, Completed, IncidentRetried, NoticeSealed, Refused, Routed, Submitted
from services.cases.domain.refusal import Refusal
from tests.cases.domain.saga import Saga, a_plan, a_restaurant, a_step


def a_running_restaurant(*skipped: str) -> Saga:
    """Submitted and routed, with the licence checked: food, sign and fire are offered."""
    return Saga(a_restaurant()).submitted(*skipped).routed().complete("check")


def refused_because(saga: Saga, reason: str, given: Accepted | Completed | Refused | IncidentRetried) -> None:
    before = saga.case
    with pytest.raises(Refusal) as refusal:
        saga.take(given)
    assert refusal.value.reason == reason
    assert saga.case is before


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
    assert saga.status is CaseStatus.COMPLETED
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
    assert saga.status is CaseStatus.RUNNING
    saga.later(timedelta(hours=1)).sealed("sign")
    assert saga.status is CaseStatus.COMPLETED
    assert saga.case.ended_at == saga.now
    assert saga.effects[-1].event == CaseCompleted(("document of food", "document of sign"))  # type: ignore[union-attr]
    saga.check()


def test_a_refusal_cancels_what_is_open_and_undoes_what_is_done_in_reverse_order() -> None:
    saga = a_running_restaurant().complete("sign", "food").sealed("sign")
    fire = saga.task_id("fire")
    saga.refuse("fire", "the exit is blocked")
    assert saga.status is CaseStatus.UNDOING
    assert saga.being_undone() == ["food"]
    assert fire not in saga.open
    assert saga.step("hand-over").status is StepStatus.CANCELLED
    saga.complete("food")
    assert saga.being_undone() == ["sign"]
    saga.complete("sign").revoked("food", "sign")
    assert saga.status is CaseStatus.UNDONE
    assert saga.undo_order() == ["food", "sign"]
    assert saga.effects[-1].event == CaseUndone("the exit is blocked")  # type: ignore[union-attr]
    assert saga.case.refusal_reason == "the exit is blocked"
    saga.check()


def test_data_only_steps_stay_completed_in_an_undone_case() -> None:
    saga = a_running_restaurant().refuse("food")
    assert saga.status is CaseStatus.UNDONE
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
    assert saga.status is CaseStatus.UNDOING
    saga.revoked("food")
    assert saga.status is CaseStatus.UNDONE
    saga.check()


def test_a_completion_that_races_with_a_refusal_is_told_that_it_does_not_stand() -> None:
    saga = a_running_restaurant().complete("food")
    sign = saga.task_id("sign")
    saga.refuse("fire")
    refused_because(saga, "CASE_UNDOING", Completed(sign, "late", {}))
    saga.complete("food").revoked("food")
    refused_because(saga, "CASE_ENDED", Completed(sign, "later", {}))


def test_the_refusal_of_the_pivot_itself_undoes() -> None:
    saga = a_running_restaurant("fire").complete("food", "sign").refuse("hand-over")
    assert saga.being_undone() == ["sign"]


def test_a_refusal_beside_the_pivot_undoes_while_the_pivot_is_open_and_not_after() -> None:
    plan = a_plan(a_step("a", undoable=True), a_step("p", "a", pivot=True), a_step("b", "a", undoable=True))
    first = Saga(plan).submitted().routed().complete("a").refuse("b")
    assert first.step("p").status is StepStatus.CANCELLED
    assert first.being_undone() == ["a"]
    second = Saga(plan).submitted().routed().complete("a", "p").refuse("b")
    assert second.status is CaseStatus.RUNNING
    assert second.incident("REFUSED_AFTER_PIVOT").step_id == "b"


def test_after_the_pivot_a_refused_step_is_offered_to_the_same_office_again() -> None:
    saga = a_running_restaurant("fire").complete("food", "sign").sealed("food", "sign").complete("hand-over")
    saga.refuse("delivery", "no van").retried("REFUSED_AFTER_PIVOT")
    task = saga.open["c1:delivery:2"]
    assert task.organ_id == "office of delivery"
    assert saga.step("delivery").reason == ""
    assert saga.complete("delivery").status is CaseStatus.COMPLETED
    saga.check()


def test_a_skipped_pivot_is_no_point_of_no_return() -> None:
    plan = a_plan(a_step("a", undoable=True), a_step("p", "a", pivot=True), a_step("b", "p"))
    saga = Saga(plan).submitted("p").routed().complete("a").refuse("b")
    assert saga.being_undone() == ["a"]


def test_a_returned_step_is_routed_anew_without_the_offices_that_returned_it() -> None:
    saga = a_running_restaurant().accept("food").send_back("food")
    assert saga.step("food").status is StepStatus.ROUTING
    (question,) = saga.questions.values()
    assert (question.request_no, question.steps[0].excluded_organ_ids) == (2, ("office of food",))
    saga.routed(offices={"food": "another"}).send_back("food")
    (question,) = saga.questions.values()
    assert question.steps[0].excluded_organ_ids == ("office of food", "another")
    saga.routed(offices={"food": "third"})
    assert saga.open["c1:food:3"].organ_id == "third"
    assert saga.step("food").status is StepStatus.OFFERED


def test_two_returns_at_once_are_two_questions_and_both_answers_count() -> None:
    saga = a_running_restaurant().send_back("food").send_back("sign")
    assert set(saga.questions) == {2, 3}
    saga.routed(offices={"food": "f2", "sign": "s2"})
    assert {task.organ_id for task in saga.open.values()} == {"f2", "s2", "office of fire"}


def test_an_answer_to_an_older_question_changes_nothing() -> None:
    saga = a_running_restaurant()
    question = Routed(1, ())
    assert not saga.take(question).changed
    saga.send_back("food")
    assert not saga.take(question).changed


def test_a_step_is_never_given_back_to_an_office_that_returned_it() -> None:
    saga = a_running_restaurant().send_back("food").routed(offices={"food": "office of food"})
    assert "returned it before" in saga.incident("NO_OFFICE").description


def test_a_step_without_an_office_is_an_incident_at_once_and_is_routed_anew_on_retry() -> None:
    saga = Saga(a_restaurant()).submitted().routed(without=["hand-over"])
    incident = saga.incident("NO_OFFICE")
    assert incident.incident_id == "c1:i1"
    assert "nobody handles it" in incident.description
    saga.complete("check", "food", "sign", "fire")
    assert saga.step("hand-over").status is StepStatus.ROUTING
    saga.retried("NO_OFFICE").routed()
    assert saga.offered() == ["hand-over"]
    saga.check()


def test_a_step_that_routing_forgot_is_an_incident_too() -> None:
    saga = Saga(a_plan(a_step("a"))).submitted()
    saga.take(Routed(1, ()))
    assert saga.incident("NO_OFFICE").step_id == "a"


def test_a_failed_task_is_offered_again_after_a_wait_that_doubles() -> None:
    saga = a_running_restaurant().accept("food")
    waits = []
    for _ in range(7):
        saga.fail("food")
        waits.append((saga.open[saga.task_id("food")].not_before - saga.now).total_seconds())
    assert waits == [5, 10, 20, 40, 80, 160, 320]
    assert saga.step("food").attempt == 8
    assert saga.step("food").status is StepStatus.ACCEPTED
    assert saga.open["c1:food:8"].accepted


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (timedelta(milliseconds=200), timedelta(milliseconds=200)),
        (timedelta(days=40), timedelta(days=1)),
        (timedelta(seconds=-3), timedelta(0)),
    ],
)
def test_the_office_may_say_how_long_to_wait_up_to_a_day(asked: timedelta, given: timedelta) -> None:
    saga = a_running_restaurant().fail("food", retry_after=asked)
    assert saga.open["c1:food:2"].not_before - saga.now == given


def test_eight_failures_in_a_row_are_an_incident_and_a_retry_counts_anew() -> None:
    saga = a_running_restaurant().fail("food", times=8)
    assert "food" not in saga.offered()
    assert "8 times" in saga.incident("TASK_FAILED").description
    saga.retried("TASK_FAILED")
    assert saga.open["c1:food:9"].not_before == saga.now
    saga.fail("food", times=7)
    assert saga.task_id("food") == "c1:food:16"


def test_a_new_office_starts_with_a_clean_record() -> None:
    saga = a_running_restaurant().fail("food", times=7).send_back("food").routed(offices={"food": "another"})
    saga.fail("food", times=7)
    assert not saga.open_incidents


def test_an_undo_that_keeps_failing_is_an_incident_and_is_retried() -> None:
    saga = a_running_restaurant().complete("food").refuse("fire")
    saga.accept("food").fail("food", times=8)
    assert saga.step("food").status is StepStatus.UNDOING
    saga.retried("UNDO_FAILED").complete("food").revoked("food")
    assert saga.undo_order() == ["food"]
    assert saga.status is CaseStatus.UNDONE
    saga.check()


@pytest.mark.parametrize("verb", [Saga.refuse, Saga.send_back])
def test_an_undo_task_can_be_neither_refused_nor_returned(verb: object) -> None:
    saga = a_running_restaurant().complete("food").refuse("fire")
    with pytest.raises(Refusal) as refusal:
        verb(saga, "food")  # type: ignore[operator]
    assert refusal.value.reason == "UNDO_CANNOT_BE_REFUSED"


def test_a_repeated_answer_is_taken_once() -> None:
    saga = a_running_restaurant()
    given = Completed(saga.task_id("food"), "request-a", {"permit": 1})
    assert saga.take(given).changed
    assert not saga.take(given).changed
    refused_because(saga, "TASK_SETTLED", Completed(given.task_id, "request-b", {}))
    refused_because(saga, "REQUEST_ID_REUSED", Refused(given.task_id, "request-a", "changed our mind"))


def test_a_repeat_is_still_known_in_an_ended_case() -> None:
    saga = Saga(a_plan(a_step("a"))).submitted().routed()
    given = Completed(saga.task_id("a"), "request-a", {})
    saga.take(given)
    assert saga.status is CaseStatus.COMPLETED
    assert not saga.take(given).changed
    refused_because(saga, "CASE_ENDED", Accepted(given.task_id, "request-b"))


def test_accepting_twice_changes_nothing() -> None:
    saga = a_running_restaurant().accept("food")
    assert not saga.take(Accepted(saga.task_id("food"), "another request")).changed


def test_an_answer_to_an_earlier_turn_is_settled() -> None:
    saga = a_running_restaurant().fail("food")
    refused_because(saga, "TASK_SETTLED", Completed("c1:food:1", "late", {}))
    refused_because(saga, "TASK_NOT_FOUND", Completed("c1:food:9", "early", {}))


def test_a_notice_that_cannot_be_sealed_is_an_incident_and_asked_for_again_under_its_id() -> None:
    saga = Saga(a_plan(a_step("a", notice=True))).submitted().routed().complete("a").sealing_fails("a")
    assert "NO_SEAL" in saga.incident("NOTICE_FAILED").description
    saga.sealing_fails("a")
    assert len(saga.open_incidents) == 1
    saga.wanted_notices.clear()
    saga.retried("NOTICE_FAILED")
    assert list(saga.wanted_notices) == ["c1:a:n1"]
    assert saga.sealed("a").status is CaseStatus.COMPLETED
    saga.check()


def test_a_notice_sealed_after_all_resolves_its_incident() -> None:
    saga = Saga(a_plan(a_step("a", notice=True))).submitted().routed().complete("a").sealing_fails("a").sealed("a")
    assert saga.status is CaseStatus.COMPLETED
    assert not saga.open_incidents


def test_a_notice_revoked_in_a_running_case_is_made_anew_on_retry() -> None:
    saga = Saga(a_plan(a_step("a", notice=True), a_step("b"))).submitted().routed().complete("a").sealed("a")
    saga.revoked("a").complete("b")
    assert saga.status is CaseStatus.RUNNING
    saga.retried("NOTICE_REVOKED")
    assert list(saga.wanted_notices) == ["c1:a:n1", "c1:a:n2"]
    assert not saga.take(NoticeSealed("c1:a:n1", "old")).changed
    assert saga.sealed("a").status is CaseStatus.COMPLETED


def test_a_notice_revoked_after_the_end_is_noted() -> None:
    saga = Saga(a_plan(a_step("a", notice=True))).submitted().routed().complete("a").sealed("a").revoked("a")
    assert saga.status is CaseStatus.COMPLETED
    assert saga.step("a").notice_status is NoticeStatus.REVOKED
    saga.check()


def test_a_refusal_makes_the_incidents_of_cancelled_steps_pointless() -> None:
    saga = Saga(a_restaurant()).submitted().routed(without=["hand-over"])
    incident = saga.incident("NO_OFFICE")
    saga.complete("check", "food").sealing_fails("food").refuse("sign")
    assert not saga.open_incidents
    refused_because(saga, "INCIDENT_RESOLVED", IncidentRetried(incident.incident_id, "r", "why"))
    refused_because(saga, "INCIDENT_NOT_FOUND", IncidentRetried("c1:i99", "r", "why"))


def test_a_retry_repeated_is_taken_once() -> None:
    saga = Saga(a_plan(a_step("a"))).submitted().routed(without=["a"])
    given = IncidentRetried("c1:i1", "retry-1", "an office was found")
    assert saga.take(given).changed
    assert not saga.take(given).changed
    refused_because(saga, "INCIDENT_RESOLVED", IncidentRetried("c1:i1", "retry-2", "again"))


def test_a_case_is_submitted_once_and_before_anything_else() -> None:
    saga = Saga(a_restaurant())
    with pytest.raises(Refusal, match="CASE_NOT_FOUND"):
        saga.take(Accepted("c1:check:1", "r"))
    saga.submitted()
    with pytest.raises(Refusal, match="CASE_EXISTS"):
        saga.submitted()


def test_a_case_is_decided_by_its_own_plan_only() -> None:
    saga = a_running_restaurant()
    saga.plan = a_plan(*saga.plan.steps[:1])
    object.__setattr__(saga.plan, "version", 4)
    with pytest.raises(ValueError, match="version 3"):
        saga.accept("food")


def test_a_step_to_skip_must_be_of_the_plan() -> None:
    with pytest.raises(ValueError, match="garden"):
        Saga(a_restaurant()).take(Submitted("c1", "n", "open-restaurant", 3, "p", "r", ("garden",)))
