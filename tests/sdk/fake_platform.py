"""A small platform for tests of the SDK: real gRPC on loopback, and everything it gets is kept for the test to see."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from joserfc import jwt
from joserfc.jwk import ECKey

from duokua import ClientKey, Department, Platform, to_struct
from duokua.cases.v1 import case_service_pb2, task_pb2, task_service_pb2
from duokua.cases.v1.case_service_pb2_grpc import CaseServiceServicer, add_CaseServiceServicer_to_server
from duokua.cases.v1.task_service_pb2_grpc import TaskServiceServicer, add_TaskServiceServicer_to_server
from duokua.identity.v1 import token_service_pb2
from duokua.identity.v1.token_service_pb2_grpc import TokenServiceServicer, add_TokenServiceServicer_to_server

TIMEOUT = 30.0
MATTER = "330131903000"
Judge = Callable[[task_pb2.TaskAnswer], task_pb2.AnswerOutcome | None]
_T = TypeVar("_T")


def a_task(task_id: str, *, lease: str = "", seconds: float = 60, undo: bool = False, **fields: Any) -> task_pb2.Task:
    task = task_pb2.Task(
        task_id=task_id,
        kind=task_pb2.TASK_KIND_UNDO if undo else task_pb2.TASK_KIND_HANDLE,
        case_number="31000020261121000001",
        catalog_code=fields.pop("catalog_code", MATTER),
        form=to_struct(fields.pop("form", {"name": "小吃店"})),
        lease=lease or f"lease of {task_id}",
        attempt=1,
        **fields,
    )
    task.lease_expires_at.FromNanoseconds(time.time_ns() + int(seconds * 1e9))
    return task


def taken(answer: task_pb2.TaskAnswer) -> task_pb2.AnswerOutcome:
    outcome = task_pb2.AnswerOutcome(request_id=answer.request_id, task_id=answer.task_id)
    if answer.WhichOneof("answer") in ("accept", "extend"):
        outcome.lease_expires_at.FromNanoseconds(time.time_ns() + 60 * 10**9)
    return outcome


def not_taken(answer: task_pb2.TaskAnswer, code: grpc.StatusCode, reason: str) -> task_pb2.AnswerOutcome:
    outcome = task_pb2.AnswerOutcome(request_id=answer.request_id, task_id=answer.task_id)
    outcome.problem.code = code.value[0]
    outcome.problem.reason = reason
    outcome.problem.message = f"the platform says {reason}"
    return outcome


def rich_status(
    code: grpc.StatusCode,
    reason: str,
    message: str,
    fields: dict[str, str] | None = None,
    retry_after_ms: int | None = None,
) -> bytes:
    status = Status(code=code.value[0], message=message)
    details: list[Any] = [ErrorInfo(reason=reason, domain="duokua", metadata={"case_id": "c1"})]
    if fields:
        violations = [BadRequest.FieldViolation(field=name, description=text) for name, text in fields.items()]
        details.append(BadRequest(field_violations=violations))
    if retry_after_ms is not None:
        retry = RetryInfo()
        retry.retry_delay.FromMilliseconds(retry_after_ms)
        details.append(retry)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    serialised: bytes = status.SerializeToString()
    return serialised


class WorkStream:
    """One stream of a department, as the platform sees it."""

    def __init__(self, platform: "FakePlatform", hello: task_service_pb2.Hello) -> None:
        self.hello = hello
        self.answers: list[task_pb2.TaskAnswer] = []
        self.batches = 0
        self.half_closed = False
        self.ended = False
        self.outgoing: asyncio.Queue[task_service_pb2.WorkResponse | None] = asyncio.Queue()
        self._platform = platform

    def send(self, *tasks: task_pb2.Task) -> None:
        self.respond(task_service_pb2.WorkResponse(tasks=task_service_pb2.Tasks(tasks=tasks)))

    def goodbye(self) -> None:
        self.respond(task_service_pb2.WorkResponse(goodbye=task_service_pb2.Goodbye()))

    def outcomes(self, *outcomes: task_pb2.AnswerOutcome) -> None:
        self.respond(task_service_pb2.WorkResponse(outcomes=task_service_pb2.Outcomes(outcomes=outcomes)))

    def respond(self, response: task_service_pb2.WorkResponse | None) -> None:
        self._platform.loop.call_soon_threadsafe(self.outgoing.put_nowait, response)

    def verbs(self) -> list[tuple[str, str | None]]:
        return [(answer.task_id, answer.WhichOneof("answer")) for answer in self.answers]

    def answers_of(self, verb: str) -> list[task_pb2.TaskAnswer]:
        return [answer for answer in list(self.answers) if answer.WhichOneof("answer") == verb]


class FakePlatform(TaskServiceServicer, TokenServiceServicer, CaseServiceServicer):
    """Runs on its own event loop in its own thread. `judge` gives an answer's outcome, or None to keep silent."""

    def __init__(self, credentials: grpc.ServerCredentials | None = None) -> None:
        self.judge: Judge = taken
        self.streams: list[WorkStream] = []
        self.assertions: list[dict[str, Any]] = []
        self.token_requests: list[token_service_pb2.IssueTokenRequest] = []
        self.token_seconds = 3600.0
        self.bad_tokens: set[str] = set()
        self.calls: list[tuple[str, Any, str]] = []
        self.refusal: tuple[grpc.StatusCode, bytes | None] | None = None
        self.hello_refusal: grpc.StatusCode | None = None
        self.hellos_put_off: list[bytes] = []
        self.hello_times: list[float] = []
        self.unavailable = 0
        self.tokens_unavailable = 0
        self.loop = asyncio.new_event_loop()
        self._credentials = credentials
        self._changed = threading.Condition()
        self._server: grpc.aio.Server | None = None
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(TIMEOUT)
        self.loop.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, or start again at the same port."""
        self._on_loop(self._start())

    def kill(self) -> None:
        """Break every stream off and stop, as a killed process does."""
        self._on_loop(self._stop())

    def until(self, condition: Callable[[], _T], what: str) -> _T:
        """Wait for a condition to hold, and give its value."""
        with self._changed:
            assert self._changed.wait_for(condition, TIMEOUT), f"waited in vain for {what}"
            return condition()

    def notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def stream(self, number: int = 1) -> WorkStream:
        """The n-th stream, counted from 1, once its hello has come."""
        self.until(lambda: len(self.streams) >= number, f"stream {number}")
        return self.streams[number - 1]

    def answer(self, verb: str, number: int = 1, stream: int = 1) -> task_pb2.TaskAnswer:
        """The n-th answer of a kind on a stream."""
        work = self.stream(stream)
        self.until(lambda: len(work.answers_of(verb)) >= number, f"answer {number} of {verb}")
        return work.answers_of(verb)[number - 1]

    def answers(self, verb: str, number: int) -> list[task_pb2.TaskAnswer]:
        """The first answers of a kind, on whichever streams they come: a department may leave one for a wider one."""

        def come() -> list[task_pb2.TaskAnswer]:
            return [answer for stream in list(self.streams) for answer in stream.answers_of(verb)]

        self.until(lambda: len(come()) >= number, f"{number} answers of {verb}")
        return come()

    async def Work(
        self, request_iterator: AsyncIterator[task_service_pb2.WorkRequest], context: Any
    ) -> AsyncIterator[task_service_pb2.WorkResponse]:
        await self._check_token(context)
        self.hello_times.append(time.monotonic())
        if self.hellos_put_off:
            trailer = (("grpc-status-details-bin", self.hellos_put_off.pop()),)
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "later", trailer)
        if self.hello_refusal is not None:
            await context.abort(self.hello_refusal, "the hello is bad")
        first = await anext(aiter(request_iterator), None)
        if first is None:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a stream begins with hello")
            return
        stream = WorkStream(self, first.hello)
        self.streams.append(stream)
        self.notify()
        reader = asyncio.create_task(self._read(stream, request_iterator))
        try:
            while (response := await stream.outgoing.get()) is not None:
                yield response
        finally:
            reader.cancel()
            stream.ended = True
            self.notify()

    async def _read(self, stream: WorkStream, requests: AsyncIterator[task_service_pb2.WorkRequest]) -> None:
        async for request in requests:
            stream.batches += 1
            stream.answers.extend(request.answers.answers)
            outcomes = [outcome for answer in request.answers.answers if (outcome := self.judge(answer))]
            if outcomes:
                stream.outcomes(*outcomes)
            self.notify()
        stream.half_closed = True
        stream.respond(None)

    async def IssueToken(self, request: token_service_pb2.IssueTokenRequest, context: Any) -> Any:
        if self.tokens_unavailable:
            self.tokens_unavailable -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        self.token_requests.append(request)
        self.assertions.append(decoded(request.client_assertion))
        response = token_service_pb2.IssueTokenResponse(access_token=f"token {len(self.token_requests)}")
        response.expires_in.FromMilliseconds(int(self.token_seconds * 1000))
        self.notify()
        return response

    async def GetMaterial(self, request: task_service_pb2.GetMaterialRequest, context: Any) -> Any:
        await self._check_call("GetMaterial", request, context)
        return task_service_pb2.GetMaterialResponse(content=f"content of {request.sha256}".encode())

    async def GetCase(self, request: case_service_pb2.GetCaseRequest, context: Any) -> Any:
        await self._check_call("GetCase", request, context)
        return case_service_pb2.GetCaseResponse()

    async def SubmitCase(self, request: case_service_pb2.SubmitCaseRequest, context: Any) -> Any:
        await self._check_call("SubmitCase", request, context)
        return case_service_pb2.SubmitCaseResponse()

    async def WatchCase(self, request: case_service_pb2.WatchCaseRequest, context: Any) -> AsyncIterator[Any]:
        await self._check_call("WatchCase", request, context)
        yield case_service_pb2.WatchCaseResponse()
        yield case_service_pb2.WatchCaseResponse()

    async def AnswerTask(self, request: task_service_pb2.AnswerTaskRequest, context: Any) -> Any:
        await self._check_call("AnswerTask", request, context)
        return task_service_pb2.AnswerTaskResponse(outcome=taken(request.answer))

    async def _absent(self, request: Any, context: Any) -> Any:  # noqa: ARG002  # a servicer's signature
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not part of this platform")

    PullTasks = ListCases = GetHistory = WithdrawCase = CorrectCase = RateCase = DeliverCase = _absent
    GetKeys = RotateSigningKey = _absent

    async def _check_call(self, method: str, request: Any, context: Any) -> None:
        token = await self._check_token(context)
        self.calls.append((method, request, token))
        if self.unavailable:
            self.unavailable -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        if self.refusal is not None:
            code, details = self.refusal
            trailer = () if details is None else (("grpc-status-details-bin", details),)
            await context.abort(code, "refused", trailer)

    async def _check_token(self, context: Any) -> str:
        metadata = dict(context.invocation_metadata())
        token = str(metadata.get("authorization", "")).removeprefix("Bearer ")
        if not token or token in self.bad_tokens:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no good token")
        return token

    async def _start(self) -> None:
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        add_TaskServiceServicer_to_server(self, server)
        add_TokenServiceServicer_to_server(self, server)
        add_CaseServiceServicer_to_server(self, server)
        address = f"127.0.0.1:{self.port}"
        if self._credentials is None:
            self.port = server.add_insecure_port(address)
        else:
            self.port = server.add_secure_port(address, self._credentials)
        await server.start()
        self._server = server

    async def _stop(self) -> None:
        if self._server is not None:
            await self._server.stop(None)
            self._server = None

    def _on_loop(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(TIMEOUT)


KEY = ClientKey.generate()


def decoded(assertion: str) -> dict[str, Any]:
    return dict(jwt.decode(assertion, ECKey.import_key(json.loads(KEY.public_jwk)), algorithms=["ES256"]).claims)


def client_of(fake: FakePlatform, **options: Any) -> Platform:
    return Platform(fake.address, "food-office", KEY, insecure=True, **options)


@contextmanager
def working(department: Department) -> Iterator[threading.Thread]:
    """Run a department in a thread for as long as the block lasts; what it raises is raised here."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            department.run()
        except BaseException as error:  # noqa: BLE001  # handed to the test's own thread
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        department.stop()
        thread.join(TIMEOUT)
        department.platform.close()
    assert not thread.is_alive(), "the department did not stop"
    for failure in failures:
        raise failure
