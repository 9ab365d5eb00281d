"""Streams of work without the SDK's help, and a look at the loop that feeds them."""

from queue import SimpleQueue
from typing import Any, Self

import grpc
import pytest
from sqlalchemy import func, select

from duokua import errors
from duokua.cases.v1 import task_pb2, task_service_pb2
from duokua.cases.v1.task_service_pb2_grpc import TaskServiceStub
from duokua.client import Platform
from services.cases import store
from services.cases.dispatch import Dispatch
from tests.cases.offices import Offices

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


def taken_by(stream: Stream, count: int) -> list[task_pb2.Task]:
    tasks: list[task_pb2.Task] = []
    while len(tasks) < count:
        tasks += stream.tasks()
    return tasks
