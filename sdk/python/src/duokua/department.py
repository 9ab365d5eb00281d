"""A department's system: it takes the tasks of its office from the platform, and answers them.

    department = Department.from_env()

    @department.task("330131903000")
    def food_licence(task):
        return {"licence_number": issue_licence(task.task_id, task.form)}

    department.run()

It dials out, and needs no open port. A task comes at least once: `task.task_id` is the key by which the department's
own database knows that it has done it already.
"""

import asyncio
import contextlib
import hashlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Final, Self

from duokua.cases.v1.task_pb2 import TaskAnswer
from duokua.cases.v1.task_service_pb2 import AnswerTaskRequest
from duokua.client import Platform
from duokua.worker.handlers import Function, TaskHandler
from duokua.worker.run import Run

_log = logging.getLogger("duokua.department")


class Department:
    """Runs handlers for the tasks of one office.

    At most `max_tasks` (1 to 1,000) are under way at a time: sync handlers in threads, `async def` ones on the event
    loop. When it is told to stop, what is under way has `grace` seconds to finish. `platform` stays the caller's to
    close, and may be used by handlers.
    """

    def __init__(self, platform: Platform, *, max_tasks: int = 8, grace: float = 30.0) -> None:
        if not 1 <= max_tasks <= 1000:
            raise ValueError(f"max_tasks is {max_tasks}; it must be from 1 to 1000")
        if grace < 0:
            raise ValueError(f"grace is {grace}; it must be 0 seconds or more")
        self.platform: Final = platform
        self._max_tasks: Final = max_tasks
        self._grace: Final = grace
        self._handlers: Final[dict[str, TaskHandler]] = {}
        self._run: Run | None = None
        self._stops = 0

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, *, max_tasks: int = 8, grace: float = 30.0) -> Self:
        """Make the department that the environment names; see `Platform.from_env` for the variables."""
        return cls(Platform.from_env(environ), max_tasks=max_tasks, grace=grace)

    def task(self, *catalog_codes: str) -> Callable[[Function], TaskHandler]:
        """Register the decorated function as the handler of one or more matters.

        It gets a `Task`, and returns the result as a JSON-like dict (or None for an empty one), or raises `Refuse`,
        `Return`, `PassUp`, `RequestCorrection`, `Suspend` or `Retry`. Any other exception is a technical failure, which
        the platform tries again later.
        """
        if not catalog_codes:
            raise ValueError('name the matters that the handler is for, as in @department.task("330131903000")')
        if self._run is not None:
            raise RuntimeError("the department works already; register handlers before run()")

        def register(function: Function) -> TaskHandler:
            handler = TaskHandler(function)
            for code in catalog_codes:
                if code in self._handlers:
                    raise ValueError(f"matter {code} has its handler already: {self._handlers[code].function!r}")
                self._handlers[code] = handler
            return handler

        return register

    def resume(self, task_id: str, note: str = "") -> None:
        """Say that the special procedure is over for which a handler raised `Suspend` on this task; another follows.

        For any thread and any process of the office, working or not; said twice, nothing happens. Raises
        `DuokuaError`, with reason PROCEDURE_NOT_FOUND when no procedure was begun on this task, PROCEDURE_ENDED when
        that was said before with another note, and CASE_ENDED or CASE_UNDOING when its case was refused or withdrawn
        meanwhile.
        """
        answer = TaskAnswer(task_id=task_id, request_id=f"resume {_digest(f'{task_id} {note}')}")
        answer.resume.note = note
        self.platform.tasks.AnswerTask(AnswerTaskRequest(answer=answer))

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, or `stop()`; a second signal cuts the grace short.

        Signals are heeded when it is called in the main thread. Raises `DuokuaError` when the platform says that the
        settings are wrong; one that cannot be reached is tried for ever.
        """
        asyncio.run(self._serve_with_signals())

    async def serve(self) -> None:
        """Work until `stop()`; as `run`, inside an event loop that is there already."""
        if not self._handlers:
            raise RuntimeError("no handler is registered; see Department.task")
        if self._run is not None:
            raise RuntimeError("the department works already")
        run = Run(self.platform, self._handlers, self._max_tasks, self._grace)
        self._run = run
        if self._stops:
            run.stop(self._stops)
        try:
            await run.serve()
        finally:
            self._run = None
            self._stops = 0

    def stop(self) -> None:
        """Have `run` finish what is under way and return; the second call cuts the grace short. For any thread."""
        # No lock: it is called in signal handlers too.
        self._stops += 1
        run = self._run
        if run is not None:
            run.stop(self._stops)

    async def _serve_with_signals(self) -> None:
        with _signals(self.stop):
            await self.serve()


def _digest(task_id: str) -> str:
    return hashlib.blake2b(task_id.encode(), digest_size=16).hexdigest()


@contextlib.contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """Have SIGTERM and SIGINT stop the department; only the main thread may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def heed(number: int, _: FrameType | None) -> None:
        _log.info("got %s", signal.Signals(number).name)
        stop()

    before = {number: signal.signal(number, heed) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
