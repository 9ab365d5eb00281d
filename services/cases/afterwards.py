"""Use cases of what follows the end of a case: delivery, ratings, the archive."""

from datetime import datetime, timedelta
from typing import Any, Self

import structlog
from sqlalchemy import Row

from chassis.database import Database, UnitOfWork
from chassis.settings import Settings
from services.cases import idle
from services.cases.domain.closing import idle_since
from services.cases.domain.decide import decide
from services.cases.domain.inputs import Archived, Delivered, Input, Rated
from services.cases.domain.refusal import Refusal
from services.cases.plans import Plans
from services.cases.saga import Decide, Pending, Running, Saga
from services.cases.service import Cases, as_problem

ARCHIVE_TOPIC = "archive"
"""Nobody wakes it: only time makes a case due."""
BATCH = 100
INTERVAL = timedelta(hours=1)

log = structlog.get_logger(__name__)


def rate(cases: Cases, work: UnitOfWork, case_id: str, given: Rated, actor: str) -> Row[Any]:
    """Take an applicant's rating. Raises Conflict NOT_RATABLE, ALREADY_RATED, CASE_ARCHIVED."""
    return _take(cases, work, case_id, given, actor)


def deliver(cases: Cases, work: UnitOfWork, case_id: str, given: Delivered, actor: str) -> Row[Any]:
    """Note that the results went out. Raises Conflict NOT_COMPLETED, ALREADY_DELIVERED, CASE_ARCHIVED."""
    return _take(cases, work, case_id, given, actor)


def _take(cases: Cases, work: UnitOfWork, case_id: str, given: Input, actor: str) -> Row[Any]:
    loaded = cases.saga.load(work, [case_id])
    (result,) = cases.saga.apply(work, loaded, [Pending(case_id, given, actor)])
    if isinstance(result, Refusal):
        raise as_problem(result)
    return cases.row(work, case_id)


class Archive:
    """Archives the cases in which nothing has happened for so long after their end."""

    def __init__(self, plans: Plans, after: timedelta, decide: Decide = decide, *, batch: int = BATCH) -> None:
        self._saga = Saga(plans, decide)
        self._after = after
        self._batch = batch

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The archive of an installation."""
        return cls(Plans(), timedelta(days=settings.archive_days))

    def archive_due(self, database: Database) -> datetime:
        """Archive a batch, each case once however many processes do this; give the time at which to look again.

        What the row says is only where to look: the case itself tells since when nothing is left to happen to it, and a
        row that says otherwise, as one of an earlier release does, is put right.
        """
        now = database.clock.now()
        with database.begin() as work:
            case_ids = idle.lock_idle_cases(work.connection, now - self._after, self._batch)
            cases = self._saga.load(work, case_ids)
            due = [case_id for case_id, running in cases.items() if self._is_due(running, now)]
            results = self._saga.apply(work, cases, [Pending(case_id, Archived()) for case_id in due])
            idle.put_idle_right(
                work.connection,
                {case_id: _idle_since(running) for case_id, running in cases.items() if case_id not in due},
            )
        for case_id, result in zip(due, results, strict=True):
            if isinstance(result, Refusal):  # never while `_is_due` and the rule agree
                log.error("case_not_archived", case_id=case_id, reason=result.reason)
        return now if len(case_ids) == self._batch else now + INTERVAL

    def _is_due(self, running: Running, now: datetime) -> bool:
        since = _idle_since(running)
        return since is not None and since <= now - self._after


def _idle_since(running: Running) -> datetime | None:
    return None if running.case is None else idle_since(running.case)
