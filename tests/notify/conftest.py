"""A database of notify, on SQLite and on PostgreSQL, with a clock that stands still, and a receiver of webhooks."""

from collections.abc import Iterator

import pytest

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.testing import ManualClock
from services.notify.store import metadata
from tests.conftest import MakeDatabase
from tests.notify.receiver import Receiver


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
def database(make_database: MakeDatabase, clock: ManualClock) -> Database:
    return make_database(metadata, "notify", clock=clock)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver
