"""The relay: takes events from a service's outbox to the broker, and forgets them once the broker has them.

It sleeps until the outbox is written to, in this process or another; a slow look besides covers signals that were lost.
"""

import threading
from collections.abc import Sequence

import structlog

from chassis.bus import metrics, outbox
from chassis.bus.backoff import Backoff
from chassis.bus.broker import Broker, BrokerAwayError, Receipt
from chassis.bus.events import Envelope
from chassis.bus.faults import database_is_away
from chassis.bus.holding import Holding
from chassis.bus.tracing import publishing_span
from chassis.bus.trouble import Report, ignore
from chassis.database import OUTBOX_TOPIC, Database, UnitOfWork

_SAFETY_INTERVAL = 15.0
"""Seconds after which the outbox is looked at without a signal, and RabbitMQ gets a sign of life, at the latest."""

_log = structlog.get_logger(__name__)


class Relay:
    """Publishes the outbox of one service. Several may run on one PostgreSQL database, one on SQLite."""

    def __init__(
        self,
        service: str,
        database: Database,
        broker: Broker,
        report: Report = ignore,
        *,
        heartbeat: float = 2 * _SAFETY_INTERVAL,
    ) -> None:
        self._interval = min(_SAFETY_INTERVAL, heartbeat / 2)
        self._service = service
        self._database = database
        self._report = report
        self._publisher = broker.publisher(service, self._on_settled)
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._backoff = Backoff()
        self._holding = Holding(service)
        # One that keeps nothing may have no room; it says when there is some.
        self._volatile = broker.volatile
        self._lock = threading.Lock()
        self._in_flight: set[str] = set()
        self._settled: list[str] = []
        database.callbacks.add(OUTBOX_TOPIC, self.wake)

    def wake(self) -> None:
        """Look at the outbox now."""
        self._woken.set()

    def run(self) -> None:
        """Relay until stopped."""
        try:
            while not self._stopping.is_set():
                # Cleared before the look: what is written during it causes another.
                self._woken.clear()
                if not self._round():
                    self._woken.wait(self._pause())
        finally:
            self._publisher.close()
            self._stopped.set()

    def stop(self) -> None:
        """Finish the batch in hand. Returns when that is done."""
        self._stopping.set()
        self._woken.set()
        self._stopped.wait()

    def _round(self) -> bool:
        """Forget and publish one batch; true when there may be more to do at once."""
        try:
            # First, so that nobody waits for a broker within a transaction.
            self._publisher.keep_alive()
            more = self.relay_batch()
        except BrokerAwayError as error:
            self._failed("broker_away", error)
            return False
        except Exception as error:  # noqa: BLE001  the rows are still there; the relay must not end
            self._failed("database_away" if database_is_away(error) else "relay_failed", error)
            return False
        self._backoff.reset()
        self._report("")
        return more

    def _failed(self, event: str, error: Exception) -> None:
        self._report(repr(error))
        metrics.relay_failures.labels(self._service).inc()
        _log.warning(event, service=self._service, part="relay", error=repr(error), exc_info=event == "relay_failed")
        self._stopping.wait(self._backoff.next())
        self._woken.set()

    def _pause(self) -> float:
        """Seconds until there is something to do without a signal."""
        soonest = self._holding.soonest()
        if soonest is None:
            return self._interval
        return min(self._interval, max(0.0, (soonest - self._database.clock.now()).total_seconds()))

    def relay_batch(self) -> bool:
        """Forget what has settled and publish one batch; true when more rows may be waiting."""
        self._forget_settled()
        if self._database.is_sqlite:
            with self._database.read() as work:
                envelopes = self._claim(work)
            receipt = self._publish(envelopes)
            if receipt.settled or receipt.unroutable:
                with self._database.begin() as work:
                    self._record(work, envelopes, receipt)
        else:
            with self._database.begin() as work:
                envelopes = self._claim(work)
                receipt = self._publish(envelopes)
                self._record(work, envelopes, receipt)
        moved = len(receipt.settled) + len(receipt.pending)
        metrics.published.labels(self._service).inc(moved)
        refused = len(envelopes) - moved - len(receipt.unroutable)
        if refused and not self._volatile:
            raise BrokerAwayError(f"the broker did not take {refused} events; it may be short of memory or disk")
        return outbox.is_full(envelopes) and bool(moved or receipt.unroutable)

    def _claim(self, work: UnitOfWork) -> list[Envelope]:
        with self._lock:
            in_flight = set(self._in_flight)
        held = self._holding.paused(work.now)
        return outbox.claim(work.connection, self._service, without_ids=in_flight, without_types=held)

    def _record(self, work: UnitOfWork, envelopes: list[Envelope], receipt: Receipt) -> None:
        if receipt.settled:
            outbox.forget(work.connection, receipt.settled)
        self._holding.note(work, envelopes, receipt.unroutable)

    def _publish(self, envelopes: list[Envelope]) -> Receipt:
        if not envelopes:
            return Receipt()
        # Noted before they leave: a consumer may settle an event before `publish` returns.
        with self._lock:
            self._in_flight.update(envelope.id for envelope in envelopes)
        receipt = Receipt()
        try:
            with publishing_span(self._service, len(envelopes)):
                receipt = self._publisher.publish(envelopes)
        finally:
            with self._lock:
                self._in_flight.difference_update(
                    envelope.id for envelope in envelopes if envelope.id not in receipt.pending
                )
        return receipt

    def _on_settled(self, event_ids: Sequence[str]) -> None:
        with self._lock:
            self._settled.extend(event_ids)
        self.wake()

    def _forget_settled(self) -> None:
        with self._lock:
            settled = list(self._settled)
        if not settled:
            return
        with self._database.begin() as work:
            outbox.forget(work.connection, settled)
        with self._lock:
            del self._settled[: len(settled)]
            self._in_flight.difference_update(settled)
