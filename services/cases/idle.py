"""Cases to which nothing more happens: where the archive looks."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from services.cases.store import cases


def lock_idle_cases(connection: Connection, before: datetime, limit: int) -> Sequence[str]:
    """Ids of cases that look idle since before a time, the longest first; those that another process has are left."""
    query = select(cases.c.case_id).where(cases.c.idle_since <= before).order_by(cases.c.idle_since).limit(limit)
    return connection.scalars(query.with_for_update(skip_locked=True)).all()


def put_idle_right(connection: Connection, idle: Mapping[str, datetime | None]) -> None:
    """Write since when cases are idle."""
    if idle:
        rows = [{"key": case_id, "idle": since} for case_id, since in idle.items()]
        statement = update(cases).where(cases.c.case_id == bindparam("key")).values(idle_since=bindparam("idle"))
        connection.execute(statement, rows)
