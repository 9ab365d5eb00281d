"""The outbox as the relay sees it: which rows to publish next, and which to forget."""

import json
from collections.abc import Collection, Sequence
from datetime import UTC

from sqlalchemy import Connection, TextClause, text

from chassis.bus.broker import LARGEST_BATCH
from chassis.bus.events import Envelope, source_of
from chassis.database import Instant

_COLUMNS = "id, type, subject, body, traceparent, created_at"

# SKIP LOCKED lets several relays share one outbox. A relay on SQLite is alone, and holds no lock while it publishes.
_CLAIM: dict[str, TextClause] = {
    "postgresql": text(
        f"SELECT {_COLUMNS} FROM outbox WHERE id <> ALL(CAST(:ids AS text[])) AND type <> ALL(CAST(:types AS text[]))"  # noqa: S608
        " ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED"
    ),
    "sqlite": text(
        f"SELECT {_COLUMNS} FROM outbox WHERE id NOT IN (SELECT value FROM json_each(:ids))"  # noqa: S608
        " AND type NOT IN (SELECT value FROM json_each(:types)) ORDER BY id LIMIT :limit"
    ),
}
_FORGET: dict[str, TextClause] = {
    "postgresql": text("DELETE FROM outbox WHERE id = ANY(CAST(:ids AS text[]))"),
    "sqlite": text("DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(:ids))"),
}


def claim(
    connection: Connection, service: str, *, without_ids: Collection[str], without_types: Collection[str]
) -> list[Envelope]:
    """The oldest events that no other relay has in hand, except those that are left out; at most one batch.

    On PostgreSQL they are locked until the transaction ends.
    """
    statement = _CLAIM[connection.dialect.name].columns(created_at=Instant())
    parameters = {
        "ids": _array(connection, without_ids),
        "types": _array(connection, without_types),
        "limit": LARGEST_BATCH,
    }
    return [
        Envelope(
            id=row.id,
            type=row.type,
            source=source_of(service),
            subject=row.subject,
            time=row.created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            body=bytes(row.body),
            traceparent=row.traceparent,
        )
        for row in connection.execute(statement, parameters)
    ]


def forget(connection: Connection, event_ids: Collection[str]) -> None:
    """Delete events that are settled."""
    connection.execute(_FORGET[connection.dialect.name], {"ids": _array(connection, event_ids)})


def _array(connection: Connection, values: Collection[str]) -> str | Sequence[str]:
    listed = sorted(values)
    return json.dumps(listed) if connection.dialect.name == "sqlite" else listed
