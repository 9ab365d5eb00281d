"""The services with their real handlers and stores, each on a database of its own, without processes or a broker."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from google.protobuf.message import Message
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR
from sqlalchemy import delete, select

from chassis.bus import outbox
from chassis.bus.broker import Delivery, Verdict
from chassis.bus.dead_letters import letters
from chassis.bus.events import Envelope
from chassis.bus.extensions import Subscribe, UseCases
from chassis.bus.handling import Handling, Subscription
from chassis.bus.process import load_workers
from chassis.clock import id_source
from chassis.context import open_database
from chassis.database import Database, service_metadata
from chassis.migrate import upgrade
from chassis.settings import SERVICES, Settings
from cli.initialise import initialise

_outbox = service_metadata().tables["outbox"]
_UseCases = TypeVar("_UseCases")


class Service:
    """One service: `database`, and the worker's handlers on it."""

    def __init__(self, name: str, settings: Settings) -> None:
        (worker_class,) = load_workers([name])
        self.name = name
        self.settings = settings
        self.database: Database = open_database(settings, name)
        upgrade(self.database)
        self._use_cases = {
            attribute: provider._factory(settings)
            for attribute, provider in inspect.getmembers(worker_class)
            if isinstance(provider, UseCases)
        }
        worker = worker_class()
        for attribute, use_cases in self._use_cases.items():
            setattr(worker, attribute, use_cases)
        subscriptions = [
            Subscription(entrypoint.event, getattr(worker, method))
            for method, function in inspect.getmembers(worker_class, inspect.isfunction)
            for entrypoint in getattr(function, ENTRYPOINT_EXTENSIONS_ATTR, ())
            if isinstance(entrypoint, Subscribe)
        ]
        self.types = {str(each.event.DESCRIPTOR.full_name): each.event for each in subscriptions}
        self._handling = Handling(name, self.database, subscriptions)

    def use_cases_of(self, kind: type[_UseCases]) -> _UseCases:
        """Use cases of this service as its api has them."""
        made: _UseCases = kind.from_settings(self.settings)  # type: ignore[attr-defined]  # all of them have it
        return made

    def handle(self, envelope: Envelope) -> Verdict:
        """What the consumer does with a delivery of the event."""
        (verdict,) = self._handling.handle([Delivery(envelope, 1)])
        return verdict

    def take_outbox(self) -> list[Envelope]:
        """The events that the service has emitted, which thereby leave."""
        with self.database.begin() as work:
            envelopes = outbox.claim(work.connection, self.name, without_ids=(), without_types=())
            work.connection.execute(delete(_outbox))
        return envelopes

    def given_up(self) -> list[tuple[str, str]]:
        """Type and reason of each dead letter."""
        with self.database.read() as work:
            return [(row.type, row.reason) for row in work.connection.execute(select(letters.c.type, letters.c.reason))]

    def read(self, event: Envelope) -> Message:
        """The event as the service's own contract reads it."""
        return self.types[event.type].FromString(event.body)

    def close(self) -> None:
        for use_cases in self._use_cases.values():
            getattr(use_cases, "shut_down", lambda: None)()
        self.database.close()


@contextmanager
def services(folder: Path, names: Sequence[str] = SERVICES) -> Iterator[dict[str, Service]]:
    """Services on fresh databases in a folder, with an installation's secrets."""
    settings = Settings(data_dir=folder)
    initialise(settings.secrets_folder)
    running = {name: Service(name, settings) for name in names}
    try:
        yield running
    finally:
        for service in running.values():
            service.close()


@contextmanager
def first_id(wanted: str) -> Iterator[None]:
    """Have the next `new_id` give a certain UUIDv7, and those after it others."""
    before = id_source.time_ns, id_source.random_bytes
    value = UUID(wanted).int

    def time_ns() -> int:
        id_source.time_ns = before[0]
        return (value >> 80) * 1_000_000

    def random_bytes(size: int) -> bytes:
        id_source.random_bytes = before[1]
        # As `new_id` takes them apart: what is between version and variant, and what follows.
        return ((value >> 64 & 0xFFF) << 62 | value & 0x3FFFFFFFFFFFFFFF).to_bytes(size, "big")

    id_source.time_ns, id_source.random_bytes = time_ns, random_bytes
    try:
        yield
    finally:
        id_source.time_ns, id_source.random_bytes = before
