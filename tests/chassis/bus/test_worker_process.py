"""Whole worker processes, green as they really run, on the embedded broker and on RabbitMQ with PostgreSQL."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from google.protobuf.wrappers_pb2 import Int64Value

from chassis.database import Database, create_tables
from tests.chassis.bus.shop import Shop, metadata
from tests.chassis.crowd import FILES, crowd
from tests.servers import PostgresServer, RabbitmqServer
from tests.servers.process import free_ports, wait_until

ROOT = Path(__file__).parents[3]


@dataclass
class Setup:
    """A worker's surroundings, the worker itself, and the api's side of its database."""

    folder: Path
    database_url: str = ""
    broker_url: str = ""
    stop_seconds: float = 20
    inherited: Sequence[int] = ()
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.port = free_ports(1)[0]
        self.flaky = self.folder / "flaky"
        url = self.database_url or f"sqlite:///{self.folder / 'shop'}.sqlite3"
        self.database = Database(url, "shop", signals_folder=self.folder / "signals")
        create_tables(self.database, metadata)
        self.shop = Shop(self.database)

    def start(self) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
            "DUOKUA_DATA_DIR": str(self.folder),
            "DUOKUA_HEALTH_LISTEN": f"127.0.0.1:{self.port}",
            "DUOKUA_DATABASE_URL": f"{self.database_url}?application_name={{service}}" if self.database_url else "",
            "DUOKUA_BROKER_URL": self.broker_url,
            "SHOP_FLAKY_FILE": str(self.flaky),
            "SHOP_STOP_SECONDS": str(self.stop_seconds),
        }
        command = [sys.executable, "-W", "error", "-m", "tests.chassis.bus.green_worker"]
        with (self.folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                command, env=environment, cwd=ROOT, stdout=log, stderr=log, pass_fds=self.inherited
            )
        self.processes.append(process)
        return process

    def start_ready(self) -> subprocess.Popen[bytes]:
        process = self.start()
        wait_until(lambda: self.is_ready() or process.poll() is not None, seconds=30, what="a worker that is ready")
        assert process.poll() is None, self.log()
        return process

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def log(self) -> str:
        return (self.folder / "worker.log").read_text()

    def texts(self) -> Counter[str]:
        return Counter(text for text in self.shop.written() if text != "answered")

    def wait_for_texts(self, *texts: str, seconds: float = 30) -> None:
        wanted = set(texts)
        wait_until(lambda: wanted <= set(self.texts()), seconds=seconds, what=f"{len(wanted)} texts written")

    def wait_for_empty_outbox(self) -> None:
        wait_until(lambda: self.shop.outbox_size() == 0, seconds=30, what="an empty outbox")

    def count_down(self, number: int) -> None:
        with self.database.begin() as work:
            work.emit(Int64Value(value=number), subject="test")

    def dead_reasons(self) -> list[str]:
        return [reason for _, _, reason in self.shop.dead()]

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.database.close()


@pytest.fixture(params=["embedded", "servers"])
def setup(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setup]:
    if request.param == "embedded":
        made = Setup(tmp_path)
    else:
        rabbitmq: RabbitmqServer = request.getfixturevalue("rabbitmq_server")
        vhost = rabbitmq.url(rabbitmq.create_vhost())
        made = Setup(tmp_path, request.getfixturevalue("postgres_url"), vhost)
    yield made
    made.close()


def test_an_event_written_by_another_process_is_handled(setup: Setup) -> None:
    setup.start_ready()
    setup.shop.emit("hello")
    setup.wait_for_texts("hello")
    setup.wait_for_empty_outbox()


def test_events_that_cause_events_run_to_their_end(setup: Setup) -> None:
    setup.start_ready()
    setup.count_down(40)
    setup.wait_for_texts(*map(str, range(1, 41)), seconds=15)
    setup.wait_for_empty_outbox()
    assert set(setup.texts().values()) == {1}


def test_a_poisoned_event_ends_among_the_dead_letters_and_the_others_go_on(setup: Setup) -> None:
    setup.start_ready()
    setup.shop.emit("a", "poison", "b")
    setup.wait_for_texts("a", "b")
    setup.wait_for_empty_outbox()
    wait_until(lambda: setup.dead_reasons() == ["POISON"], seconds=10, what="the dead letter")


def test_an_event_that_fails_for_a_while_is_handled_in_the_end(setup: Setup) -> None:
    setup.flaky.touch()
    setup.start_ready()
    setup.shop.emit("flaky", "steady")
    setup.wait_for_texts("steady")
    setup.flaky.unlink()
    setup.wait_for_texts("flaky")


def test_a_worker_killed_at_any_moment_loses_nothing_and_doubles_nothing(setup: Setup) -> None:
    setup.start_ready()
    rounds, wanted = 4, [f"t{number}" for number in range(1200)]
    for start in range(0, 1200, 1200 // rounds):
        setup.shop.emit(*wanted[start : start + 300])
        setup.count_down(100)
        setup.wait_for_texts(wanted[start])
        setup.processes[-1].kill()
        setup.processes[-1].wait()
        setup.start_ready()
    wait_until(lambda: setup.texts()["1"] == rounds, seconds=60, what="every count-down at its end")
    setup.wait_for_texts(*wanted)
    setup.wait_for_empty_outbox()
    expected = Counter(wanted) + Counter({str(number): rounds for number in range(1, 101)})
    assert setup.texts() == expected


def test_a_stop_is_graceful_and_quick(setup: Setup) -> None:
    process = setup.start_ready()
    setup.shop.emit(*map(str, range(300)))
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0, setup.log()
    setup.start_ready()
    setup.wait_for_texts(*map(str, range(300)))
    assert set(setup.texts().values()) == {1}


@pytest.mark.parametrize("files", [0, FILES])
def test_background_work_runs_at_the_start_and_when_it_is_woken(setup: Setup, files: int) -> None:
    with crowd(files) as setup.inherited:
        setup.start_ready()
    wait_until(lambda: setup.shop.written().count("answered") >= 1, seconds=5, what="a call at the start")
    before = setup.shop.written().count("answered")
    with setup.database.begin() as work:
        work.wake("knocks")
    wait_until(lambda: setup.shop.written().count("answered") > before, seconds=5, what="a call when woken")
    assert "signals_lost" not in setup.log()


def test_a_worker_that_hangs_is_ended_all_the_same(tmp_path: Path) -> None:
    setup = Setup(tmp_path, stop_seconds=1)
    try:
        process = setup.start_ready()
        setup.shop.emit("hangs")
        wait_until(lambda: not setup.is_ready(), seconds=20, what="a worker that does not answer")
        process.terminate()
        assert process.wait(20) == -signal.SIGALRM
        setup.shop.emit("after")
        assert setup.shop.outbox_size() == 2
    finally:
        setup.close()


def test_a_broker_that_restarts_under_load_loses_nothing(tmp_path: Path, postgres_url: str) -> None:
    with RabbitmqServer() as rabbitmq:
        setup = Setup(tmp_path, postgres_url, rabbitmq.url())
        try:
            setup.start_ready()
            wanted = [f"t{number}" for number in range(1000)]
            setup.shop.emit(*wanted[:500])
            setup.wait_for_texts(wanted[0])
            rabbitmq.kill()
            setup.shop.emit(*wanted[500:])
            wait_until(lambda: not setup.is_ready(), seconds=30, what="a worker that says that it is not ready")
            rabbitmq.start()
            setup.wait_for_texts(*wanted, seconds=60)
            setup.wait_for_empty_outbox()
            assert set(setup.texts().values()) == {1}
            wait_until(setup.is_ready, seconds=30, what="a worker that is ready again")
        finally:
            setup.close()


def test_a_database_that_restarts_under_load_loses_nothing(tmp_path: Path, rabbitmq_server: RabbitmqServer) -> None:
    broker = rabbitmq_server.url(rabbitmq_server.create_vhost())
    with PostgresServer() as postgres, postgres.fresh_database() as url:
        setup = Setup(tmp_path, url, broker)
        try:
            setup.start_ready()
            wanted = [f"t{number}" for number in range(1000)]
            setup.shop.emit(*wanted)
            setup.count_down(50)
            setup.wait_for_texts(wanted[0])
            postgres.kill()
            wait_until(lambda: not setup.is_ready(), seconds=30, what="a worker that says that it is not ready")
            postgres.start()
            setup.database.engine.dispose()
            setup.wait_for_texts(*wanted, *map(str, range(1, 51)), seconds=60)
            setup.wait_for_empty_outbox()
            assert set(setup.texts().values()) == {1}
            assert setup.dead_reasons() == []
        finally:
            setup.close()
