"""Cases while their outbox is full: what would add to it is put off, leases are not, and then everything goes on."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, event, func, select

from chassis.clock import new_id
from chassis.context import open_database
from duokua import errors
from duokua.cases.v1 import task_pb2
from services.cases import store
from tests.cases.offices import Offices, an_answer, application, offices
from tests.cases.streams import SECONDS, Stream
from tests.servers.process import wait_until

LIMIT = 100
outbox = store.metadata.tables["outbox"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offices]:
    with offices(tmp_path_factory.mktemp("edge"), outbox_limit=LIMIT) as made:
        yield made


@pytest.fixture
def filler(town: Offices) -> Iterator["Filler"]:
    made = Filler(town)
    yield made
    made.drain()


class Filler:
    """Stands for a relay that cannot get rid of events, and then can."""

    def __init__(self, town: Offices) -> None:
        self._town = town
        self._database = town.database

    def fill(self) -> None:
        """Until the process refuses."""
        with self._database.begin() as work:
            row = {"type": "t", "subject": "s", "body": b"", "traceparent": "", "created_at": work.now}
            work.connection.execute(outbox.insert(), [{"id": new_id(), **row} for _ in range(LIMIT)])
        wait_until(self._refuses, seconds=SECONDS, what="a full outbox refuses nobody")

    def drain(self) -> None:
        """Until the process takes calls again."""
        with self._database.begin() as work:
            work.connection.execute(delete(outbox))
        wait_until(lambda: not self._refuses(), seconds=SECONDS, what="an empty outbox refuses")

    def _refuses(self) -> bool:
        try:
            self._town.applicant.cases.SubmitCase(application())
        except errors.ResourceExhausted:
            return True
        return False


def cases(town: Offices) -> int:
    with town.database.read() as work:
        return work.connection.execute(select(func.count()).select_from(store.cases)).scalar_one()


def test_a_submission_is_refused_with_a_delay_and_taken_when_there_is_room(town: Offices, filler: Filler) -> None:
    filler.fill()
    before = cases(town)
    request = application()
    with pytest.raises(errors.ResourceExhausted) as caught:
        town.applicant.cases.SubmitCase(request)
    assert caught.value.reason == "OUTBOX_FULL"
    assert caught.value.retry_after is not None
    assert 1 < caught.value.retry_after < 40
    assert cases(town) == before
    filler.drain()
    first = town.applicant.cases.SubmitCase(request)
    assert town.applicant.cases.SubmitCase(request) == first


def test_answers_are_put_off_together_and_leases_are_kept(town: Offices, filler: Filler) -> None:
    town.opened(5)
    with Stream(town, town.food) as stream:
        tasks = stream.tasks()
        filler.fill()
        answers = [
            an_answer(tasks[0], "extend"),
            *(an_answer(task) for task in tasks[1:4]),
            an_answer(tasks[4], "release"),
        ]
        began: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith("BEGIN IMMEDIATE"):
                began.append(statement)

        event.listen(town.database.engine, "before_cursor_execute", note)
        stream.answer(*answers)
        told = outcomes(stream, len(answers))
        event.remove(town.database.engine, "before_cursor_execute", note)
        assert [each.problem.reason for each in told] == ["", "OUTBOX_FULL", "OUTBOX_FULL", "OUTBOX_FULL", ""]
        assert all(each.problem.HasField("retry_after") for each in told[1:4])
        assert {each.problem.retry_after.ToTimedelta().total_seconds() > 1 for each in told[1:4]} == {True}
        assert told[0].HasField("lease_expires_at")
        # One for all, one for the leases, and one in which the dispatcher hands out the task that came back.
        assert 2 <= len(began) <= 3
        filler.drain()
        stream.answer(*answers[1:4])
        assert [each.problem.reason for each in outcomes(stream, 3)] == ["", "", ""]


def outcomes(stream: Stream, count: int) -> list[task_pb2.AnswerOutcome]:
    """So many outcomes, in the order of the tasks' answers; tasks that come meanwhile are passed over."""
    told: list[task_pb2.AnswerOutcome] = []
    while len(told) < count:
        told += next(stream.call).outcomes.outcomes
    return told


def test_a_worker_is_never_refused(town: Offices, filler: Filler) -> None:
    filler.fill()
    worker = open_database(town.edge.settings, "cases")
    try:
        with worker.begin() as work:
            work.emit(task_pb2.Problem(reason="any"), subject="test")
    finally:
        worker.close()
