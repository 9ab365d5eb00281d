"""What only a database with many writers can show at the edge."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from chassis.clock import new_id
from duokua import errors
from duokua.cases.v1 import (
    calendar_service_pb2,
    case_pb2,
    case_service_pb2,
    draft_service_pb2,
    log_service_pb2,
    operations_service_pb2,
)
from duokua.data import to_struct
from tests.cases.builders import PDF, a_form, tables
from tests.cases.offices import Offices, an_answer, answering, application, offices, pulled, refusal
from tests.servers import PostgresServer


@pytest.fixture(scope="module")
def town(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offices]:
    folder = tmp_path_factory.mktemp("edge")
    prefix = postgres_server.create_database()
    names = [postgres_server.create_database(f"{prefix}_{service}") for service in ("identity", "cases")]
    with offices(folder, database_url=postgres_server.url(f"{prefix}_{{service}}")) as made:
        yield made
    for name in (prefix, *names):
        postgres_server.drop_database(name)


def test_repeats_at_the_same_time_make_one_case(town: Offices) -> None:
    for _ in range(5):
        request = application()
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _, request=request: town.applicant.cases.SubmitCase(request), range(8)))
        assert len({answer.case.case_number for answer in answers}) == 1
    assert len(tables(town.database)["cases"]) == 5
    numbers = [
        case.case_number[-4:] for case in town.applicant.cases.ListCases(case_service_pb2.ListCasesRequest()).cases
    ]
    assert sorted(numbers) == ["0001", "0002", "0003", "0004", "0005"]


def test_a_waiting_pull_is_woken_by_a_notification(town: Offices) -> None:
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pulled, town.food, 1, 30)
        (case_id,) = town.opened()
        (task,) = waiting.result(timeout=5)
    assert task.case_id == case_id
    done = answering(an_answer(task))
    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(lambda _: town.food.tasks.AnswerTask(done).outcome, range(4)))
    assert not any(outcome.HasField("problem") for outcome in outcomes)


def test_numbers_that_no_column_holds_are_found_nowhere(town: Offices) -> None:
    largest = 2**32 - 1
    search = operations_service_pb2.SearchCasesRequest(bundle_version=largest)
    assert not town.operator.operations.SearchCases(search).cases
    year = calendar_service_pb2.GetCalendarYearRequest(year=2026, version=largest)
    assert refusal(town.operator.calendar.GetCalendarYear, year)[1] == "CALENDAR_NOT_FOUND"
    head = log_service_pb2.GetTreeHeadRequest(size=2**64 - 1)
    assert refusal(town.applicant.log.GetTreeHead, head)[1] == "TREE_HEAD_NOT_FOUND"


def test_a_watcher_is_woken_by_a_notification(town: Offices) -> None:
    (case_id,) = town.opened()
    stream = town.applicant.cases.WatchCase(case_service_pb2.WatchCaseRequest(case_id=case_id), timeout=20)
    versions = []
    for answer in stream:
        versions.append(answer.case.version)
        if len(versions) == 1:
            (sign,) = [task for task in pulled(town.sign, 100, wait=10) if task.case_id == case_id]
            town.sign.tasks.AnswerTask(answering(an_answer(sign, "refuse")))
    assert versions == [3, 4]


def test_submissions_of_a_draft_at_the_same_time_make_one_case(town: Offices) -> None:
    digest = town.applicant.upload(io.BytesIO(PDF), "application/pdf").sha256
    lease = case_pb2.Material(kind="lease", name="lease.pdf", media_type="application/pdf", sha256=digest)
    for _ in range(5):
        save = draft_service_pb2.SaveDraftRequest(request_id=new_id(), bundle_id="open-shop", materials=[lease])
        save.form.CopyFrom(to_struct(a_form()))
        draft = town.applicant.drafts.SaveDraft(save).draft
        before = len(tables(town.database)["cases"])

        def submit(_: int, draft: draft_service_pb2.Draft = draft) -> tuple[str, str]:
            request = draft_service_pb2.SubmitDraftRequest(draft_id=draft.draft_id, version=draft.version)
            try:
                return "", town.applicant.drafts.SubmitDraft(request).case.case_id
            except errors.FailedPrecondition as refused:
                return refused.reason, refused.metadata["case_id"]

        with ThreadPoolExecutor(8) as threads:
            outcomes = list(threads.map(submit, range(8)))
        assert sorted(reason for reason, _ in outcomes) == ["", *["DRAFT_SUBMITTED"] * 7]
        assert len({case_id for _, case_id in outcomes}) == 1
        assert len(tables(town.database)["cases"]) == before + 1
