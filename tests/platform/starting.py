"""Starts a whole platform: embedded, or every service in its own processes on real servers."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis.settings import SERVICES, Settings
from cli import supervise
from cli.initialise import initialise
from tests.platform.ports import free_ports
from tests.servers import PostgresServer, Proxy, RabbitmqCluster, RabbitmqServer


@dataclass(frozen=True, slots=True)
class Proxies:
    """What stands between the platform and its servers."""

    postgresql: Proxy
    rabbitmq: Sequence[Proxy]
    """One for each node."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A running platform; it has no servers when it is embedded."""

    settings: Settings
    supervisor: supervise.Supervisor
    folder: Path
    health: Mapping[str, str]
    """Where each process says how it is, by its name."""
    postgresql: PostgresServer | None = None
    rabbitmq: RabbitmqServer | None = None
    """The broker, or the first of its nodes."""
    cluster: RabbitmqCluster | None = None
    proxies: Proxies | None = None

    def database_url(self, service: str) -> str:
        """A service's database, without a proxy."""
        if self.postgresql is None:
            return self.settings.database_url_of(service)
        return self.postgresql.url(f"duokua_{service}")


@contextlib.contextmanager
def embedded(folder: Path, **settings: Any) -> Iterator[Installation]:
    """SQLite and the in-process broker: one api and one worker process."""
    made = Settings(
        data_dir=folder, listen=f"127.0.0.1:{free_ports(1)}", health_listen=f"127.0.0.1:{free_ports(2)}", **settings
    )
    with _running(made, folder) as supervisor:
        yield Installation(made, supervisor, folder, _health(supervise.processes_of(made)))


@contextlib.contextmanager
def on_servers(folder: Path, *, durable: bool = True, **settings: Any) -> Iterator[Installation]:
    """PostgreSQL and RabbitMQ of its own: an api and a worker process for each service.

    `durable` is PostgreSQL's: without it, it starts sooner, and only a crash of the machine could lose a commit.
    """
    with PostgresServer(durable=durable) as postgres, RabbitmqServer() as rabbitmq:
        made = _on(folder, postgres, postgres.url("duokua_{service}"), rabbitmq.url(), **settings)
        with _running(made, folder) as supervisor:
            health = _health(supervise.processes_of(made))
            yield Installation(made, supervisor, folder, health, postgres, rabbitmq)


@contextlib.contextmanager
def on_fragile_servers(
    folder: Path, *, durable: bool, clustered: bool, twins: Sequence[str], patience: float, **settings: Any
) -> Iterator[Installation]:
    """The same for tests that kill servers, and cut the connections to them, with a second worker for some services.

    `clustered`: RabbitMQ is three nodes. `patience`: seconds until PostgreSQL ends a transaction that stands still.
    """
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer(durable=durable))
        cluster = stack.enter_context(RabbitmqCluster()) if clustered else None
        nodes = cluster.nodes if cluster else [stack.enter_context(RabbitmqServer())]
        proxies = Proxies(
            stack.enter_context(Proxy(postgres.port)), [stack.enter_context(Proxy(node.port)) for node in nodes]
        )
        database = postgres.url("duokua_{service}", port=proxies.postgresql.port)
        made = _on(
            folder,
            postgres,
            f"{database}?options=-c%20idle_in_transaction_session_timeout%3D{patience:g}s",
            nodes[0].url(ports=[proxy.port for proxy in proxies.rabbitmq]),
            **settings,
        )
        more = _twins(twins)
        supervisor = stack.enter_context(_running(made, folder, more))
        health = _health([*supervise.processes_of(made), *more])
        yield Installation(made, supervisor, folder, health, postgres, nodes[0], cluster, proxies)


def _on(folder: Path, postgres: PostgresServer, database_url: str, broker_url: str, **settings: Any) -> Settings:
    for service in SERVICES:
        postgres.create_database(f"duokua_{service}")
    return Settings(
        data_dir=folder,
        database_url=database_url,
        broker_url=broker_url,
        listen=f"127.0.0.1:{free_ports(len(SERVICES))}",
        health_listen=f"127.0.0.1:{free_ports(2 * len(SERVICES))}",
        **settings,
    )


def _twins(services: Sequence[str]) -> list[supervise.Process]:
    """A second worker for each of the services, which takes turns with the first, and takes over when that stops."""
    port = free_ports(len(services))
    return [
        supervise.Process(f"{service}-worker-2", "chassis.worker_process", (service,), f"127.0.0.1:{port + number}", {})
        for number, service in enumerate(services)
    ]


def _health(processes: Sequence[supervise.Process]) -> dict[str, str]:
    return {process.name: process.health for process in processes}


@contextlib.contextmanager
def _running(
    settings: Settings, folder: Path, more: Sequence[supervise.Process] = ()
) -> Iterator[supervise.Supervisor]:
    initialise(settings.secrets_folder)
    environment = supervise.environment_of(settings)
    supervise.migrate(environment)
    supervisor = supervise.Supervisor(settings, environment, folder / "logs", more=more)
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.stop()
