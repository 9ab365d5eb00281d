"""Searching cases at the gRPC edge: operators only, and nothing that cannot be searched for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.paging import next_token
from duokua.cases.v1 import case_pb2
from duokua.cases.v1 import operations_service_pb2 as pb
from tests.cases.offices import Offices, refusal

NO_TIMES = (
    "",
    "2026",
    "2026-02-30T00:00:00+00:00",
    "2026-02-03T00:00:00",
    "0001-01-01T00:00:00+08:00",
    "9999-12-31T23:00:00-08:00",
)


def at(instant: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(instant)
    return made


def found(town: Offices, **wanted: Any) -> list[pb.CaseSummary]:
    request = pb.SearchCasesRequest(page_size=1000, **wanted)
    return list(town.operator.operations.SearchCases(request).cases)


def test_an_operator_finds_a_case_by_its_number_and_reads_it_in_a_line(town: Offices) -> None:
    (case_id,) = town.opened()
    row = town.row(case_id)
    (case,) = found(town, case_number=row.case_number)
    assert (case.case_id, case.case_number, case.applicant_id) == (case_id, row.case_number, row.applicant_id)
    assert (case.bundle_id, case.bundle_version, case.bundle_name) == ("open-shop", 1, "开店")
    assert (case.status, case.light) == (case_pb2.CASE_STATUS_RUNNING, case_pb2.LIGHT_UNSPECIFIED)
    assert case.submitted_at.ToDatetime(UTC) == row.submitted_at
    assert not case.HasField("ended_at")


def test_what_is_set_must_all_hold(town: Offices) -> None:
    mine, _ = town.opened(2)
    now = town.row(mine).submitted_at
    common: dict[str, Any] = {
        "applicant_id": town.row(mine).applicant_id,
        "bundle_id": "open-shop",
        "organ_id": town.food_organ,
        "status": case_pb2.CASE_STATUS_RUNNING,
        "submitted_from": at(now),
    }
    assert mine in [case.case_id for case in found(town, **common)]
    assert found(town, **{**common, "status": case_pb2.CASE_STATUS_UNDONE}) == []
    assert found(town, **{**common, "organ_id": "another"}) == []
    assert found(town, **common, submitted_before=at(now - timedelta(days=1) + timedelta(days=1, milliseconds=1)))
    assert found(town, **common, has_incidents=True) == []
    assert found(town, **common, light=case_pb2.LIGHT_RED) == []


def test_pages_follow_one_another(town: Offices) -> None:
    town.opened(3)
    whole = [case.case_id for case in found(town)]
    token, paged = "", []
    for _ in whole:
        answer = town.operator.operations.SearchCases(pb.SearchCasesRequest(page_size=1, page_token=token))
        paged += [case.case_id for case in answer.cases]
        token = answer.next_page_token
    assert paged == whole
    assert token == ""


@pytest.mark.usefixtures("unchanged")
def test_only_operators_search(town: Offices) -> None:
    for platform in (town.portal, town.food, town.applicant):
        assert refusal(platform.operations.SearchCases, pb.SearchCasesRequest())[1] == "PERMISSION_MISSING"


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"case_number": "1134180"}, "case_number"),
        ({"case_number": "11341802%"}, "case_number"),
        ({"status": 99}, "status"),
        ({"light": 99}, "light"),
        ({"submitted_from": Timestamp(seconds=2**60)}, "submitted_from"),
        ({"ended_from": Timestamp(seconds=20), "ended_before": Timestamp(seconds=20)}, "ended_before"),
        ({"organ_id": "x" * 65}, "organ_id"),
        ({"page_token": "made up"}, "page_token"),
        *(
            ({"page_token": next_token([at, "x"]), "ended_from": Timestamp(seconds=20)}, "page_token")
            for at in NO_TIMES
        ),
    ],
)
def test_what_cannot_be_searched_for_is_named(town: Offices, wanted: dict[str, Any], field: str) -> None:
    assert refusal(town.operator.operations.SearchCases, pb.SearchCasesRequest(**wanted))[2] == [field]
