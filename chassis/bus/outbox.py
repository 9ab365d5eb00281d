"""The outbox as the relay sees it: which rows to publish next, and which to forget."""

import json
from collections.abc import Collection, Sequence
from datetime import UTC

from sqlalchemy import Connection, TextClause, text

from chassis.bus.broker import LARGEST_BATCH, LARGEST_BATCH_BYTES
from chassis.bus.events import Envelope, source_of
from chassis.database import Instant

_COLUMNS = "id, type, subject, body, traceparent, created_at"

# As many of the oldest as begin within the batch's bytes, so that at most one event more than these is read. A body's
# length is known without reading it.
# SKIP LOCKED lets several relays share one outbox; what was locked and is left for the next batch waits with it.
# A relay on SQLite is alone, and holds no lock while it publishes; there the bodies are joined afterwards, because its
# window would hold copies of all of them.
_CLAIM: dict[str, TextClause] = {
    "postgresql": text(
        f"WITH oldest AS (SELECT {_COLUMNS} FROM outbox"  # noqa: S608
        " WHERE id <> ALL(CAST(:ids AS text[])) AND type <> ALL(CAST(:types AS text[]))"
        " ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED), sized AS"
        " (SELECT *, sum(octet_length(body)) OVER (ORDER BY id) - octet_length(body) AS before FROM oldest)"
        f" SELECT {_COLUMNS} FROM sized WHERE before < :bytes ORDER BY id"
    ),
    "sqlite": text(
        "WITH oldest AS (SELECT id, length(body) AS size FROM outbox"  # noqa: S608
        " WHERE id NOT IN (SELECT value FROM json_each(:ids)) AND type NOT IN (SELECT value FROM json_each(:types))"
        " ORDER BY id LIMIT :limit), sized AS (SELECT id, sum(size) OVER (ORDER BY id) - size AS before FROM oldest)"
        f" SELECT {_COLUMNS} FROM sized JOIN outbox USING (id) WHERE before < :bytes ORDER BY id"
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

    On PostgreSQL they are locked until the transaction ends. `is_full` says whether there may be more.
    """
    statement = _CLAIM[connection.dialect.name].columns(created_at=Instant())
    parameters = {
        "ids": _array(connection, without_ids),
        "types": _array(connection, without_types),
        "limit": LARGEST_BATCH,
        "bytes": LARGEST_BATCH_BYTES,
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


def is_full(envelopes: Sequence[Envelope]) -> bool:
    """Whether a claim ended at a bound, so that more events may be waiting."""
    return len(envelopes) == LARGEST_BATCH or sum(len(each.body) for each in envelopes) >= LARGEST_BATCH_BYTES


def forget(connection: Connection, event_ids: Collection[str]) -> None:
    """Delete events that are settled."""
    connection.execute(_FORGET[connection.dialect.name], {"ids": _array(connection, event_ids)})


def _array(connection: Connection, values: Collection[str]) -> str | Sequence[str]:
    listed = sorted(values)
    return json.dumps(listed) if connection.dialect.name == "sqlite" else listed
