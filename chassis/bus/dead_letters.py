"""Dead letters of the embedded broker: the events that were given up, in a small SQLite file of their own."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chassis.bus.broker import Failure
from chassis.bus.events import Envelope

FILE_NAME = "bus.sqlite3"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS dead_letters (
    service TEXT NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    source TEXT NOT NULL,
    subject TEXT NOT NULL,
    time TEXT NOT NULL,
    traceparent TEXT NOT NULL,
    body BLOB NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    stack TEXT NOT NULL,
    parked_at TEXT NOT NULL,
    PRIMARY KEY (service, event_id)
)
"""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a service gave up."""

    service: str
    envelope: Envelope
    failure: Failure
    parked_at: str
    """RFC 3339."""


class DeadLetters:
    """The dead letters of all services of one worker process."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=5.0, check_same_thread=False)
        self._lock = threading.Lock()
        with self._writing() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(_SCHEMA)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._connection:
            yield self._connection

    def park(self, service: str, envelope: Envelope, failure: Failure) -> None:
        """Keep an event; one that is parked again after a restart replaces its earlier copy."""
        with self._writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    service,
                    envelope.id,
                    envelope.type,
                    envelope.source,
                    envelope.subject,
                    envelope.time,
                    envelope.traceparent,
                    envelope.body,
                    envelope.attempts,
                    failure.reason,
                    failure.message,
                    failure.stack,
                    datetime.now(UTC).isoformat(timespec="milliseconds"),
                ),
            )

    def list(self, service: str) -> list[DeadLetter]:
        """The service's dead letters, oldest first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT event_id, type, source, subject, time, body, traceparent, attempts, reason, message, stack,"
                " parked_at FROM dead_letters WHERE service = ? ORDER BY parked_at, event_id",
                (service,),
            ).fetchall()
        return [DeadLetter(service, Envelope(*row[:8]), Failure(*row[8:11]), row[11]) for row in rows]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
