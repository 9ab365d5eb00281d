"""A notice that cannot be sealed, and an operator who has the case do without it."""

import pytest

from services.cases.domain.case import CaseStatus, NoticeStatus, StepStatus
from services.cases.domain.decisions import DecisionKind, allowed_decisions, possible_decisions
from services.cases.domain.effects import Announce, CaseCompleted, WithdrawNotice
from services.cases.domain.inputs import NoticeFailed, NoticeRevoked, NoticeSealed, NoticeWaived
from services.cases.domain.records import Result
from services.cases.domain.stages import FinalResult, Stage, case_end, step_end, step_stage
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.plans import a_plan, a_step
from tests.cases.domain.saga import Saga, a_running_restaurant
from tests.cases.domain.test_records import reported

WHY = "印章系统停用，已出具纸质许可证"
WAIVED = NoticeWaived("food", WHY)


def stuck() -> Saga:
    """All is done and past the point of no return; the notice of the food licence cannot be sealed."""
    saga = a_running_restaurant("fire").complete("food", "sign", "hand-over", "delivery").sealed("sign")
    return saga.sealing_fails("food")


def test_a_case_past_its_point_of_no_return_is_completed_without_a_notice_that_cannot_be_sealed() -> None:
    saga = stuck()
    assert saga.stands(CaseStatus.RUNNING)
    incident_id = saga.incident("NOTICE_FAILED").incident_id
    allowed = (DecisionKind.RETRY, DecisionKind.WAIVE)
    assert possible_decisions(saga.plan, saga.case, incident_id) == allowed
    given = NoticeWaived("food", WHY, incident_id, "r1")
    assert saga.take(given).changed
    assert saga.stands(CaseStatus.COMPLETED)
    assert saga.step("food").status is StepStatus.COMPLETED
    assert (saga.step("food").notice_status, saga.step("food").notice_reason) == (NoticeStatus.WAIVED, WHY)
    assert saga.effects[-1] == Announce(CaseCompleted(("document of sign",), ("food",)))
    assert not saga.take(given).changed
    all_laws_hold(saga)


def test_what_is_told_of_the_end_says_that_there_is_no_notice_and_why() -> None:
    saga = stuck()
    saga.take(WAIVED)
    told = f"Office Of Food未出具电子通知书：{WHY}"
    for end in (step_end(saga.plan, saga.case, "food"), case_end(saga.plan, saga.case)):
        assert end is not None
        assert (end.result, end.reason) == (FinalResult.ISSUED, told)
    other = step_end(saga.plan, saga.case, "sign")
    assert other is not None
    assert other.reason == ""
    assert step_stage(saga.plan, saga.case, "food") is Stage.COMPLETED
    last = {each.key: each.fact.content for each in reported(saga)}
    for key in ("result:food", "result:"):
        result = last[key]
        assert isinstance(result, Result)
        assert (result.result, result.reason, result.document_id) == (FinalResult.ISSUED, told, "")


def test_a_notice_that_is_done_without_is_withdrawn_so_that_none_turns_up_later() -> None:
    saga = stuck()
    notice_id = saga.step("food").notice_id
    saga.take(WAIVED)
    assert saga.withdrawn[notice_id] == WithdrawNotice(notice_id, "food", WHY)
    case = saga.case
    for late in (NoticeSealed(notice_id, "d"), NoticeRevoked(notice_id), NoticeFailed(notice_id, "NO_SEAL", "no seal")):
        assert not saga.take(late).changed
    assert saga.case is case


def test_a_notice_is_done_without_before_it_has_failed_and_before_the_pivot_too() -> None:
    saga = a_running_restaurant("fire").complete("food")
    assert DecisionKind.WAIVE in allowed_decisions(saga.plan, saga.case, "food")
    saga.take(WAIVED)
    all_laws_hold(saga)
    all_laws_hold(saga.drained())
    assert saga.stands(CaseStatus.COMPLETED)


def test_a_step_without_its_notice_is_undone_as_any_other() -> None:
    saga = a_running_restaurant("fire").complete("food")
    saga.take(WAIVED)
    saga.refuse("sign").complete("food")
    assert saga.stands(CaseStatus.UNDONE)
    assert saga.step("food").status is StepStatus.UNDONE
    assert len(saga.withdrawn) == 1
    all_laws_hold(saga)


def test_a_case_that_is_being_undone_waits_for_no_notice_of_what_stays() -> None:
    saga = Saga(a_plan(a_step("kept", notice=True), a_step("other"))).submitted().routed().complete("kept")
    saga.sealing_fails("kept").refuse("other")
    assert saga.stands(CaseStatus.UNDOING)
    saga.take(NoticeWaived("kept", WHY))
    assert saga.stands(CaseStatus.UNDONE)
    all_laws_hold(saga)


def test_a_notice_that_was_revoked_need_not_be_made_anew() -> None:
    saga = a_running_restaurant("fire").complete("food", "sign", "hand-over", "delivery").sealed("food")
    saga.revoked("food").sealed("sign")
    withdrawn = dict(saga.withdrawn)
    saga.take(NoticeWaived("food", WHY, saga.incident("NOTICE_REVOKED").incident_id, "r1"))
    assert saga.stands(CaseStatus.COMPLETED)
    assert saga.step("food").document_id == ""
    assert saga.withdrawn == withdrawn, "it is void already"
    all_laws_hold(saga)


@pytest.mark.parametrize("step_id", ["sign", "hand-over", "fire", "check"])
def test_a_notice_that_nobody_waits_for_cannot_be_done_without(step_id: str) -> None:
    saga = stuck()
    assert DecisionKind.WAIVE not in allowed_decisions(saga.plan, saga.case, step_id)
    saga.is_refused(NoticeWaived(step_id, WHY), "NO_NOTICE_WANTED")


def test_nothing_is_done_without_twice_or_in_a_case_that_is_over_or_of_no_step() -> None:
    saga = a_running_restaurant("fire").complete("food")
    saga.is_refused(NoticeWaived("nowhere", WHY), "STEP_NOT_FOUND")
    saga.take(WAIVED)
    saga.is_refused(WAIVED, "NO_NOTICE_WANTED")
    saga.drained().is_refused(WAIVED, "CASE_ENDED")


def test_what_is_to_be_void_is_not_done_without_before_that_is_confirmed() -> None:
    saga = a_running_restaurant("fire").complete("food").refuse("sign")
    assert saga.step("food").notice_status is NoticeStatus.WITHDRAWN
    saga.is_refused(WAIVED, "NO_NOTICE_WANTED")
