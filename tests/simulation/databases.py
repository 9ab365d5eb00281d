"""The databases of all services: the real stores, on SQLite in memory, put back to a prepared state for each seed."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path

from sqlalchemy import MetaData, event
from sqlalchemy.exc import OperationalError

from chassis.clock import Clock
from chassis.database import Database, UnitOfWork, create_tables
from chassis.settings import SERVICES
from chassis.signals import Callbacks
from tests.simulation.fates import Fates, Fault

# Shared by the connections of this process, and by no other; unlike a shared cache it locks as a file does.
_LOCATION = "file:/{service}?vfs=memdb"


class SimulatedDatabase(Database):
    """A service's database, with the moments at which its process may end."""

    fates: Fates | None = None

    def __init__(self, service: str, folder: Path, clock: Clock) -> None:
        url = f"sqlite:///{_LOCATION.format(service=service)}&uri=true"
        super().__init__(url, service, signals_folder=folder, clock=clock)
        self._writes = False
        self._waiting: dict[str, list[Callable[[], None]]] = {}
        self._signalled: set[str] = set()
        event.listen(self.engine, "commit", lambda _: self._before_commit())

    @contextmanager
    def begin(self) -> Iterator[UnitOfWork]:
        """A write transaction, which may not begin, and around whose commit the process may end."""
        self._may_be_away()
        with super().begin() as work:
            yield work
            self._writes = True
        self._writes = False
        self._wake()
        if self.fates is not None:
            self.fates.moment("after commit")

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """A read-only transaction, which may not begin."""
        self._may_be_away()
        with super().read() as work:
            yield work

    def forget_processes(self) -> None:
        """No process of the service waits for a wake-up any more."""
        self.callbacks = Callbacks()
        self._waiting.clear()

    def on_wake(self, topic: str, callback: Callable[[], None]) -> None:
        """Call back after each commit that wakes a topic; in an order of its own, as chance is drawn from then."""
        if topic not in self._waiting:
            self.callbacks.add(topic, partial(self._signalled.add, topic))
        self._waiting.setdefault(topic, []).append(callback)

    def _wake(self) -> None:
        topics = sorted(self._signalled)
        self._signalled.clear()
        for topic in topics:
            for callback in self._waiting.get(topic, ()):
                callback()

    def _before_commit(self) -> None:
        if self._writes and self.fates is not None:
            self._writes = False
            self.fates.moment("before commit")

    def _may_be_away(self) -> None:
        if self.fates is not None and self.fates.in_process and self.fates.strikes(Fault.DATABASE_AWAY):
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise OperationalError("BEGIN", None, error)


class Databases:
    """One database for each service, in this process's memory: as its worker sees it, and as the cases api does."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.by_service = {service: SimulatedDatabase(service, folder, clock) for service in SERVICES}
        self.of_api = SimulatedDatabase("cases", folder, clock)
        # A database in memory is gone when nobody is connected.
        self._anchors = {
            service: sqlite3.connect(_LOCATION.format(service=service), uri=True, isolation_level=None)
            for service in SERVICES
        }
        for service, database in self.by_service.items():
            create_tables(database, _metadata(service))

    def __getitem__(self, service: str) -> SimulatedDatabase:
        return self.by_service[service]

    def copy(self) -> dict[str, sqlite3.Connection]:
        """The present state of all of them."""
        copies = {}
        for service, anchor in self._anchors.items():
            copies[service] = sqlite3.connect(":memory:")
            anchor.backup(copies[service])
        return copies

    def restore(self, copies: Mapping[str, sqlite3.Connection], clock: Clock, fates: Fates) -> None:
        """Put them back to a state, for another run."""
        for service, copy in copies.items():
            copy.backup(self._anchors[service])
        for database in (*self.by_service.values(), self.of_api):
            database.forget_processes()
            database.clock = clock
            database.fates = fates

    def scalar(self, service: str, query: str) -> int:
        """A number, asked for past all faults."""
        (number,) = self._anchors[service].execute(query).fetchone()
        return int(number or 0)

    def rows(self, service: str, query: str) -> list[tuple[str, ...]]:
        """Rows, asked for past all faults."""
        return self._anchors[service].execute(query).fetchall()


def _metadata(service: str) -> MetaData:
    metadata = import_module(f"services.{service}.store").metadata
    assert isinstance(metadata, MetaData)
    return metadata
