"""A broker that keeps its messages, as RabbitMQ does: at least once, in any order, with confirms that can be lost."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from chassis.bus.broker import LARGEST_BATCH, BrokerAwayError, Delivery, Handled, Receipt, Retry, Verdict
from chassis.bus.events import Envelope
from tests.simulation.fates import Fates, Fault
from tests.simulation.scheduler import Scheduler
from tests.simulation.trace import Trace

OnSettled = Callable[[Sequence[str]], None]
OnReady = Callable[[str, float], None]
"""Told that a service has events to receive in so many seconds."""

LONGEST_DELAY = 30.0
RETRY_JITTER = 0.2
SELDOM = 8.0
"""How much likelier a crash is within a batch, and within a retry: most batches are of one event that is handled."""


@dataclass(eq=False, slots=True)
class Message:
    """A copy of an event in a queue, from a time on."""

    envelope: Envelope
    ready_at: int


@dataclass(slots=True)
class Queue:
    """One service's messages: those that wait, and those that its consumer holds."""

    waiting: list[Message] = field(default_factory=list)
    held: dict[int, Message] = field(default_factory=dict)
    tag: int = 0


class DurableBus:
    """One queue a service; `routes` are the event types that each takes."""

    volatile = False

    def __init__(
        self, routes: Mapping[str, Collection[str]], scheduler: Scheduler, fates: Fates, trace: Trace, ready: OnReady
    ) -> None:
        self.scheduler = scheduler
        self.fates = fates
        self.trace = trace
        self.ready = ready
        self.away = False
        self.unbound: set[str] = set()
        """Types that no queue takes for now."""
        self.queues = {service: Queue() for service in routes}
        self._routes: dict[str, list[str]] = {}
        for service, events in routes.items():
            for event in sorted(events):
                self._routes.setdefault(event, []).append(service)

    @property
    def types(self) -> list[str]:
        """Every type that some queue takes."""
        return sorted(self._routes)

    def publisher(self, service: str, on_settled: OnSettled) -> "DurablePublisher":  # noqa: ARG002 - the port's
        """A publisher; nothing is ever pending here."""
        return DurablePublisher(self)

    def consumer(self, service: str, events: Collection[str]) -> "DurableConsumer":  # noqa: ARG002 - known from routes
        """The consumer of a service; what the one before it held comes again."""
        self.give_back(service)
        return DurableConsumer(self, service)

    def give_back(self, service: str) -> None:
        """The service's consumer is gone: what it had not acknowledged is delivered again."""
        queue = self.queues[service]
        for message in queue.held.values():
            self.put(service, message.envelope)
        queue.held.clear()

    def put(self, service: str, envelope: Envelope, delay: float = 0.0) -> None:
        """Queue a copy of an event."""
        ready_at = self.scheduler.clock.milliseconds + round(delay * 1000)
        self.queues[service].waiting.append(Message(envelope, ready_at))
        self.ready(service, delay)

    def announce(self, services: Iterable[str]) -> None:
        """Tell new consumers of what waits for them."""
        now = self.scheduler.clock.milliseconds
        for service in services:
            for message in self.queues[service].waiting:
                self.ready(service, max(message.ready_at - now, 0) / 1000)

    def accept(self, envelope: Envelope) -> bool:
        """Queue an event for all who take it; false when nobody does."""
        services = [] if envelope.type in self.unbound else self._routes.get(envelope.type, [])
        for service in services:
            self.put(service, envelope, self._delay())
            if self.fates.strikes(Fault.DUPLICATED):
                self.put(service, envelope, self.fates.seconds(0, LONGEST_DELAY))
        return bool(services)

    def _delay(self) -> float:
        return self.fates.seconds(0, LONGEST_DELAY) if self.fates.strikes(Fault.DELAYED) else 0.0

    def go(self) -> None:
        """From now on nobody can connect."""
        self.away = True

    def come_back(self) -> None:
        """From now on everybody can again."""
        self.away = False

    def check(self) -> None:
        """Raise BrokerAwayError while nobody can connect."""
        if self.away:
            raise BrokerAwayError("the broker is away")

    def leftovers(self) -> Iterator[str]:
        """What is still here."""
        for service, queue in self.queues.items():
            for message in [*queue.waiting, *queue.held.values()]:
                yield f"{self.trace.event(message.envelope)} waits in the queue of {service}"


class DurablePublisher:
    """Publishes one service's events."""

    def __init__(self, bus: DurableBus) -> None:
        self._bus = bus

    def publish(self, envelopes: Sequence[Envelope]) -> Receipt:
        """Publish events; the connection may break before, amid, and after all have arrived."""
        fates = self._bus.fates
        fates.moment("before publish")
        self._bus.check()
        if fates.strikes(Fault.PUBLISH_REFUSED):
            raise BrokerAwayError("the broker takes nothing now")
        arriving = list(envelopes)
        lost = fates.strikes(Fault.CONFIRM_LOST)
        if lost:
            arriving = arriving[: fates.chance.randint(1, len(arriving))]
        settled: list[str] = []
        unroutable: list[str] = []
        for number, envelope in enumerate(arriving):
            if number == 1:
                fates.moment("amid publish", weight=SELDOM)
            if fates.strikes(Fault.NOT_CONFIRMED):
                continue
            (settled if self._bus.accept(envelope) else unroutable).append(envelope.id)
        fates.moment("after publish, before confirm")
        if lost:
            raise BrokerAwayError("the connection broke before the confirms")
        return Receipt(settled=settled, unroutable=unroutable)

    def keep_alive(self) -> None:
        """Nothing to keep alive."""

    def close(self) -> None:
        """Nothing to let go of."""


class DurableConsumer:
    """Receives one service's events."""

    def __init__(self, bus: DurableBus, service: str) -> None:
        self._bus = bus
        self._service = service
        self._queue = bus.queues[service]

    def connect(self) -> None:
        """Raise BrokerAwayError while the broker is away; what was held before goes back."""
        if self._bus.away:
            self.close()
        self._bus.check()

    def receive(self, wait: float) -> list[Delivery]:
        """Some of what is ready, in the order of arrival or in another."""
        del wait
        self.connect()
        fates = self._bus.fates
        now = self._bus.scheduler.clock.milliseconds
        ready = [message for message in self._queue.waiting if message.ready_at <= now]
        later = [message.ready_at for message in self._queue.waiting if message.ready_at > now]
        if later:
            self._bus.ready(self._service, (min(later) - now) / 1000)
        if not ready:
            return []
        if len(ready) > 1 and fates.strikes(Fault.REORDERED):
            fates.chance.shuffle(ready)
        taken = ready[: fates.chance.randint(1, min(len(ready), LARGEST_BATCH))]
        if len(taken) < len(ready):
            self._bus.ready(self._service, 0.0)
        for message in taken:
            self._queue.waiting.remove(message)
            self._queue.tag += 1
            self._queue.held[self._queue.tag] = message
        if fates.strikes(Fault.DELIVERY_LOST):
            self.close()
            raise BrokerAwayError("the connection broke before the deliveries arrived")
        tags = range(self._queue.tag - len(taken) + 1, self._queue.tag + 1)
        return [Delivery(self._queue.held[tag].envelope, tag) for tag in tags]

    def settle(self, verdicts: Sequence[Verdict]) -> None:
        """Carry out verdicts one by one; the connection may break amid them."""
        fates = self._bus.fates
        fates.moment("before acknowledgement")
        self.connect()
        lost_at = fates.chance.randrange(len(verdicts)) if fates.strikes(Fault.SETTLING_LOST) else -1
        for number, verdict in enumerate(verdicts):
            if number == 1:
                fates.moment("amid acknowledgements", weight=SELDOM)
            if number == lost_at:
                self.close()
                raise BrokerAwayError("the connection broke while settling")
            self._settle(verdict)

    def _settle(self, verdict: Verdict) -> None:
        fates = self._bus.fates
        envelope = verdict.delivery.envelope
        match verdict:
            case Retry(delay=delay):
                again = replace(envelope, attempts=envelope.attempts + 1)
                self._bus.put(self._service, again, delay * fates.seconds(1 - RETRY_JITTER, 1))
                fates.moment("between retry and acknowledgement", weight=2 * SELDOM)
            case Handled():
                pass
        self._queue.held.pop(verdict.delivery.tag)
        if fates.strikes(Fault.ACK_LOST):
            self._bus.put(self._service, envelope)

    def interrupt(self) -> None:
        """Nobody waits in `receive`."""

    def close(self) -> None:
        """Give back what was not settled."""
        self._bus.give_back(self._service)
