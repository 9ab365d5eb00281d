"""Whether the calendar still reaches far enough: a limit that begins now has to end on a day that it knows."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import structlog
from prometheus_client import Gauge
from sqlalchemy import Connection, func, select

from chassis.clock import day_of
from chassis.database import UnitOfWork
from services.cases.calendars import Calendars
from services.cases.domain.calendar import Calendar
from services.cases.domain.clocks import Limit, start
from services.cases.domain.plan import Limits, Plan
from services.cases.domain.reckoning import DueState, due_at
from services.cases.plans import Plans
from services.cases.store import bundles

LOOKED_AT = timedelta(hours=1)

days_left = Gauge("duokua_calendar_days_left", "Days, from today, whose kind the newest calendar knows.")
too_short = Gauge("duokua_calendar_too_short", "1 when a limit that begins now may end past the newest calendar.")

log = structlog.get_logger(__name__)


class Horizon:
    """Looks once an hour, and warns for as long as it is too near."""

    def __init__(self, plans: Plans, calendars: Calendars) -> None:
        self._plans = plans
        self._calendars = calendars
        self._next: datetime | None = None

    def look(self, work: UnitOfWork) -> None:
        """Measure, and log `calendar_ends_soon` when the years to come have to be loaded."""
        if self._next is not None and work.now < self._next:
            return
        self._next = work.now + LOOKED_AT
        calendar = self._calendars.newest(work)
        days_left.set((date(calendar.last_year, 12, 31) - day_of(work.now)).days)
        short = [plan.bundle_id for plan in self._newest_plans(work.connection) if _outgrows(plan, calendar, work.now)]
        too_short.set(bool(short))
        if short:
            log.warning(
                "calendar_ends_soon",
                last_year=calendar.last_year,
                bundles=sorted(short)[:10],
                todo=f"load the working days of {calendar.last_year + 1} with `duokua calendar load FILE.csv`",
            )

    def _newest_plans(self, connection: Connection) -> Iterator[Plan]:
        newest = select(bundles.c.bundle_id, func.max(bundles.c.version)).group_by(bundles.c.bundle_id)
        for bundle_id, version in connection.execute(newest).all():
            yield self._plans.of(connection, bundle_id, version).plan


def _outgrows(plan: Plan, calendar: Calendar, now: datetime) -> bool:
    """Whether a limit of the plan, extended as far as may be, is due past the calendar when it begins now."""
    declared: list[Limits] = [plan.limits, *(step.limits for step in plan.steps)]
    limits = [limit for each in declared for limit in (each.acceptance, each.statutory, each.promised) if limit]
    if plan.corrections.limit:
        limits.append(plan.corrections.limit)
    return any(due_at(start(now, _extended(limit)), calendar, plan.rules).state is DueState.UNKNOWN for limit in limits)


def _extended(limit: Limit) -> Limit:
    return replace(limit, amount=limit.amount + limit.longest_extension, longest_extension=0)
