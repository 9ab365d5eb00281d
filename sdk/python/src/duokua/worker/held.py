"""One task in hand, and the watch over its lease."""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Literal

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from duokua.task import LeaseLost, Task

# Two extensions of a lease are at least this far apart, in seconds, even when the clocks of the machines disagree.
_SHORTEST_PAUSE: Final = 0.25


@dataclass(slots=True, eq=False)
class Held:
    """One task in hand: waiting -> running -> answered -> gone.

    `extend_at` is of `loop.time()`; `generation` counts the streams before the one that brought the task.
    """

    task: Task
    lease: str
    extend_at: float
    generation: int
    state: Literal["waiting", "running", "answered", "gone"] = "waiting"
    extending: bool = False
    extensions: int = 0
    accepted: bool = False
    accepting: list[Future[None]] = field(default_factory=list)
    remarks: int = 0
    remarking: dict[str, Future[None]] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether the task still waits for its answer."""
        return self.state in ("waiting", "running")

    def release(self, error: Exception | None) -> None:
        """Tell whoever waits for the acceptance what became of it."""
        waiters, self.accepting = self.accepting, []
        for waiter in waiters:
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

    def lose(self, reason: str, message: str) -> None:
        """The task is no longer ours."""
        was_open = self.open
        self.state = "gone"
        if was_open:
            self.task.cancelled.set()
        self.release(lost(self.task, reason, message))
        for request_id in tuple(self.remarking):
            self.heard(request_id, lost(self.task, reason, message))

    def heard(self, request_id: str, error: Exception | None) -> None:
        """Tell whoever waits for the outcome of a remark."""
        waiter = self.remarking.pop(request_id, None)
        if waiter is None:
            return
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)


def lost(task: Task, reason: str, message: str) -> LeaseLost:
    """Make the error that a handler gets for a task that is not ours any more."""
    return LeaseLost(grpc.StatusCode.FAILED_PRECONDITION, reason, message, {"task_id": task.task_id})


class LeaseWatch:
    """Has each lease extended when half of what was left of it has passed.

    One timer for all tasks: at thousands of short tasks a second, most are answered before anyone looks at them.
    """

    def __init__(self, tasks: Mapping[str, Held], extend: Callable[[Held], None]) -> None:
        self._tasks: Final = tasks
        self._extend: Final = extend
        self._loop: Final = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def half_way(self, expires_at: Timestamp) -> float:
        """Give the moment to extend a lease, of `loop.time()`."""
        left = expires_at.seconds + expires_at.nanos / 1e9 - time.time()
        return self._loop.time() + max(left / 2, _SHORTEST_PAUSE)

    def watch(self, held: Held) -> None:
        """Look again when this lease is half way, unless a look is due before."""
        if self._timer is None or held.extend_at < self._timer.when():
            self.close()
            self._timer = self._loop.call_at(held.extend_at, self._look)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        for held in self._tasks.values():
            if not held.open or held.extending:
                continue
            if held.extend_at <= now:
                held.extending = True
                self._extend(held)
            else:
                self.watch(held)
