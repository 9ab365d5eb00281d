"""What waits at a service: in its outbox, among its dead letters, and in its queues on the broker."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from chassis.bus.amqp_link import Address, Link
from chassis.bus.dead_letters import letters
from chassis.bus.topology import RetryPolicy, queues
from chassis.database import UnitOfWork, service_metadata

_outbox = service_metadata().tables["outbox"]
_inbox = service_metadata().tables["inbox"]


@dataclass(frozen=True, slots=True)
class Held:
    """Events of one type that no queue takes."""

    event_type: str
    events: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a service's database says of its part of the bus, at one moment."""

    at: datetime
    outbox_events: int
    outbox_oldest_at: datetime | None
    held: Sequence[Held]
    last_handled_at: datetime | None
    dead_letters: int
    oldest_dead_letter_at: datetime | None
    replays_pending: int
    oldest_replay_requested_at: datetime | None


@dataclass(frozen=True, slots=True)
class QueueBacklog:
    """What is ready in a queue, and how many consume it."""

    name: str
    messages: int
    consumers: int


def backlog(work: UnitOfWork) -> Backlog:
    """Count; cheap, for the outbox is bounded and the others are few or have an index."""
    by_type = work.connection.execute(
        select(
            _outbox.c.type,
            func.count().label("events"),
            func.min(_outbox.c.created_at).label("oldest_at"),
            func.count(_outbox.c.held_since).label("held"),
            func.min(_outbox.c.held_since).label("held_since"),
        )
        .group_by(_outbox.c.type)
        .order_by(_outbox.c.type)
    ).all()
    parked = work.connection.execute(
        select(
            func.count(),
            func.min(letters.c.parked_at),
            func.count(letters.c.replay_requested_at),
            func.min(letters.c.replay_requested_at),
        )
    ).one()
    return Backlog(
        at=work.now,
        outbox_events=sum(row.events for row in by_type),
        outbox_oldest_at=min((row.oldest_at for row in by_type), default=None),
        held=[Held(row.type, row.held, row.held_since) for row in by_type if row.held],
        last_handled_at=work.connection.execute(select(func.max(_inbox.c.handled_at))).scalar_one(),
        dead_letters=parked[0],
        oldest_dead_letter_at=parked[1],
        replays_pending=parked[2],
        oldest_replay_requested_at=parked[3],
    )


def queue_backlogs(address: Address, service: str, policy: RetryPolicy | None = None) -> list[QueueBacklog]:
    """Ask the broker for a service's queues: the main one, those that wait, the dead one. Empty when it has none.

    Blocks; a node that hangs is given up after the address's heartbeat. Raises `BrokerAwayError`.
    """
    names = [queue.name for queue in queues(service, policy or RetryPolicy())]
    found = []
    link = Link(address)
    try:
        for name in names:
            counted = link.count(name)
            if counted is not None:
                found.append(QueueBacklog(name, *counted))
            elif name == names[0]:
                break  # a service that consumes nothing
    finally:
        link.close()
    return found
