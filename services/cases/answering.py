"""Answers of all streams in one transaction: while one batch commits, the next gathers.

There is no timer: an answer that arrives alone goes alone at once, and under load batches grow by themselves.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor

import structlog
from opentelemetry import trace
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis.database import Database
from chassis.problems import Exhausted, Problem, Unavailable
from services.cases.tasks import Given, Outcome, Tasks

log = structlog.get_logger()
tracer = trace.get_tracer("duokua.cases")

LARGEST_BATCH = 200
AWAY = (OperationalError, PoolTimeout)


class Answering:
    """Takes answers from streams, commits them in batches, and gives each its outcome."""

    def __init__(self, tasks: Tasks, database: Database, threads: Executor) -> None:
        self._tasks = tasks
        self._database = database
        self._threads = threads
        self._waiting: list[tuple[Given, asyncio.Future[Outcome]]] = []
        self._flusher: asyncio.Task[None] | None = None

    def take(self, given: Given) -> "asyncio.Future[Outcome]":
        """Put an answer into the next batch."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((given, future))
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        return future

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
            loop = asyncio.get_running_loop()
            outcomes = await loop.run_in_executor(self._threads, self._commit, [given for given, _ in batch])
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if not future.done():
                    future.set_result(outcome)

    def _commit(self, batch: Sequence[Given]) -> list[Outcome]:
        """One transaction for all; when it fails, one for each, so that one bad answer fails alone.

        When the database is away or the outbox full, it is so for all: they are not tried one after the other.
        """
        try:
            with (
                tracer.start_as_current_span("answers", attributes={"count": len(batch)}),
                self._database.begin() as work,
            ):
                return self._tasks.answer(work, batch)
        except Exception as error:  # noqa: BLE001 - each answer gets its own outcome below
            if isinstance(error, AWAY):
                log.warning("database_unavailable", answers=len(batch), error=f"{type(error).__name__}: {error}")
                return [Outcome(_unavailable("DATABASE_UNAVAILABLE")) for _ in batch]
            if isinstance(error, Exhausted):
                return self._leases_only(batch, error)
            if len(batch) == 1:
                return [Outcome(_problem(error))]
        return [outcome for given in batch for outcome in self._commit([given])]

    def _leases_only(self, batch: Sequence[Given], problem: Exhausted) -> list[Outcome]:
        """What only concerns leases tells nobody else, and is not refused for what the outbox holds."""
        leases = [given for given in batch if given.answer is None]
        if len(leases) == len(batch):
            return [Outcome(problem) for _ in batch]
        log.info("answers_put_off", answers=len(batch) - len(leases), reason=problem.reason)
        outcomes = iter(self._commit(leases) if leases else ())
        return [next(outcomes) if given.answer is None else Outcome(problem) for given in batch]


def _problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    log.error("answer_failed", exc_info=error)
    return _unavailable("DATABASE_UNAVAILABLE" if isinstance(error, DBAPIError) else "INTERNAL")


def _unavailable(reason: str) -> Unavailable:
    return Unavailable(reason, "the answer could not be written; send it again")
