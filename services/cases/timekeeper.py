"""Looks at cases when the light of one of their clocks changes, and after a calendar was loaded.

A timer is a column of its case, `wake_at`, written with every change of the case: it cannot be lost or left over, and
fires once, because what it tells is decided under the lock of the case's row, by the light that was told last. Any
number of processes look; one that finds a case locked leaves it to who has it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Self

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy.exc import DBAPIError

from chassis.database import Database
from chassis.settings import Settings
from services.cases import timers
from services.cases.calendars import Calendars
from services.cases.domain.decide import decide
from services.cases.horizon import Horizon
from services.cases.plans import Plans
from services.cases.saga import Decide, Saga

BATCH = 200
PAUSE = timedelta(seconds=1)
"""Before another look at what somebody else has locked."""
POSTPONED = timedelta(minutes=10)
"""For a case whose clocks cannot be told."""

late = Gauge("duokua_clock_late_seconds", "How long the clock that waits longest to be looked at is overdue.")
failed = Counter("duokua_clock_looks_failed", "Looks at the clocks of a case that failed, and are made again later.")

log = structlog.get_logger(__name__)


class Timekeeper:
    """Tells running cases what time does to them."""

    def __init__(self, plans: Plans, decide: Decide = decide, *, batch: int = BATCH) -> None:
        self._saga = Saga(plans, decide)
        self._calendars = Calendars()
        self._horizon = Horizon(plans, self._calendars)
        self._batch = batch

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The timekeeper of an installation."""
        del settings
        return cls(Plans())

    def look(self, database: Database) -> datetime | None:
        """Look at a batch of the cases that are due; give the time at which to look again."""
        due: list[str] = []
        try:
            with database.begin() as work:
                version = self._calendars.newest(work).version
                due += timers.lock_due_cases(work.connection, work.now, version, self._batch)
                self._saga.look(work, self._saga.load(work, due))
        except DBAPIError:
            raise
        except Exception:
            # One that cannot be told must not hold up the others.
            log.exception("clocks_looked_at_one_by_one", cases=len(due))
            self._look_at_each(database, due)
        return self._following(database, full=len(due) == self._batch)

    def _look_at_each(self, database: Database, case_ids: Sequence[str]) -> None:
        for case_id in case_ids:
            try:
                with database.begin() as work:
                    self._saga.look(work, self._saga.load(work, [case_id]))
            except DBAPIError:
                raise
            except Exception:
                log.exception("clocks_not_told", case_id=case_id, again_in=str(POSTPONED))
                failed.inc()
                with database.begin() as work:
                    timers.postpone_wake(work.connection, case_id, work.now + POSTPONED)

    def _following(self, database: Database, *, full: bool) -> datetime | None:
        with database.read() as work:
            following = timers.next_wake(work.connection)
            now = work.now
            self._horizon.look(work)
        late.set(max((now - following).total_seconds(), 0.0) if following else 0.0)
        if full:
            return now
        return None if following is None else max(following, now + PAUSE)
