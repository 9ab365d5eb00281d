"""Connections to PostgreSQL that break, hang or stand still: found out by both sides, and told apart from faults."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from chassis.bus.faults import database_is_away
from chassis.database import Database
from tests.servers import PostgresServer, Proxy
from tests.servers.process import wait_until


@pytest.fixture
def proxy(postgres_server: PostgresServer) -> Iterator[Proxy]:
    with Proxy(postgres_server.port) as proxy:
        yield proxy


@pytest.fixture
def database(postgres_server: PostgresServer, proxy: Proxy, tmp_path: Path) -> Iterator[Database]:
    """A database behind the proxy, with a table, and little patience."""
    with postgres_server.fresh_database() as url:
        near = url.replace(f":{postgres_server.port}/", f":{proxy.port}/")
        patience = "options=-c%20idle_in_transaction_session_timeout%3D300ms"
        database = Database(f"{near}?{patience}", "shop", signals_folder=tmp_path)
        with database.begin() as work:
            work.connection.execute(text("CREATE TABLE things (name text PRIMARY KEY)"))
        yield database
        database.close()


def insert(connection: Connection, name: str = "a") -> None:
    connection.execute(text("INSERT INTO things VALUES (:name)"), {"name": name})


def setting(connection: Connection, name: str) -> str:
    return str(connection.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar_one())


def stand_still(database: Database) -> None:
    with database.begin() as still:
        insert(still.connection)
        with database.begin() as other:
            insert(other.connection)  # waits for the lock of the first, which says nothing meanwhile
        insert(still.connection, "b")


def test_a_process_that_stands_still_in_a_transaction_loses_its_locks(database: Database) -> None:
    with pytest.raises(DBAPIError) as ended:
        stand_still(database)
    assert database_is_away(ended.value)
    ended.value.connection_invalidated = False  # the state alone says so
    assert database_is_away(ended.value)
    with database.read() as work:
        assert work.connection.execute(text("SELECT name FROM things")).scalars().all() == ["a"]


def test_a_cut_connection_is_a_database_that_is_away(database: Database, proxy: Proxy) -> None:
    def cut_in_the_midst() -> None:
        with database.begin() as work:
            insert(work.connection)
            proxy.cut()
            insert(work.connection, "b")

    with pytest.raises(DBAPIError) as cut:
        cut_in_the_midst()
    assert database_is_away(cut.value)
    with database.begin() as work:  # and the next has a connection of its own
        insert(work.connection)


def test_a_server_that_ends_a_session_is_away(database: Database) -> None:
    def end_in_the_midst() -> None:
        with database.begin() as work:
            pid = work.connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with database.begin() as other:
                other.connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            insert(work.connection)

    with pytest.raises(DBAPIError) as ended:
        end_in_the_midst()
    ended.value.connection_invalidated = False
    assert database_is_away(ended.value)


def test_a_statement_that_fails_is_no_database_that_is_away(database: Database) -> None:
    with pytest.raises(DBAPIError) as failed, database.begin() as work:
        work.connection.execute(text("SELECT nothing FROM nowhere"))
    assert not database_is_away(failed.value)


def test_what_the_url_says_comes_before_what_we_say(database: Database) -> None:
    with database.read() as work:
        assert setting(work.connection, "idle_in_transaction_session_timeout") == "300ms"
        assert setting(work.connection, "tcp_keepalives_idle") == "15"


def test_a_connection_finds_out_when_nobody_is_there_any_more(postgres_url: str, tmp_path: Path) -> None:
    database = Database(postgres_url, "shop", signals_folder=tmp_path)
    with database.read() as work:
        assert setting(work.connection, "idle_in_transaction_session_timeout") == "1min"
        assert setting(work.connection, "tcp_user_timeout") == "30000"
        connection = work.connection.connection.driver_connection
        assert connection is not None
        assert connection.info.get_parameters()["tcp_user_timeout"] == "30000"
    database.close()


def test_a_listener_comes_back_after_a_cut_and_looks_at_once(database: Database, proxy: Proxy) -> None:
    heard: list[str] = []
    database.callbacks.add("things", lambda: heard.append("things"))
    database.listen()
    wait_until(lambda: bool(heard), seconds=10, what="the first look")
    heard.clear()
    proxy.cut()
    wait_until(lambda: bool(heard), seconds=10, what="a look after the cut")
    heard.clear()
    database.engine.dispose()  # its connections were cut too
    with database.begin() as work:
        work.wake("things")
    wait_until(lambda: bool(heard), seconds=10, what="a signal over the new connection")
