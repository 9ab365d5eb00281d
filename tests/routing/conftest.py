"""A database of routing, on SQLite and on PostgreSQL, with a clock that stands still."""

import pytest

from chassis.database import Database
from chassis.testing import ManualClock
from services.routing.store import metadata
from tests.conftest import MakeDatabase


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database(make_database: MakeDatabase, clock: ManualClock) -> Database:
    return make_database(metadata, "routing", clock=clock)
