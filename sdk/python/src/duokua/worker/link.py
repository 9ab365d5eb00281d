"""The link to the platform: one stream after another, for as long as the department works."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Coroutine, Sequence
from typing import Final, TypeAlias, TypeVar

import grpc
import grpc.aio

from duokua import errors
from duokua.cases.v1.task_service_pb2 import WorkRequest, WorkResponse
from duokua.cases.v1.task_service_pb2_grpc import TaskServiceStub
from duokua.client import Session
from duokua.worker.hand import Hand

_log = logging.getLogger("duokua.department")

_T = TypeVar("_T")
_Call: TypeAlias = grpc.aio.StreamStreamCall[WorkRequest, WorkResponse]

_FIRST_PAUSE: Final = 0.1
# Half of this on average is what a platform that was away waits for its departments.
_LONGEST_PAUSE: Final = 4.0
# However long the platform asks for.
_LONGEST_ASKED: Final = 60.0
# A stream that stayed open for so long was a good one, even if it brought nothing.
_GOOD_SECONDS: Final = 10.0
# How long a stream that is being left may take for the outcomes under way, and to end.
LEAVING_SECONDS: Final = 5.0
_STATUS_SECONDS: Final = 0.2
# With these the platform says that what we are set up with is wrong: trying again will not help.
_MISCONFIGURED: Final = frozenset({grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED})
_NOT_LET_IN: Final = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED})


class Link:
    """Keeps a stream open, dialling again whenever it ends."""

    def __init__(self, session: Session, hand: Hand, catalog_codes: Sequence[str]) -> None:
        self._session: Final = session
        self._hand: Final = hand
        self._catalog_codes: Final = list(catalog_codes)
        self._closing: Final = asyncio.Event()
        self._failures = 0
        self._refusals = 0
        self._asked = 0.0
        self._received = False
        self._answered = False

    async def keep(self) -> None:
        """Work until `close`, and until every answer has its outcome.

        Raises `DuokuaError` when the platform says that our settings are wrong.
        """
        while not self._finished():
            opened_at = asyncio.get_running_loop().time()
            self._received = self._answered = False
            try:
                await self._stream()
            except errors.DuokuaError as error:
                self._weigh(error)
            if self._received or asyncio.get_running_loop().time() - opened_at >= _GOOD_SECONDS:
                self._failures = 0
            else:
                self._failures += 1
            if not self._finished():
                await self._pause()

    def close(self) -> None:
        """Leave the present stream, once the outcomes under way are in, and open no other."""
        self._closing.set()

    def _finished(self) -> bool:
        return self._closing.is_set() and self._hand.outbox.flushed.is_set()

    async def _stream(self) -> None:
        token = await asyncio.to_thread(self._session.token_source.get)
        async with self._session.connections.async_channel("cases") as channel:
            call = TaskServiceStub(channel).Work(metadata=(("authorization", f"Bearer {token}"),))
            ending = _Ending(call)
            try:
                await self._work(call)
            except grpc.aio.AioRpcError as seen:
                failure = await ending.failure(seen)
                address = self._session.connections.endpoints.address("cases")
                if failure.code() is grpc.StatusCode.UNAUTHENTICATED:
                    self._session.token_source.drop(token)
                raise errors.from_rpc(failure, f"Work at {address}") from failure
            finally:
                call.cancel()

    async def _work(self, call: _Call) -> None:
        """Talk on one stream until the platform ends it or it is left; raises `AioRpcError`."""
        leave, greeted = asyncio.Event(), asyncio.Event()
        reader = asyncio.create_task(self._read(call, leave))
        writer = asyncio.create_task(self._write(call, greeted))
        leaver = asyncio.create_task(self._leave(call, leave, greeted))
        pending: set[asyncio.Task[None]] = {reader, writer, leaver}
        try:
            while reader in pending and leaver in pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                if writer in done:
                    _look_at(writer)
            if reader.done():
                reader.result()
            else:
                _look_at(leaver)
        finally:
            for task in (reader, writer, leaver):
                task.cancel()
            await asyncio.gather(reader, writer, leaver, return_exceptions=True)

    async def _read(self, call: _Call, leave: asyncio.Event) -> None:
        async for response in call:
            self._received = True
            self._refusals = 0
            match response.WhichOneof("response"):
                case "tasks":
                    self._hand.take(response.tasks.tasks)
                case "outcomes":
                    self._hand.settle(response.outcomes.outcomes)
                case "goodbye":
                    _log.info("the platform is about to stop; dialling again")
                    leave.set()

    async def _write(self, call: _Call, greeted: asyncio.Event) -> None:
        """Say hello, then send whatever is ready in one message; while it is on its way, more gets ready."""
        outbox = self._hand.outbox
        hello = WorkRequest()
        hello.hello.max_tasks = self._hand.resume()
        hello.hello.catalog_codes.extend(self._catalog_codes)
        await call.write(hello)
        greeted.set()
        while True:
            await outbox.wake.wait()
            outbox.wake.clear()
            while request := outbox.batch():
                self._answered = True
                await call.write(request)

    async def _leave(self, call: _Call, leave: asyncio.Event, greeted: asyncio.Event) -> None:
        """Wait for a reason to leave the stream, then leave it in good order."""
        reasons = [asyncio.create_task(event.wait()) for event in (leave, self._closing, self._hand.narrow)]
        try:
            await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for reason in reasons:
                reason.cancel()
        try:
            async with asyncio.timeout(LEAVING_SECONDS):
                await self._hand.outbox.flushed.wait()
        except TimeoutError:
            _log.warning("not every answer has its outcome yet; they are sent again on the next stream")
        if not greeted.is_set():
            # A stream that ends without a hello would be a fault of ours; nothing was taken on it, so it is cut off.
            return
        await call.done_writing()
        # The platform ends its side now, and with it the reader; if it has not by then, the stream is cut off.
        await asyncio.sleep(LEAVING_SECONDS)

    def _weigh(self, error: errors.DuokuaError) -> None:
        self._asked = min(error.retry_after or 0.0, _LONGEST_ASKED)
        if error.code in _MISCONFIGURED and not self._received and not self._answered:
            raise error
        if error.code in _NOT_LET_IN:
            self._refusals += 1
            # The first time it is a token that has had its day.
            level = logging.ERROR if self._refusals > 1 else logging.INFO
            _log.log(level, "the platform does not let us in, we go on trying: %s", error)
        elif self._failures == 0:
            _log.warning("the stream to the platform broke, dialling again: %s", error)
        else:
            _log.warning("the platform was not reached, try %d: %s", self._failures + 1, error)

    async def _pause(self) -> None:
        """Wait with exponential back-off and full jitter, so that a thousand departments do not dial at once.

        Not less than the platform asked for.
        """
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._failures, 10))
        pause = max(random.uniform(0, longest), self._asked)  # noqa: S311
        self._asked = 0.0
        if self._closing.is_set():
            await asyncio.sleep(pause)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._closing.wait()


class _Ending:
    """How a call ended, as the platform told it.

    When a write meets the end of the stream, grpc.aio reports INTERNAL, over a status that it may have read already;
    but only the platform's own status says what is to be done. It is caught here when it comes.
    """

    def __init__(self, call: _Call) -> None:
        self._told: Final[asyncio.Future[grpc.aio.AioRpcError]] = asyncio.get_running_loop().create_future()
        call.add_done_callback(self._note)

    async def failure(self, seen: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError:
        """Give the platform's own failure if there is one, else the one that was seen."""
        if seen.code() is not grpc.StatusCode.INTERNAL:
            return seen
        done, _ = await asyncio.wait([self._told], timeout=_STATUS_SECONDS)
        return self._told.result() if done else seen

    def _note(self, call: _Call) -> None:
        code = _at_once(call.code())
        if code is grpc.StatusCode.INTERNAL or self._told.done():
            return
        initial, trailing = _at_once(call.initial_metadata()), _at_once(call.trailing_metadata())
        self._told.set_result(grpc.aio.AioRpcError(code, initial, trailing, _at_once(call.details())))


def _at_once(coroutine: Coroutine[object, object, _T]) -> _T:
    """Run a coroutine that has nothing to wait for: what a call that has ended tells."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: _T = end.value
        return value
    raise RuntimeError("a call that has ended does not tell how")


def _look_at(task: asyncio.Task[None]) -> None:
    """Raise what a task failed with, unless the stream's end explains it: reading tells that better."""
    if not task.cancelled() and not isinstance(task.exception(), grpc.aio.AioRpcError | asyncio.InvalidStateError):
        task.result()
