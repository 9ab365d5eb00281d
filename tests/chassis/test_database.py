"""Transactions on both databases."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, String, Table, select
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from chassis.database import Database, Document, Instant, insert, service_metadata
from chassis.testing import ManualClock
from duokua.cases.v1 import events_pb2
from tests.conftest import MakeDatabase

metadata = service_metadata()
things = Table(
    "things",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("data", Document),
    Column("at", Instant),
)
outbox = metadata.tables["outbox"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database(make_database: MakeDatabase, clock: ManualClock) -> Database:
    return make_database(metadata, "shop", clock=clock)


def names(database: Database) -> list[str]:
    with database.read() as work:
        return sorted(work.connection.scalars(select(things.c.name)))


def events(database: Database) -> list[str]:
    with database.read() as work:
        return list(work.connection.scalars(select(outbox.c.subject)))


def test_a_transaction_commits_with_its_events(database: Database) -> None:
    with database.begin() as work:
        work.connection.execute(things.insert().values(name="a"))
        work.emit(events_pb2.CaseSubmitted(), subject="a")
    assert (names(database), events(database)) == (["a"], ["a"])


def test_an_exception_rolls_everything_back(database: Database) -> None:
    def breaking() -> None:
        with database.begin() as work:
            work.connection.execute(things.insert().values(name="a"))
            work.emit(events_pb2.CaseSubmitted(), subject="a")
            raise KeyError

    with pytest.raises(KeyError):
        breaking()
    assert (names(database), events(database)) == ([], [])


def test_an_error_does_not_tell_what_was_to_be_stored(database: Database) -> None:
    row = {"caller": "c", "request_id": "r", "method": "m", "fingerprint": "f", "response": b"", "answered_at": None}
    with pytest.raises(IntegrityError) as caught, database.begin() as work:
        work.connection.execute(metadata.tables["requests"].insert(), {**row, "method": "a secret"})
    assert "a secret" not in str(caught.value).split("DETAIL")[0]


@pytest.mark.parametrize("make_database", ["postgresql"], indirect=True)
def test_a_reader_cannot_write(database: Database) -> None:
    with database.read() as work, pytest.raises(DBAPIError):
        work.connection.execute(things.insert().values(name="a"))


def test_a_reader_sees_one_state_throughout(database: Database) -> None:
    with database.read() as reading:
        assert list(reading.connection.scalars(select(things.c.name))) == []
        with database.begin() as work:
            work.connection.execute(things.insert().values(name="a"))
        assert list(reading.connection.scalars(select(things.c.name))) == []
    assert names(database) == ["a"]


def test_the_time_of_a_transaction_stands_still(database: Database, clock: ManualClock) -> None:
    with database.begin() as work:
        before = work.now
        clock.advance(hours=1)
        assert work.now == before


def test_times_come_back_as_they_were(database: Database) -> None:
    beijing = timezone(timedelta(hours=8))
    given = datetime(2026, 3, 2, 9, 0, 0, 123_000, beijing)
    with database.begin() as work:
        work.connection.execute(things.insert().values(name="a", at=given))
        with pytest.raises(StatementError, match="has no time zone"):
            work.connection.execute(things.insert().values(name="b", at=datetime(2026, 1, 1)))  # noqa: DTZ001
    with database.read() as work:
        kept = work.connection.scalar(select(things.c.at))
    assert kept == given
    assert kept is not None
    assert kept.tzinfo is UTC


def test_documents_come_back_as_they_were(database: Database) -> None:
    data = {"z": 1, "a": [0.1, None, True, {"文": "€\U0001f600\\\"'"}], "n": -1.5e-300}
    with database.begin() as work:
        work.connection.execute(things.insert().values(name="a", data=data))
    with database.read() as work:
        assert work.connection.scalar(select(things.c.data)) == data


def test_an_insert_may_meet_what_is_there(database: Database) -> None:
    for value in (1, 2):
        with database.begin() as work:
            statement = insert(work.connection, things).values(name="a", data=value)
            statement = statement.on_conflict_do_update(index_elements=["name"], set_={"data": statement.excluded.data})
            kept = work.connection.execute(statement.returning(things.c.data)).scalar_one()
            work.connection.execute(insert(work.connection, things).values(name="a").on_conflict_do_nothing())
        assert kept == value
