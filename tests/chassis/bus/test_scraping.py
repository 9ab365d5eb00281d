"""Gauges of what waits: current at each scrape, and a database that is away neither breaks one nor holds it up."""

import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from chassis.bus import metrics
from chassis.bus.broker import Failure
from chassis.bus.dead_letters import park
from chassis.bus.events import Envelope
from chassis.bus.scraping import BacklogCollector
from chassis.clock import new_id
from chassis.database import Database, service_metadata
from chassis.testing import ManualClock
from tests.chassis.bus.shop import text_event
from tests.chassis.bus.test_worker_process import Setup
from tests.conftest import MakeDatabase
from tests.servers.process import wait_until

metadata = service_metadata()
Sample = Callable[..., float | None]


def scraped(**databases: Database) -> Sample:
    """A scrape's samples."""
    registry = CollectorRegistry()
    registry.register(BacklogCollector(databases, seconds=5))
    return sample_of(registry)


def sample_of(registry: CollectorRegistry) -> Sample:
    return lambda name, **labels: registry.get_sample_value(f"duokua_{name}", labels)


def wait_in_outbox(database: Database, event_type: str, *, held: bool = False) -> None:
    with database.begin() as work:
        row = {"id": new_id(), "type": event_type, "subject": "s", "body": b"", "traceparent": ""}
        times = {"created_at": work.now, "held_since": work.now if held else None}
        work.connection.execute(metadata.tables["outbox"].insert(), {**row, **times})


def test_gauges_tell_what_waits_now(make_database: MakeDatabase) -> None:
    clock = ManualClock()
    shop, bank = make_database(metadata, "shop", clock=clock), make_database(metadata, "bank", clock=clock)
    wait_in_outbox(shop, "paid")
    clock.advance(seconds=30)
    for _ in range(2):
        wait_in_outbox(shop, "unheard.of", held=True)
    with shop.begin() as work:
        park(work, text_event("broken"), Failure("POISON", "cannot be handled"))
    clock.advance(seconds=12.5)
    sample = scraped(shop=shop, bank=bank)
    assert sample("outbox_events", service="shop") == 3
    assert sample("outbox_oldest_seconds", service="shop") == 42.5
    assert sample("outbox_held_events", service="shop", type="unheard.of") == 2
    assert sample("outbox_held_events", service="shop", type="paid") is None
    assert sample("dead_letters", service="shop") == 1
    of_bank = [sample(name, service="bank") for name in ("outbox_events", "outbox_oldest_seconds", "dead_letters")]
    assert of_bank == [0, 0, 0]
    assert [sample("backlog_read", service=each) for each in ("shop", "bank")] == [1, 1]


def test_each_scrape_counts_anew(make_database: MakeDatabase) -> None:
    shop = make_database(metadata, "shop")
    sample = scraped(shop=shop)
    wait_in_outbox(shop, "paid")
    assert sample("outbox_events", service="shop") == 1
    with shop.begin() as work:
        work.connection.execute(metadata.tables["outbox"].delete())
    assert sample("outbox_events", service="shop") == 0


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Database]:
    """A database whose server takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        database = Database(
            f"postgresql://nobody@127.0.0.1:{server.getsockname()[1]}/bank", "bank", signals_folder=tmp_path
        )
        yield database
        database.close()


def test_a_database_that_hangs_costs_a_bounded_time_and_one_thread(
    make_database: MakeDatabase, silent: Database
) -> None:
    shop = make_database(metadata, "shop")
    registry = CollectorRegistry()
    registry.register(BacklogCollector({"bank": silent, "shop": shop}, seconds=0.5))
    sample = sample_of(registry)
    for _ in range(3):
        began = time.monotonic()
        assert sample("backlog_read", service="bank") == 0
        assert time.monotonic() - began < 2
    assert sample("backlog_read", service="shop") == 1
    assert sample("outbox_events", service="shop") == 0
    assert sample("outbox_events", service="bank") is None
    assert [each.name for each in threading.enumerate()].count("scrape-bank") == 1


def test_a_database_that_refuses_is_shown_and_read_again_when_it_is_back(make_database: MakeDatabase) -> None:
    shop = make_database(metadata, "shop")
    sample = scraped(shop=shop)
    with shop.begin() as work:
        metadata.tables["outbox"].drop(work.connection)
    assert sample("backlog_read", service="shop") == 0
    with shop.begin() as work:
        metadata.tables["outbox"].create(work.connection)
    assert sample("backlog_read", service="shop") == 1


def test_registering_looks_at_no_database(silent: Database) -> None:
    began = time.monotonic()
    CollectorRegistry().register(BacklogCollector({"bank": silent}, seconds=30))
    assert time.monotonic() - began < 5


def test_a_worker_process_serves_them(tmp_path: Path) -> None:
    setup = Setup(tmp_path)
    try:
        setup.start_ready()
        setup.shop.emit("a")
        setup.wait_for_texts("a")
        setup.wait_for_empty_outbox()

        def served() -> dict[str, float]:
            with urllib.request.urlopen(f"http://127.0.0.1:{setup.port}/metrics", timeout=10) as answer:
                families = list(text_string_to_metric_families(answer.read().decode()))
            return {
                sample.name: sample.value
                for family in families
                for sample in family.samples
                if sample.labels.get("service") == "shop"
            }

        wait_until(lambda: served().get("duokua_outbox_events") == 0, seconds=10, what="an empty outbox in the metrics")
        assert served()["duokua_backlog_read"] == 1
        assert served()["duokua_dead_letters"] == 0
    finally:
        setup.close()


def event_at(time: str) -> Envelope:
    return Envelope(new_id(), "t", "/services/sender", "s", time, b"")


def test_lag_is_from_an_event_s_time_and_never_negative() -> None:
    now = datetime(2026, 3, 2, 1, 0, 10, tzinfo=UTC)
    early, late = now - timedelta(seconds=7.5), now + timedelta(minutes=1)
    times = [each.isoformat(timespec="milliseconds").replace("+00:00", "Z") for each in (early, late)]
    metrics.note_lag("late-shop", [event_at(each) for each in (*times, "", "yesterday", "2026-03-02T01:00:00")], now)
    (family,) = [each for each in metrics.lag_seconds.collect() if each.name == "duokua_consumer_lag_seconds"]
    sums = {sample.name: sample.value for sample in family.samples if sample.labels == {"service": "late-shop"}}
    assert sums["duokua_consumer_lag_seconds_count"] == 2
    assert sums["duokua_consumer_lag_seconds_sum"] == 7.5
