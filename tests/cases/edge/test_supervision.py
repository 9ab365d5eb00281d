"""Urging offices and giving them more time at the gRPC edge: who may, what is refused, and how it is counted."""

from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.clock import new_id
from duokua.cases.v1 import case_pb2, case_service_pb2, supervision_service_pb2
from duokua.matters.v1 import bundle_pb2
from duokua.routing.v1 import events_pb2 as routing_events
from duokua.routing.v1 import routing_pb2
from tests.cases.builders import a_bundle
from tests.cases.offices import Offices, an_answer, answering, application, pulled, refusal

pb = supervision_service_pb2
HOURS = bundle_pb2.TIME_UNIT_HOUR
HOUR = 3_600_000
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
    assert (history[-1].kind, history[-1].internal.actor.partition(":")[0]) == ("urged", "client")
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


def timed(town: Offices) -> str:
    """A case of a bundle that the sign organ leads: 45 hours for the whole and 20 for the check, which has begun."""
    bundle = a_bundle(bundle_id="timed-shop")
    bundle.lead.organ_id = town.sign_organ
    bundle.limits.statutory.CopyFrom(bundle_pb2.Limit(amount=45, unit=HOURS, longest_extension=15))
    bundle.steps[0].limits.statutory.CopyFrom(bundle_pb2.Limit(amount=20, unit=HOURS, longest_extension=10))
    town.publish(bundle)
    case_id = opened(town, "timed-shop")
    (task,) = (each for each in pulled(town.food, 100) if each.case_id == case_id)
    town.food.tasks.AnswerTask(answering(an_answer(task, "accept")))
    return case_id


def extending(case_id: str, amount: int = 15, **changes: str) -> pb.ExtendLimitRequest:
    values = {"request_id": new_id(), "case_id": case_id, "reason": "案情复杂", "authority": "王市长", **changes}
    return pb.ExtendLimitRequest(amount=amount, **values)


def test_the_lead_organ_extends_the_limit_of_the_whole_case_once_and_the_applicant_is_told(town: Offices) -> None:
    case_id = timed(town)
    extend = town.sign.supervision.ExtendLimit
    request = extending(case_id)
    before = town.applicant.cases.GetCase(case_service_pb2.GetCaseRequest(case_id=case_id)).case.clocks[0]
    clock = extend(request).clock
    assert (before.allowed, clock.allowed, clock.kind) == (45 * HOUR, 60 * HOUR, case_pb2.CLOCK_KIND_STATUTORY)
    assert clock.due_at.ToDatetime() > before.due_at.ToDatetime()
    (extension,) = clock.extensions
    assert (extension.amount, extension.reason, extension.authority) == (15, "案情复杂", "王市长")
    assert extend(request).clock == clock
    assert refusal(extend, extending(case_id, 1)) == ("FAILED_PRECONDITION", "ALREADY_EXTENDED", [])
    case = town.applicant.cases.GetCase(case_service_pb2.GetCaseRequest(case_id=case_id)).case
    assert case.clocks[0].extensions == clock.extensions
    (told,) = (event for event in town.events("LimitExtended") if event.case.case_id == case_id)
    assert (told.amount, told.unit, told.step.step_id, told.step.organ_id) == (15, HOURS, "", town.sign_organ)
    history = town.operator.cases.GetHistory(case_service_pb2.GetHistoryRequest(case_id=case_id)).entries
    assert history[-1].kind == "extension_granted"


def test_an_office_extends_the_limit_of_its_own_step_and_no_other(town: Offices) -> None:
    case_id = timed(town)
    own, whole = extending(case_id, 10, step_id="check"), extending(case_id)
    assert refusal(town.food.supervision.ExtendLimit, whole) == ("NOT_FOUND", "STEP_NOT_FOUND", [])
    other = extending(case_id, 10, step_id="sign")
    assert refusal(town.food.supervision.ExtendLimit, other) == ("NOT_FOUND", "STEP_NOT_FOUND", [])
    leads = extending(case_id, 10, step_id="check")
    assert refusal(town.sign.supervision.ExtendLimit, leads) == ("NOT_FOUND", "STEP_NOT_FOUND", [])
    assert town.food.supervision.ExtendLimit(own).clock.allowed == 30 * HOUR
    (told,) = (event for event in town.events("LimitExtended") if event.case.case_id == case_id)
    assert (told.step.step_id, told.step.organ_id) == ("check", town.food_organ)


def test_an_operator_extends_any_limit_by_the_number_of_the_case(town: Offices) -> None:
    case_id = timed(town)
    number = town.row(case_id).case_number
    assert town.operator.supervision.ExtendLimit(extending(number, 10, step_id="check")).clock.allowed == 30 * HOUR
    assert town.operator.supervision.ExtendLimit(extending(number, 14)).clock.allowed == 59 * HOUR


@pytest.mark.usefixtures("unchanged")
def test_nobody_else_extends_anything(town: Offices) -> None:
    for caller in (town.applicant, town.portal):
        assert refusal(caller.supervision.ExtendLimit, extending(new_id()))[0] == "PERMISSION_DENIED"
    for caller in (town.operator, town.food):
        assert refusal(caller.supervision.ExtendLimit, extending(new_id())) == ("NOT_FOUND", "CASE_NOT_FOUND", [])


def test_what_cannot_be_extended_is_named(town: Offices) -> None:
    case_id, untimed = timed(town), opened(town)
    extend = town.operator.supervision.ExtendLimit
    assert refusal(town.food.supervision.ExtendLimit, extending(case_id))[1] == "STEP_NOT_FOUND"
    assert refusal(town.sign.supervision.ExtendLimit, extending(untimed)) == ("NOT_FOUND", "CASE_NOT_FOUND", [])
    assert refusal(extend, extending(untimed)) == ("FAILED_PRECONDITION", "NO_LIMIT", [])
    assert refusal(extend, extending(case_id, 16)) == ("FAILED_PRECONDITION", "EXTENSION_TOO_LONG", [])
    assert refusal(extend, extending(case_id, step_id="nowhere")) == ("NOT_FOUND", "STEP_NOT_FOUND", [])
    for request, field in (
        (extending(case_id, 0), "amount"),
        (extending(case_id, reason=""), "reason"),
        (extending(case_id, authority=""), "authority"),
        (extending(case_id, authority="x" * 201), "authority"),
    ):
        assert refusal(extend, request) == ("INVALID_ARGUMENT", "BAD_REQUEST", [field])
    assert [event for event in town.events("LimitExtended") if event.case.case_id in (case_id, untimed)] == []
