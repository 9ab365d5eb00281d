"""A database of identity, on SQLite and on PostgreSQL, with a clock that stands still at noon."""

import pytest

from chassis.database import Database
from chassis.testing import ManualClock
from services.identity.store import metadata
from tests.conftest import MakeDatabase
from tests.identity.builders import NOON


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def database(make_database: MakeDatabase, clock: ManualClock) -> Database:
    return make_database(metadata, "identity", clock=clock)
