"""How steps wait for each other: optional ones, quorums, late conditions, the order of undoing."""

from dataclasses import replace

import pytest

from services.cases.domain.case import CaseStatus, StepStatus, UndoCause
from services.cases.domain.inputs import Branched, NoticeSealed, StepReassigned, Submitted
from services.cases.domain.plan import Plan
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.plans import a_plan, a_step
from tests.cases.domain.saga import Saga


def running(plan: Plan, *skipped: str, **verdicts: str) -> Saga:
    saga = Saga(plan)
    saga.verdicts = verdicts
    return saga.submitted(*skipped).routed()


def test_an_optional_step_that_is_refused_undoes_nothing_and_lets_its_followers_go_on() -> None:
    plan = a_plan(a_step("a", undoable=True), a_step("b", optional=True), a_step("c", "a", "b"))
    saga = running(plan).complete("a").refuse("b", "no subsidy for this trade")
    assert saga.announced().count("StepRefused b") == 1
    assert saga.offered() == ["c"]
    assert saga.complete("c").stands(CaseStatus.COMPLETED)
    assert saga.statuses() == {"a": "completed", "b": "refused", "c": "completed"}
    assert saga.step("b").reason == "no subsidy for this trade"
    all_laws_hold(saga)


def test_a_case_is_completed_by_the_refusal_of_an_optional_step_when_nothing_else_is_left() -> None:
    saga = running(a_plan(a_step("a", notice=True), a_step("b", without_application=True))).complete("a").sealed("a")
    assert saga.stands(CaseStatus.RUNNING)
    assert saga.refuse("b", "not entitled").stands(CaseStatus.COMPLETED)
    assert not saga.withdrawn


def test_after_the_pivot_the_refusal_of_an_optional_step_is_no_incident() -> None:
    saga = running(a_plan(a_step("p", pivot=True), a_step("b", "p", optional=True))).complete("p").refuse("b")
    assert not saga.case.incidents
    assert saga.stands(CaseStatus.COMPLETED)


def test_an_optional_step_that_fails_technically_is_for_an_operator_all_the_same() -> None:
    saga = running(a_plan(a_step("a"), a_step("b", optional=True))).complete("a").fail("b", times=8)
    assert saga.incident("TASK_FAILED").step_id == "b"
    assert saga.retried("TASK_FAILED").refuse("b").stands(CaseStatus.COMPLETED)


def test_an_optional_step_that_was_completed_is_undone_like_another() -> None:
    plan = a_plan(a_step("a", undoable=True, optional=True), a_step("b"))
    assert running(plan).complete("a").refuse("b").being_undone() == ["a"]


def a_quorum(*, optional: bool = True, pivot: bool = False, tolerant: bool = False) -> Plan:
    """Two of three experts, then the decision; all after a first step that may be the pivot."""
    return a_plan(
        a_step("first", undoable=not pivot, pivot=pivot),
        *(a_step(name, "first", optional=optional) for name in ("x", "y", "z")),
        a_step("decision", "x", "y", "z", quorum=2, optional=tolerant),
    )


def test_a_quorum_starts_its_step_as_soon_as_it_is_reached_and_the_others_go_on() -> None:
    saga = running(a_quorum()).complete("first", "x")
    assert saga.offered() == ["y", "z"]
    assert saga.complete("z").offered() == ["y", "decision"]
    assert saga.complete("decision").stands(CaseStatus.RUNNING)
    assert saga.refuse("y").stands(CaseStatus.COMPLETED)
    all_laws_hold(saga)


def test_skipped_steps_do_not_count_for_a_quorum_and_what_is_left_has_to_be_completed() -> None:
    saga = running(a_quorum(), "y").complete("first", "x")
    assert saga.offered() == ["z"]
    assert saga.complete("z").offered() == ["decision"]
    alone = running(a_quorum(), "x", "y").complete("first", "z")
    assert alone.offered() == ["decision"]
    nobody = running(a_quorum(), "x", "y", "z")
    assert nobody.offered() == ["first"]
    assert nobody.complete("first").offered() == ["decision"]


def test_a_quorum_that_cannot_be_reached_any_more_undoes_the_case_and_says_so() -> None:
    saga = running(a_quorum()).complete("first").refuse("x")
    assert saga.stands(CaseStatus.RUNNING)
    saga.refuse("y")
    assert (saga.case.undo_cause, saga.being_undone()) == (UndoCause.REFUSED, ["first"])
    assert saga.case.refusal_reason == "decision须有2个前置环节办结，x、y未获许可，已无法达到"
    assert saga.complete("first").stands(CaseStatus.UNDONE)
    all_laws_hold(saga)


def test_after_the_pivot_a_missed_quorum_is_for_an_operator_whose_retry_starts_the_step() -> None:
    saga = running(a_quorum(pivot=True)).complete("first").refuse("x").refuse("y")
    assert saga.incident("QUORUM_MISSED").step_id == "decision"
    assert saga.complete("z").offered() == []
    assert len(saga.case.incidents) == 1
    assert saga.retried("QUORUM_MISSED").offered() == ["decision"]
    assert saga.complete("decision").stands(CaseStatus.COMPLETED)
    all_laws_hold(saga)


def test_an_optional_step_whose_quorum_is_missed_is_left_out() -> None:
    saga = running(a_quorum(tolerant=True)).complete("first").refuse("x").refuse("y")
    assert saga.step("decision").status is StepStatus.SKIPPED
    assert "x、y" in saga.step("decision").reason
    assert saga.complete("z").stands(CaseStatus.COMPLETED)


def test_a_quorum_of_all_tolerates_no_refusal() -> None:
    plan = a_plan(a_step("x", optional=True), a_step("y"), a_step("d", "x", "y", quorum=2))
    assert running(plan).complete("x", "y").offered() == ["d"]
    assert running(plan).refuse("x").stands(CaseStatus.UNDONE)


def test_behind_a_skipped_step_nothing_starts_before_what_the_skipped_one_waited_for() -> None:
    plan = a_plan(a_step("a"), a_step("b", "a"), a_step("c", "b"), a_step("d", "c"))
    saga = running(plan, "b", "c")
    assert saga.offered() == ["a"]
    assert saga.step("b").reason == "not b"
    assert saga.complete("a").offered() == ["d"]
    all_laws_hold(saga)


def test_histories_that_tell_no_reason_for_skipping_are_replayed_as_they_were() -> None:
    plan = a_plan(a_step("a"), a_step("b", "a"), a_step("c", "b"))
    saga = Saga(plan)
    saga.take(Submitted("c1", "number", plan.bundle_id, plan.version, "person:1", "341802", ("b",)))
    assert saga.routed().offered() == ["a", "c"]


def a_late_plan() -> Plan:
    """A registration, and depending on it one thing more; then the end."""
    return a_plan(a_step("birth"), a_step("girl", "birth", late=True, when="..."), a_step("end", "girl"))


def test_a_late_condition_is_asked_for_once_the_step_could_start_and_its_office_is_sought_before() -> None:
    saga = Saga(a_late_plan()).submitted()
    assert [step.step_id for step in saga.questions[1].steps] == ["birth", "girl", "end"]
    saga.routed()
    assert saga.step("girl").status is StepStatus.WAITING
    assert saga.complete("birth").offered() == ["girl"]
    assert [given.kind for given, _ in saga.history][-2:] == ["completed", "branched"]


def test_a_step_whose_late_condition_does_not_hold_is_skipped_with_the_reason_and_nobody_is_asked_about_it() -> None:
    saga = Saga(a_late_plan())
    saga.verdicts = {"girl": "skipped"}
    saga.submitted().routed(without=["girl"]).complete("birth")
    assert (saga.step("girl").status, saga.step("girl").reason) == (StepStatus.SKIPPED, "no")
    assert not saga.open_incidents, "that there is no office for it does not matter any more"
    assert saga.offered() == ["end"]
    assert saga.complete("end").stands(CaseStatus.COMPLETED)


def test_a_late_condition_that_cannot_be_decided_is_for_an_operator_whose_retry_decides_it() -> None:
    saga = running(a_late_plan(), girl="failed").complete("birth")
    assert "no number" in saga.incident("CONDITION_FAILED").description
    assert saga.offered() == []
    assert saga.retried("CONDITION_FAILED").offered() == ["girl"]
    all_laws_hold(saga)


def test_a_case_may_end_with_a_step_that_turns_out_not_to_be_needed() -> None:
    plan = a_plan(a_step("a", notice=True), a_step("b", "a", late=True))
    saga = running(plan, b="skipped").complete("a")
    assert saga.stands(CaseStatus.RUNNING)
    saga.take(NoticeSealed("c1:a:n1", "document"))
    assert saga.stands(CaseStatus.COMPLETED)
    all_laws_hold(saga)


@pytest.mark.parametrize("step_id", ["birth", "girl", "end", "nobody"])
def test_what_was_not_asked_changes_nothing(step_id: str) -> None:
    saga = running(a_late_plan())
    given = Branched((step_id,), (step_id,), ("no",), (step_id,), ("why",))
    assert not saga.take(given).changed


def test_steps_are_undone_in_the_order_that_the_plan_gives_and_the_others_then_the_last_first() -> None:
    names = ("a", "b", "c", "d")
    plan = replace(a_plan(*(a_step(name, undoable=True) for name in names), a_step("e")), undo_order=("b", "c"))
    saga = running(plan).complete("c", "a", "b", "d").refuse("e")
    while saga.being_undone():
        saga.complete(*saga.being_undone())
    assert saga.undo_order() == ["b", "c", "d", "a"]
    all_laws_hold(saga)


def test_another_office_changes_nothing_about_what_keeps_a_step_from_starting() -> None:
    undecided = running(a_late_plan(), girl="failed").complete("birth")
    undecided.take(StepReassigned("girl", "the office is overloaded"))
    assert undecided.routed().offered() == ["girl"], "its condition was decided again, and holds"
    missed = running(a_quorum(pivot=True)).complete("first").refuse("x").refuse("y")
    missed.take(StepReassigned("decision", "the office is overloaded"))
    assert missed.incident("QUORUM_MISSED").step_id == "decision"
    all_laws_hold(missed)
