"""A service under test: it writes each event that it handles into a table, and may be told to fail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from sqlalchemy import Column, Integer, String, Table, func, select

from chassis.bus import dead_letters
from chassis.bus.broker import Delivery
from chassis.bus.events import Envelope, event_type
from chassis.bus.handling import Handling, Subscription
from chassis.clock import new_id
from chassis.database import Database, UnitOfWork, service_metadata
from chassis.paging import Page
from tests.chassis.bus.buses import QUICK

metadata = service_metadata()
effects = Table("effects", metadata, Column("id", Integer, primary_key=True), Column("text", String, nullable=False))

TEXT = event_type(StringValue)
NUMBER = event_type(Int64Value)


@dataclass
class Shop:
    """Handles texts and numbers; `fail` is called with each text before it is written."""

    database: Database
    fail: Callable[[str], None] = lambda _: None
    calls: list[list[str]] = field(default_factory=list)

    def on_texts(self, work: UnitOfWork, events: list[StringValue]) -> None:
        self.calls.append([event.value for event in events])
        for event in events:
            self.fail(event.value)
            work.connection.execute(effects.insert(), {"text": event.value})

    def on_numbers(self, work: UnitOfWork, events: list[Int64Value]) -> None:
        self.calls.append([str(event.value) for event in events])
        for event in events:
            work.connection.execute(effects.insert(), {"text": str(event.value)})

    def handling(self, forgets_after: timedelta | None = None) -> Handling:
        subscriptions = [Subscription(StringValue, self.on_texts), Subscription(Int64Value, self.on_numbers)]
        return Handling("shop", self.database, subscriptions, QUICK, forgets_after=forgets_after)

    def written(self) -> list[str]:
        with self.database.read() as work:
            return sorted(work.connection.execute(select(effects.c.text)).scalars())

    def dead(self) -> list[tuple[str, int, str]]:
        """Ids, attempts and reasons of the dead letters, oldest first."""
        with self.database.read() as work:
            rows = dead_letters.list_letters(work, Page(100, None))
        return [(row.letter_id, row.attempts, row.reason) for row in rows]

    def outbox_size(self) -> int:
        with self.database.read() as work:
            return work.connection.execute(select(func.count()).select_from(metadata.tables["outbox"])).scalar_one()

    def emit(self, *texts: str) -> None:
        with self.database.begin() as work:
            for text in texts:
                work.emit(StringValue(value=text), subject="test")


def text_event(text: str, *, event_id: str = "", attempts: int = 0) -> Envelope:
    body = StringValue(value=text).SerializeToString()
    return Envelope(event_id or new_id(), TEXT, "/services/sender", "s", "2026-01-01T00:00:00Z", body, "", attempts)


def number_event(number: int) -> Envelope:
    body = Int64Value(value=number).SerializeToString()
    return Envelope(new_id(), NUMBER, "/services/sender", "s", "2026-01-01T00:00:00Z", body)


def deliveries(*envelopes: Envelope) -> Sequence[Delivery]:
    return [Delivery(each, tag) for tag, each in enumerate(envelopes, 1)]
