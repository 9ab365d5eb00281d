"""What a consumer does with a batch of events: one transaction for all, or each alone when that fails.

Nothing here knows nameko or a broker: it takes deliveries and says what is to become of each.
"""

import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from google.protobuf.message import Message

from chassis.bus import dead_letters, inbox, metrics
from chassis.bus.broker import Delivery, Failure, Handled, Retry, Verdict
from chassis.bus.events import Envelope, UndecodableEventError, decode, event_type
from chassis.bus.faults import database_is_away
from chassis.bus.topology import RetryPolicy
from chassis.bus.tracing import handling_span
from chassis.database import Database, UnitOfWork
from chassis.problems import Problem

_log = structlog.get_logger(__name__)


_TOO_OLD = Failure(
    "TOO_OLD",
    "it is older than the inbox remembers: it may have been handled, and forgotten; look, then replay or discard",
)
PATIENCE = 5
"""How often in a row a batch may find the database away that answers nonetheless."""


class DatabaseAwayError(Exception):
    """The service's database cannot be worked with now: nothing was decided, the batch is to be handled again."""


class _TooLateError(Exception):
    """A dead letter was gone before its replay."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """An event type and what handles it: a call that gets the events of one batch, in one transaction."""

    event: type[Message]
    call: Callable[[UnitOfWork, list[Any]], None]


@dataclass(frozen=True, slots=True)
class _Readable:
    delivery: Delivery
    event: Message
    subscription: Subscription

    @property
    def id(self) -> str:
        return self.delivery.envelope.id


class Handling:
    """Handles the events of one service."""

    def __init__(
        self,
        service: str,
        database: Database,
        subscriptions: Iterable[Subscription],
        policy: RetryPolicy | None = None,
        *,
        forgets_after: timedelta | None = None,
    ) -> None:
        """`forgets_after` is for how long the inbox remembers, unless it remembers all that can come again."""
        self._service = service
        self._database = database
        self._subscriptions = {event_type(each.event): each for each in subscriptions}
        self._policy = policy or RetryPolicy()
        self._forgets_after = forgets_after
        self._insists = False

    def _away(self, error: Exception) -> bool:
        return database_is_away(error) and not self._insists

    def _database_answers(self) -> bool:
        try:
            self._database.ping()
        except Exception:  # noqa: BLE001  whatever it is, it is no answer
            return False
        return True

    def handle(self, deliveries: Sequence[Delivery], *, in_vain: int = 0) -> list[Verdict]:
        """Commit the effects of a batch, and say what is to become of each delivery.

        Raises `DatabaseAwayError` when it could not go on; what was committed by then is known from the inbox. After
        it was raised `in_vain` several times for the same batch by a database that answers, the fault is an event's.
        """
        self._insists = in_vain >= PATIENCE and self._database_answers()
        metrics.batch_events.labels(self._service).observe(len(deliveries))
        readable: list[_Readable] = []
        hopeless: list[tuple[Delivery, Failure]] = []
        for delivery in deliveries:
            found = delivery.failure or self._too_old(delivery) or self._read(delivery)
            if isinstance(found, Failure):
                hopeless.append((delivery, found))
            else:
                readable.append(found)
        return [self._park(*each) for each in hopeless] + self._handle_all(readable)

    def replay(self, envelope: Envelope, claim: Callable[[UnitOfWork], bool]) -> Failure | None:
        """Handle a dead letter's event in one transaction with `claim`, which says whether it is still to be handled.

        Returns why it failed again. Raises what says that the database is away.
        """
        found = self._read(Delivery(envelope, tag=0))
        if isinstance(found, Failure):
            return found
        try:
            self._commit([found], claim)
        except _TooLateError:
            return None
        except Exception as error:
            if database_is_away(error):
                raise
            return _failure(error)
        return None

    def _too_old(self, delivery: Delivery) -> Failure | None:
        """An event that may have been handled and forgotten is for an operator to judge, not to be handled twice."""
        if self._forgets_after is None:
            return None
        now = self._database.clock.now()
        oldest = (now - self._forgets_after).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        # Times of our senders are of one form, and compare as text.
        return _TOO_OLD if delivery.envelope.time < oldest else None

    def _read(self, delivery: Delivery) -> _Readable | Failure:
        subscription = self._subscriptions.get(delivery.envelope.type)
        if subscription is None:
            return Failure("UNKNOWN_EVENT_TYPE", f"{self._service} has no handler for {delivery.envelope.type}")
        try:
            return _Readable(delivery, decode(subscription.event, delivery.envelope.body), subscription)
        except UndecodableEventError as error:
            return Failure("UNDECODABLE_EVENT", str(error))

    def _handle_all(self, events: list[_Readable]) -> list[Verdict]:
        if len(events) <= 1:
            return [self._handle_alone(event) for event in events]
        try:
            self._commit(events)
        except Exception as error:
            if self._away(error):
                raise DatabaseAwayError(str(error)) from error
            # Whose fault it is shows when each is handled alone; the others then go on.
            _log.info("batch_failed", service=self._service, events=len(events), error=repr(error))
            return [self._handle_alone(event) for event in events]
        return [Handled(event.delivery) for event in events]

    def _handle_alone(self, event: _Readable) -> Verdict:
        try:
            self._commit([event])
        except Exception as error:
            if self._away(error):
                raise DatabaseAwayError(str(error)) from error
            if isinstance(error, Problem) and not error.passing:
                return self._park(event.delivery, _failure(error))
            return self._retry_or_park(event.delivery, error)
        return Handled(event.delivery)

    def _commit(self, events: list[_Readable], claim: Callable[[UnitOfWork], bool] | None = None) -> None:
        """Handle those events that are new, in one transaction, which ends their dead letters too.

        Nothing is done when `claim` says that it is too late.
        """
        with self._database.begin() as work:
            fresh = inbox.remember(work, [event.id for event in events])
            if claim is not None and not claim(work):
                raise _TooLateError
            dead_letters.forget(work, [dead_letters.letter_id(event.delivery.envelope) for event in events])
            for subscription, group in _grouped(events, set(fresh)):
                envelopes = [event.delivery.envelope for event in group]
                with handling_span(self._service, event_type(subscription.event), envelopes):
                    subscription.call(work, [event.event for event in group])
        metrics.handled.labels(self._service).inc(len(fresh))
        new = [event.delivery.envelope for event in events if event.id in fresh]
        metrics.note_lag(self._service, new, self._database.clock.now())
        if len(fresh) < len(events):
            metrics.duplicates.labels(self._service).inc(len(events) - len(fresh))

    def _retry_or_park(self, delivery: Delivery, error: Exception) -> Verdict:
        attempts = delivery.envelope.attempts + 1
        if attempts >= self._policy.attempts:
            return self._park(delivery, _failure(error))
        delay = self._policy.delay(attempts)
        metrics.retries.labels(self._service).inc()
        _log.warning(
            "event_retried", **_fields(self._service, delivery.envelope), attempts=attempts, delay=delay, exc_info=error
        )
        return Retry(delivery, delay)

    def _park(self, delivery: Delivery, failure: Failure) -> Handled:
        """Keep the event as a dead letter, in a transaction of its own; the broker may forget it then."""
        envelope = delivery.envelope
        try:
            with self._database.begin() as work:
                known = inbox.knows(work, envelope.id)
                if not known:
                    dead_letters.park(work, replace(envelope, attempts=envelope.attempts + 1), failure)
        except Exception as error:
            if self._away(error):
                raise DatabaseAwayError(str(error)) from error
            raise
        if known:
            metrics.duplicates.labels(self._service).inc()
            return Handled(delivery)
        metrics.dead_letters.labels(self._service, failure.reason).inc()
        _log.error(
            "event_dead_lettered",
            **_fields(self._service, envelope),
            reason=failure.reason,
            message=failure.message,
        )
        return Handled(delivery)


def _grouped(events: list[_Readable], wanted: set[str]) -> list[tuple[Subscription, list[_Readable]]]:
    """The wanted events by subscription, each once, in the order of their first arrival."""
    groups: dict[str, tuple[Subscription, list[_Readable]]] = {}
    for event in events:
        if event.id in wanted:
            wanted.discard(event.id)
            groups.setdefault(event.delivery.envelope.type, (event.subscription, []))[1].append(event)
    return list(groups.values())


def _failure(error: Exception) -> Failure:
    reason = error.reason if isinstance(error, Problem) else "HANDLER_FAILED"
    stack = "".join(traceback.format_exception(error))
    return Failure(reason, f"{type(error).__name__}: {error}", stack)


def _fields(service: str, envelope: Envelope) -> dict[str, str]:
    return {"service": service, "event_id": envelope.id, "event_type": envelope.type, "subject": envelope.subject}
