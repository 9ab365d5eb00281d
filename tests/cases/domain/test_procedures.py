"""特别程序: a step rests, its clocks stand still, and it goes on when its office says so."""

from datetime import timedelta

import pytest

from services.cases.domain.case import CaseStatus, StepStatus, TaskStatus
from services.cases.domain.clocks import StopKind
from services.cases.domain.inputs import Accepted, Completed, Resumed, Suspended, Withdrawn
from services.cases.domain.procedures import KINDS, MOST_PROCEDURES
from tests.cases.domain.holding_up import resume, suspend, under_way
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.plans import a_plan, a_step
from tests.cases.domain.saga import NINE, Saga, a_running_restaurant
from tests.cases.domain.test_timing import a_timed_case

DAY = timedelta(days=1)


def test_a_hearing_settles_the_task_and_its_end_brings_another_accepted_as_before() -> None:
    saga = a_running_restaurant().accept("food")
    suspend(saga, "food")
    assert saga.step("food").status is StepStatus.SUSPENDED
    assert saga.case.tasks["c1:food:1"].status is TaskStatus.SUSPENDED
    (hearing,) = under_way(saga)
    assert (hearing.kind, hearing.began_at, hearing.step_id) == (StopKind.HEARING, NINE, "food")
    resume(saga.later(DAY), "food")
    assert not under_way(saga)
    assert saga.case.proceedings.procedures[0].ended_at == NINE + DAY
    assert (saga.task_id("food"), saga.step("food").status) == ("c1:food:2", StepStatus.ACCEPTED)
    assert saga.announced()[-2:] == ["ProcedureBegan", "ProcedureEnded"]
    all_laws_hold(saga.drained())
    assert saga.stands(CaseStatus.COMPLETED)


def test_a_step_that_was_not_accepted_before_is_offered_again() -> None:
    saga = a_running_restaurant()
    suspend(saga, "food", StopKind.PUBLICITY)
    resume(saga, "food")
    assert saga.step("food").status is StepStatus.OFFERED
    suspend(saga, "food", StopKind.VERIFICATION)
    assert [each.kind for each in saga.case.proceedings.procedures] == [StopKind.PUBLICITY, StopKind.VERIFICATION]
    all_laws_hold(saga)


@pytest.mark.parametrize("kind", list(StopKind))
def test_only_procedures_are_begun(kind: StopKind) -> None:
    saga = a_running_restaurant()
    given = Suspended(saga.task_id("food"), "r1", kind, "because")
    if kind in KINDS:
        assert saga.take(given).changed
    else:
        saga.is_refused(given, "NOT_A_PROCEDURE")


def test_clocks_stand_still_meanwhile() -> None:
    saga = a_timed_case().accept("food")
    suspend(saga, "food")
    clocks = saga.case.proceedings.clocks
    stopped = {each.clock_id for each in clocks.values() if each.clock.stopped}
    assert stopped == {"food:statutory", "food:promised", ":statutory"}
    resume(saga.later(DAY), "food")
    assert not any(each.clock.stopped for each in saga.case.proceedings.clocks.values())


def test_repeats_change_nothing_and_other_answers_are_named() -> None:
    saga = a_running_restaurant()
    began = Suspended(saga.task_id("food"), "r1", StopKind.HEARING, "neighbours")
    saga.answer(began)
    assert not saga.take(began).changed
    saga.is_refused(Completed(began.task_id, "r2", {}), "TASK_SETTLED")
    saga.is_refused(Resumed(began.task_id, "r1"), "REQUEST_ID_REUSED")
    saga.is_refused(Resumed("c1:food:9", "r3"), "TASK_NOT_FOUND")
    saga.is_refused(Resumed(saga.task_id("sign"), "r3"), "PROCEDURE_NOT_FOUND")
    over = Resumed(began.task_id, "r4")
    assert saga.take(over).changed
    assert not saga.take(over).changed
    saga.is_refused(Resumed(began.task_id, "r5"), "PROCEDURE_ENDED")
    assert not saga.take(began).changed


def test_an_undo_task_is_not_suspended() -> None:
    saga = a_running_restaurant().complete("food").refuse("sign").revoked("food")
    saga.is_refused(Suspended(saga.task_id("food"), "r1", StopKind.HEARING, "neighbours"), "UNDO_CANNOT_BE_REFUSED")


def test_a_case_is_withdrawn_while_a_step_rests() -> None:
    saga = a_running_restaurant().complete("sign").sealed("sign")
    suspend(saga, "food")
    saga.take(Withdrawn("found another shop"))
    assert saga.step("food").status is StepStatus.CANCELLED
    assert not under_way(saga)
    saga.is_refused(Resumed("c1:food:1", "late"), "CASE_UNDOING")
    all_laws_hold(saga.drained())
    saga.is_refused(Resumed("c1:food:1", "later"), "CASE_ENDED")


def test_a_refusal_elsewhere_ends_a_case_of_which_a_step_rests() -> None:
    saga = Saga(a_plan(a_step("a"), a_step("b"))).submitted().routed()
    suspend(saga, "a")
    saga.refuse("b")
    assert saga.stands(CaseStatus.UNDONE)
    all_laws_hold(saga)


def test_an_acceptance_said_on_the_task_before_is_repeated_without_harm() -> None:
    saga = a_running_restaurant()
    accepted = Accepted(saga.task_id("food"), "r1")
    saga.answer(accepted)
    suspend(saga, "food")
    assert not saga.take(accepted).changed


def test_an_office_cannot_begin_procedures_for_ever() -> None:
    saga = a_running_restaurant()
    for _ in range(MOST_PROCEDURES):
        suspend(saga, "food")
        resume(saga, "food")
    saga.is_refused(Suspended(saga.task_id("food"), "once more", StopKind.HEARING, "again"), "PROCEDURE_LIMIT")
    suspend(saga, "sign")
    all_laws_hold(saga.complete("food"))
