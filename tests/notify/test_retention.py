"""The log of deliveries forgets what ended long ago, and nothing that has not ended."""

from datetime import timedelta

import pytest
from alembic import command
from sqlalchemy import MetaData, select, text, update

from chassis.database import Database, UnitOfWork
from chassis.migrate import _config, upgrade
from chassis.testing import ManualClock
from services.notify import store
from services.notify.deliverer import FORGOTTEN_AT_ONCE, RETENTION, Deliverer
from services.notify.domain.webhooks import Outcome, Status
from tests.conftest import MakeDatabase
from tests.notify.builders import TAX, accepted, notify, register, sender, vault


@pytest.fixture
def deliverer() -> Deliverer:
    return Deliverer(vault(), sender())


def put(database: Database, count: int = 1) -> list[str]:
    """Deliveries that are pending; gives their ids."""
    with database.begin() as work:
        register(notify(), work, "http://127.0.0.1:1/", TAX)
        notify().tell(work, [accepted(version=version) for version in range(2, 2 + count)])
        made = sorted(ids(work))
    assert len(made) == count
    return made


def ids(work: UnitOfWork) -> set[str]:
    return set(work.connection.execute(select(store.deliveries.c.delivery_id)).scalars())


def end(database: Database, delivery_id: str, status: Status) -> None:
    """What the deliverer records of an attempt."""
    with database.begin() as work:
        claim = store.Claim(delivery_id, "w", 0, "http://127.0.0.1:1/", b"", "")
        store.record(work.connection, claim, 204, Outcome(status), work.now)


def forget(database: Database, deliverer: Deliverer) -> bool:
    with database.begin() as work:
        return deliverer.forget_old(work)


def left(database: Database) -> set[str]:
    with database.read() as work:
        return ids(work)


def test_what_ended_long_ago_is_forgotten_and_what_is_pending_never(
    database: Database, clock: ManualClock, deliverer: Deliverer
) -> None:
    delivered, failed, pending, later = put(database, 4)
    end(database, delivered, Status.DELIVERED)
    end(database, failed, Status.FAILED)
    clock.advance(days=1)
    end(database, later, Status.DELIVERED)
    clock.advance(days=RETENTION.days - 1)
    assert forget(database, deliverer) is False
    assert left(database) == {delivered, failed, pending, later}
    clock.advance(seconds=1)
    assert forget(database, deliverer) is False
    assert left(database) == {pending, later}


def test_what_is_given_up_with_its_webhook_has_ended_too(
    database: Database, clock: ManualClock, deliverer: Deliverer
) -> None:
    put(database, 2)
    with database.begin() as work:
        (hook,) = store.list_webhooks(work.connection, "tax-bureau", None, 10)
        notify().remove_webhook(work, TAX, hook["webhook_id"])
    clock.advance(days=RETENTION.days, seconds=1)
    forget(database, deliverer)
    assert left(database) == set()


def test_it_goes_in_small_batches_the_oldest_first(
    database: Database, clock: ManualClock, deliverer: Deliverer
) -> None:
    made = put(database, FORGOTTEN_AT_ONCE + 1)
    first = made[0]
    with database.begin() as work:
        log = update(store.deliveries)
        work.connection.execute(log.values(status=Status.FAILED, ended_at=work.now))
        last = work.now + timedelta(minutes=1)
        work.connection.execute(log.where(store.deliveries.c.delivery_id == first).values(ended_at=last))
    clock.advance(days=RETENTION.days + 1)
    assert forget(database, deliverer) is True
    assert left(database) == {first}
    assert forget(database, deliverer) is False
    assert left(database) == set()


def test_the_oldest_are_found_by_an_index_and_not_sorted(database: Database) -> None:
    query = "SELECT delivery_id FROM deliveries WHERE ended_at < '2026-01-01' ORDER BY ended_at LIMIT 500"
    with database.begin() as work:
        if not database.is_sqlite:
            work.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # which suits an empty table
            work.connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        plan = " ".join(str(row) for row in work.connection.execute(text(f"{explain} {query}")))
    assert "ix_deliveries_ended_at" in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


def test_deliveries_of_before_the_migration_get_an_end(make_database: MakeDatabase) -> None:
    database = make_database(MetaData(), "notify")
    with database.engine.connect() as connection, connection.begin():
        command.upgrade(_config("notify", connection), "0002")
        columns = "delivery_id, webhook_id, organ_id, event_type, source, body, http_status, attempts, last_error"
        values = "'w', 'o', 'e', :source, '', 0, 1, ''"
        for number, (status, delivered) in enumerate([(1, None), (2, "2026-01-02T00:00:00+00:00"), (3, None)]):
            connection.execute(
                text(
                    f"INSERT INTO deliveries ({columns}, status, created_at, delivered_at)"  # noqa: S608
                    f" VALUES (:id, {values}, :status, '2026-01-01T00:00:00+00:00', :delivered)"
                ),
                {"id": str(number), "source": str(number), "status": status, "delivered": delivered},
            )
    upgrade(database)
    with database.read() as work:
        query = select(store.deliveries.c.ended_at).order_by(store.deliveries.c.delivery_id)
        pending, delivered_at, failed_at = work.connection.execute(query).scalars()
    assert pending is None
    assert (delivered_at.day, failed_at.day) == (2, 1)
