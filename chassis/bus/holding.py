"""Events that no queue takes: held in the outbox, tried again with growing pauses, and at last a dead letter.

Most often their consumer is about to be deployed, so they wait for it without anybody's doing. After `LONGEST_HOLD`
they are an operator's: dead letters of their sender, reason `UNROUTABLE`, which a replay puts back into the outbox.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import select, update

from chassis.bus import dead_letters, metrics, outbox
from chassis.bus.backoff import Backoff
from chassis.bus.broker import Failure
from chassis.bus.events import Envelope
from chassis.database import UnitOfWork, service_metadata

LONGEST_HOLD = timedelta(hours=1)
REASON = "UNROUTABLE"

_outbox = service_metadata().tables["outbox"]
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Pause:
    until: datetime
    backoff: Backoff = field(default_factory=lambda: Backoff(first=1.0, longest=60.0))


class Holding:
    """What one relay knows of the event types that no queue takes; other types go on meanwhile."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._pauses: dict[str, _Pause] = {}
        self._looked_at = datetime.min.replace(tzinfo=UTC)

    def paused(self, now: datetime) -> list[str]:
        """The types that are not to be tried yet; the others are tried at this look."""
        self._looked_at = now
        return [event_type for event_type, pause in self._pauses.items() if pause.until > now]

    def soonest(self) -> datetime | None:
        """When the next type is to be tried that was not at the last look."""
        return min((pause.until for pause in self._pauses.values() if pause.until > self._looked_at), default=None)

    def note(self, work: UnitOfWork, envelopes: Sequence[Envelope], unroutable: Collection[str]) -> None:
        """Take in what the broker said of a batch: hold what no queue takes, and give up what was held for too long."""
        refused = sorted({envelope.type for envelope in envelopes if envelope.id in unroutable})
        for event_type in {envelope.type for envelope in envelopes}.difference(refused):
            self._pauses.pop(event_type, None)
        if not refused:
            return
        too_long = _held_too_long(work, refused, unroutable)
        self._give_up(work, [envelope for envelope in envelopes if envelope.id in too_long])
        for event_type in refused:
            tried = {envelope.id for envelope in envelopes if envelope.type == event_type}
            # When all were held for too long, the next ones may be so too: they are not made to wait for their turn.
            self._pause(event_type, work.now, at_once=tried <= too_long)

    def _pause(self, event_type: str, now: datetime, *, at_once: bool) -> None:
        pause = self._pauses.setdefault(event_type, _Pause(now))
        seconds = 0.0 if at_once else pause.backoff.next()
        pause.until = now + timedelta(seconds=seconds)
        metrics.unroutable.labels(self._service, event_type).inc()
        _log.error("event_unroutable", service=self._service, event_type=event_type, retry_seconds=round(seconds, 1))

    def _give_up(self, work: UnitOfWork, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            failure = Failure(REASON, f"no queue takes {envelope.type}: no deployed service consumes it")
            dead_letters.park(work, envelope, failure, dead_letters.Direction.SENT)
            metrics.dead_letters.labels(self._service, REASON).inc()
            _log.error("event_dead_lettered", service=self._service, event_id=envelope.id, event_type=envelope.type)
        outbox.forget(work.connection, [envelope.id for envelope in envelopes])


def _held_too_long(work: UnitOfWork, event_types: Collection[str], tried: Collection[str]) -> set[str]:
    """Note since when all events of these types are held; gives those tried now that have been for too long."""
    # Not those that another relay has in hand; it notes them itself.
    free = select(_outbox.c.id).where(_outbox.c.type.in_(event_types), _outbox.c.held_since.is_(None))
    free = free.with_for_update(skip_locked=True)
    work.connection.execute(update(_outbox).where(_outbox.c.id.in_(free)).values(held_since=work.now))
    late = select(_outbox.c.id).where(_outbox.c.id.in_(tried), _outbox.c.held_since <= work.now - LONGEST_HOLD)
    return set(work.connection.execute(late).scalars())
