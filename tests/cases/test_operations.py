"""What operators decide, in the database: tasks, incidents, history and events follow."""

from datetime import timedelta

import pytest

from chassis.api import Call, Caller
from chassis.paging import page
from chassis.problems import Conflict, Forbidden, NotFound
from duokua.cases.v1 import operations_service_pb2 as pb
from services.cases import store
from services.cases.domain.inputs import CaseStopped, StepForced, StepReassigned, StepSkipped
from services.cases.operations import Filter
from services.cases.operations_api import OperationsApi
from services.cases.replaying import replay
from tests.cases.builders import Town, completing, failing, reason_of, refusing, tables, taken


def replays(town: Town, case_id: str) -> bool:
    with town.database.read() as work:
        row = town.cases.row(work, case_id)
        return replay(work, row, town.cases.plans)[1] is None


def test_a_step_that_is_left_out_takes_its_task_from_the_office(town: Town) -> None:
    case_id = town.running()
    held = town.one("sign")
    assert town.decide(case_id, StepSkipped("sign", "招牌在室内"))
    assert town.lease("sign") == []
    (outcome,) = town.answer(completing(held))
    assert reason_of(outcome.problem) == "TASK_SETTLED"
    town.complete("food", "deliver")
    town.sealed(case_id, "food")
    assert town.case(case_id).status == "completed"
    assert replays(town, case_id)


def test_a_step_is_routed_to_the_organ_that_is_named(town: Town) -> None:
    case_id = town.running()
    assert town.decide(case_id, StepReassigned("food", "机构改革", "other"))
    (*_, asked) = town.events("RoutingRequested")
    assert [(each.step_id, each.organ_id, list(each.excluded_organ_ids)) for each in asked.steps] == [
        ("food", "other", ["food"])
    ]
    town.route(case_id, food="other")
    assert town.lease("food") == []
    town.complete("other")
    assert town.case(case_id).steps["food"].organ_id == "other"
    assert replays(town, case_id)


def test_a_step_taken_as_done_is_sealed_and_undone_without_a_task(town: Town) -> None:
    case_id = town.running()
    assert town.decide(case_id, StepForced("food", "纸质办理", {"permit": "F1"}))
    (asked,) = town.events("NoticeRequested")
    assert (asked.step.step_id, asked.result["permit"]) == ("food", "F1")
    town.sealed(case_id, "food")
    taken(town.answer(refusing(town.one("sign"))))
    assert town.lease("food") == []
    town.revoked(case_id, "food")
    assert town.case(case_id).status == "undone"
    assert replays(town, case_id)


def test_a_stopped_case_is_undone_and_tells_why(town: Town) -> None:
    case_id = town.running()
    town.complete("food")
    assert town.decide(case_id, CaseStopped("楼已拆除"))
    assert not town.decide(case_id, CaseStopped("again"))
    town.complete("food")
    town.revoked(case_id, "food")
    (undone,) = town.events("CaseUndone")
    assert undone.reason == "楼已拆除"
    assert replays(town, case_id)


def test_who_decided_and_why_is_in_the_history(town: Town) -> None:
    case_id = town.running()
    town.decide(case_id, StepSkipped("sign", "招牌在室内"), actor="client:operator-7")
    with town.database.read() as work:
        entry = store.history_page(work.connection, case_id, 0, 100)[-1]
    assert (entry.actor, entry.kind, entry.input) == (
        "client:operator-7",
        "step_skipped",
        {"step_id": "sign", "reason": "招牌在室内"},
    )


def test_what_is_refused_changes_nothing(town: Town) -> None:
    case_id = town.running()
    before = tables(town.database)
    for order, error, reason in (
        (StepSkipped("garden", "r"), NotFound, "STEP_NOT_FOUND"),
        (StepSkipped("deliver", "r"), Conflict, "PIVOT_STEP"),
        (StepForced("check", "r", {}), Conflict, "STEP_SETTLED"),
        (StepReassigned("food", "r", "food"), Conflict, "OFFICE_UNCHANGED"),
        (StepSkipped("food", "r", f"{case_id}:i1", "q"), NotFound, "INCIDENT_NOT_FOUND"),
    ):
        with pytest.raises(error, match=reason):
            town.decide(case_id, order)
    with pytest.raises(NotFound, match="CASE_NOT_FOUND"):
        town.decide("no such case", CaseStopped("r"))
    assert tables(town.database) == before


def test_incidents_tell_what_can_be_decided_and_are_found_by_what_they_are_about(town: Town) -> None:
    case_id = town.running()
    for _ in range(8):
        taken(town.answer(failing(town.one("food"), timedelta(0))))
    other_id = town.submit()
    town.route(other_id, without=["sign"])
    with town.database.read() as work:
        for wanted, found in (
            (Filter(), [case_id, other_id]),
            (Filter(reason="TASK_FAILED"), [case_id]),
            (Filter(organ_id="food"), [case_id]),
            (Filter(step_id="sign"), [other_id]),
            (Filter(case_id=other_id), [other_id]),
            (Filter(bundle_id="open-shop"), [case_id, other_id]),
            (Filter(bundle_id="other"), []),
            (Filter(reason="NO_OFFICE", organ_id="food"), []),
        ):
            rows = town.operations.list_incidents(work, page(100, ""), wanted, resolved=False)
            assert sorted(each.row.case_id for each in rows) == sorted(found)
        (failed,) = town.operations.list_incidents(work, page(100, ""), Filter(case_id=case_id), resolved=False)
        assert [str(kind) for kind in failed.possible] == ["retry", "skip", "reassign", "force", "stop"]


@pytest.mark.parametrize("decision", ["skip", "reassign", "force", "waive", "stop", "retry"])
def test_who_may_only_retry_decides_nothing_else(town: Town, decision: str) -> None:
    case_id = town.submit()
    town.route(case_id, without=["sign"])
    api, caller = OperationsApi(town.cases), Caller("client:ops", permissions=frozenset({"incidents.resolve"}))
    asked = pb.Decision()
    getattr(asked, decision).SetInParent()
    request = pb.ResolveIncidentRequest(request_id="r1", incident_id=f"{case_id}:i1", decision=asked, reason="已核实")
    before = tables(town.database)
    with town.database.begin() as work:
        if decision == "retry":
            assert api.resolve_incident(Call(work, caller), request).incident.HasField("resolved_at")
            return
        with pytest.raises(Forbidden, match="PERMISSION_MISSING"):
            api.resolve_incident(Call(work, caller), request)
    assert tables(town.database) == before
