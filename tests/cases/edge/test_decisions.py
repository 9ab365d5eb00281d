"""Decisions of operators at the gRPC edge: who may, one at a time and many at once."""

from typing import Any

import pytest

from chassis.clock import new_id
from duokua.cases.v1 import case_pb2, case_service_pb2
from duokua.cases.v1 import operations_service_pb2 as pb
from duokua.client import Platform
from duokua.data import to_struct
from duokua.eseal.v1 import events_pb2 as eseal_events
from tests.cases.offices import Offices, an_answer, answering, pulled, refusal

RETRY, SKIP, STOP = pb.Decision(retry=pb.Retry()), pb.Decision(skip=pb.Skip()), pb.Decision(stop=pb.Stop())


def forcing(**result: Any) -> pb.Decision:
    return pb.Decision(force=pb.Force(result=to_struct(result)))


def without_office(town: Offices, *step_ids: str) -> tuple[str, str]:
    """A case some steps of which have no office: its id and the id of the first incident."""
    case_id = town.submitted().case_id
    town.route(case_id, without=step_ids)
    return case_id, f"{case_id}:i1"


def resolving(incident_id: str, decision: pb.Decision, **changes: Any) -> pb.ResolveIncidentRequest:
    values = {"request_id": new_id(), "incident_id": incident_id, "decision": decision, "reason": "已核实"}
    return pb.ResolveIncidentRequest(**{**values, **changes})


def deciding(case_id: str, step_id: str, decision: pb.Decision, **changes: Any) -> pb.DecideStepRequest:
    values = {"request_id": new_id(), "case_id": case_id, "step_id": step_id, "decision": decision, "reason": "已核实"}
    return pb.DecideStepRequest(**{**values, **changes})


def stopping(case_id: str) -> pb.StopCaseRequest:
    return pb.StopCaseRequest(request_id=new_id(), case_id=case_id, reason="重复申报")


def resolved_all(platform: Platform, **request: Any) -> tuple[list[pb.IncidentOutcome], pb.ResolutionSummary]:
    values = {"request_id": new_id(), "decision": SKIP, "reason": "已核实", **request}
    answers = list(platform.operations.ResolveIncidents(pb.ResolveIncidentsRequest(**values)))
    assert [each.WhichOneof("answer") for each in answers] == ["outcome"] * (len(answers) - 1) + ["summary"]
    return [each.outcome for each in answers[:-1]], answers[-1].summary


def kinds(town: Offices, case_id: str) -> list[str]:
    request = case_service_pb2.GetHistoryRequest(case_id=case_id)
    return [each.kind for each in town.operator.cases.GetHistory(request).entries]


def test_an_incident_says_what_can_be_decided_and_a_decision_resolves_it(town: Offices) -> None:
    case_id, incident_id = without_office(town, "sign")
    incident = town.operator.operations.GetIncident(pb.GetIncidentRequest(incident_id=incident_id)).incident
    assert (incident.reason, incident.step_id, incident.bundle_id) == ("NO_OFFICE", "sign", "open-shop")
    names = [case_pb2.DecisionKind.Name(kind).rpartition("_")[2] for kind in incident.possible_decisions]
    assert names == ["RETRY", "SKIP", "REASSIGN", "FORCE", "STOP"]
    request = resolving(incident_id, SKIP)
    first = town.operator.operations.ResolveIncident(request)
    assert first.incident.HasField("resolved_at")
    assert list(first.incident.possible_decisions) == []
    assert town.operator.operations.ResolveIncident(request) == first
    assert town.statuses(case_id)["sign"] == "skipped"
    again = resolving(incident_id, SKIP)
    assert refusal(town.operator.operations.ResolveIncident, again)[:2] == ("FAILED_PRECONDITION", "INCIDENT_RESOLVED")
    history = town.operator.cases.GetHistory(case_service_pb2.GetHistoryRequest(case_id=case_id)).entries
    assert history[-1].kind == "step_skipped"
    assert history[-1].internal.actor.startswith("client:")
    assert history[-1].input["reason"] == "已核实"


def test_a_step_is_decided_without_an_incident(town: Offices) -> None:
    (case_id,) = town.opened()
    decide = town.operator.operations.DecideStep
    case = decide(deciding(case_id, "food", forcing(permit="F1"))).case
    steps = {each.step_id: each for each in case.steps}
    assert steps["food"].status == case_pb2.STEP_STATUS_COMPLETED
    assert steps["food"].result["permit"] == "F1"
    assert pulled(town.food) == []
    assert refusal(decide, deciding(case_id, "food", SKIP))[:2] == ("FAILED_PRECONDITION", "STEP_SETTLED")
    assert refusal(decide, deciding(case_id, "garden", SKIP))[:2] == ("NOT_FOUND", "STEP_NOT_FOUND")
    assert refusal(decide, deciding(case_id, "deliver", SKIP))[:2] == ("FAILED_PRECONDITION", "PIVOT_STEP")
    assert refusal(decide, deciding("no case", "sign", SKIP))[:2] == ("NOT_FOUND", "CASE_NOT_FOUND")


def test_a_case_does_without_a_notice_that_cannot_be_sealed_and_says_so(town: Offices) -> None:
    (case_id,) = town.opened()
    for each in pulled(town.food, 100) + pulled(town.sign, 100):
        if each.case_id == case_id:
            answerer = town.food if each.organ_id == town.food_organ else town.sign
            answerer.tasks.AnswerTask(answering(an_answer(each)))
    town.complete_all("deliver")
    failed = eseal_events.SealingFailed(case_id=case_id, notice_id=f"{case_id}:food:n1", reason="NO_SEAL")
    with town.database.begin() as work:
        town.cases.take_sealing_failures(work, [failed])
    incident = town.operator.operations.GetIncident(pb.GetIncidentRequest(incident_id=f"{case_id}:i1")).incident
    assert list(incident.possible_decisions) == [case_pb2.DECISION_KIND_RETRY, case_pb2.DECISION_KIND_WAIVE]
    waive = resolving(incident.incident_id, pb.Decision(waive=pb.Waive()), reason="已出具纸质许可证")
    assert refusal(town.food.operations.ResolveIncident, waive)[1] == "PERMISSION_MISSING"
    town.operator.operations.ResolveIncident(waive)
    case = town.applicant.cases.GetCase(case_service_pb2.GetCaseRequest(case_id=case_id)).case
    (food,) = (each for each in case.steps if each.step_id == "food")
    assert (case.status, case.final_result) == (case_pb2.CASE_STATUS_COMPLETED, case_pb2.FINAL_RESULT_ISSUED)
    assert (food.notice_status, food.notice_reason) == (case_pb2.NOTICE_STATUS_WAIVED, "已出具纸质许可证")
    assert kinds(town, case_id)[-1] == "notice_waived"
    (ended,) = (event for event in town.events("CaseCompleted") if event.case.case_id == case_id)
    ((step, reason),) = ((each.step, each.reason) for each in ended.waived_notices)
    assert (step.step_id, step.organ_id, reason) == ("food", town.food_organ, "已出具纸质许可证")
    (withdrawn,) = (event for event in town.events("NoticeWithdrawn") if event.case.case_id == case_id)
    assert withdrawn.notice_id == f"{case_id}:food:n1"
    again = deciding(case_id, "food", pb.Decision(waive=pb.Waive()))
    assert refusal(town.operator.operations.DecideStep, again)[:2] == ("FAILED_PRECONDITION", "CASE_ENDED")


def test_a_case_is_stopped_by_its_number_once(town: Offices) -> None:
    (case_id,) = town.opened()
    number = town.row(case_id).case_number
    case = town.operator.operations.StopCase(stopping(number)).case
    assert (case.status, case.undo_cause) == (case_pb2.CASE_STATUS_UNDONE, case_pb2.UNDO_CAUSE_STOPPED)
    assert town.operator.operations.StopCase(stopping(case_id)).case.version == case.version
    assert kinds(town, case_id).count("case_stopped") == 1


@pytest.mark.usefixtures("unchanged")
def test_what_is_not_said_clearly_is_refused(town: Offices) -> None:
    operations = town.operator.operations
    assert refusal(operations.ResolveIncident, resolving("x:i1", pb.Decision()))[2] == ["decision"]
    assert refusal(operations.ResolveIncident, resolving("x:i1", SKIP, reason=""))[2] == ["reason"]
    for decision in (RETRY, STOP, pb.Decision()):
        assert refusal(operations.DecideStep, deciding("x", "food", decision))[2] == ["decision"]
    assert refusal(operations.GetIncident, pb.GetIncidentRequest(incident_id="x:i1"))[1] == "INCIDENT_NOT_FOUND"
    for request in ({}, {"incident_ids": ["x"], "filter": pb.IncidentFilter()}):
        assert refusal(resolved_all, town.operator, **request)[2] == ["incident_ids"]
    assert refusal(resolved_all, town.operator, incident_ids=["x"] * 1001)[2] == ["incident_ids"]


def test_nobody_but_operators_decides(town: Offices) -> None:
    case_id, incident_id = without_office(town, "sign")
    for platform in (town.portal, town.food):
        assert refusal(platform.operations.ResolveIncident, resolving(incident_id, RETRY))[1] == "PERMISSION_MISSING"
        assert refusal(resolved_all, platform, incident_ids=[incident_id])[1] == "PERMISSION_MISSING"
        assert refusal(platform.operations.DecideStep, deciding(case_id, "sign", SKIP))[1] == "PERMISSION_MISSING"
        assert refusal(platform.operations.StopCase, stopping(case_id))[1] == "PERMISSION_MISSING"
    assert town.statuses(case_id)["sign"] == "waiting"


def test_many_incidents_are_decided_each_for_itself(town: Offices) -> None:
    good, settled, pivot = (without_office(town, step)[1] for step in ("sign", "sign", "deliver"))
    last = without_office(town, "food")[1]
    town.operator.operations.ResolveIncident(resolving(settled, SKIP))
    request_id = new_id()
    ids = [good, settled, "nothing:i1", pivot, last]
    outcomes, summary = resolved_all(town.operator, incident_ids=[*ids, good], request_id=request_id)
    assert [each.incident_id for each in outcomes] == ids
    assert [each.reason for each in outcomes] == ["", "INCIDENT_RESOLVED", "INCIDENT_NOT_FOUND", "PIVOT_STEP", ""]
    assert [bool(each.message) for each in outcomes] == [bool(each.reason) for each in outcomes]
    assert [bool(each.case_number) for each in outcomes] == [True, True, False, True, True]
    assert (summary.resolved, summary.resolved_before, summary.failed) == (2, 0, 3)
    outcomes, summary = resolved_all(town.operator, incident_ids=ids, request_id=request_id)
    assert (summary.resolved, summary.resolved_before, summary.failed) == (0, 2, 3)
    assert town.statuses(pivot.partition(":")[0])["deliver"] == "waiting"


def test_a_bulk_decision_by_filter_goes_on_where_it_was_broken_off(town: Offices) -> None:
    cases = [without_office(town, "food")[0] for _ in range(5)]
    untouched = without_office(town, "sign")[0]
    wanted = pb.IncidentFilter(step_id="food", reason="NO_OFFICE", bundle_id="open-shop")
    request = pb.ResolveIncidentsRequest(request_id=new_id(), decision=SKIP, reason="已核实", filter=wanted)
    stream = town.operator.operations.ResolveIncidents(request)
    assert next(iter(stream)).outcome.outcome == pb.RESOLUTION_OUTCOME_RESOLVED
    stream.cancel()
    list(town.operator.operations.ResolveIncidents(request))
    assert {town.statuses(case_id)["food"] for case_id in cases} == {"skipped"}
    assert town.statuses(untouched)["sign"] == "waiting"
    for case_id in cases:
        assert kinds(town, case_id).count("step_skipped") == 1


def test_cases_are_stopped_by_their_incidents_once_each(town: Offices) -> None:
    case_id, first = without_office(town, "food", "sign")
    outcomes, summary = resolved_all(town.operator, incident_ids=[first, f"{case_id}:i2"], decision=STOP)
    assert (summary.resolved, summary.resolved_before, summary.failed) == (1, 1, 0)
    assert town.case(case_id).status == "undone"
    retried = without_office(town, "food")[1]
    town.operator.operations.ResolveIncident(resolving(retried, RETRY))
    outcomes, _ = resolved_all(town.operator, incident_ids=[retried], decision=STOP)
    assert [each.reason for each in outcomes] == ["INCIDENT_RESOLVED"], "a colleague was quicker: the case goes on"
    assert town.case(retried.partition(":")[0]).status == "running"
