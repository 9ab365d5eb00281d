"""A database of eseal, on SQLite and on PostgreSQL, with a clock that stands still at noon."""

import pytest

from chassis.database import Database
from chassis.testing import ManualClock
from services.eseal.store import metadata
from tests.conftest import MakeDatabase
from tests.eseal.builders import NOON


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def database(make_database: MakeDatabase, clock: ManualClock) -> Database:
    return make_database(metadata, "eseal", clock=clock)
