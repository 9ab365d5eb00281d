"""The broker of the embedded mode: plain queues within the one worker process that runs all services.

It keeps nothing: an event's outbox row stays until every consumer has committed it, and is published again after a
restart (docs/adr/0004-embedded-broker.md). Nothing here polls: receivers sleep until an event arrives or falls due.
"""

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from chassis.bus.backoff import jittered
from chassis.bus.broker import Delivery, Handled, Limits, Receipt, Retry, Verdict
from chassis.bus.events import Envelope

CAPACITY = 10_000
"""Events held in memory at a time; the others wait in their outboxes."""

OnSettled = Callable[[Sequence[str]], None]


@dataclass(slots=True)
class _Pending:
    """An event and who still has to settle it."""

    waiting: set[str]
    on_settled: OnSettled


@dataclass(slots=True)
class _ServiceQueue:
    """One service's events: those that are ready, and those that wait for their next attempt."""

    changed: threading.Condition
    ready: deque[Envelope] = field(default_factory=deque)
    delayed: list[tuple[float, str, Envelope]] = field(default_factory=list)
    interrupted: bool = False

    def promote_due(self) -> float | None:
        """Make due events ready; returns the seconds until the next falls due."""
        now = time.monotonic()
        while self.delayed and self.delayed[0][0] <= now:
            self.ready.append(heapq.heappop(self.delayed)[2])
        return self.delayed[0][0] - now if self.delayed else None


class EmbeddedBroker:
    """Queues in memory, one for each service that consumes; `routes` are the event types that each of them takes."""

    volatile = True

    def __init__(self, routes: Mapping[str, Collection[str]], *, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._lock = threading.RLock()
        self._pending: dict[str, _Pending] = {}
        # In the order in which they were: who came first looks first.
        self._turned_away: dict[OnSettled, None] = {}
        self._queues = {service: _ServiceQueue(threading.Condition(self._lock)) for service in routes}
        self._routes: dict[str, list[str]] = {}
        for service, events in routes.items():
            for event in events:
                self._routes.setdefault(event, []).append(service)

    def publisher(self, service: str, on_settled: OnSettled) -> "EmbeddedPublisher":  # noqa: ARG002  the port's name for it
        """A publisher whose settled events are reported to `on_settled`."""
        return EmbeddedPublisher(self, on_settled)

    def consumer(self, service: str, events: Collection[str]) -> "EmbeddedConsumer":  # noqa: ARG002  known from `routes`
        """The consumer of a service that is in `routes`."""
        return EmbeddedConsumer(self, service, self._queues[service])

    def accept(self, envelopes: Sequence[Envelope], on_settled: OnSettled) -> Receipt:
        """Queue events for all their consumers, as far as there is room."""
        pending: set[str] = set()
        unroutable: set[str] = set()
        with self._lock:
            for envelope in envelopes:
                services = self._routes.get(envelope.type)
                if services is None:
                    unroutable.add(envelope.id)
                elif envelope.id in self._pending:
                    pending.add(envelope.id)
                elif len(self._pending) < self._capacity:
                    pending.add(envelope.id)
                    self._pending[envelope.id] = _Pending(set(services), on_settled)
                    for service in services:
                        self._queues[service].ready.append(envelope)
                        self._queues[service].changed.notify()
                else:
                    self._turned_away[on_settled] = None
        return Receipt(pending=pending, unroutable=unroutable)

    def settled(self, service: str, event_ids: Sequence[str]) -> None:
        """Note that a service is done with events, and report those that nobody waits for any more."""
        reports: dict[OnSettled, list[str]] = {}
        with self._lock:
            for event_id in event_ids:
                pending = self._pending.get(event_id)
                if pending is None:
                    continue
                pending.waiting.discard(service)
                if not pending.waiting:
                    del self._pending[event_id]
                    reports.setdefault(pending.on_settled, []).append(event_id)
            if reports:
                # Told that nothing of theirs has settled, they look again: there is room now.
                reports |= {each: [] for each in self._turned_away if each not in reports}
                self._turned_away.clear()
        for on_settled, settled in reports.items():
            on_settled(settled)


class EmbeddedPublisher:
    """Puts one service's events into the queues of this process."""

    def __init__(self, broker: EmbeddedBroker, on_settled: OnSettled) -> None:
        self._broker = broker
        self._on_settled = on_settled

    def publish(self, envelopes: Sequence[Envelope]) -> Receipt:
        """Queue events; without room they are in no set of the receipt and stay in the outbox."""
        return self._broker.accept(envelopes, self._on_settled)

    def keep_alive(self) -> None:
        """Nothing to keep alive."""

    def close(self) -> None:
        """Nothing to let go of."""


class EmbeddedConsumer:
    """Takes one service's events out of its queue."""

    def __init__(self, broker: EmbeddedBroker, service: str, queue: _ServiceQueue) -> None:
        self._broker = broker
        self._service = service
        self._queue = queue
        self._tag = 0
        self._held: dict[int, Envelope] = {}

    def connect(self) -> None:
        """Always connected."""

    def receive(self, wait: float) -> list[Delivery]:
        """Whatever is ready; sleeps until something is, or `wait` seconds are over."""
        queue = self._queue
        end = time.monotonic() + wait
        with queue.changed:
            while True:
                next_due = queue.promote_due()
                left = end - time.monotonic()
                if queue.ready or queue.interrupted or left <= 0:
                    break
                queue.changed.wait(left if next_due is None else min(left, next_due))
            queue.interrupted = False
            return self._take(queue)

    def _take(self, queue: _ServiceQueue) -> list[Delivery]:
        limits = Limits()
        deliveries: list[Delivery] = []
        room = True
        while queue.ready and room:
            envelope = queue.ready.popleft()
            self._tag += 1
            self._held[self._tag] = envelope
            deliveries.append(Delivery(envelope, self._tag))
            room = limits.admit(envelope.body)
        return deliveries

    def settle(self, verdicts: Sequence[Verdict]) -> None:
        """Carry out verdicts."""
        done: list[str] = []
        for verdict in verdicts:
            envelope = verdict.delivery.envelope
            match verdict:
                case Handled():
                    done.append(envelope.id)
                case Retry(delay=delay):
                    self._delay(replace(envelope, attempts=envelope.attempts + 1), delay)
            self._held.pop(verdict.delivery.tag, None)
        self._broker.settled(self._service, done)

    def _delay(self, envelope: Envelope, delay: float) -> None:
        due = time.monotonic() + jittered(delay)
        with self._queue.changed:
            heapq.heappush(self._queue.delayed, (due, envelope.id, envelope))
            self._queue.changed.notify()

    def interrupt(self) -> None:
        """Make a waiting `receive` return at once."""
        with self._queue.changed:
            self._queue.interrupted = True
            self._queue.changed.notify_all()

    def close(self) -> None:
        """Put back what was received and not settled, first in the queue."""
        with self._queue.changed:
            self._queue.ready.extendleft(self._held[tag] for tag in sorted(self._held, reverse=True))
            self._held.clear()
            self._queue.changed.notify()
