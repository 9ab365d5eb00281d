"""A database of licences, on SQLite and on PostgreSQL, with a clock that stands still at noon."""

from datetime import UTC, datetime

import pytest

from chassis.database import Database
from chassis.testing import ManualClock
from services.licences.store import metadata
from tests.conftest import MakeDatabase
from tests.licences.builders import equip

NOON = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def database(make_database: MakeDatabase, clock: ManualClock) -> Database:
    made = make_database(metadata, "licences", clock=clock)
    equip(made)
    return made
