"""Cases, histories and lists at the gRPC edge: for whom they are, page by page."""

import json

import pytest

from chassis.paging import next_token
from chassis.rpc import MOST_LONG_CALLS_OF_ONE
from cli.history import first_broken
from duokua import errors
from duokua.cases.v1 import case_pb2, case_service_pb2, operations_service_pb2
from duokua.cases.v1.case_service_pb2_grpc import CaseServiceStub
from tests.cases.offices import Offices, an_answer, answering, application, pulled, refusal
from tests.servers.process import wait_until

pb = case_service_pb2


def test_a_case_is_there_for_its_applicant_and_for_operators_only(town: Offices) -> None:
    case = town.submitted()
    for case_id in (case.case_id, case.case_number):
        asked = pb.GetCaseRequest(case_id=case_id)
        assert town.applicant.cases.GetCase(asked).case == case
        assert town.operator.cases.GetCase(asked).case == case
        assert refusal(town.stranger.cases.GetCase, asked) == ("NOT_FOUND", "CASE_NOT_FOUND", [])
        assert refusal(town.portal.cases.GetCase, asked) == ("NOT_FOUND", "CASE_NOT_FOUND", [])
        history = pb.GetHistoryRequest(case_id=case_id)
        assert refusal(town.stranger.cases.GetHistory, history)[:2] == ("NOT_FOUND", "CASE_NOT_FOUND")
        with pytest.raises(Exception, match="CASE_NOT_FOUND"):
            list(town.stranger.cases.WatchCase(pb.WatchCaseRequest(case_id=case_id), timeout=20))
    listed = [
        town_.cases.ListCases(pb.ListCasesRequest(page_size=1000)).cases for town_ in (town.stranger, town.portal)
    ]
    assert case.case_id not in {each.case_id for cases in listed for each in cases}
    assert list(listed[1]) == []


def test_the_history_can_be_checked_by_whoever_gets_it(town: Offices) -> None:
    (case_id,) = town.opened()
    (task,) = pulled(town.food)
    answer = an_answer(task)
    answer.complete.result.update({"number": 1, "部分": [0.1, None, {"z": -1.5}]})
    town.food.tasks.AnswerTask(answering(answer))
    entries: list[case_pb2.HistoryEntry] = []
    token = ""
    while True:
        request = pb.GetHistoryRequest(case_id=case_id, page_size=2, page_token=token)
        page = town.applicant.cases.GetHistory(request)
        entries += page.entries
        if not (token := page.next_page_token):
            break
    assert [entry.kind for entry in entries] == ["submitted", "routed", "completed", "completed"]
    assert first_broken(case_id, entries) is None
    entries[1].actor = "client:x"
    assert first_broken(case_id, entries) == 2


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "token",
    [
        "x",
        "€",
        "AAAA",
        "e30",
        "W251bGxd",
        "W3RydWVd",
        "x" * 999,
        json.dumps(["a"]),
        next_token([]),
        next_token([1, 2]),
        next_token(["a\0"]),
        next_token([10**30]),
        next_token([-1]),
    ],
)
def test_a_page_token_that_was_not_given_is_refused(town: Offices, token: str) -> None:
    case_id = town.applicant.cases.ListCases(pb.ListCasesRequest()).cases[0].case_id
    asked = [
        (town.applicant.cases.ListCases, pb.ListCasesRequest(page_token=token)),
        (town.operator.operations.ListIncidents, operations_service_pb2.ListIncidentsRequest(page_token=token)),
        (town.applicant.cases.GetHistory, pb.GetHistoryRequest(case_id=case_id, page_token=token)),
    ]
    for call, request in asked:
        assert refusal(call, request) == ("INVALID_ARGUMENT", "BAD_PAGE_TOKEN", ["page_token"])


def test_a_token_of_another_list_is_refused(town: Offices) -> None:
    case_id = town.submitted().case_id
    for token in (next_token(["a"]), next_token(["1"])):
        request = pb.GetHistoryRequest(case_id=case_id, page_token=token)
        assert refusal(town.applicant.cases.GetHistory, request)[1] == "BAD_PAGE_TOKEN"
    assert refusal(town.applicant.cases.ListCases, pb.ListCasesRequest(page_token=next_token([1])))[1] == (
        "BAD_PAGE_TOKEN"
    )


def test_a_huge_page_is_cut_to_the_largest(town: Offices) -> None:
    town.submitted()
    assert town.applicant.cases.ListCases(pb.ListCasesRequest(page_size=2**32 - 1)).cases
    town.submitted()
    first = town.applicant.cases.ListCases(pb.ListCasesRequest(page_size=1))
    rest = town.applicant.cases.ListCases(pb.ListCasesRequest(page_size=1, page_token=first.next_page_token))
    assert first.cases[0].case_id > rest.cases[0].case_id


def test_an_unknown_status_is_refused(town: Offices) -> None:
    token = f"Bearer {town.applicant.token_source.get()}"
    with town.edge.channel() as channel:
        request = pb.ListCasesRequest(status=77)  # type: ignore[arg-type] # what a newer client might send
        metadata = [("authorization", token)]
        assert refusal(CaseServiceStub(channel).ListCases, request, metadata=metadata, timeout=20)[2] == ["status"]


def test_a_watcher_sees_each_change_until_the_end(town: Offices) -> None:
    (case_id,) = town.opened()
    seen: list[case_pb2.Case] = []
    stream = town.applicant.cases.WatchCase(pb.WatchCaseRequest(case_id=case_id), timeout=20)
    for answer in stream:
        seen.append(answer.case)
        if len(seen) == 1:
            (sign,) = pulled(town.sign)
            town.sign.tasks.AnswerTask(answering(an_answer(sign, "refuse")))
    assert [case.version for case in seen] == [3, 4]
    assert seen[-1].status == case_pb2.CASE_STATUS_UNDONE
    assert seen[-1].refusal_reason == "理由"


def test_one_person_cannot_hold_all_streams(town: Offices) -> None:
    mine, other = town.submitted().case_id, town.stranger.cases.SubmitCase(application()).case.case_id
    watch, watched = pb.WatchCaseRequest(case_id=mine), []
    for _ in range(MOST_LONG_CALLS_OF_ONE):
        stream = town.applicant.cases.WatchCase(watch, timeout=60)
        next(stream)
        watched.append(stream)
    more = town.applicant.cases.WatchCase(watch, timeout=60)
    assert refusal(next, more)[:2] == ("RESOURCE_EXHAUSTED", "TOO_MANY_STREAMS")
    next(town.stranger.cases.WatchCase(pb.WatchCaseRequest(case_id=other), timeout=60))
    for stream in watched:
        stream.cancel()

    def opens() -> bool:
        try:
            return bool(next(town.applicant.cases.WatchCase(watch, timeout=60)))
        except errors.ResourceExhausted:
            return False

    wait_until(opens, seconds=20, what="a place that was given back is not given again")
