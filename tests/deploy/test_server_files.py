"""What the containers of PostgreSQL, RabbitMQ and Prometheus are given works on real servers."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import kombu
import psycopg
import pytest
import yaml

from chassis.bus.amqp_link import Address, Link
from chassis.bus.backlog import queue_backlogs
from chassis.bus.broker import BrokerAwayError
from chassis.settings import SERVICES
from tests.deploy.compose import ROOT, platform_processes
from tests.servers import PostgresServer, RabbitmqServer
from tests.servers.postgres import USER, programs

RABBITMQ = ROOT / "deploy/rabbitmq"
WATCHER_PASSWORD = "watching"


def make_service_databases(server: PostgresServer) -> None:
    """What the container of PostgreSQL does at its first start."""
    environment = {
        **os.environ,
        "PATH": f"{programs()}:{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "PGPASSWORD": server.password,
        "POSTGRES_USER": USER,
    }
    subprocess.run(["sh", ROOT / "deploy/postgres/databases.sh"], env=environment, check=True)


def configured_broker(password: str, folder: Path, watcher_password: str) -> RabbitmqServer:
    """A broker as the container starts it: its script, its configuration, its definitions."""
    definitions = folder / "definitions"
    definitions.mkdir()
    definitions.joinpath("20-duokua.json").write_text((RABBITMQ / "definitions.json").read_text())
    secret, watcher = folder / "broker-password", folder / "broker-watcher-password"
    secret.write_text(f"{password}\n")
    watcher.write_text(f"{watcher_password}\n")
    entrypoint = folder / "docker-entrypoint.sh"
    entrypoint.write_text('#!/bin/sh\necho "started $*"\n')
    entrypoint.chmod(0o755)
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "HOME": str(folder),
        "BROKER_PASSWORD_FILE": str(secret),
        "BROKER_WATCHER_PASSWORD_FILE": str(watcher),
        "BROKER_DEFINITIONS": str(definitions),
    }
    started = subprocess.run(["sh", RABBITMQ / "start.sh"], env=environment, check=True, capture_output=True, text=True)
    assert started.stdout == "started rabbitmq-server\n"
    configuration = (RABBITMQ / "rabbitmq.conf").read_text().replace("/etc/rabbitmq/definitions", str(definitions))
    return RabbitmqServer(configuration=configuration, password=password)


def test_every_service_gets_a_database_of_its_own() -> None:
    with PostgresServer() as server:
        make_service_databases(server)
        with psycopg.connect(server.url()) as connection:
            rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'duokua%'").fetchall()
        assert {name for (name,) in rows} == {f"duokua_{service}" for service in SERVICES}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, rabbitmq_server: RabbitmqServer) -> Iterator[RabbitmqServer]:
    """The configured broker, started after it is known that a broker can be started at all."""
    del rabbitmq_server
    with configured_broker('it\'s \\ a "secret"', tmp_path_factory.mktemp("broker"), WATCHER_PASSWORD) as made:
        yield made


def test_the_broker_starts_with_its_queues_and_its_users(broker: RabbitmqServer) -> None:
    declared = json.loads((RABBITMQ / "definitions.json").read_text())
    listed = broker.control("list_queues", "name", "type", "--formatter", "json")
    assert {(row["name"], row["type"]) for row in json.loads(listed)} == {
        (queue["name"], queue["arguments"]["x-queue-type"]) for queue in declared["queues"]
    }
    with kombu.Connection(broker.url()) as connection:
        connection.connect()
        kombu.Exchange("duokua", "topic", durable=True, passive=True)(connection.default_channel).declare()
    users = broker.control("list_users", "--formatter", "json")
    assert {row["user"] for row in json.loads(users)} == {USER, f"{USER}-watcher"}


def test_the_watcher_of_the_broker_counts_and_may_do_nothing_else(broker: RabbitmqServer) -> None:
    url = f"amqp://{USER}-watcher:{WATCHER_PASSWORD}@127.0.0.1:{broker.port}//"
    assert [queue.messages for queue in queue_backlogs(Address(url), "cases")] == [0] * 7
    forbidden_acts: list[Callable[[Link], object]] = [
        lambda link: link.declare_queue("further", {}),
        lambda link: link.declare_exchange("further"),
        lambda link: link.bind("duokua.cases", "duokua", "some.Event"),
        lambda link: link.consume("duokua.cases", 1, print),
    ]
    for forbidden in forbidden_acts:
        link = Link(Address(url))
        with pytest.raises(BrokerAwayError, match="ACCESS_REFUSED"):
            forbidden(link)
        link.close()


def test_the_definitions_hold_no_user() -> None:
    declared = json.loads((RABBITMQ / "definitions.json").read_text())
    assert set(declared) == {"vhosts", "exchanges", "queues", "bindings"}


def test_prometheus_scrapes_every_process() -> None:
    document = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yaml").read_text())
    jobs = {job["job_name"]: job["static_configs"] for job in document["scrape_configs"]}
    targets = {target for group in jobs["duokua"] for target in group["targets"]}
    assert targets == {f"{name}:7480" for name in platform_processes()}


def test_the_image_is_made_of_what_reaches_its_build() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert any(path == source or path.startswith(f"{source}/") for path in let_in), f"{source} is ignored"
    assert re.findall(r"^USER (.*)$", dockerfile, re.MULTILINE) == ["duokua"]
    assert "--require-hashes --requirement requirements.lock" in dockerfile
