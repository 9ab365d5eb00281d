"""What cases are searched by, and what is found, as the contract has it."""

from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Row

from chassis.problems import Invalid, Violation
from duokua.cases.v1 import case_pb2
from duokua.cases.v1 import operations_service_pb2 as pb
from services.cases.domain.reckoning import Light
from services.cases.messages import CASE_NUMBERS, CASE_STATUSES
from services.cases.searching import Wanted
from services.cases.timestamps import stamp

LIGHTS = {case_pb2.Light.Value(f"LIGHT_{light.name}"): light for light in Light}
_LIGHT_NUMBERS = {str(light): number for number, light in LIGHTS.items()}


def wanted_of(request: pb.SearchCasesRequest) -> Wanted:
    """What is asked for; raises Invalid when times are none, or a period ends before it begins."""
    faults: list[Violation] = []
    times = {
        name: _instant(request, name, faults)
        for name in ("submitted_from", "submitted_before", "ended_from", "ended_before")
    }
    for what in ("submitted", "ended"):
        first, before = times[f"{what}_from"], times[f"{what}_before"]
        if first and before and before <= first:
            faults.append(Violation(f"{what}_before", f"must be after {what}_from"))
    if faults:
        raise Invalid("BAD_REQUEST", "this cannot be searched for", faults)
    return Wanted(
        number=request.case_number,
        applicant_id=request.applicant_id,
        bundle_id=request.bundle_id,
        bundle_version=request.bundle_version,
        organ_id=request.organ_id,
        status=str(CASE_STATUSES[request.status]) if request.status else "",
        light=str(LIGHTS[request.light]) if request.light else "",
        has_incidents=request.has_incidents,
        **times,
    )


def summary_message(row: Row[Any], bundle_name: str) -> pb.CaseSummary:
    """A case in a line."""
    return pb.CaseSummary(
        case_id=row.case_id,
        case_number=row.case_number,
        bundle_id=row.bundle_id,
        bundle_version=row.bundle_version,
        bundle_name=bundle_name,
        applicant_id=row.applicant_id,
        status=CASE_NUMBERS[row.status],
        light=_LIGHT_NUMBERS.get(row.light, case_pb2.LIGHT_UNSPECIFIED),
        submitted_at=stamp(row.submitted_at),
        ended_at=stamp(row.ended_at),
        open_incidents=row.open_incidents,
    )


def _instant(request: pb.SearchCasesRequest, name: str, faults: list[Violation]) -> datetime | None:
    if not request.HasField(name):  # type: ignore[arg-type] # one of the four
        return None
    timestamp: Timestamp = getattr(request, name)
    try:
        return timestamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        faults.append(Violation(name, "must be a time between the years 1 and 9999"))
        return None
