"""Withdrawal at the gRPC edge: by the applicant alone, once, and in time."""

from duokua.cases.v1 import case_pb2, case_service_pb2, log_service_pb2, operations_service_pb2
from tests.cases.offices import Offices, an_answer, answering, pulled, refusal

pb = case_service_pb2


def withdrawing(case_id: str, request_id: str = "", reason: str = "另选了铺面") -> pb.WithdrawCaseRequest:
    return pb.WithdrawCaseRequest(request_id=request_id or f"withdraws {case_id}", case_id=case_id, reason=reason)


def test_an_applicant_takes_a_case_back_and_its_offices_undo_what_they_did(town: Offices) -> None:
    (case_id,) = town.opened()
    (food,) = pulled(town.food)
    town.food.tasks.AnswerTask(answering(an_answer(food)))
    case = town.applicant.cases.WithdrawCase(withdrawing(case_id)).case
    assert (case.status, case.undo_cause) == (case_pb2.CASE_STATUS_UNDOING, case_pb2.UNDO_CAUSE_WITHDRAWN)
    assert case.refusal_reason == "另选了铺面"
    assert town.applicant.cases.WithdrawCase(withdrawing(case_id)).case == case
    (undo,) = pulled(town.food)
    assert undo.handled_task_id == food.task_id
    again = town.applicant.cases.WithdrawCase(withdrawing(case_id, "w2", "still")).case
    assert again.version == case.version
    entries = town.applicant.cases.GetHistory(pb.GetHistoryRequest(case_id=case_id, page_size=1000)).entries
    assert [(entry.kind, entry.actor) for entry in entries][-1][0] == "withdrawn"
    assert entries[-1].actor.startswith("person:")


def test_nobody_else_takes_a_case_back(town: Offices) -> None:
    (case_id,) = town.opened()
    for platform in (town.stranger, town.portal):
        assert refusal(platform.cases.WithdrawCase, withdrawing(case_id)) == ("NOT_FOUND", "CASE_NOT_FOUND", [])
    for platform in (town.operator, town.food):
        assert refusal(platform.cases.WithdrawCase, withdrawing(case_id))[1] == "PERMISSION_MISSING"
    case = town.applicant.cases.GetCase(pb.GetCaseRequest(case_id=case_id)).case
    assert case.status == case_pb2.CASE_STATUS_RUNNING


def test_a_withdrawal_needs_a_reason_and_comes_before_the_end(town: Offices) -> None:
    (case_id,) = town.opened()
    found = refusal(town.applicant.cases.WithdrawCase, withdrawing(case_id, reason=""))
    assert found[2] == ["reason"]
    (food,) = pulled(town.food)
    town.food.tasks.AnswerTask(answering(an_answer(food, "refuse")))
    found = refusal(town.applicant.cases.WithdrawCase, withdrawing(case_id))
    assert found[:2] == ("FAILED_PRECONDITION", "CASE_ENDED")


def test_an_act_that_was_under_way_at_a_withdrawal_is_undone_though_the_case_had_ended(town: Offices) -> None:
    (case_id,) = town.opened()
    (food,) = pulled(town.food)
    case = town.applicant.cases.WithdrawCase(withdrawing(case_id)).case
    assert case.status == case_pb2.CASE_STATUS_UNDONE
    outcome = town.food.tasks.AnswerTask(answering(an_answer(food))).outcome
    assert not outcome.HasField("problem")
    case = town.applicant.cases.GetCase(pb.GetCaseRequest(case_id=case_id)).case
    assert (case.status, case.HasField("ended_at")) == (case_pb2.CASE_STATUS_UNDOING, False)
    search = operations_service_pb2.SearchCasesRequest(case_number=case.case_number, ended_from=case.submitted_at)
    assert not town.operator.operations.SearchCases(search).cases
    (undo,) = pulled(town.food)
    assert undo.handled_task_id == food.task_id
    town.food.tasks.AnswerTask(answering(an_answer(undo)))
    case = town.applicant.cases.GetCase(pb.GetCaseRequest(case_id=case_id)).case
    assert (case.status, case.HasField("ended_at")) == (case_pb2.CASE_STATUS_UNDONE, True)
    assert len(town.operator.operations.SearchCases(search).cases) == 1
    entries = town.applicant.cases.GetHistory(pb.GetHistoryRequest(case_id=case_id, page_size=1000)).entries
    assert [entry.kind for entry in entries][-3:] == ["withdrawn", "completed", "completed"]
    replayed = town.operator.log.ReplayCase(log_service_pb2.ReplayCaseRequest(case_id=case_id))
    assert not replayed.HasField("difference")
