"""Starts a whole platform: embedded, or every service in its own processes on real servers."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis.settings import SERVICES, Settings
from cli import supervise
from cli.initialise import initialise
from tests.platform.ports import free_ports
from tests.servers import PostgresServer, RabbitmqServer


@dataclass(frozen=True, slots=True)
class Installation:
    """A running platform; the servers are None when it is embedded."""

    settings: Settings
    supervisor: supervise.Supervisor
    folder: Path
    postgresql: PostgresServer | None = None
    rabbitmq: RabbitmqServer | None = None


@contextlib.contextmanager
def embedded(folder: Path, **settings: Any) -> Iterator[Installation]:
    """SQLite and the in-process broker: one api and one worker process."""
    made = Settings(
        data_dir=folder, listen=f"127.0.0.1:{free_ports(1)}", health_listen=f"127.0.0.1:{free_ports(2)}", **settings
    )
    with _running(made, folder) as supervisor:
        yield Installation(made, supervisor, folder)


@contextlib.contextmanager
def on_servers(folder: Path, *, durable: bool = True, **settings: Any) -> Iterator[Installation]:
    """PostgreSQL and RabbitMQ of its own, which may be killed: an api and a worker process for each service.

    `durable` is PostgreSQL's: without it, it starts sooner, and only a crash of the machine could lose a commit.
    """
    with PostgresServer(durable=durable) as postgres, RabbitmqServer() as rabbitmq:
        for service in SERVICES:
            postgres.create_database(f"duokua_{service}")
        made = Settings(
            data_dir=folder,
            database_url=postgres.url("duokua_{service}"),
            broker_url=rabbitmq.url(),
            listen=f"127.0.0.1:{free_ports(len(SERVICES))}",
            health_listen=f"127.0.0.1:{free_ports(2 * len(SERVICES))}",
            **settings,
        )
        with _running(made, folder) as supervisor:
            yield Installation(made, supervisor, folder, postgres, rabbitmq)


@contextlib.contextmanager
def _running(settings: Settings, folder: Path) -> Iterator[supervise.Supervisor]:
    initialise(settings.secrets_folder)
    environment = supervise.environment_of(settings)
    supervise.migrate(environment)
    supervisor = supervise.Supervisor(settings, environment, folder / "logs")
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.stop()
