"""What tests of services share; nothing here runs in production."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import MetaData

from chassis.clock import Clock, id_source
from chassis.database import Database, create_tables


class ManualClock:
    """A clock that moves only when it is told to."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """The time that was set."""
        return self._now

    def advance(self, **duration: float) -> None:
        """Move on by `timedelta(**duration)`."""
        self._now += timedelta(**duration)


@contextmanager
def repeatable_ids(clock: Clock, chance: random.Random) -> Iterator[None]:
    """Have `new_id` take its time from `clock` and the rest from `chance`: the same draws give the same identifiers."""
    before = id_source.time_ns, id_source.random_bytes
    id_source.time_ns = lambda: round(clock.now().timestamp() * 1000) * 1_000_000
    id_source.random_bytes = chance.randbytes
    try:
        yield
    finally:
        id_source.time_ns, id_source.random_bytes = before


def sqlite_database(metadata: MetaData, folder: Path, service: str = "test", clock: Clock | None = None) -> Database:
    """A fresh SQLite database with the tables of `metadata`."""
    url = f"sqlite:///{folder / service}.sqlite3"
    database = Database(url, service, signals_folder=folder / "signals", clock=clock)
    create_tables(database, metadata)
    return database
