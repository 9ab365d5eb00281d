"""A service's database and its unit of work, on PostgreSQL and on SQLite alike."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path

from google.protobuf.message import Message
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, event, text
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import ConnectionPoolEntry

from chassis.admission import Admission
from chassis.clock import Clock, SystemClock, new_id
from chassis.problems import Invalid
from chassis.signals import Callbacks, Listener, PostgresSignals, SocketSignals, payloads
from chassis.tables import Document, Instant, service_metadata

__all__ = ["Database", "Document", "Instant", "UnitOfWork", "insert", "service_metadata"]

OUTBOX_TOPIC = "outbox"
LARGEST_EVENT = 1024 * 1024
"""In bytes, its body. Twice the largest that a case has (a notice with form, result and template: 0.4 MiB); batches,
prefetched events and the embedded broker's queues are bounded in bytes by it."""
# libpq's and the server's: who vanished, or stands still within a transaction, is found out by the other side. Times
# are longer than anything that holds a transaction open (a relay waits for the broker's confirms).
_CONNECTION = {
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
_SESSION = {
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30s",
}
_propagator = TraceContextTextMapPropagator()
_outbox = service_metadata().tables["outbox"]


class UnitOfWork:
    """One transaction: a use case takes it as its first argument and never commits.

    `now` is the one time at which everything in the transaction happens.
    """

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.topics: set[str] = set()
        self._events: list[dict[str, object]] = []

    def emit(self, occurrence: Message, *, subject: str) -> None:
        """Write an event to the outbox; it leaves for the broker once the transaction has committed.

        `subject` names what it is about, such as the case's id. Raises Invalid EVENT_TOO_LARGE.
        """
        body = _bounded(occurrence)
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        self._events.append(
            {
                "id": new_id(),
                "type": occurrence.DESCRIPTOR.full_name,
                "subject": subject,
                "body": body,
                "traceparent": carrier.get("traceparent", ""),
                "created_at": self.now,
            }
        )

    def wake(self, topic: str) -> None:
        """After the commit, wake whoever waits for `topic` in any process of this service."""
        self.topics.add(topic)

    @property
    def tells(self) -> bool:
        """Whether there are events that `flush` has not written yet."""
        return bool(self._events)

    def flush(self) -> None:
        """Write what was emitted; the database calls it before it commits."""
        if self._events:
            self.connection.execute(plain_insert(_outbox), self._events)
            self._events = []
            self.wake(OUTBOX_TOPIC)


class Database:
    """The database of one service, and the wake-ups between the service's processes."""

    def __init__(self, url: str, service: str, *, signals_folder: Path, clock: Clock | None = None) -> None:
        self.url = make_url(url)
        self.service = service
        self.clock = clock or SystemClock()
        self.callbacks = Callbacks()
        self.engine = _engine(self.url)
        self._sockets = SocketSignals(signals_folder, service) if self.is_sqlite else None
        self._postgres = None if self.is_sqlite else PostgresSignals(self.url, service, connection_parameters(self.url))
        self._listener: Listener | None = None
        self.local_topics: frozenset[str] = frozenset()
        self._admission: Admission | None = None
        # SQLite lets one writer in; waiting for it inside the C library would block every greenlet of a worker.
        self._writer: AbstractContextManager[object] = threading.Lock() if self.is_sqlite else nullcontext()

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database."""
        return self.url.get_backend_name() == "sqlite"

    def bound_outbox(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Refuse transactions that emit while the outbox holds so many events; for api processes."""
        self._admission = Admission(self.service, limit, clock)

    @contextmanager
    def begin(self) -> Iterator[UnitOfWork]:
        """A write transaction: commits at the end, rolls back when an exception passes.

        Raises Exhausted OUTBOX_FULL when it would emit and the outbox is bounded and full.
        """
        with self._writer, self.engine.connect() as connection:
            work = UnitOfWork(connection, self.clock.now())
            with connection.begin():
                if self.is_sqlite:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield work
                # Not in `emit`: what a use case could catch would leave half of its work in the transaction.
                if self._admission is not None and work.tells:
                    self._admission.check(connection)
                work.flush()
                self._notify_inside(work)
        self._notify_after(work)

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """A read-only transaction: sees one state of the data throughout."""
        with self.engine.connect() as connection, connection.begin():
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield UnitOfWork(connection, self.clock.now())

    def ping(self) -> None:
        """Raise when the database does not answer."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def listen(self) -> None:
        """Start to receive signals of the service's other processes; callbacks are added through `callbacks`."""
        if self._listener is None:
            signals = self._sockets or self._postgres
            assert signals is not None  # noqa: S101 - one of the two is always made
            self._listener = signals.listen(self.callbacks)

    def close(self) -> None:
        """Stop listening and give the connections back."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self.engine.dispose()

    def _notify_inside(self, work: UnitOfWork) -> None:
        topics = work.topics - self.local_topics
        if self._postgres is not None and topics:
            notify = text("SELECT pg_notify(:channel, :topics)")
            for payload in payloads(topics):
                work.connection.execute(notify, {"channel": self._postgres.channel, "topics": payload})

    def _notify_after(self, work: UnitOfWork) -> None:
        if self._sockets is not None and work.topics - self.local_topics:
            self._sockets.send(sorted(work.topics - self.local_topics))
        local = work.topics if self._sockets is not None else work.topics & self.local_topics
        self.callbacks.fire(local)  # PostgreSQL tells this process too, by its own listener, of what is not local


def insert(connection: Connection, table: Table) -> "postgresql.Insert | sqlite.Insert":
    """An INSERT of the connection's own dialect, for ON CONFLICT and RETURNING."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def connection_parameters(url: URL) -> dict[str, str]:
    """What connections to PostgreSQL are made with besides their URL; what the URL says itself comes first."""
    given = {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
    ours = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    # Of two values for one setting the server takes the last.
    return {**_CONNECTION, **given, "options": f"{ours} {given.get('options', '')}".strip()}


def _bounded(occurrence: Message) -> bytes:
    body = occurrence.SerializeToString()
    if len(body) <= LARGEST_EVENT:
        return body
    event = occurrence.DESCRIPTOR.full_name
    message = f"the event {event} would have {len(body)} bytes; at most {LARGEST_EVENT} are sent"
    raise Invalid("EVENT_TOO_LARGE", message, event=event, bytes=len(body), largest=LARGEST_EVENT)


def create_tables(database: Database, metadata: MetaData) -> None:
    """Create the tables of `metadata` as they are today; for tests. Real set-ups migrate."""
    with database.begin() as work:
        metadata.create_all(work.connection)


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args=connection_parameters(url),
            pool_size=8,
            max_overflow=8,
            pool_pre_ping=False,
            pool_timeout=10,
            hide_parameters=True,  # errors are logged, and what people entrusted to us is no part of a log
        )
    engine = create_engine(url, connect_args={"timeout": 10}, pool_size=8, max_overflow=8, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def set_up(connection: object, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined] # the driver must not begin by itself
        cursor = connection.cursor()  # type: ignore[attr-defined]
        for setting in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    return engine
