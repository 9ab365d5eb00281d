"""TaskService: the department's side of the contract."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from concurrent.futures import Executor

from chassis.api import Call, Caller, StreamCall
from chassis.database import Database
from chassis.problems import Conflict, Forbidden, Invalid, Problem, Violation
from chassis.validation import check_known, check_request
from duokua.cases.v1 import task_pb2, task_service_pb2
from services.cases.answer_messages import answer_of, outcome_message
from services.cases.answering import Answering
from services.cases.dispatch import Dispatch, Waiter
from services.cases.materials import Found
from services.cases.reading import Reading
from services.cases.tasks import Given, Outcome, Tasks, Wish

pb = task_service_pb2

MOST_TASKS = 1000
LARGEST_MATERIAL = 3_000_000
"""In bytes, in one message."""
MOST_UNTOLD = 2000
PAUSE_EVERY = 50
MOST_ANSWERS = 1000
MOST_PULLED = 100
LONGEST_WAIT_SECONDS = 60.0
LOST = frozenset({"TASK_NOT_FOUND", "STALE_LEASE", "TASK_SETTLED", "CASE_ENDED", "CASE_UNDOING"})
"""Why a task is no longer the client's, whatever it answers; with every other problem it still is."""


class TaskApi:
    """Leases tasks to department systems and takes their answers."""

    service = task_service_pb2.DESCRIPTOR.services_by_name["TaskService"]
    _dispatch: Dispatch
    _answering: Answering

    def __init__(self, tasks: Tasks, reading: Reading) -> None:
        self._tasks = tasks
        self._reading = reading

    async def start(self, database: Database, threads: Executor) -> None:
        """Begin to hand out tasks."""
        self._dispatch = Dispatch(self._tasks, database, threads)
        self._answering = Answering(self._tasks, database, threads)

    async def stop(self) -> None:
        """Hand out no more."""
        await self._dispatch.stop()

    async def work(self, call: StreamCall, requests: AsyncIterator[pb.WorkRequest]) -> AsyncIterator[pb.WorkResponse]:
        """One client's stream: tasks and outcomes out, answers in."""
        stream = WorkStream(call, self._dispatch, self._answering)
        async with contextlib.aclosing(stream.run(requests)) as responses:
            async for response in responses:
                yield response

    async def pull_tasks(self, call: StreamCall, request: pb.PullTasksRequest) -> pb.PullTasksResponse:
        """Wait for tasks and lease them."""
        if request.max_tasks > MOST_PULLED:
            fault = Violation("max_tasks", f"must be 1 to {MOST_PULLED}")
            raise Invalid("BAD_REQUEST", "too many tasks at once", [fault])
        wait = request.wait.ToTimedelta().total_seconds() if request.HasField("wait") else 0.0
        if not 0 <= wait <= LONGEST_WAIT_SECONDS:
            fault = Violation("wait", f"must be 0 to {LONGEST_WAIT_SECONDS:.0f} seconds")
            raise Invalid("BAD_REQUEST", "the wait is out of bounds", [fault])
        waiter = _waiter(call.caller, frozenset(request.catalog_codes), request.max_tasks or 1)
        if not wait:
            return pb.PullTasksResponse(tasks=await call.run(self._lease_now, call.database, waiter))
        self._dispatch.add(waiter)
        try:
            return pb.PullTasksResponse(tasks=await _handed(waiter, call.stopping, wait))
        finally:
            self._dispatch.remove(waiter)

    def _lease_now(self, database: Database, waiter: Waiter) -> list[task_pb2.Task]:
        """One look at the database, for a client that does not wait."""
        wish = Wish(waiter.organ_id, waiter.catalog_codes, waiter.room, waiter.client)
        with database.begin() as work:
            (leased,), _ = self._tasks.lease(work, [wish])
        return leased

    def answer_task(self, call: Call, request: pb.AnswerTaskRequest) -> pb.AnswerTaskResponse:
        """Take one answer."""
        answer = request.answer
        (outcome,) = self._tasks.answer(call.work, [_given(call.caller, answer, "answer.")])
        if outcome.problem is not None:
            raise outcome.problem
        return pb.AnswerTaskResponse(outcome=outcome_message(answer.request_id, answer.task_id, outcome))

    async def get_material(self, call: StreamCall, request: pb.GetMaterialRequest) -> pb.GetMaterialResponse:
        """The content of a material, in one message."""
        found = await call.run(self._find_material, call, request)
        if found.size > LARGEST_MATERIAL:
            message = f"the material has {found.size} bytes: fetch it with MaterialService.DownloadMaterial"
            raise Conflict("MATERIAL_TOO_LARGE", message, bytes=found.size, largest=LARGEST_MATERIAL)
        content = await self._reading.whole(found)
        return pb.GetMaterialResponse(media_type=found.media_type, content=content)

    def _find_material(self, call: StreamCall, request: pb.GetMaterialRequest) -> Found:
        with call.database.read() as work:
            return self._tasks.material(work, _organ(call.caller), request.task_id, request.sha256)


class WorkStream:
    """One client's stream: never more tasks in flight than it asked for."""

    def __init__(self, call: StreamCall, dispatch: Dispatch, answering: Answering) -> None:
        self._call = call
        self._dispatch = dispatch
        self._answering = answering
        self._out: asyncio.Queue[pb.WorkResponse | Exception | None] = asyncio.Queue()
        self._settling: set[asyncio.Task[None]] = set()
        self._waiter: Waiter | None = None
        self._untold = 0
        self._has_room = asyncio.Event()
        self._has_room.set()

    def _count_untold(self, change: int) -> None:
        """Keep count of the answers whose outcomes the client has not been sent."""
        self._untold += change
        if self._untold > MOST_UNTOLD:
            self._has_room.clear()
        else:
            self._has_room.set()

    async def run(self, requests: AsyncIterator[pb.WorkRequest]) -> AsyncGenerator[pb.WorkResponse]:
        """Answer until the client closes, or the server stops."""
        self._waiter = waiter = await self._hello(requests)
        self._dispatch.add(waiter)
        helpers = [
            asyncio.create_task(each) for each in (self._read(requests), self._send_tasks(waiter), self._say_goodbye())
        ]
        try:
            while (response := await self._out.get()) is not None:
                if isinstance(response, Exception):
                    raise response
                yield response
                self._count_untold(-len(response.outcomes.outcomes))
        finally:
            self._dispatch.remove(waiter)
            for helper in helpers:
                helper.cancel()

    async def _hello(self, requests: AsyncIterator[pb.WorkRequest]) -> Waiter:
        async for request in requests:
            check_request(request)
            if request.WhichOneof("request") != "hello":
                break
            hello = request.hello
            if not 0 < hello.max_tasks <= MOST_TASKS:
                fault = Violation("hello.max_tasks", f"must be 1 to {MOST_TASKS}")
                raise Invalid("BAD_REQUEST", "max_tasks is out of bounds", [fault])
            return _waiter(self._call.caller, frozenset(hello.catalog_codes), hello.max_tasks)
        fault = Violation("hello", "must come first")
        raise Invalid("BAD_REQUEST", "a stream of work begins with hello", [fault])

    async def _read(self, requests: AsyncIterator[pb.WorkRequest]) -> None:
        end: Exception | None = None
        try:
            async for request in requests:
                await self._take(_answers(request))
                await self._has_room.wait()  # a client that does not read its outcomes is not read from either
        except Exception as error:  # noqa: BLE001 - the stream ends with it; the edge tells it
            end = error
        await asyncio.gather(*self._settling)  # what was answered before the end gets its outcome
        self._out.put_nowait(end)

    async def _take(self, answers: pb.Answers) -> None:
        pending = []
        outcomes = []
        self._count_untold(len(answers.answers))
        for number, message in enumerate(answers.answers, 1):
            if number % PAUSE_EVERY == 0:
                await asyncio.sleep(0)  # the other streams have their turn
            try:
                pending.append((message, self._answering.take(_given(self._call.caller, message))))
            except Problem as problem:
                outcomes.append(outcome_message(message.request_id, message.task_id, Outcome(problem)))
        if outcomes:
            self._out.put_nowait(pb.WorkResponse(outcomes=pb.Outcomes(outcomes=outcomes)))
        if pending:
            settling = asyncio.create_task(self._settle(pending))
            self._settling.add(settling)
            settling.add_done_callback(self._settling.discard)

    async def _settle(self, pending: Sequence[tuple[task_pb2.TaskAnswer, "asyncio.Future[Outcome]"]]) -> None:
        messages = [message for message, _ in pending]
        outcomes = await asyncio.gather(*(future for _, future in pending))
        told = [
            outcome_message(message.request_id, message.task_id, outcome)
            for message, outcome in zip(messages, outcomes, strict=True)
        ]
        self._out.put_nowait(pb.WorkResponse(outcomes=pb.Outcomes(outcomes=told)))
        assert self._waiter is not None  # noqa: S101 - answers come after hello
        for message, outcome in zip(messages, outcomes, strict=True):
            if message.task_id not in self._waiter.held:
                continue  # an earlier stream brought it, or its lease ran out before
            if outcome.lease_until is not None:
                self._waiter.held[message.task_id] = outcome.lease_until
            elif _ends(message, outcome):
                self._waiter.most -= message.HasField("release")
                self._dispatch.let_go(self._waiter, message.task_id)

    async def _send_tasks(self, waiter: Waiter) -> None:
        while True:
            tasks = await waiter.tasks.get()
            self._out.put_nowait(pb.WorkResponse(tasks=pb.Tasks(tasks=tasks)))

    async def _say_goodbye(self) -> None:
        await self._call.stopping.wait()
        if self._waiter is not None:
            self._dispatch.remove(self._waiter)
        self._out.put_nowait(pb.WorkResponse(goodbye=pb.Goodbye()))


async def _handed(waiter: Waiter, stopping: asyncio.Event, seconds: float) -> list[task_pb2.Task]:
    """What a client is handed; nothing when the time is up or the server stops."""
    handed = asyncio.ensure_future(waiter.tasks.get())
    stopped = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((handed, stopped), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return handed.result() if handed.done() else []
    finally:
        handed.cancel()
        stopped.cancel()


def _answers(request: pb.WorkRequest) -> pb.Answers:
    """The answers of a message; each is checked for itself, so that a bad one does not end the stream."""
    if request.WhichOneof("request") != "answers":
        fault = Violation("request", "after hello only answers may come")
        raise Invalid("BAD_REQUEST", "unexpected message on the stream", [fault])
    check_known(request, request.answers)
    if len(request.answers.answers) > MOST_ANSWERS:
        fault = Violation("answers.answers", f"at most {MOST_ANSWERS} at a time")
        raise Invalid("BAD_REQUEST", "too many answers at once", [fault])
    return request.answers


def _organ(caller: Caller) -> str:
    if not caller.organ_id:
        raise Forbidden("NO_ORGAN", "only a department's system has tasks; this token names no organ")
    return caller.organ_id


def _waiter(caller: Caller, catalog_codes: frozenset[str], room: int) -> Waiter:
    return Waiter(_organ(caller), catalog_codes, caller.subject, room)


def _given(caller: Caller, message: task_pb2.TaskAnswer, place: str = "") -> Given:
    check_request(message)
    if not message.lease and not message.HasField("resume"):
        fault = Violation(f"{place}lease", "is required")
        raise Invalid("BAD_REQUEST", "the answer names no lease", [fault])
    return Given(
        organ_id=_organ(caller),
        actor=caller.subject,
        request_id=message.request_id,
        task_id=message.task_id,
        lease=message.lease,
        answer=answer_of(message),
        releases=message.HasField("release"),
    )


def _ends(message: task_pb2.TaskAnswer, outcome: Outcome) -> bool:
    """Whether the client holds the task no longer: it has settled it, or has lost it."""
    if outcome.problem is not None:
        return outcome.problem.reason in LOST
    return message.WhichOneof("answer") not in ("accept", "extend")
