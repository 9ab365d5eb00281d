"""A database of cases, on SQLite and on PostgreSQL, with a clock that stands still at nine, and a town on it."""

import pytest

from chassis.database import Database
from chassis.testing import ManualClock
from services.cases.store import metadata
from tests.cases.builders import Town, a_bundle
from tests.conftest import MakeDatabase


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database(make_database: MakeDatabase, clock: ManualClock) -> Database:
    return make_database(metadata, "cases", clock=clock)


@pytest.fixture
def town(database: Database) -> Town:
    return Town(database).publish(a_bundle())
