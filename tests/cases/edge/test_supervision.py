"""Urging offices at the gRPC edge: who may, what is refused, and how it is counted."""

from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.clock import new_id
from duokua.cases.v1 import case_pb2, case_service_pb2, supervision_service_pb2
from duokua.routing.v1 import events_pb2 as routing_events
from duokua.routing.v1 import routing_pb2
from tests.cases.builders import a_bundle
from tests.cases.offices import Offices, application, refusal

pb = supervision_service_pb2
URGE, SUPERVISE = case_pb2.URGE_KIND_URGE, case_pb2.URGE_KIND_SUPERVISE


def opened(town: Offices, bundle_id: str = "open-shop") -> str:
    """A case whose data check is with the food organ, under a city and a province."""
    case_id = town.applicant.cases.SubmitCase(application(bundle_id=bundle_id)).case.case_id
    decision = routing_pb2.Decision(
        step_id="check", organ_id=town.food_organ, organ_name="食品局", superior_organ_ids=["city", "province"]
    )
    routed = routing_events.StepsRouted(case_id=case_id, request_no=1, decisions=[decision])
    with town.database.begin() as work:
        town.cases.take_routes(work, [routed])
    return case_id


def urging(case_id: str, kind: case_pb2.UrgeKind.ValueType = URGE, **changes: str) -> pb.UrgeStepRequest:
    values = {"request_id": new_id(), "case_id": case_id, "step_id": "check", "reason": "周五开业", **changes}
    return pb.UrgeStepRequest(kind=kind, **values)


def moment(year: int) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime(year, 1, 1, tzinfo=UTC))
    return stamp


def test_an_operator_urges_and_supervises_and_the_case_tells_it(town: Offices) -> None:
    case_id = opened(town)
    urge = town.operator.supervision.UrgeStep(urging(case_id)).urge
    assert (urge.kind, urge.organ_id, urge.superior_id, urge.automatic) == (URGE, town.food_organ, "", False)
    supervised = town.operator.supervision.UrgeStep(urging(case_id, SUPERVISE)).urge
    assert supervised.superior_id == "city"
    case = town.applicant.cases.GetCase(case_service_pb2.GetCaseRequest(case_id=case_id)).case
    assert list(case.urges) == [urge, supervised]
    told = [event for event in town.events("StepUrged") if event.case.case_id == case_id]
    assert [(event.kind, event.step.organ_id, event.superior_id) for event in told] == [
        (URGE, town.food_organ, ""),
        (SUPERVISE, town.food_organ, "city"),
    ]


def test_a_repeat_gets_the_first_answer_and_another_urge_has_to_wait(town: Offices) -> None:
    case_id = opened(town)
    request = urging(case_id)
    urge = town.operator.supervision.UrgeStep
    assert urge(request) == urge(request)
    assert refusal(urge, urging(case_id)) == ("FAILED_PRECONDITION", "URGED_JUST_NOW", [])


def test_the_lead_organ_urges_in_the_cases_that_it_leads_and_in_no_other(town: Offices) -> None:
    bundle = a_bundle(bundle_id="led-by-sign")
    bundle.lead.organ_id = town.sign_organ
    town.publish(bundle)
    led, other = opened(town, "led-by-sign"), opened(town)
    assert town.sign.supervision.UrgeStep(urging(led)).urge.organ_id == town.food_organ
    history = town.operator.cases.GetHistory(case_service_pb2.GetHistoryRequest(case_id=led)).entries
    assert (history[-1].kind, history[-1].actor.partition(":")[0]) == ("urged", "client")
    assert refusal(town.sign.supervision.UrgeStep, urging(other)) == ("NOT_FOUND", "CASE_NOT_FOUND", [])
    assert refusal(town.food.supervision.UrgeStep, urging(led)) == ("NOT_FOUND", "CASE_NOT_FOUND", [])


@pytest.mark.usefixtures("unchanged")
def test_applicants_and_portals_urge_nobody_and_count_nothing(town: Offices) -> None:
    for caller in (town.applicant, town.portal):
        assert refusal(caller.supervision.UrgeStep, urging(new_id()))[0] == "PERMISSION_DENIED"
        assert refusal(caller.supervision.CountUrges, pb.CountUrgesRequest())[0] == "PERMISSION_DENIED"
    assert refusal(town.sign.supervision.CountUrges, pb.CountUrgesRequest())[0] == "PERMISSION_DENIED"


def test_what_cannot_be_urged_is_named(town: Offices) -> None:
    case_id = opened(town)
    urge = town.operator.supervision.UrgeStep
    assert refusal(urge, urging(new_id())) == ("NOT_FOUND", "CASE_NOT_FOUND", [])
    assert refusal(urge, urging(case_id, step_id="nowhere")) == ("NOT_FOUND", "STEP_NOT_FOUND", [])
    assert refusal(urge, urging(case_id, step_id="food")) == ("FAILED_PRECONDITION", "NOTHING_TO_URGE", [])
    for request, field in (
        (urging(case_id, reason=""), "reason"),
        (urging(case_id, reason="x" * 501), "reason"),
        (urging(case_id, case_pb2.URGE_KIND_UNSPECIFIED), "kind"),
        (urging(case_id, 7), "kind"),  # type: ignore[arg-type] # a number that the contract does not have
        (urging(case_id, step_id=""), "step_id"),
    ):
        assert refusal(urge, request) == ("INVALID_ARGUMENT", "BAD_REQUEST", [field])
    assert [event for event in town.events("StepUrged") if event.case.case_id == case_id] == []


def test_urges_are_counted_for_each_office_in_a_period(town: Offices) -> None:
    def counted(begins_at: Timestamp | None = None, ends_at: Timestamp | None = None) -> tuple[int, int, int, int]:
        request = pb.CountUrgesRequest(organ_id=town.food_organ, begins_at=begins_at, ends_at=ends_at)
        (count,) = town.operator.supervision.CountUrges(request).counts or [pb.UrgeCount()]
        return count.urges, count.supervisions, count.automatic, count.late_steps

    before = counted()
    cases = [opened(town), opened(town)]
    for case_id in cases:
        town.operator.supervision.UrgeStep(urging(case_id))
    town.operator.supervision.UrgeStep(urging(cases[0], SUPERVISE))
    assert counted() == (before[0] + 2, before[1] + 1, 0, 0)
    assert counted(begins_at=moment(2100)) == (0, 0, 0, 0)
    assert counted(ends_at=moment(2001)) == (0, 0, 0, 0)
    assert counted(begins_at=moment(2001), ends_at=moment(2100)) == counted()


def test_a_period_that_ends_before_it_begins_is_refused(town: Offices) -> None:
    request = pb.CountUrgesRequest(begins_at=moment(2026), ends_at=moment(2025))
    answer = refusal(town.operator.supervision.CountUrges, request)
    assert answer == ("INVALID_ARGUMENT", "BAD_REQUEST", ["ends_at"])
