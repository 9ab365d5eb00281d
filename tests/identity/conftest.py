"""A database of identity, on SQLite and on PostgreSQL, with a clock that stands still at noon."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chassis.testing import ManualClock

from chassis.database import Database, create_tables
from services.identity.store import metadata
from tests.identity.builders import NOON


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/identity.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    opened = Database(url, "identity", signals_folder=tmp_path, clock=clock)
    create_tables(opened, metadata)
    yield opened
    opened.close()
