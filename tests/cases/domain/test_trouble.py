"""Returns, failures, incidents, repeats: the saga told in examples of what goes wrong."""

import json
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cases.domain.answers import task_of
from services.cases.domain.case import (
    CaseStatus,
    NoticeStatus,
    StepStatus,
    TakenAnswer,
    TaskKind,
    TaskState,
    TaskStatus,
)
from services.cases.domain.clocks import StopKind
from services.cases.domain.inputs import (
    ANSWERS,
    Accepted,
    Answer,
    Completed,
    IncidentRetried,
    LimitExtended,
    NoticeSealed,
    Refused,
    Routed,
    RoutingDecision,
    Submitted,
    content_digest,
)
from services.cases.domain.proceedings import CorrectionItem, ItemKind
from services.cases.domain.refusal import Refusal
from services.cases.domain.turn import Turn
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.plans import a_plan, a_restaurant, a_step
from tests.cases.domain.saga import NINE, Saga, a_running_restaurant
from tests.cases.domain.test_timing import a_timed_case


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


def test_an_office_found_after_the_refusal_gets_no_task() -> None:
    saga = a_running_restaurant().complete("sign").send_back("food").refuse("fire")
    assert not saga.take(Routed(2, (RoutingDecision("food", "found too late"),))).changed
    assert saga.being_undone() == ["sign"]


def test_a_step_is_never_given_back_to_an_office_that_returned_it() -> None:
    saga = a_running_restaurant().send_back("food").routed(offices={"food": "office of food"})
    assert "not to have it again" in saga.incident("NO_OFFICE").description


def test_a_step_without_an_office_is_an_incident_at_once_and_is_routed_anew_on_retry() -> None:
    saga = Saga(a_restaurant()).submitted().routed(without=["hand-over"])
    incident = saga.incident("NO_OFFICE")
    assert incident.incident_id == "c1:i1"
    assert "nobody handles it" in incident.description
    saga.complete("check", "food", "sign", "fire")
    assert saga.step("hand-over").status is StepStatus.ROUTING
    saga.retried("NO_OFFICE").routed()
    assert saga.offered() == ["hand-over"]
    all_laws_hold(saga)


def test_what_routing_says_in_a_sentence_is_told_in_one() -> None:
    saga = Saga(a_plan(a_step("a"))).submitted()
    saga.take(Routed(1, (RoutingDecision("a", "", "", "No office of 341802 handles it."),)))
    assert ": No office of 341802 handles it. Declare the capability" in saga.incident("NO_OFFICE").description


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
    saga.accept("food").fail("food")
    assert saga.open["c1:food:u2"].accepted
    saga.fail("food", times=7)
    assert saga.step("food").status is StepStatus.UNDOING
    saga.retried("UNDO_FAILED").complete("food").revoked("food")
    assert saga.undo_order() == ["food"]
    assert saga.stands(CaseStatus.UNDONE)
    all_laws_hold(saga)


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
    saga.is_refused(Completed(given.task_id, "request-b", {}), "TASK_SETTLED")
    saga.is_refused(Refused(given.task_id, "request-a", "changed our mind"), "REQUEST_ID_REUSED")


def test_the_same_kind_of_answer_with_another_content_is_no_repeat() -> None:
    saga = a_timed_case().accept("food")
    task_id = saga.task_id("food")
    saga.take(LimitExtended(task_id, "r1", 6, "案情复杂", "局长"))
    saga.is_refused(LimitExtended(task_id, "r1", 10, "案情复杂", "局长"), "REQUEST_ID_REUSED")
    assert not saga.take(LimitExtended(task_id, "r1", 6, "案情复杂", "局长")).changed
    saga.take(Completed(task_id, "r2", {"permit": {"a": 1, "b": 2}}))
    assert not saga.take(Completed(task_id, "r2", {"permit": {"b": 2.0, "a": 1}})).changed, "one in every order"
    with pytest.raises(Refusal, match="REQUEST_ID_REUSED: request r2 was the same with another content, which stands"):
        saga.take(Completed(task_id, "r2", {"permit": {"a": 1, "b": 3}}))
    all_laws_hold(saga)


_SAID: dict[str, tuple[Any, Any]] = {
    "result": ({"permit": 1}, {"permit": 2}),
    "opinion": ({"fit": True}, {"fit": False}),
    "retry_after": (None, timedelta(seconds=5)),
    "items": ((CorrectionItem(ItemKind.FIELD, "a", "?"),), (CorrectionItem(ItemKind.FIELD, "b", "?"),)),
    "procedure": (StopKind.HEARING, StopKind.PUBLICITY),
    "amount": (6, 10),
    "at": (NINE, NINE + timedelta(hours=1)),
}
"""Two values of what is no text."""


@pytest.mark.parametrize("kind", ANSWERS)
def test_whatever_differs_makes_any_answer_another_one(kind: type[Answer]) -> None:
    names = [each.name for each in fields(kind)][2:]
    make: Any = kind
    first: Any = make("t1", "r1", **{name: _SAID.get(name, ("one", "other"))[0] for name in names})
    task = TaskState("c1:food:1", "food", TaskKind.HANDLE, "office of food", TaskStatus.ACCEPTED)
    turn = Turn(a_restaurant(), a_running_restaurant().case, NINE)
    turn.settle(task, replace(first, task_id=task.task_id), TaskStatus.ACCEPTED)
    assert task_of(turn, replace(first, task_id=task.task_id)) is None
    for name in names:
        other = replace(first, task_id=task.task_id, **{name: _SAID.get(name, ("one", "other"))[1]})
        with pytest.raises(Refusal, match="REQUEST_ID_REUSED"):
            task_of(turn, other)
    assert task_of(turn, replace(first, task_id=task.task_id, request_id="r2")) is not None


def test_a_repeat_of_what_was_taken_before_contents_were_kept_is_known_by_its_kind() -> None:
    saga = a_running_restaurant().complete("food")
    task = saga.case.tasks["c1:food:1"]
    before = replace(task, answers=(TakenAnswer("completed", "r1"),))
    saga.current = replace(saga.case, tasks={**saga.case.tasks, task.task_id: before})
    assert not saga.take(Completed(task.task_id, "r1", {"permit": "another"})).changed
    saga.is_refused(Refused(task.task_id, "r1", "changed our mind"), "REQUEST_ID_REUSED")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=1), inner, max_size=2),
    max_leaves=5,
)


@given(st.dictionaries(st.text(max_size=1), JSON, max_size=2), st.dictionaries(st.text(max_size=1), JSON, max_size=2))
def test_contents_have_one_digest_when_and_only_when_they_are_the_same_json(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    digests = {content_digest(Completed("t", request, said)) for request, said in (("r1", one), ("r2", other))}
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (len(digests) == 1) == same


def test_a_repeat_is_still_known_in_an_ended_case() -> None:
    saga = Saga(a_plan(a_step("a"))).submitted().routed()
    given = Completed(saga.task_id("a"), "request-a", {})
    saga.take(given)
    assert saga.stands(CaseStatus.COMPLETED)
    assert not saga.take(given).changed
    saga.is_refused(Accepted(given.task_id, "request-b"), "CASE_ENDED")


def test_accepting_twice_changes_nothing() -> None:
    saga = a_running_restaurant().accept("food")
    assert not saga.take(Accepted(saga.task_id("food"), "another request")).changed


def test_an_answer_to_an_earlier_turn_is_settled() -> None:
    saga = a_running_restaurant().fail("food")
    saga.is_refused(Completed("c1:food:1", "late", {}), "TASK_SETTLED")
    saga.is_refused(Completed("c1:food:9", "early", {}), "TASK_NOT_FOUND")


def test_a_notice_that_cannot_be_sealed_is_an_incident_and_asked_for_again_under_its_id() -> None:
    saga = Saga(a_plan(a_step("a", notice=True))).submitted().routed().complete("a").sealing_fails("a")
    assert "NO_SEAL" in saga.incident("NOTICE_FAILED").description
    saga.sealing_fails("a")
    assert len(saga.open_incidents) == 1
    saga.wanted_notices.clear()
    saga.retried("NOTICE_FAILED")
    assert list(saga.wanted_notices) == ["c1:a:n1"]
    assert saga.sealed("a").stands(CaseStatus.COMPLETED)
    all_laws_hold(saga)


def test_a_notice_sealed_after_all_resolves_its_incident() -> None:
    saga = Saga(a_plan(a_step("a", notice=True))).submitted().routed().complete("a").sealing_fails("a").sealed("a")
    assert saga.stands(CaseStatus.COMPLETED)
    assert not saga.open_incidents


def test_a_notice_revoked_in_a_running_case_is_made_anew_on_retry() -> None:
    saga = Saga(a_plan(a_step("a", notice=True), a_step("b"))).submitted().routed().complete("a").sealed("a")
    saga.revoked("a").complete("b")
    assert saga.stands(CaseStatus.RUNNING)
    saga.retried("NOTICE_REVOKED")
    assert list(saga.wanted_notices) == ["c1:a:n1", "c1:a:n2"]
    assert not saga.take(NoticeSealed("c1:a:n1", "old")).changed
    assert saga.sealed("a").stands(CaseStatus.COMPLETED)


def test_a_notice_revoked_after_the_end_is_noted() -> None:
    saga = Saga(a_plan(a_step("a", notice=True))).submitted().routed().complete("a").sealed("a").revoked("a")
    assert saga.stands(CaseStatus.COMPLETED)
    assert saga.step("a").notice_status is NoticeStatus.REVOKED
    all_laws_hold(saga)


def test_a_refusal_makes_the_incidents_of_cancelled_steps_pointless() -> None:
    saga = Saga(a_restaurant()).submitted().routed(without=["hand-over"])
    incident = saga.incident("NO_OFFICE")
    saga.complete("check", "food").sealing_fails("food").refuse("sign")
    assert not saga.open_incidents
    saga.is_refused(IncidentRetried(incident.incident_id, "r", "why"), "INCIDENT_RESOLVED")
    saga.is_refused(IncidentRetried("c1:i99", "r", "why"), "INCIDENT_NOT_FOUND")


def test_a_retry_repeated_is_taken_once() -> None:
    saga = Saga(a_plan(a_step("a"))).submitted().routed(without=["a"])
    given = IncidentRetried("c1:i1", "retry-1", "an office was found")
    assert saga.take(given).changed
    assert not saga.take(given).changed
    saga.is_refused(IncidentRetried("c1:i1", "retry-2", "again"), "INCIDENT_RESOLVED")


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
