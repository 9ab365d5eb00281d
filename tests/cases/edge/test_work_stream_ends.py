"""How streams of work begin and end, and what becomes of their tasks."""

from pathlib import Path
from queue import SimpleQueue
from typing import Any

import grpc
import pytest

from chassis.clock import new_id
from duokua import errors
from duokua.cases.v1 import task_pb2, task_service_pb2
from duokua.cases.v1.task_service_pb2_grpc import TaskServiceStub
from tests.cases.builders import tables
from tests.cases.offices import Offices, an_answer, answering, offices, pulled
from tests.cases.streams import SECONDS, Stream, dispatch, taken_by, waiters
from tests.servers.process import wait_until

pb = task_service_pb2


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
