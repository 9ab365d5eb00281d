"""The tests' servers keep what was committed or confirmed, and leave nothing behind."""

import contextlib
import subprocess
import sys
from pathlib import Path

import kombu
import psycopg
import pytest
from sqlalchemy import Column, Integer, MetaData, Table, select

from tests.conftest import MakeDatabase
from tests.servers import NotAvailableError, PostgresServer, RabbitmqCluster, RabbitmqServer
from tests.servers.install import find_or_install
from tests.servers.process import FailedToStartError, spawn, wait_ready, wait_until


def test_what_was_committed_outlives_a_kill_of_postgresql() -> None:
    with PostgresServer(durable=True) as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (number int)")
            connection.execute("INSERT INTO kept VALUES (7)")
        server.kill()
        server.start()
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_a_measured_postgresql_flushes_its_commits() -> None:
    with PostgresServer(durable=True) as server, psycopg.connect(server.url()) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute("SELECT current_setting(%s)", [setting]).fetchone() == ("on",)


def test_postgresql_wants_its_password(postgres_server: PostgresServer) -> None:
    wrong = postgres_server.url().replace(postgres_server.password, "guess")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_what_was_confirmed_outlives_a_kill_of_rabbitmq() -> None:
    with RabbitmqServer() as server:
        url = server.url(server.create_vhost())
        queue = kombu.Queue("kept", durable=True, queue_arguments={"x-queue-type": "quorum"})
        with kombu.Connection(url, transport_options={"confirm_publish": True}) as connection:
            queue(connection.default_channel).declare()
        # RabbitMQ writes the existence of a quorum queue to disk up to half a second after it has confirmed it; an
        # ordered stop waits for that. Messages in a queue that exists are another matter: they are what is tested.
        server.stop()
        server.start()
        with kombu.Connection(url, transport_options={"confirm_publish": True}) as connection:
            connection.Producer().publish(b"seven", routing_key="kept", delivery_mode=2)
        server.kill()
        server.start()
        with kombu.Connection(url) as connection:
            received = queue(connection.default_channel).get()
            assert received is not None
            assert received.body == b"seven"


def test_a_process_ends_with_whoever_started_it(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal\n"
        "from tests.servers.process import spawn, wait_until\n"
        f"directory = pathlib.Path({str(tmp_path)!r})\n"
        "child = spawn(['sleep', '600'], environment={}, log=directory / 'log', stop_signal='TERM')\n"
        "(directory / 'pid').write_text(str(child.pid))\n"
        "name = pathlib.Path(f'/proc/{child.pid}/comm')\n"
        # Before that it is still on its way, and the kernel has not been asked for the signal yet.
        "wait_until(lambda: name.read_text() == 'sleep\\n', seconds=10, what='the child')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=False, cwd=Path(__file__).parents[2])
    pid = (tmp_path / "pid").read_text()
    status = Path(f"/proc/{pid}/status")
    wait_until(
        lambda: not status.exists() or "\nState:\tZ" in status.read_text(), seconds=10, what=f"process {pid} still runs"
    )


def test_a_server_that_ends_at_once_says_why(tmp_path: Path) -> None:
    log = tmp_path / "log"
    started = spawn(["sh", "-c", "echo no room; exit 3"], environment={}, log=log, stop_signal="TERM")
    with pytest.raises(FailedToStartError, match="ended with status 3:\nno room"):
        wait_ready(started, lambda: False, seconds=10, log=log)


def test_a_package_that_cannot_be_had_is_named() -> None:
    with pytest.raises(NotAvailableError, match="duokua-no-such-package"):
        find_or_install(lambda: None, "duokua-no-such-package")


def test_databases_made_for_a_test_share_nothing(make_database: MakeDatabase) -> None:
    metadata = MetaData()
    numbers = Table("numbers", metadata, Column("number", Integer))
    first, second = make_database(metadata), make_database(metadata)
    with first.begin() as work:
        work.connection.execute(numbers.insert(), {"number": 7})
    with first.read() as seen, second.read() as unseen:
        assert seen.connection.scalars(select(numbers.c.number)).all() == [7]
        assert unseen.connection.scalars(select(numbers.c.number)).all() == []


def test_a_cluster_goes_on_with_what_was_confirmed_when_a_leader_is_killed() -> None:
    with RabbitmqCluster() as cluster:
        queue = kombu.Queue("kept", durable=True, queue_arguments={"x-queue-type": "quorum"})
        with kombu.Connection(cluster.nodes[1].url(), transport_options={"confirm_publish": True}) as connection:
            queue(connection.default_channel).declare()
            cluster.wait_complete()
            connection.Producer().publish(b"seven", routing_key="kept", delivery_mode=2)
        cluster.leader("kept").kill()
        alive = next(node for node in cluster.nodes if node.is_running)
        received: list[bytes] = []

        def receive() -> bool:
            connection = kombu.Connection(alive.url())
            # Until another node leads, the broker answers with an error.
            with contextlib.suppress(*connection.connection_errors, *connection.channel_errors), connection:
                received.append(queue(connection.default_channel).get().body)
            return bool(received)

        wait_until(receive, seconds=20, what="no other node leads")
        assert received == [b"seven"]
        with pytest.raises(TimeoutError, match="not on all nodes"):
            cluster.wait_complete(seconds=0)
        next(node for node in cluster.nodes if not node.is_running).start()
        cluster.wait_complete()
