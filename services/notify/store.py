"""What notify keeps: inboxes, webhooks and the log of their deliveries."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    RowMapping,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)

from chassis.database import Document, Instant, insert, service_metadata
from services.notify.domain.messages import ENDING_EVENTS
from services.notify.domain.webhooks import Outcome, Status

metadata = service_metadata()

messages = Table(
    "messages",
    metadata,
    Column("recipient", String(100), primary_key=True),
    # Ordered by time, so that an inbox is read newest first by its key.
    Column("message_id", String(36), primary_key=True),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("event_type", String(100), nullable=False),
    Column("case_id", String(64), nullable=False, index=True),
    Column("case_number", String(50), nullable=False),
    Column("case_version", BigInteger, nullable=False),
    # The organ of the step; who took part in a case is read from here.
    Column("organ_id", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("read_at", Instant),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("webhook_id", String(36), primary_key=True),
    Column("organ_id", String(64), nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("event_types", Document, nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),
    # Who asked for it and with which request_id: a repeat gets the same secret, which the chassis must not store.
    Column("request_key", String(250), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
)

# No reference to `webhooks`: the log outlives a webhook that is removed.
deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", String(36), primary_key=True),
    Column("webhook_id", String(36), nullable=False),
    Column("organ_id", String(64), nullable=False),
    Column("event_type", String(100), nullable=False),
    Column("source", String(300), nullable=False),
    Column("body", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("http_status", Integer, nullable=False),
    Column("last_error", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("next_attempt_at", Instant),
    Column("delivered_at", Instant),
    # When it was delivered or given up; by it the log is pruned.
    Column("ended_at", Instant, index=True),
    UniqueConstraint("webhook_id", "source"),
)
Index("ix_deliveries_organ_id", deliveries.c.organ_id, deliveries.c.delivery_id)
Index(
    "ix_deliveries_pending",
    deliveries.c.webhook_id,
    deliveries.c.next_attempt_at,
    postgresql_where=deliveries.c.status == Status.PENDING.value,
    sqlite_where=deliveries.c.status == Status.PENDING.value,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this process may attempt until its lease ends; `attempt` counts from 1."""

    delivery_id: str
    webhook_id: str
    attempt: int
    url: str
    sealed_secret: bytes
    body: str


def add_messages(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Puts messages into inboxes."""
    connection.execute(messages.insert(), rows)


def inbox(connection: Connection, recipient: str, before: str | None, limit: int) -> Sequence[RowMapping]:
    """The newest messages to the recipient, before the given one."""
    query = select(messages).where(messages.c.recipient == recipient).order_by(messages.c.message_id.desc())
    if before is not None:
        query = query.where(messages.c.message_id < before)
    return connection.execute(query.limit(limit)).mappings().all()


def mark_read(connection: Connection, recipient: str, message_id: str, now: datetime) -> RowMapping | None:
    """Notes when a message was first read; None when the inbox holds no such message."""
    changed = (
        update(messages)
        .where(messages.c.recipient == recipient, messages.c.message_id == message_id)
        .values(read_at=func.coalesce(messages.c.read_at, now))
        .returning(messages)
    )
    return connection.execute(changed).mappings().one_or_none()


def endings(connection: Connection, case_ids: Collection[str]) -> Sequence[RowMapping]:
    """The messages that told of the cases' ends."""
    query = select(messages).where(messages.c.case_id.in_(case_ids), messages.c.event_type.in_(ENDING_EVENTS))
    return connection.execute(query).mappings().all()


def webhooks_of(connection: Connection, organ_ids: Collection[str]) -> Sequence[RowMapping]:
    """The organs' webhooks that are in use, held against removal until the transaction ends."""
    query = (
        select(webhooks.c.webhook_id, webhooks.c.organ_id, webhooks.c.event_types)
        .where(webhooks.c.organ_id.in_(organ_ids), webhooks.c.disabled_at.is_(None))
        .with_for_update(read=True)
    )
    return connection.execute(query).mappings().all()


def webhooks_of_participants(connection: Connection, case_ids: Collection[str]) -> Sequence[RowMapping]:
    """The webhooks in use of organs that took part in the cases, with the case, a pair perhaps several times."""
    query = (
        select(messages.c.case_id, webhooks.c.webhook_id, webhooks.c.organ_id, webhooks.c.event_types)
        .join(webhooks, webhooks.c.organ_id == messages.c.organ_id)
        .where(messages.c.case_id.in_(case_ids), webhooks.c.disabled_at.is_(None))
        .with_for_update(read=True, of=webhooks)
    )
    return connection.execute(query).mappings().all()


def webhook_of_request(connection: Connection, request_key: str) -> RowMapping | None:
    """The webhook that a request made, if it is still there."""
    query = select(webhooks).where(webhooks.c.request_key == request_key)
    return connection.execute(query).mappings().one_or_none()


def add_webhook(connection: Connection, row: Mapping[str, Any]) -> RowMapping:
    """Keeps a new webhook."""
    return connection.execute(webhooks.insert().returning(webhooks), dict(row)).mappings().one()


def list_webhooks(connection: Connection, organ_id: str, after: str | None, limit: int) -> Sequence[RowMapping]:
    """The organ's webhooks in the order of their ids."""
    query = select(webhooks).where(webhooks.c.organ_id == organ_id).order_by(webhooks.c.webhook_id)
    if after is not None:
        query = query.where(webhooks.c.webhook_id > after)
    return connection.execute(query.limit(limit)).mappings().all()


def remove_webhook(connection: Connection, organ_id: str, webhook_id: str) -> bool:
    """Forgets a webhook with its secret; False when the organ has none such."""
    mine = and_(webhooks.c.webhook_id == webhook_id, webhooks.c.organ_id == organ_id)
    return connection.execute(delete(webhooks).where(mine)).rowcount == 1


def disable_webhook(connection: Connection, webhook_id: str, now: datetime) -> None:
    """Keeps a webhook from being used again."""
    connection.execute(update(webhooks).where(webhooks.c.webhook_id == webhook_id).values(disabled_at=now))


def fail_pending(connection: Connection, webhook_id: str, error: str, now: datetime) -> None:
    """Gives up what is pending for a webhook."""
    pending = and_(deliveries.c.webhook_id == webhook_id, deliveries.c.status == Status.PENDING)
    values = {"status": Status.FAILED, "last_error": error, "next_attempt_at": None, "ended_at": now}
    connection.execute(update(deliveries).where(pending).values(values))


def add_deliveries(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Keeps what is to be delivered; what a webhook was told of already is left out."""
    if rows:
        connection.execute(insert(connection, deliveries).on_conflict_do_nothing(), rows)


def list_deliveries(
    connection: Connection, organ_id: str, webhook_id: str, before: str | None, limit: int
) -> Sequence[RowMapping]:
    """The organ's deliveries, newest first, of one webhook when its id is not empty."""
    query = select(deliveries).where(deliveries.c.organ_id == organ_id).order_by(deliveries.c.delivery_id.desc())
    if webhook_id:
        query = query.where(deliveries.c.webhook_id == webhook_id)
    if before is not None:
        query = query.where(deliveries.c.delivery_id < before)
    return connection.execute(query.limit(limit)).mappings().all()


def claim(connection: Connection, now: datetime, lease: timedelta, busy: Collection[str], limit: int) -> list[Claim]:
    """Takes due deliveries, the oldest of each webhook that is not busy, and puts their next attempt off by the lease.

    One of each: an endpoint that is slow or has many waiting takes one place, not all of them.
    """
    due = and_(deliveries.c.status == Status.PENDING, deliveries.c.next_attempt_at <= now)
    oldest = select(func.min(deliveries.c.delivery_id)).where(due, deliveries.c.webhook_id.not_in(busy))
    oldest = oldest.where(deliveries.c.webhook_id.in_(_in_use())).group_by(deliveries.c.webhook_id)
    query = (
        select(deliveries, webhooks.c.url, webhooks.c.sealed_secret)
        .join(webhooks, webhooks.c.webhook_id == deliveries.c.webhook_id)
        .where(deliveries.c.delivery_id.in_(oldest), due)
        .order_by(deliveries.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=deliveries)
    )
    rows = connection.execute(query).all()
    if rows:
        connection.execute(
            update(deliveries)
            .where(deliveries.c.delivery_id.in_([row.delivery_id for row in rows]))
            .values(attempts=deliveries.c.attempts + 1, next_attempt_at=now + lease)
        )
    return [
        Claim(row.delivery_id, row.webhook_id, row.attempts + 1, row.url, row.sealed_secret, row.body) for row in rows
    ]


def renew(connection: Connection, until: datetime, delivery_ids: Collection[str]) -> None:
    """Puts off the end of the leases of deliveries that are being sent, unless they were settled meanwhile."""
    if delivery_ids:
        mine = and_(deliveries.c.delivery_id.in_(delivery_ids), deliveries.c.status == Status.PENDING)
        # One that failed meanwhile may wait for its next attempt already, which is later.
        query = update(deliveries).where(mine, deliveries.c.next_attempt_at < until)
        connection.execute(query.values(next_attempt_at=until))


def next_due(connection: Connection, now: datetime, busy: Collection[str]) -> datetime | None:
    """When the next delivery is due; what waits for a busy webhook counts once its time is to come."""
    query = select(deliveries.c.next_attempt_at).where(
        deliveries.c.status == Status.PENDING,
        deliveries.c.webhook_id.in_(_in_use()),
        or_(deliveries.c.next_attempt_at > now, deliveries.c.webhook_id.not_in(busy)),
    )
    return connection.scalar(query.order_by(deliveries.c.next_attempt_at).limit(1))


def record(connection: Connection, taken: Claim, http_status: int, result: Outcome, now: datetime) -> None:
    """Notes what an attempt came to, unless the delivery was settled or claimed anew meanwhile.

    A success counts whoever had it: the endpoint has the message.
    """
    delivered = result.status is Status.DELIVERED
    mine = deliveries.c.delivery_id == taken.delivery_id
    if not delivered:
        mine = and_(mine, deliveries.c.status == Status.PENDING, deliveries.c.attempts == taken.attempt)
    connection.execute(
        update(deliveries)
        .where(mine)
        .values(
            status=result.status,
            http_status=http_status,
            last_error=result.error,
            next_attempt_at=result.next_attempt_at,
            delivered_at=now if delivered else None,
            ended_at=None if result.status is Status.PENDING else now,
        )
    )


def forget_deliveries(connection: Connection, before: datetime, limit: int) -> int:
    """Forgets deliveries that ended before a time, the oldest first, so many at most; gives how many."""
    old = select(deliveries.c.delivery_id).where(deliveries.c.ended_at < before)
    oldest = old.order_by(deliveries.c.ended_at).limit(limit)
    return connection.execute(delete(deliveries).where(deliveries.c.delivery_id.in_(oldest))).rowcount


def _in_use() -> Select[tuple[str]]:
    return select(webhooks.c.webhook_id).where(webhooks.c.disabled_at.is_(None))
