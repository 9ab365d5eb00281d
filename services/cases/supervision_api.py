"""SupervisionService: urging offices and giving them more time, between contract and use cases."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from chassis.api import Call
from chassis.paging import page
from chassis.problems import Invalid, Violation
from duokua.cases.v1 import supervision_service_pb2
from services.cases.domain.inputs import ExtensionGranted
from services.cases.domain.proceedings import ClockKind
from services.cases.domain.timing import clock_id
from services.cases.office_messages import URGE_KINDS, urge_message
from services.cases.service import Cases
from services.cases.supervision import Supervision

pb = supervision_service_pb2
URGE_ALL = "cases.urge_all"
EXTEND_ALL = "cases.extend_all"
_KINDS = {number: kind for kind, number in URGE_KINDS.items()}


class SupervisionApi:
    """duokua.cases.v1.SupervisionService."""

    service = supervision_service_pb2.DESCRIPTOR.services_by_name["SupervisionService"]

    def __init__(self, supervision: Supervision, cases: Cases) -> None:
        self._supervision = supervision
        self._cases = cases

    def urge_step(self, call: Call, request: pb.UrgeStepRequest) -> pb.UrgeStepResponse:
        """Remind an office, or have its superior told: operators, and the lead organ of the bundle."""
        kind = _KINDS.get(request.kind)
        if kind is None:
            raise _bad("kind", "is not a kind of urge")
        caller = call.caller
        urge = self._supervision.urge(
            call.work,
            request.case_id,
            request.step_id,
            kind,
            request.reason,
            actor=caller.subject,
            lead_organ_id=None if caller.may(URGE_ALL) else caller.organ_id,
        )
        return pb.UrgeStepResponse(urge=urge_message(urge))

    def extend_limit(self, call: Call, request: pb.ExtendLimitRequest) -> pb.ExtendLimitResponse:
        """Give more time for a decision: operators, the lead organ for the whole case, an office for its step."""
        caller = call.caller
        given = ExtensionGranted(request.amount, request.reason, request.authority, request.step_id)
        case, plan = self._supervision.extend(
            call.work,
            request.case_id,
            given,
            actor=caller.subject,
            organ_id=None if caller.may(EXTEND_ALL) else caller.organ_id,
        )
        reader = self._cases.reader(call.work, plan)
        return pb.ExtendLimitResponse(clock=reader.clock(case, clock_id(request.step_id, ClockKind.STATUTORY)))

    def count_urges(self, call: Call, request: pb.CountUrgesRequest) -> pb.CountUrgesResponse:
        """How often each office was urged."""
        begins = _instant(request.begins_at, "begins_at") if request.HasField("begins_at") else None
        ends = _instant(request.ends_at, "ends_at") if request.HasField("ends_at") else None
        if begins is not None and ends is not None and ends < begins:
            raise _bad("ends_at", "must not be before begins_at")
        asked = page(request.page_size, request.page_token)
        rows = self._supervision.counts(call.work, asked, request.organ_id, begins, ends)
        kept, token = asked.cut(rows, lambda row: [row.organ_id])
        counts = [
            pb.UrgeCount(
                organ_id=row.organ_id,
                organ_name=row.organ_name,
                urges=row.urges,
                supervisions=row.supervisions,
                automatic=row.automatic,
                late_steps=row.late_steps,
            )
            for row in kept
        ]
        return pb.CountUrgesResponse(counts=counts, next_page_token=token)


def _instant(at: Timestamp, field: str) -> datetime:
    try:
        return at.ToDatetime(UTC)
    except ValueError as error:
        raise _bad(field, "is not a time") from error


def _bad(field: str, description: str) -> Invalid:
    return Invalid("BAD_REQUEST", f"{field} {description}", [Violation(field, description)])
