"""The stream of work: tasks and outcomes out, answers in, and what happens at its ends."""

from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self

import grpc
import pytest
from sqlalchemy import func, select

from chassis.clock import new_id
from duokua import errors
from duokua.cases.v1 import task_pb2, task_service_pb2
from duokua.cases.v1.task_service_pb2_grpc import TaskServiceStub
from duokua.client import Platform
from services.cases import store
from services.cases.dispatch import Dispatch
from tests.cases.builders import tables
from tests.cases.offices import Offices, an_answer, answering, offices, pulled
from tests.servers.process import wait_until

pb = task_service_pb2
SECONDS = 20.0


class Stream:
    """One client's stream, without the SDK's help."""

    def __init__(self, town: Offices, office: Platform, most: int = 10, codes: tuple[str, ...] = ()) -> None:
        self._requests: SimpleQueue[pb.WorkRequest | None] = SimpleQueue()
        self.channel = town.edge.channel()
        said: Any = iter(self._requests.get, None)
        self.call: Any = TaskServiceStub(self.channel).Work(
            said, metadata=tuple(town.bearer(office)), timeout=3 * SECONDS
        )
        if most:
            self.say(pb.WorkRequest(hello=pb.Hello(max_tasks=most, catalog_codes=codes)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self.channel.close()

    def say(self, request: pb.WorkRequest) -> None:
        self._requests.put(request)

    def answer(self, *answers: task_pb2.TaskAnswer) -> None:
        self.say(pb.WorkRequest(answers=pb.Answers(answers=answers)))

    def close(self) -> None:
        """Say that nothing more will be said."""
        self._requests.put(None)

    def tasks(self) -> list[task_pb2.Task]:
        """The next message, which must bring tasks."""
        response = next(self.call)
        assert response.WhichOneof("response") == "tasks", response
        return list(response.tasks.tasks)

    def outcomes(self) -> list[str]:
        """The next message, which must tell outcomes: the reason of each, empty for one that was taken."""
        response = next(self.call)
        assert response.WhichOneof("response") == "outcomes", response
        return [outcome.problem.reason for outcome in response.outcomes.outcomes]

    def refusal(self) -> tuple[str, str, list[str]]:
        """How the stream ends."""
        with pytest.raises(grpc.RpcError) as caught:
            list(self.call)
        failure: Any = caught.value
        error = errors.from_rpc(failure)
        return error.code.name, error.reason, [violation.field for violation in error.violations]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offices]:
    with offices(tmp_path_factory.mktemp("edge")) as made:
        yield made


@pytest.fixture
def town(shared: Offices) -> Iterator[Offices]:
    """The module's offices, with no open task left over from the test before."""
    yield shared
    wait_until(lambda: waiters(shared) == 0, seconds=SECONDS, what="a stream is not forgotten")
    with shared.database.begin() as work:
        work.connection.execute(store.tasks.delete())


def dispatch(town: Offices) -> Dispatch:
    """The loop of the running process."""
    assert town.edge._process is not None
    (found,) = (each._dispatch for _, each in town.edge._process._servicers if hasattr(each, "_dispatch"))
    assert isinstance(found, Dispatch)
    return found


def waiters(town: Offices) -> int:
    return len(dispatch(town)._waiters)


def leased(town: Offices, organ_id: str) -> int:
    """How many tasks of an organ are held."""
    query = select(func.count()).where(store.tasks.c.organ_id == organ_id, store.tasks.c.lease != "")
    with town.database.read() as work:
        return int(work.connection.scalar(query) or 0)


def test_the_backlog_comes_first_and_then_what_is_opened(town: Offices) -> None:
    cases = town.opened(3)
    with Stream(town, town.food) as stream:
        assert sorted(task.case_id for task in stream.tasks()) == sorted(cases)
        (later,) = town.opened()
        assert [task.case_id for task in stream.tasks()] == [later]


def test_never_more_tasks_are_in_flight_than_asked_for(town: Offices) -> None:
    town.opened(5)
    with Stream(town, town.food, most=2) as stream:
        held = stream.tasks()
        done = 0
        while held:
            assert leased(town, town.food_organ) == len(held) <= 2
            stream.answer(an_answer(held.pop(0)))
            assert stream.outcomes() == [""]
            done += 1
            if done + len(held) < 5:
                held += stream.tasks()
        assert done == 5


def test_a_stream_for_some_matters_gets_no_others(town: Offices) -> None:
    town.opened()
    with Stream(town, town.food, codes=("990131902000",)) as other, Stream(town, town.food) as stream:
        assert len(stream.tasks()) == 1
        other.close()
        assert list(other.call) == []


def test_answers_go_in_batches_and_a_bad_one_fails_alone(town: Offices) -> None:
    cases = town.opened(6)
    with Stream(town, town.food) as stream:
        tasks = stream.tasks()
        (foreign,) = pulled(town.sign)
        speechless = an_answer(tasks[2], "")
        reasonless = an_answer(tasks[3], "")
        reasonless.refuse.SetInParent()
        unknown = task_pb2.TaskAnswer.FromString(an_answer(tasks[4]).SerializeToString() + b"\xfa\x3f\x01x")
        endless = an_answer(tasks[4], "fail")
        endless.fail.retry_after.seconds = 2**62
        wanted = [
            (an_answer(tasks[0]), ""),
            (an_answer(tasks[1], lease="stale"), "STALE_LEASE"),
            (speechless, "BAD_REQUEST"),
            (reasonless, "BAD_REQUEST"),
            (unknown, "BAD_REQUEST"),
            (endless, "BAD_REQUEST"),
            (an_answer(foreign), "TASK_NOT_FOUND"),
            (an_answer(tasks[5], "accept"), ""),
        ]
        stream.answer(*(answer for answer, _ in wanted))
        told: dict[str, task_pb2.AnswerOutcome] = {}
        while len(told) < len(wanted):
            for outcome in next(stream.call).outcomes.outcomes:
                told[outcome.request_id] = outcome
        assert [told[answer.request_id].problem.reason for answer, _ in wanted] == [reason for _, reason in wanted]
        assert [each.field for each in told[reasonless.request_id].problem.violations] == ["refuse.reason"]
        assert told[wanted[0][0].request_id].HasField("problem") is False
        assert told[wanted[-1][0].request_id].HasField("lease_expires_at")
        order = [task.case_id for task in tasks]
        assert town.statuses(order[0])["food"] == "completed"
        assert {town.statuses(each)["food"] for each in order[1:5]} == {"offered"}
        assert sorted(order) == sorted(cases)


def test_an_answer_that_is_refused_does_not_make_room_for_another_task(town: Offices) -> None:
    town.opened(2)
    with Stream(town, town.food, most=1) as stream:
        (task,) = stream.tasks()
        stream.answer(an_answer(task, "accept", request_id="same"), an_answer(task, "extend"))
        assert stream.outcomes() == ["", ""]
        stream.answer(an_answer(task, request_id="same"))
        assert stream.outcomes() == ["REQUEST_ID_REUSED"]
        stream.answer(an_answer(task, "extend"))
        assert stream.outcomes() == [""]
        assert leased(town, town.food_organ) == 1
        stream.answer(an_answer(task))
        assert stream.outcomes() == [""]
        assert len(stream.tasks()) == 1


def test_a_lease_that_is_given_back_goes_to_another_stream(town: Offices) -> None:
    town.opened()
    with Stream(town, town.food, most=1) as first:
        (task,) = first.tasks()
        with Stream(town, town.food, most=1) as second:
            first.answer(an_answer(task, "release"))
            assert first.outcomes() == [""]
            (again,) = second.tasks()
            assert again.task_id == task.task_id
            assert again.lease != task.lease
            first.answer(an_answer(task))
            assert first.outcomes() == ["STALE_LEASE"]


def test_two_streams_never_get_the_same_task(town: Offices) -> None:
    with Stream(town, town.food, most=3) as first, Stream(town, town.food, most=3) as second:
        town.opened(6)
        seen = [task.task_id for stream in (first, second) for task in taken_by(stream, 3)]
        assert len(set(seen)) == 6


def taken_by(stream: Stream, count: int) -> list[task_pb2.Task]:
    tasks: list[task_pb2.Task] = []
    while len(tasks) < count:
        tasks += stream.tasks()
    return tasks


def test_a_stream_that_the_client_closes_ends_with_the_last_outcomes(town: Offices) -> None:
    town.opened(3)
    with Stream(town, town.food) as stream:
        tasks = stream.tasks()
        stream.answer(*map(an_answer, tasks))
        stream.close()
        assert stream.outcomes() == ["", "", ""]
        assert list(stream.call) == []
        assert stream.call.code() is grpc.StatusCode.OK


def test_a_fault_ends_the_stream_after_the_last_outcomes(town: Offices) -> None:
    town.opened()
    with Stream(town, town.food) as stream:
        (task,) = stream.tasks()
        stream.answer(an_answer(task))
        stream.say(pb.WorkRequest())
        assert stream.outcomes() == [""]
        assert stream.refusal() == ("INVALID_ARGUMENT", "BAD_REQUEST", ["request"])


@pytest.mark.parametrize(
    ("first", "fields"),
    [
        (pb.WorkRequest(answers=pb.Answers()), ["hello"]),
        (pb.WorkRequest(), ["hello"]),
        (pb.WorkRequest(hello=pb.Hello()), ["hello.max_tasks"]),
        (pb.WorkRequest(hello=pb.Hello(max_tasks=1001)), ["hello.max_tasks"]),
        (pb.WorkRequest(hello=pb.Hello(max_tasks=1, catalog_codes=["x"] * 1001)), ["hello.catalog_codes"]),
        (pb.WorkRequest.FromString(b"\x0a\x02\x10\x01\xfa\x3f\x01x"), ["request"]),
        (None, ["hello"]),
    ],
    ids=["answers", "nothing", "no room", "too much room", "too many codes", "unknown field", "closed"],
)
def test_a_stream_begins_with_hello(town: Offices, first: pb.WorkRequest | None, fields: list[str]) -> None:
    town.opened()
    before = tables(town.database)
    with Stream(town, town.food, most=0) as stream:
        if first is None:
            stream.close()
        else:
            stream.say(first)
        assert stream.refusal() == ("INVALID_ARGUMENT", "BAD_REQUEST", fields)
    assert tables(town.database) == before


@pytest.mark.parametrize(
    ("second", "field"),
    [
        (pb.WorkRequest(hello=pb.Hello(max_tasks=1)), "request"),
        (pb.WorkRequest.FromString(b"\x12\x00\xfa\x3f\x01x"), "request"),
        (pb.WorkRequest(answers=pb.Answers(answers=[task_pb2.TaskAnswer()] * 1001)), "answers.answers"),
    ],
    ids=["hello", "unknown field", "too many answers"],
)
def test_after_hello_only_answers_may_come(town: Offices, second: pb.WorkRequest, field: str) -> None:
    with Stream(town, town.food) as stream:
        stream.say(second)
        assert stream.refusal() == ("INVALID_ARGUMENT", "BAD_REQUEST", [field])


def test_what_cannot_be_read_ends_the_stream_with_a_reason(town: Offices) -> None:
    with town.edge.channel() as channel:
        send: Any = channel.stream_stream("/duokua.cases.v1.TaskService/Work")
        call = send(iter([b"\x0a\x02\x10\x01", b"\xff\xff"]), metadata=tuple(town.bearer(town.food)), timeout=SECONDS)
        with pytest.raises(grpc.RpcError) as caught:
            list(call)
    failure: Any = caught.value
    assert (failure.code(), errors.from_rpc(failure).reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_REQUEST")


def test_only_offices_may_open_a_stream(town: Offices) -> None:
    with Stream(town, town.operator) as stream:
        assert stream.refusal()[:2] == ("PERMISSION_DENIED", "PERMISSION_MISSING")


def test_a_client_that_vanishes_is_forgotten_at_once_and_its_tasks_when_their_leases_run_out(tmp_path: Path) -> None:
    with offices(tmp_path, lease_seconds=1) as town:
        (case_id,) = town.opened()
        stream = Stream(town, town.food)
        (task,) = stream.tasks()
        stream.channel.close()  # no close, no answer: the connection is gone
        wait_until(lambda: waiters(town) == 0, seconds=SECONDS, what="the stream is not forgotten")
        with Stream(town, town.food) as other:
            (again,) = other.tasks()
            assert (again.case_id, again.attempt, again.task_id) == (case_id, 1, task.task_id)
            other.answer(an_answer(again))
            assert other.outcomes() == [""]


def test_a_task_that_comes_back_to_its_stream_takes_no_further_room(tmp_path: Path) -> None:
    with offices(tmp_path, lease_seconds=1) as town:
        town.opened(2)
        with Stream(town, town.food, most=2) as stream:
            first = sorted(task.task_id for task in taken_by(stream, 2))
            again = taken_by(stream, 2)  # nobody answered, so both leases ran out
            assert sorted(task.task_id for task in again) == first
            stream.answer(*map(an_answer, again))
            assert stream.outcomes() == ["", ""]
            (later,) = town.opened()
            assert [task.case_id for task in stream.tasks()] == [later]


def test_a_server_that_stops_says_goodbye_and_takes_the_last_answers(tmp_path: Path) -> None:
    with offices(tmp_path) as town:
        town.opened(2)
        with Stream(town, town.food, most=1) as stream:
            (task,) = stream.tasks()
            town.edge.begin_to_stop()
            assert next(stream.call).WhichOneof("response") == "goodbye"
            stream.answer(an_answer(task))
            assert stream.outcomes() == [""]
            stream.close()
            assert list(stream.call) == []  # and no other task in the place of the one that is done
        town.edge.stop()
        town.edge.start()
        assert len(pulled(town.food)) == 1


def test_a_server_that_stops_ends_long_polls(tmp_path: Path) -> None:
    with offices(tmp_path) as town, town.edge.channel() as channel:
        request = pb.PullTasksRequest()
        request.wait.seconds = 60
        pull: Any = TaskServiceStub(channel).PullTasks
        waiting = pull.future(request, metadata=tuple(town.bearer(town.food)), timeout=SECONDS)
        wait_until(lambda: waiters(town) == 1, seconds=SECONDS, what="nobody waits")
        town.edge.begin_to_stop()
        assert list(waiting.result(timeout=5).tasks) == []


def test_what_was_leased_for_a_client_that_went_meanwhile_is_given_back(town: Offices) -> None:
    town.opened()
    held = dispatch(town)
    original, request = held._lease, pb.PullTasksRequest()
    forgotten = SimpleQueue[int]()
    request.wait.seconds = 30

    def slow(wishes: Any) -> Any:
        result = original(wishes)
        waiting.cancel()
        wait_until(lambda: waiters(town) == 0, seconds=SECONDS, what="the poll is not forgotten")
        forgotten.put(1)
        return result

    held._lease = slow  # type: ignore[method-assign] # as slow as a database can be
    try:
        with town.edge.channel() as channel:
            pull: Any = TaskServiceStub(channel).PullTasks
            waiting = pull.future(request, metadata=tuple(town.bearer(town.food)), timeout=SECONDS)
            forgotten.get(timeout=2 * SECONDS)
    finally:
        held._lease = original  # type: ignore[method-assign]
    (task,) = pulled(town.food, wait=10)
    town.food.tasks.AnswerTask(answering(an_answer(task, request_id=new_id())))


def test_the_dispatch_goes_on_after_any_error(town: Offices) -> None:
    held = dispatch(town)
    original = held._lease
    failed = SimpleQueue[int]()

    def failing(wishes: Any) -> Any:
        held._lease = original  # type: ignore[method-assign]
        failed.put(len(wishes))
        raise RuntimeError("no luck")

    held._lease = failing  # type: ignore[method-assign]
    with Stream(town, town.food) as stream:
        assert failed.get(timeout=SECONDS) == 1
        town.opened()
        assert len(stream.tasks()) == 1
