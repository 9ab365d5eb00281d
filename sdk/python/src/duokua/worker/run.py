"""One run of a department: ties together the handlers, what is in hand, the threads and the link."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Final

import grpc

from duokua.cases.v1 import task_pb2
from duokua.client import Session
from duokua.task import LeaseLost, Task
from duokua.worker import handlers
from duokua.worker.crew import Crew
from duokua.worker.hand import Hand
from duokua.worker.handlers import Function, TaskHandler
from duokua.worker.held import Held
from duokua.worker.link import LEAVING_SECONDS, Link

_log = logging.getLogger("duokua.department")

_STOPPING: Final = "the department system stopped before it answered"


class Run:
    """Runs handlers for tasks, on the event loop that is running."""

    def __init__(
        self, session: Session, task_handlers: Mapping[str, TaskHandler], max_tasks: int, grace: float
    ) -> None:
        self._session: Final = session
        self._handlers: Final = task_handlers
        self._grace: Final = grace
        self._loop: Final = asyncio.get_running_loop()
        self._loop_thread: Final = threading.get_ident()
        self._hand: Final = Hand(max_tasks, self._wrapped, self._start)
        self._link: Final = Link(session, self._hand, list(task_handlers))
        self._crew: Final[Crew[Held]] = Crew(self._run_sync)
        self._coroutines: Final[set[asyncio.Task[None]]] = set()
        self._inbox: Final[deque[Callable[[], None]]] = deque()
        self._called = False
        self._stopping: Final = asyncio.Event()
        self._hurrying: Final = asyncio.Event()

    async def serve(self) -> None:
        """Work until told to stop; raises what ends the link."""
        link = asyncio.create_task(self._link.keep())
        try:
            await _until(link, self._stopping)
            if not link.done():
                await self._wind_up(link)
            if link.done():
                link.result()
        finally:
            link.cancel()
            self._hand.close()
            self._crew.dismiss()
            for coroutine in self._coroutines:
                coroutine.cancel()
            await asyncio.gather(link, *self._coroutines, return_exceptions=True)

    def stop(self, times: int) -> None:
        """Stop in good order; told for the second time, cut the grace short. For any thread, and signal handlers."""
        self._post(partial(self._note_stop, times))

    async def _wind_up(self, link: asyncio.Task[None]) -> None:
        """Finish what is under way, give the rest back, and leave once the platform has noted it all."""
        await _until(link, self._hand.idle, self._hurrying, timeout=self._grace)
        self._hand.give_back(_STOPPING)
        self._link.close()
        await _until(link, timeout=2 * LEAVING_SECONDS)
        if not link.done() or not self._hand.outbox.flushed.is_set():
            _log.warning("stopped before the platform had noted every answer; those tasks wait for their leases to end")

    def _note_stop(self, times: int) -> None:
        if not self._stopping.is_set():
            self._hand.stop()
            self._stopping.set()
            _log.info("stopping: what is under way has %g s to finish", self._grace)
        if times > 1:
            self._hurrying.set()

    def _wrapped(self, message: task_pb2.Task) -> Task:
        return Task(message, self._say, self._session)

    def _start(self, held: Held, busy: int) -> None:
        function = self._function_for(held.task)
        if handlers.is_async(function):
            self._begin(self._run_async(held, function))
        else:
            self._crew.give(held, busy)

    def _begin(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._coroutines.add(task)
        task.add_done_callback(self._coroutines.discard)

    def _function_for(self, task: Task) -> Function:
        handler = self._handlers.get(task.catalog_code)
        return _no_handler if handler is None else handler.function_for(task)

    async def _run_async(self, held: Held, function: Function) -> None:
        answer = await handlers.run_async(function, held.task)
        self._hand.finished(held, answer)

    def _run_sync(self, held: Held) -> None:
        """Run a sync handler, in one of the crew's threads."""
        answer = handlers.run(self._function_for(held.task), held.task)
        self._post(partial(self._hand.finished, held, answer))

    def _say(self, task: Task, answer: task_pb2.TaskAnswer) -> None:
        if threading.get_ident() == self._loop_thread:
            verb = answer.WhichOneof("answer")
            raise RuntimeError(f"{verb}() would block the event loop; use await asyncio.to_thread(task.{verb})")
        done: Future[None] = Future()
        if not self._post(partial(self._hand.say, task, answer, done)):
            raise LeaseLost(grpc.StatusCode.FAILED_PRECONDITION, "STOPPING", "the department system has stopped")
        done.result()

    def _post(self, action: Callable[[], None]) -> bool:
        """Have something done on the loop's thread, waking it once for all that has gathered; for any thread."""
        self._inbox.append(action)
        if not self._called:
            self._called = True
            try:
                self._loop.call_soon_threadsafe(self._drain)
            except RuntimeError:
                # The loop is closed: the run is over, its tasks are given back, and nobody waits for this any more.
                self._called = False
                return False
        return True

    def _drain(self) -> None:
        self._called = False
        while self._inbox:
            self._inbox.popleft()()


def _no_handler(task: Task) -> None:
    raise NotImplementedError(f"this department system has no handler for matter {task.catalog_code}")


async def _until(link: asyncio.Task[None], *events: asyncio.Event, timeout: float | None = None) -> None:  # noqa: ASYNC109
    """Wait until one of the events is set, the link has ended, or the time is over."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait([link, *waits], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
