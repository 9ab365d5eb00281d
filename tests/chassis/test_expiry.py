"""What is under way when the token that it was begun with expires."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from queue import SimpleQueue
from typing import Any

import grpc
import pytest

from chassis.expiry import foretold, until_expired
from chassis.problems import Unauthenticated
from duokua import Department, Task, errors
from duokua.cases.v1 import case_service_pb2, task_service_pb2
from duokua.cases.v1.case_service_pb2_grpc import CaseServiceStub
from duokua.cases.v1.task_service_pb2_grpc import TaskServiceStub
from duokua.identity.v1 import directory_pb2
from services.identity.domain import tokens
from tests.cases.builders import code
from tests.cases.offices import Offices, an_answer, offices
from tests.sdk.fake_platform import working
from tests.servers.process import wait_until

pb = task_service_pb2

LIFE_SECONDS = 3
SECONDS = 20.0


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offices]:
    with offices(tmp_path_factory.mktemp("edge")) as made:
        yield made


def short_lived(town: Offices, caller: Any) -> tuple[tuple[tuple[str, str], ...], float]:
    """The metadata of a caller whose token expires soon, and when it does."""
    expires_at = int(time.time()) + LIFE_SECONDS
    return (("authorization", f"Bearer {town.edge.forged(caller, exp=expires_at)}"),), expires_at


def end_of(call: Any) -> tuple[str, str]:
    """The code and the reason with which a stream ends."""
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    failure: Any = caught.value
    error = errors.from_rpc(failure)
    return error.code.name, error.reason


async def endless(pause: asyncio.Event | None = None) -> AsyncIterator[int]:
    number = 0
    while True:
        yield (number := number + 1)
        if pause is not None:
            await pause.wait()


@pytest.mark.parametrize("waits", [True, False])
def test_a_stream_ends_with_its_token_whether_it_waits_or_never_does(waits: bool) -> None:  # noqa: FBT001
    seen: list[int] = []

    async def story() -> None:
        stream = endless(asyncio.Event() if waits else None)
        async with asyncio.timeout(SECONDS):
            async for each in until_expired(stream, time.time() + 0.1):
                seen.append(each)  # noqa: PERF401 - what comes before the end counts

    with pytest.raises(Unauthenticated, match="TOKEN_EXPIRED"):
        asyncio.run(story())
    assert seen[0] == 1


def test_a_stream_that_ends_or_fails_by_itself_does_so_unchanged() -> None:
    async def few(error: Exception | None) -> AsyncIterator[int]:
        yield 1
        if error:
            raise error

    async def story(error: Exception | None = None) -> list[int]:
        return [each async for each in until_expired(few(error), time.time() + SECONDS)]

    assert asyncio.run(story()) == [1]
    with pytest.raises(TimeoutError):
        asyncio.run(story(TimeoutError()))


def test_an_end_is_foretold_before_the_token_expires_or_when_the_server_stops() -> None:
    async def story() -> None:
        stopping = asyncio.Event()
        expires_at = time.time() + 0.5
        async with asyncio.timeout(SECONDS):
            async with foretold(stopping, expires_at) as ending:
                assert not ending.is_set()
                await ending.wait()
                assert time.time() < expires_at
            async with foretold(stopping, float("inf")) as ending:
                stopping.set()
                await ending.wait()

    asyncio.run(story())


def test_who_watches_a_case_is_told_when_the_token_expires(town: Offices) -> None:
    case_id = town.submitted().case_id
    with town.edge.channel() as channel:
        metadata, expires_at = short_lived(town, town.applicant)
        watch = CaseServiceStub(channel).WatchCase(
            case_service_pb2.WatchCaseRequest(case_id=case_id), metadata=metadata, timeout=SECONDS
        )
        assert next(watch).case.case_id == case_id
        assert end_of(watch) == ("UNAUTHENTICATED", "TOKEN_EXPIRED")
        assert expires_at - 0.1 <= time.time() < expires_at + 2


def test_a_stream_of_work_says_goodbye_and_ends_with_the_token(town: Offices) -> None:
    town.opened()
    with town.edge.channel() as channel:
        metadata, expires_at = short_lived(town, town.food)
        said: SimpleQueue[pb.WorkRequest | None] = SimpleQueue()
        said.put(pb.WorkRequest(hello=pb.Hello(max_tasks=10)))
        work: Any = TaskServiceStub(channel).Work(iter(said.get, None), metadata=metadata, timeout=SECONDS)
        (task,) = next(work).tasks.tasks
        assert next(work).HasField("goodbye")
        assert time.time() < expires_at
        said.put(pb.WorkRequest(answers=pb.Answers(answers=[an_answer(task)])))
        assert [outcome.problem.reason for outcome in next(work).outcomes.outcomes] == [""]
        assert end_of(work) == ("UNAUTHENTICATED", "TOKEN_EXPIRED")
        said.put(None)


def test_a_department_works_on_through_the_ends_of_its_tokens(
    town: Offices, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tokens, "LONGEST_TOKEN", timedelta(seconds=LIFE_SECONDS))
    department = Department(town.edge.client(directory_pb2.CLIENT_ROLE_DEPARTMENT, town.food_organ))
    done: list[str] = []

    @department.task(code(2))
    def licence(task: Task) -> None:
        done.append(task.task_id)

    caplog.set_level(logging.INFO, "duokua")
    with working(department):
        began = time.monotonic()
        opened = 0
        while time.monotonic() - began < 3 * LIFE_SECONDS:
            town.opened()
            opened += 1
            wait_until(lambda count=opened: len(set(done)) == count, seconds=SECONDS, what="a task is not done")  # type: ignore[misc]
    assert len(done) == len(set(done)) == opened
    assert sum("dialling again" in record.message for record in caplog.records) >= 2
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
