"""The timers of cases: when a light changes next, as columns of their rows, and the queries on them."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from services.cases.store import cases

# So that a case that has it is not looked at for its calendar.
_NEWER_THAN_ANY = 2**31 - 1


def lock_due_cases(connection: Connection, now: datetime, calendar_version: int, limit: int) -> list[str]:
    """Lock cases with clocks to look at, and give their ids: late ones, then those of an older calendar.

    Those that another process has locked are left out: it tells their lights itself.
    """
    late = select(cases.c.case_id).where(cases.c.wake_at <= now).order_by(cases.c.wake_at)
    found = list(connection.scalars(late.limit(limit).with_for_update(skip_locked=True)))
    if len(found) < limit:
        older = select(cases.c.case_id).where(cases.c.calendar_version < calendar_version)
        older = older.order_by(cases.c.calendar_version).limit(limit - len(found))
        found += connection.scalars(older.with_for_update(skip_locked=True))
    return list(dict.fromkeys(found))


def postpone_wake(connection: Connection, case_id: str, at: datetime) -> None:
    """Look at a case again at that time only; by the newest calendar then, whichever that is."""
    changed = {"wake_at": at, "calendar_version": _NEWER_THAN_ANY}
    connection.execute(update(cases).where(cases.c.case_id == case_id).values(changed))


def next_wake(connection: Connection) -> datetime | None:
    """When the next light of any case changes."""
    query = select(cases.c.wake_at).where(cases.c.wake_at.is_not(None)).order_by(cases.c.wake_at).limit(1)
    at: datetime | None = connection.scalar(query)
    return at
