"""The one way in: what happens to every call before and after its handler.

Token and permission, size, contract rules, deadline, transaction, first answers, errors, trace and metrics, in that
order and in one place, read from the method's declared policy. A method without a policy cannot be served.
"""

import asyncio
import contextlib
import inspect
import math
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import grpc.aio
import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from opentelemetry import context as trace_context
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter as MetricCounter
from prometheus_client import Histogram
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis.api import ANONYMOUS, Call, Caller, Servicer, StreamCall
from chassis.database import Database
from chassis.expiry import foretold, until_expired
from chassis.problems import Conflict, Exhausted, Forbidden, Invalid, Problem, Unauthenticated, Unavailable, Violation
from chassis.requests import check_request_id, fingerprint, first_answer, remember
from chassis.status import code_of, details_of
from chassis.tokens import TokenVerifier
from chassis.validation import check_request
from chassis.vault import Vault
from duokua.options.v1 import options_pb2

log = structlog.get_logger()
tracer = trace.get_tracer("duokua.rpc")
_propagator = TraceContextTextMapPropagator()

DEFAULT_DEADLINE_SECONDS = 15.0
DEFAULT_MAX_REQUEST_BYTES = 64 * 1024
LARGEST_ON_LOOP = 256 * 1024
"""In bytes; a longer request is read and checked in a thread, so that nobody else waits for it."""
MOST_LONG_CALLS_OF_ONE = 100
"""Streams and long polls that one service of a process holds open for one client, or one person."""
BUSY_SECONDS = 5.0
LONGEST_DETAILS = 200
"""In characters; the trailer with the details has the whole message, and both must fit in one header block."""
REQUESTS = MetricCounter("duokua_rpc_requests_total", "Calls answered.", ["method", "code"])
SECONDS = Histogram("duokua_rpc_seconds", "Time to answer a call with a single answer.", ["method"])

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Method:
    """One rpc: its name, policy, and the function that answers it."""

    full_name: str
    policy: options_pb2.MethodPolicy
    handler: Callable[..., Any]
    request: type[Message]
    response: type[Message]
    has_request_id: bool
    stored: bool
    waits: bool
    """Whether the handler is a coroutine that opens its own transactions: a long poll."""
    before: Callable[..., Awaitable[None]] | None = None
    """What the servicer does with a request before the transaction; it may refuse it."""

    @property
    def max_request_bytes(self) -> int:
        """The longest request that is read."""
        return self.policy.max_request_bytes or DEFAULT_MAX_REQUEST_BYTES

    def read(self, data: bytes) -> Message:
        """The request in `data`; raises Invalid when it is too long or not a message of the contract."""
        if len(data) > self.max_request_bytes:
            message = f"the request has {len(data)} bytes; at most {self.max_request_bytes} are read"
            raise Invalid("REQUEST_TOO_LARGE", message, max_request_bytes=self.max_request_bytes, bytes=len(data))
        try:
            return self.request.FromString(data)
        except DecodeError as error:
            fault = Violation("request", "must be a message of the contract, nested less than 100 levels deep")
            raise Invalid("BAD_REQUEST", "the request cannot be read", [fault]) from error

    def checked(self, data: bytes) -> Message:
        """The request in `data`; raises Invalid when it breaks a rule of the contract."""
        request = self.read(data)
        check_request(request)
        return request


class Pipeline:
    """Serves servicers' methods on one database, or on the one that is chosen by what a call is given.

    That is its request, or, where the client sends a stream, the stream. To choose may raise a Problem.
    """

    def __init__(
        self,
        database: Database | Callable[[Any], Database],
        threads: Executor,
        verifier: TokenVerifier,
        vault: Vault,
        stopping: asyncio.Event,
    ) -> None:
        self._choice = database
        self._threads = threads
        self._verifier = verifier
        self._vault = vault
        self._stopping = stopping
        self._long_calls: Counter[str] = Counter()

    def _database(self, given: Any) -> Database:
        return self._choice if isinstance(self._choice, Database) else self._choice(given)

    def handlers(self, servicer: Servicer) -> grpc.GenericRpcHandler:
        """The gRPC handlers of every method of `servicer`; raises when one has no policy or no implementation."""
        descriptor = servicer.service
        methods = {method.name: self._handler(servicer, method) for method in descriptor.methods}
        return grpc.method_handlers_generic_handler(descriptor.full_name, methods)

    def _handler(self, servicer: Servicer, descriptor: MethodDescriptor) -> "grpc.RpcMethodHandler[Any, Any]":
        method = method_of(servicer, descriptor)
        codec: dict[str, Any] = {
            # Read by the pipeline: not before it is known who asks, never on the event loop when it is long.
            "request_deserializer": None,
            "response_serializer": GetMessageClass(descriptor.output_type).SerializeToString,
        }
        if descriptor.client_streaming and descriptor.server_streaming:
            return grpc.stream_stream_rpc_method_handler(self._stream(method, checks=False), **codec)
        if descriptor.client_streaming:
            return grpc.stream_unary_rpc_method_handler(self._client_stream(method), **codec)
        if descriptor.server_streaming:
            return grpc.unary_stream_rpc_method_handler(self._stream(method, checks=True), **codec)
        return grpc.unary_unary_rpc_method_handler(self._unary(method), **codec)

    def _unary(self, method: Method) -> Callable[[bytes, Context], Awaitable[Message]]:
        async def answer(data: bytes, context: Context) -> Message:
            started = time.perf_counter()
            try:
                with _traced(method, context):
                    caller = await self._admit(method, context)
                    async with asyncio.timeout(_deadline(method, context)):
                        request = await self._read(method.checked, data)
                        response = await self._answer(method, caller, request)
            except Exception as error:
                await _abort(method, context, error)
                raise
            SECONDS.labels(method.full_name).observe(time.perf_counter() - started)
            REQUESTS.labels(method.full_name, "OK").inc()
            return response

        return answer

    async def _answer(self, method: Method, caller: Caller, request: Message) -> Message:
        if method.waits:
            async with self._long_call(caller, request) as call:
                return await method.handler(call, request)  # type: ignore[no-any-return]
        if method.before is not None:
            await method.before(StreamCall(self._database(request), caller, self._threads, self._stopping), request)
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._run, method, caller, request, trace_context.get_current()
        )

    def _stream(self, method: Method, *, checks: bool) -> Callable[[Any, Context], AsyncIterator[Message]]:
        async def answer(given: Any, context: Context) -> AsyncIterator[Message]:
            try:
                caller = await self._admit(method, context)
                request = await self._read(method.checked, given) if checks else self._each(method, given)
                # Closed at once when the client goes away, and not when the garbage collector comes by.
                async with (
                    self._long_call(caller, request, foretells=not checks) as call,
                    contextlib.aclosing(method.handler(call, request)) as all_responses,
                    contextlib.aclosing(until_expired(all_responses, caller.expires_at)) as responses,
                ):
                    async for response in responses:
                        yield response
            except asyncio.CancelledError:
                REQUESTS.labels(method.full_name, "CANCELLED").inc()
                raise
            except Exception as error:  # noqa: BLE001 - as above
                await _abort(method, context, error)
            REQUESTS.labels(method.full_name, "OK").inc()

        return answer

    def _client_stream(self, method: Method) -> Callable[[Any, Context], Awaitable[Message]]:
        async def once(call: StreamCall, requests: AsyncIterator[Message]) -> AsyncIterator[Message]:
            yield await method.handler(call, requests)

        answers = self._stream(replace(method, handler=once), checks=False)

        async def answer(given: Any, context: Context) -> Message:
            [response] = [each async for each in answers(given, context)]
            return response

        return answer

    @contextlib.asynccontextmanager
    async def _long_call(self, caller: Caller, given: Any, *, foretells: bool = True) -> AsyncIterator[StreamCall]:
        """A call of several transactions; `foretells` its token's end, where something can be done about it."""
        database = self._database(given)
        expires_at = caller.expires_at if foretells else math.inf
        with self._place(caller):
            async with foretold(self._stopping, expires_at) as stopping:
                yield StreamCall(database, caller, self._threads, stopping)

    @contextlib.contextmanager
    def _place(self, caller: Caller) -> Iterator[None]:
        """One of the long calls that a caller may have at a time: it cannot take all that the process has."""
        if self._long_calls[caller.subject] >= MOST_LONG_CALLS_OF_ONE:
            message = (
                f"{MOST_LONG_CALLS_OF_ONE} streams and long polls of this caller are open: end some, or share them"
            )
            raise Exhausted("TOO_MANY_STREAMS", message, retry_after=BUSY_SECONDS, most=MOST_LONG_CALLS_OF_ONE)
        self._long_calls[caller.subject] += 1
        try:
            yield
        finally:
            self._long_calls[caller.subject] -= 1
            if not self._long_calls[caller.subject]:
                del self._long_calls[caller.subject]

    async def _read(self, read: Callable[[bytes], Message], data: bytes) -> Message:
        if len(data) <= LARGEST_ON_LOOP:
            return read(data)
        return await asyncio.get_running_loop().run_in_executor(self._threads, read, data)

    async def _each(self, method: Method, stream: AsyncIterator[bytes]) -> AsyncIterator[Message]:
        async for data in stream:
            yield await self._read(method.read, data)

    async def _admit(self, method: Method, context: Context) -> Caller:
        if method.policy.anonymous:
            return ANONYMOUS
        caller = await self._verifier.verify(_bearer(context))
        if not caller.may(method.policy.permission):
            message = f"this needs the permission {method.policy.permission}"
            raise Forbidden("PERMISSION_MISSING", message, permission=method.policy.permission)
        return caller

    def _run(self, method: Method, caller: Caller, request: Message, traced: trace_context.Context) -> Message:
        token = trace_context.attach(traced)
        try:
            if not method.policy.write:
                with self._database(request).read() as work:
                    return method.handler(Call(work, caller), request)  # type: ignore[no-any-return]
            if method.has_request_id:
                check_request_id(request.request_id)  # type: ignore[attr-defined]
            try:
                return self._write(method, caller, request)
            except IntegrityError:
                # Somebody else wrote the same thing a moment ago, most often this request's own repeat.
                return self._write(method, caller, request)
        finally:
            trace_context.detach(token)

    def _write(self, method: Method, caller: Caller, request: Message) -> Message:
        with self._database(request).begin() as work:
            if not (method.has_request_id and method.stored):
                return method.handler(Call(work, caller), request)  # type: ignore[no-any-return]
            print_ = fingerprint(self._vault, caller, request)
            answered = first_answer(work, caller, method.full_name, request, print_)
            if answered is not None:
                return method.response.FromString(answered)
            response: Message = method.handler(Call(work, caller), request)
            remember(work, caller, method.full_name, request, print_, response)
            return response


def method_of(servicer: Servicer, descriptor: MethodDescriptor) -> Method:
    """The method as it will be served; raises TypeError when its policy or its implementation is missing."""
    policy = descriptor.GetOptions().Extensions[options_pb2.policy]
    if not policy.anonymous and not policy.permission:
        message = f"{descriptor.full_name} declares no permission, so it cannot be served"
        raise TypeError(message)
    name = snake_case(descriptor.name)
    handler = getattr(servicer, name, None)
    if handler is None:
        message = f"{type(servicer).__name__} has no method {name} for {descriptor.full_name}"
        raise TypeError(message)
    stored = name not in getattr(servicer, "unstored", frozenset())
    has_request_id = "request_id" in descriptor.input_type.fields_by_name
    waits = inspect.iscoroutinefunction(handler)
    response = GetMessageClass(descriptor.output_type)
    request = GetMessageClass(descriptor.input_type)
    before = getattr(servicer, f"before_{name}", None)
    return Method(descriptor.full_name, policy, handler, request, response, has_request_id, stored, waits, before)


def snake_case(name: str) -> str:
    """`SubmitCase` as `submit_case`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _traced(method: Method, context: Context) -> Any:
    carrier = {key: value for key, value in context.invocation_metadata() or () if key == "traceparent"}
    parent = _propagator.extract(carrier) if carrier else None
    return tracer.start_as_current_span(method.full_name, context=parent, kind=trace.SpanKind.SERVER)


def _deadline(method: Method, context: Context) -> float:
    longest = float(method.policy.deadline_seconds or DEFAULT_DEADLINE_SECONDS)
    remaining: float | None = context.time_remaining()  # the stubs say float, but without a deadline it is None
    return longest if remaining is None else min(longest, remaining)


def _bearer(context: Context) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == "authorization":
            text = value if isinstance(value, str) else value.decode(errors="replace")
            scheme, _, token = text.partition(" ")
            if scheme.lower() == "bearer" and token:
                return token
            raise Unauthenticated("TOKEN_INVALID", "the authorization metadata must be: Bearer <access token>")
    raise Unauthenticated("TOKEN_MISSING", "give an access token in the metadata: authorization: Bearer <token>")


async def _abort(method: Method, context: Context, error: Exception) -> None:
    problem = _as_problem(error)
    if problem is not None:
        code = code_of(problem)
    elif isinstance(error, TimeoutError):
        code = grpc.StatusCode.DEADLINE_EXCEEDED
        problem = Problem("DEADLINE_EXCEEDED", "the server could not answer within the deadline")
    else:
        code = grpc.StatusCode.INTERNAL
        problem = Problem("INTERNAL", "an unexpected error; it is in the server's log")
        log.error("rpc_failed", method=method.full_name, exc_info=error)
    REQUESTS.labels(method.full_name, code.name).inc()
    log.info("rpc_refused", method=method.full_name, code=code.name, reason=problem.reason)
    trailer = ("grpc-status-details-bin", details_of(problem, code))
    await context.abort(code, problem.message[:LONGEST_DETAILS], (trailer,))


def _as_problem(error: Exception) -> Problem | None:
    if isinstance(error, Problem):
        return error
    if isinstance(error, OperationalError | PoolTimeout):
        log.warning("database_unavailable", error=str(error.__cause__ or error))
        return Unavailable("DATABASE_UNAVAILABLE", "the service's database does not answer; try again")
    if isinstance(error, IntegrityError):
        # PostgreSQL tells the values of the row on the lines after the first: they are no part of a log.
        log.warning("write_collided", error=str(error.orig).partition("\n")[0])
        return Conflict("WRITE_COLLIDED", "another write changed the same thing at the same time; look, then try again")
    return None
