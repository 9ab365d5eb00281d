"""The tables that every service's database has, and the column types that behave alike on both databases."""

from datetime import UTC, datetime

from sqlalchemy import JSON, Column, DateTime, Dialect, Integer, LargeBinary, MetaData, String, Table, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Instant(TypeDecorator[datetime]):
    """An aware time in UTC; naive times are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class's signature
        """To the database: in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"{value!r} has no time zone"
            raise ValueError(message)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class's signature
        """From the database: SQLite has forgotten the zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Document = JSON().with_variant(postgresql.JSONB(), "postgresql")
"""Free-form data; JSONB on PostgreSQL."""


def service_metadata() -> MetaData:
    """A metadata that already has the tables outbox, inbox, requests, dead_letters and repairs."""
    metadata = MetaData(naming_convention=NAMING)
    _outbox(metadata)
    _inbox(metadata)
    _requests(metadata)
    _dead_letters(metadata)
    _repairs(metadata)
    return metadata


def _outbox(metadata: MetaData) -> Table:
    """Events that the broker does not have yet; written in the transaction of the change that they tell of."""
    return Table(
        "outbox",
        metadata,
        Column("id", String(36), primary_key=True),
        Column("type", String(200), nullable=False),
        Column("subject", String(200), nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("traceparent", Text, nullable=False, server_default=""),
        Column("created_at", Instant, nullable=False),
        # When the broker first said that no queue takes it.
        Column("held_since", Instant, nullable=True),
    )


def _inbox(metadata: MetaData) -> Table:
    """Events that were handled; written in the transaction of their effect."""
    return Table(
        "inbox",
        metadata,
        Column("event_id", String(36), primary_key=True),
        Column("handled_at", Instant, nullable=False, index=True),
    )


def _requests(metadata: MetaData) -> Table:
    """Writes that were answered, so that a repeat gets the first answer; `caller` keeps callers' ids apart."""
    return Table(
        "requests",
        metadata,
        Column("caller", String(100), primary_key=True),
        Column("request_id", String(100), primary_key=True),
        Column("method", String(200), nullable=False),
        Column("fingerprint", String(64), nullable=False),
        Column("response", LargeBinary, nullable=False),
        Column("answered_at", Instant, nullable=False, index=True),
    )


def _dead_letters(metadata: MetaData) -> Table:
    """Events that were given up, for an operator to replay or discard; see `chassis.dead_letters`."""
    return Table(
        "dead_letters",
        metadata,
        Column("letter_id", String(36), primary_key=True),
        Column("direction", String(8), nullable=False),
        Column("event_id", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("source", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("time", Text, nullable=False),
        Column("traceparent", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("reason", String(100), nullable=False),
        Column("message", Text, nullable=False),
        Column("stack", Text, nullable=False),
        Column("parked_at", Instant, nullable=False, index=True),
        Column("replay_requested_at", Instant, nullable=True),
    )


def _repairs(metadata: MetaData) -> Table:
    """What operators did to dead letters, and why; written in the transaction of the deed, never changed."""
    return Table(
        "repairs",
        metadata,
        Column("repair_id", String(36), primary_key=True),
        Column("at", Instant, nullable=False),
        Column("actor", String(100), nullable=False),
        Column("action", String(10), nullable=False),
        Column("letter_id", String(36), nullable=False),
        Column("type", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("reason", Text, nullable=False),
    )
