"""Hands available tasks to the clients that wait for them: streams and long polls of this process.

One loop for all of them. It looks when a task is opened, when a client has room again, and at a slow interval for
what only time makes available: back-offs that end and leases that run out.
"""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import DBAPIError

from chassis.database import Database
from duokua.cases.v1 import task_pb2
from services.cases.tasks import Tasks, Wish
from services.cases.writes import TASKS_TOPIC

log = structlog.get_logger()

INTERVAL_SECONDS = 1.0
MOST_OFFICES = 50
FAILURE_PAUSE_SECONDS = 1.0


@dataclass(eq=False, slots=True)
class Waiter:
    """A client that waits for tasks, and holds at most `most` at a time."""

    organ_id: str
    catalog_codes: frozenset[str]
    client: str
    most: int
    held: dict[str, datetime] = field(default_factory=dict)
    """The ends of the leases that it holds, by task."""
    tasks: "asyncio.Queue[list[task_pb2.Task]]" = field(default_factory=asyncio.Queue)

    @property
    def room(self) -> int:
        """How many more tasks it can take; negative when it holds more than it may by now."""
        return self.most - len(self.held)

    def forget_expired(self, now: datetime) -> None:
        """Take the room back of leases that ran out without a word."""
        for task_id in [task_id for task_id, end in self.held.items() if end <= now]:
            del self.held[task_id]


class Dispatch:
    """The loop that leases tasks for this process's waiters."""

    def __init__(self, tasks: Tasks, database: Database, threads: Executor) -> None:
        self._tasks = tasks
        self._database = database
        self._threads = threads
        self._waiters: list[Waiter] = []
        self._look = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._forgot_at = self._loop.time()
        self._database.callbacks.add(TASKS_TOPIC, self._signalled)
        self._runner = asyncio.create_task(self._run())

    def add(self, waiter: Waiter) -> None:
        """Begin to hand tasks to a client."""
        self._waiters.append(waiter)
        self._look.set()

    def remove(self, waiter: Waiter) -> None:
        """Hand no more tasks to a client; what is being leased for it right now is given back."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)

    def let_go(self, waiter: Waiter, task_id: str) -> None:
        """A client holds a task no longer; one that had no room may have a backlog."""
        was_full = waiter.room <= 0
        if waiter.held.pop(task_id, None) and was_full:
            self._look.set()

    async def stop(self) -> None:
        """End the loop."""
        self._database.callbacks.remove(TASKS_TOPIC, self._signalled)
        self._runner.cancel()
        await asyncio.gather(self._runner, return_exceptions=True)

    def _signalled(self) -> None:
        self._loop.call_soon_threadsafe(self._look.set)

    async def _run(self) -> None:
        while True:
            await self._wait()
            self._look.clear()
            self._forget_expired()
            waiters = [waiter for waiter in self._waiters if waiter.room > 0]
            for group in by_office(waiters):
                await self._hand_out(group)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(INTERVAL_SECONDS if self._waiters else None):
                await self._look.wait()
        except TimeoutError:
            return

    def _forget_expired(self) -> None:
        now = self._loop.time()
        if now - self._forgot_at >= INTERVAL_SECONDS:
            self._forgot_at = now
            for waiter in self._waiters:
                waiter.forget_expired(self._database.clock.now())

    async def _hand_out(self, waiters: Sequence[Waiter]) -> None:
        wishes = [Wish(each.organ_id, each.catalog_codes, each.room, each.client) for each in waiters]
        try:
            leased, more = await self._loop.run_in_executor(self._threads, self._lease, wishes)
        except Exception as error:  # noqa: BLE001 - whatever it is, the loop must go on: no client waits in vain
            log.warning("tasks_cannot_be_leased", error=_in_short(error))
            await asyncio.sleep(FAILURE_PAUSE_SECONDS)
            self._look.set()
            return
        unwanted: list[task_pb2.Task] = []
        for waiter, tasks in zip(waiters, leased, strict=True):
            if waiter not in self._waiters:
                unwanted += tasks
            elif tasks:
                waiter.held.update({task.task_id: task.lease_expires_at.ToDatetime(UTC) for task in tasks})
                waiter.tasks.put_nowait(tasks)
        if unwanted:
            await self._give_back(unwanted)
        if more:
            self._look.set()

    async def _give_back(self, leased: Sequence[task_pb2.Task]) -> None:
        """Their client has gone meanwhile; where this fails they come back when their leases run out."""
        try:
            await self._loop.run_in_executor(self._threads, self._release, leased)
        except Exception as error:  # noqa: BLE001 - as above
            log.warning("tasks_not_given_back", error=_in_short(error))

    def _lease(self, wishes: Sequence[Wish]) -> tuple[list[list[task_pb2.Task]], bool]:
        with self._database.begin() as work:
            return self._tasks.lease(work, wishes)

    def _release(self, leased: Sequence[task_pb2.Task]) -> None:
        with self._database.begin() as work:
            self._tasks.give_back(work, leased)


def by_office(waiters: Sequence[Waiter]) -> Iterator[list[Waiter]]:
    """Waiters in groups of so many offices that one query can name; a group that fails does not touch the others."""
    offices: dict[str, list[Waiter]] = {}
    for waiter in waiters:
        offices.setdefault(waiter.organ_id, []).append(waiter)
    groups = list(offices.values())
    for start in range(0, len(groups), MOST_OFFICES):
        yield [waiter for office in groups[start : start + MOST_OFFICES] for waiter in office]


def _in_short(error: Exception) -> str:
    """An error without the statement that it came from, which holds what clients said."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return f"{type(error).__name__}: {cause}"
