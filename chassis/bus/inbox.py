"""The inbox: which events this service has handled, remembered in the transaction of their effect."""

import json
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import TextClause, bindparam, text

from chassis.database import Instant, UnitOfWork

RETENTION = timedelta(days=7)
"""Longer than any event can take: retries end after some hours."""
_PRUNED_AT_ONCE = 500
LONGEST_ID = 36
"""Characters; events have UUIDs."""

# One statement whatever the number of ids, so that it is compiled and planned once. Ordered, so that two consumers with
# the same events wait for each other instead of deadlocking.
_REMEMBER: dict[str, TextClause] = {
    "postgresql": text(
        "INSERT INTO inbox (event_id, handled_at) SELECT id, :now FROM unnest(CAST(:ids AS text[])) AS id ORDER BY id"
        " ON CONFLICT DO NOTHING RETURNING event_id"
    ).bindparams(bindparam("now", type_=Instant())),
    "sqlite": text(
        "INSERT INTO inbox (event_id, handled_at) SELECT value, :now FROM json_each(:ids) WHERE true ORDER BY value"
        " ON CONFLICT DO NOTHING RETURNING event_id"
    ).bindparams(bindparam("now", type_=Instant())),
}
_KNOWS = text("SELECT 1 FROM inbox WHERE event_id = :id")
_PRUNE = text(
    "DELETE FROM inbox WHERE event_id IN (SELECT event_id FROM inbox WHERE handled_at < :before LIMIT :limit)"
).bindparams(bindparam("before", type_=Instant()))


def remember(work: UnitOfWork, event_ids: Iterable[str]) -> set[str]:
    """Note events as handled; returns those that had not been.

    Of two transactions with the same event the second waits for the first to end.
    """
    dialect = work.connection.dialect.name
    ids = sorted(set(event_ids))
    parameters = {"now": work.now, "ids": json.dumps(ids) if dialect == "sqlite" else ids}
    return set(work.connection.execute(_REMEMBER[dialect], parameters).scalars())


def knows(work: UnitOfWork, event_id: str) -> bool:
    """Whether an event was handled, as far as is remembered."""
    return work.connection.execute(_KNOWS, {"id": event_id}).first() is not None


def prune(work: UnitOfWork) -> bool:
    """Forget some of the events handled longer ago than `RETENTION`; true when there may be more."""
    parameters = {"before": work.now - RETENTION, "limit": _PRUNED_AT_ONCE}
    return work.connection.execute(_PRUNE, parameters).rowcount >= _PRUNED_AT_ONCE
