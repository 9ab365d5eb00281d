"""What is old is forgotten, but for what an event that comes again would need."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from chassis.bus import inbox
from chassis.bus.pruning import SETTLED_SECONDS, Prune, Pruning, may_forget
from chassis.bus.runtime import Runtime
from chassis.bus.trouble import Troubles, consumer_part
from chassis.clock import new_id
from chassis.database import Database, UnitOfWork, create_tables, service_metadata
from chassis.settings import Settings
from tests.servers import PostgresServer

metadata = service_metadata()
MakeRuntime = Callable[[str], Runtime]
AMQP = "amqp://nobody@127.0.0.1:1/%2F"


@pytest.fixture(params=["sqlite", "postgresql"])
def make_runtime(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeRuntime]:
    """A process with the services shop and bank, given the broker's URL; nothing connects to a broker."""
    url = ""
    made: list[Runtime] = []
    dropped: list[str] = []
    server: PostgresServer | None = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        prefix = server.create_database()
        dropped += [prefix, *(server.create_database(f"{prefix}_{service}") for service in ("shop", "bank"))]
        url = server.url(f"{prefix}_{{service}}")

    def make(broker_url: str) -> Runtime:
        settings = Settings(data_dir=tmp_path, database_url=url, broker_url=broker_url)
        runtime = Runtime(settings, {"shop": {"t"}, "bank": {"t"}})
        made.append(runtime)
        for database in runtime.databases.values():
            create_tables(database, metadata)
        return runtime

    yield make
    for runtime in made:
        runtime.close()
    if server is not None:
        for name in dropped:
            server.drop_database(name)


def wait_in_outbox(database: Database, age: timedelta) -> None:
    with database.begin() as work:
        row = {"id": new_id(), "type": "t", "subject": "s", "body": b"", "traceparent": ""}
        work.connection.execute(metadata.tables["outbox"].insert(), {**row, "created_at": work.now - age})


def handled_long_ago(database: Database) -> None:
    with database.begin() as work:
        row = {"event_id": "e1", "handled_at": work.now - inbox.RETENTION - timedelta(days=1)}
        work.connection.execute(metadata.tables["inbox"].insert(), row)


def remembered(database: Database) -> list[str]:
    with database.read() as work:
        return list(work.connection.execute(select(metadata.tables["inbox"].c.event_id)).scalars())


def prune_once(runtime: Runtime, service: str) -> None:
    Pruning.of_service(service, runtime, []).forget_all()


def allowed(runtime: Runtime) -> bool:
    with runtime.database("shop").read() as work:
        return may_forget("shop", runtime, work.now)


def test_embedded_the_inbox_is_kept_while_any_outbox_holds_an_event_that_old(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime("")
    handled_long_ago(runtime.database("shop"))
    wait_in_outbox(runtime.database("bank"), inbox.RETENTION + timedelta(minutes=1))
    prune_once(runtime, "shop")
    assert remembered(runtime.database("shop")) == ["e1"]
    with runtime.database("bank").begin() as work:
        work.connection.execute(metadata.tables["outbox"].delete())
    wait_in_outbox(runtime.database("bank"), inbox.RETENTION - timedelta(minutes=1))
    prune_once(runtime, "shop")
    assert remembered(runtime.database("shop")) == []


def test_on_rabbitmq_the_inbox_is_kept_until_the_consumer_has_been_well_for_an_hour(
    make_runtime: MakeRuntime,
) -> None:
    runtime = make_runtime(AMQP)
    now = [100.0]
    runtime.troubles = Troubles(lambda: now[0])
    handled_long_ago(runtime.database("shop"))
    wait_in_outbox(runtime.database("shop"), inbox.RETENTION * 2)  # the broker keeps what it took: no matter
    assert allowed(runtime) is False
    report = runtime.troubles.reporter(consumer_part("shop"), "not connected yet")
    now[0] += SETTLED_SECONDS * 2
    assert allowed(runtime) is False
    report("")
    now[0] += SETTLED_SECONDS - 1
    report("")
    assert allowed(runtime) is False
    report("broker: away")
    report("")
    now[0] += SETTLED_SECONDS - 1
    prune_once(runtime, "shop")
    assert remembered(runtime.database("shop")) == ["e1"]
    now[0] += 1
    prune_once(runtime, "shop")
    assert remembered(runtime.database("shop")) == []


def test_each_is_pruned_until_nothing_is_left_and_one_that_fails_stops_no_other(make_runtime: MakeRuntime) -> None:
    database = make_runtime("").database("shop")
    calls: list[str] = []

    def broken(_work: UnitOfWork) -> bool:
        calls.append("broken")
        raise RuntimeError("not today")

    def counted(name: str, batches: int) -> Prune:
        def prune(_work: UnitOfWork) -> bool:
            calls.append(name)
            return calls.count(name) < batches

        return prune

    Pruning("shop", database, [broken, counted("long", 3), counted("short", 1)], pause=0.001).forget_all()
    assert sorted(calls) == ["broken", "long", "long", "long", "short"]


def test_a_stop_does_not_wait_until_all_is_forgotten(make_runtime: MakeRuntime) -> None:
    began = threading.Event()

    def endless(_work: UnitOfWork) -> bool:
        began.set()
        return True

    pruning = Pruning("shop", make_runtime("").database("shop"), [endless], pause=60)
    thread = threading.Thread(target=pruning.forget_all, daemon=True)
    thread.start()
    assert began.wait(10)
    pruning.stop()
    thread.join(10)
    assert not thread.is_alive()
