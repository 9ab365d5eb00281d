"""Wake-ups between processes: SQLite's by sockets, PostgreSQL's by NOTIFY."""

import contextlib
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from chassis import signals
from chassis.database import Database, create_tables, service_metadata
from chassis.signals import LARGEST_PAYLOAD, Callbacks, SocketSignals, payloads
from tests.chassis.crowd import crowd
from tests.servers import PostgresServer
from tests.servers.process import wait_until

SECONDS = 20.0


class Ear:
    """Counts what a database's callbacks hear of one topic."""

    def __init__(self, database: Database, topic: str) -> None:
        self.heard = 0
        database.callbacks.add(topic, self.hear)

    def hear(self) -> None:
        self.heard += 1

    def hears_again(self, before: int) -> None:
        wait_until(lambda: self.heard > before, seconds=SECONDS, what="nothing was heard")


def wake(database: Database, *topics: str) -> None:
    with database.begin() as work:
        for topic in topics:
            work.wake(topic)


def end_listening(database: Database) -> None:
    """Have the server end the connections that listen."""
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )


def sqlite(folder: Path) -> Database:
    return Database(f"sqlite:///{folder.parent / 'shop.sqlite3'}", "shop", signals_folder=folder)


@pytest.fixture
def postgres(postgres_url: str, tmp_path: Path) -> Iterator[Database]:
    database = Database(postgres_url, "shop", signals_folder=tmp_path)
    yield database
    database.close()


ANOTHER_PROCESS = """
from pathlib import Path
from chassis.database import Database
database = Database({url!r}, "shop", signals_folder=Path({folder!r}))
with database.begin() as work:
    for topic in {topics!r}:
        work.wake(topic)
"""


def wake_from_another_process(url: str, folder: Path, *topics: str) -> None:
    script = textwrap.dedent(ANOTHER_PROCESS).format(url=url, folder=str(folder), topics=topics)
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2], timeout=60)


@pytest.mark.parametrize("length", [20, 200], ids=["short path", "long path"])
def test_another_process_is_heard_by_its_socket(tmp_path: Path, length: int) -> None:
    folder = tmp_path / ("d" * length) / "signals"
    folder.parent.mkdir()
    database = sqlite(folder)
    ear, other = Ear(database, "tasks"), Ear(database, "other")
    database.listen()
    many = [f"case:{number:036d}" for number in range(300)]  # more than one payload
    wake_from_another_process(str(database.url), folder, *many, "tasks")
    ear.hears_again(0)
    assert other.heard == 0
    (path,) = folder.glob("*.sock")
    assert path.stat().st_mode & 0o777 == 0o600
    database.close()
    assert not path.exists()


def test_a_process_wakes_itself_without_listening(tmp_path: Path) -> None:
    database = sqlite(tmp_path / "signals")
    ear = Ear(database, "tasks")
    wake(database, "tasks", "other")
    assert ear.heard == 1


def test_a_socket_that_nobody_reads_is_cleared_away(tmp_path: Path) -> None:
    dead = tmp_path / "shop.999999.sock"
    left = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    left.bind(str(dead))
    left.close()
    foreign = tmp_path / "bakery.999999.sock"
    foreign.touch()
    SocketSignals(tmp_path, "shop").send(["tasks"])
    assert not dead.exists()
    assert foreign.exists()


def fill(path: Path) -> None:
    """Send to a socket until it has no room."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, contextlib.suppress(BlockingIOError):
        sender.settimeout(0)
        while True:
            sender.sendto(b"others", str(path))


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket of a process that does not read for now, with no room left."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.settimeout(SECONDS)
        receiver.bind(str(tmp_path / "shop.999999.sock"))
        fill(tmp_path / "shop.999999.sock")
        yield receiver


def test_a_signal_waits_a_moment_for_room(tmp_path: Path, slow: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "ROOM_SECONDS", SECONDS)
    sending = Thread(target=SocketSignals(tmp_path, "shop").send, args=[["tasks"]])
    sending.start()
    sending.join(0.2)
    assert sending.is_alive()
    while slow.recv(LARGEST_PAYLOAD) == b"others":
        pass
    sending.join(SECONDS)
    assert not sending.is_alive()


def test_a_receiver_that_is_behind_holds_nobody_up(tmp_path: Path, slow: socket.socket) -> None:
    sender = SocketSignals(tmp_path, "shop")
    began = time.monotonic()
    with structlog.testing.capture_logs() as told:
        for _ in range(2000):  # at 50 ms each these would last 100 s
            sender.send(["tasks"])
    assert time.monotonic() - began < SECONDS
    assert {(each["event"], each["log_level"]) for each in told} == {("signal_receiver_is_behind", "warning")}
    assert slow.recv(LARGEST_PAYLOAD) == b"others"
    sender.send(["tasks"])
    while slow.recv(LARGEST_PAYLOAD) == b"others":
        pass


def test_a_signal_that_cannot_be_sent_undoes_no_commit(tmp_path: Path) -> None:
    folder = tmp_path / "signals"
    folder.mkdir()
    database = sqlite(folder)
    create_tables(database, service_metadata())
    (folder / "shop.999999.sock").mkdir()  # no socket at all
    ear = Ear(database, "tasks")
    wake(database, "tasks")
    assert ear.heard == 1
    database.close()


def test_another_process_is_heard_by_notify_after_its_commit(postgres: Database, tmp_path: Path) -> None:
    ear, ready, other = Ear(postgres, "tasks"), Ear(postgres, "ready"), Ear(postgres, "other")
    postgres.listen()
    ready.hears_again(0)  # at the start all are told to look
    before, before_other = ear.heard, other.heard
    url = postgres.url.render_as_string(hide_password=False)
    many = [f"case:{number:036d}" for number in range(500)]  # more than one payload
    wake_from_another_process(url, tmp_path, *many, "tasks")
    ear.hears_again(before)
    assert other.heard == before_other


def test_a_transaction_that_is_rolled_back_wakes_nobody(postgres: Database) -> None:
    ear, ready = Ear(postgres, "tasks"), Ear(postgres, "ready")
    postgres.listen()
    ready.hears_again(0)
    before = ear.heard

    def breaking() -> None:
        with postgres.begin() as work:
            work.wake("tasks")
            work.connection.exec_driver_sql("SELECT 1")
            raise KeyError

    with pytest.raises(KeyError):
        breaking()
    count = ready.heard
    wake(postgres, "ready")
    ready.hears_again(count)  # sent after, so whatever was sent before has come
    assert ear.heard == before


def test_topics_that_never_leave_the_process_are_heard_there(postgres: Database) -> None:
    postgres.local_topics = frozenset({"outbox"})
    ear = Ear(postgres, "outbox")
    wake(postgres, "outbox")
    assert ear.heard == 1


def test_after_a_lost_connection_everybody_looks(postgres: Database) -> None:
    ear = Ear(postgres, "tasks")
    postgres.listen()
    ear.hears_again(0)
    before = ear.heard
    end_listening(postgres)
    ear.hears_again(before)
    before = ear.heard
    wake(postgres, "tasks")
    ear.hears_again(before)


def test_a_listener_outlives_its_server(tmp_path: Path) -> None:
    with PostgresServer() as server:
        database = Database(server.url(server.create_database()), "shop", signals_folder=tmp_path)
        ear = Ear(database, "tasks")
        database.listen()
        ear.hears_again(0)
        before = ear.heard
        server.kill()
        server.start()
        ear.hears_again(before)
        database.engine.dispose()
        before = ear.heard
        wake(database, "tasks")
        ear.hears_again(before)
        database.close()


def test_a_process_with_very_many_open_files_hears_its_signals(postgres: Database) -> None:
    ear = Ear(postgres, "tasks")
    with crowd(), structlog.testing.capture_logs() as told:
        postgres.listen()
        ear.hears_again(0)
        before = ear.heard
        wake(postgres, "tasks")
        ear.hears_again(before)
        postgres.close()
    assert told == []


def test_a_listener_whose_connections_end_at_once_asks_ever_more_slowly(
    postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "RECONNECT_SECONDS", (0.1, 0.4))
    ear = Ear(postgres, "tasks")
    with structlog.testing.capture_logs() as told:
        postgres.listen()
        for lost in range(4):
            ear.hears_again(lost)
            end_listening(postgres)
            wait_until(lambda: len(told) > lost, seconds=SECONDS, what="a lost connection")  # noqa: B023 - called here
        ear.hears_again(4)
        wake(postgres, "tasks")
        ear.hears_again(5)  # this one was of use
        end_listening(postgres)
        wait_until(lambda: len(told) > 4, seconds=SECONDS, what="a lost connection")
    assert [each["retry_seconds"] for each in told] == [0.1, 0.2, 0.4, 0.4, 0.1]


def test_closing_a_listener_ends_its_thread_at_once(postgres: Database) -> None:
    ear = Ear(postgres, "tasks")
    postgres.listen()
    ear.hears_again(0)
    listener = postgres._listener
    postgres.close()
    assert listener is not None
    assert not listener._thread.is_alive()  # type: ignore[attr-defined] # each kind has one


@given(st.sets(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1, max_size=200)))
def test_payloads_hold_every_topic_once_and_fit(topics: set[str]) -> None:
    made = list(payloads(topics))
    assert [line for payload in made for line in payload.split("\n")] == sorted(topics)
    assert all(len(payload.encode()) <= LARGEST_PAYLOAD for payload in made)


def test_callbacks_may_come_and_go() -> None:
    callbacks, heard = Callbacks(), Event()
    callbacks.add("a", heard.set)
    callbacks.add("a", heard.set)
    callbacks.remove("a", heard.set)
    assert callbacks.topics == {"a"}
    callbacks.fire(["b", "a"])
    assert heard.is_set()
    callbacks.remove("a", heard.set)
    callbacks.remove("a", heard.set)
    heard.clear()
    callbacks.fire_all()
    assert (callbacks.topics, heard.is_set()) == (frozenset(), False)
