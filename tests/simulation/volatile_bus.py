"""The real embedded broker, which keeps nothing, on simulated time and with crash points around its calls."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from chassis.bus.broker import Delivery, Handled, Receipt, Retry, Verdict
from chassis.bus.embedded import EmbeddedBroker, EmbeddedConsumer, EmbeddedPublisher
from chassis.bus.events import Envelope
from tests.simulation.durable_bus import OnReady, OnSettled
from tests.simulation.fates import Fates, Fault
from tests.simulation.scheduler import Life, Scheduler


class VolatileBus:
    """The embedded broker of one worker process; the next process has another."""

    volatile = True

    def __init__(
        self,
        routes: Mapping[str, Collection[str]],
        scheduler: Scheduler,
        fates: Fates,
        ready: OnReady,
        settled: Callable[[str], None],
        life: Life,
        capacity: int,
    ) -> None:
        self.scheduler = scheduler
        self.fates = fates
        self.ready = ready
        self.life = life
        self._settled = settled
        self._routes = routes
        self._broker = EmbeddedBroker(routes, capacity=capacity)

    def publisher(self, service: str, on_settled: OnSettled) -> "VolatilePublisher":
        """A publisher; its relay looks again when something has settled, as the relay wakes itself for that."""

        def settled(event_ids: Sequence[str]) -> None:
            on_settled(event_ids)
            self._settled(service)

        return VolatilePublisher(self, self._broker.publisher(service, settled))

    def consumer(self, service: str, events: Collection[str]) -> "VolatileConsumer":
        """The consumer of a service."""
        return VolatileConsumer(self, service, self._broker.consumer(service, events))

    def queued(self, envelopes: Sequence[Envelope]) -> None:
        """Events were queued: their consumers are awake at once."""
        types = {envelope.type for envelope in envelopes}
        for service, events in self._routes.items():
            if not types.isdisjoint(events):
                self.ready(service, 0.0)

    def leftovers(self) -> Iterator[str]:
        """Nothing that its outbox does not show."""
        return iter(())


class VolatilePublisher:
    """Publishes one service's events."""

    def __init__(self, bus: VolatileBus, publisher: EmbeddedPublisher) -> None:
        self._bus = bus
        self._publisher = publisher

    def publish(self, envelopes: Sequence[Envelope]) -> Receipt:
        """Queue events for their consumers."""
        self._bus.fates.moment("before publish")
        receipt = self._publisher.publish(envelopes)
        self._bus.queued(envelopes)
        self._bus.fates.moment("after publish, before confirm")
        return receipt

    def keep_alive(self) -> None:
        """Nothing to keep alive."""

    def close(self) -> None:
        """Nothing to let go of."""


class VolatileConsumer:
    """Receives one service's events. What is to be retried stays with it until its time on the simulated clock."""

    def __init__(self, bus: VolatileBus, service: str, consumer: EmbeddedConsumer) -> None:
        self._bus = bus
        self._service = service
        self._consumer = consumer

    def connect(self) -> None:
        """Always connected."""

    def receive(self, wait: float) -> list[Delivery]:
        """Whatever is ready."""
        del wait
        deliveries = self._consumer.receive(0)
        if len(deliveries) > 1 and self._bus.fates.strikes(Fault.REORDERED):
            self._bus.fates.chance.shuffle(deliveries)
        return deliveries

    def settle(self, verdicts: Sequence[Verdict]) -> None:
        """Carry out verdicts."""
        self._bus.fates.moment("before acknowledgement")
        self._consumer.settle([verdict for verdict in verdicts if isinstance(verdict, Handled)])
        for verdict in verdicts:
            if isinstance(verdict, Retry):
                self._put_off(verdict)

    def _put_off(self, verdict: Retry) -> None:
        def now_due() -> None:
            self._consumer.settle([Retry(verdict.delivery, 0.0)])
            self._bus.ready(self._service, 0.0)

        self._bus.scheduler.after(verdict.delay, now_due, self._bus.life, "put off")

    def interrupt(self) -> None:
        """Nobody waits in `receive`."""

    def close(self) -> None:
        """Give back what was not settled."""
        self._consumer.close()
