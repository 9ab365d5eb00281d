"""Buses under test: the embedded broker and RabbitMQ behind the same few calls."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from chassis.bus.amqp_link import Address
from chassis.bus.broker import Broker, Consumer, Delivery, Handled, Publisher, Receipt
from chassis.bus.embedded import EmbeddedBroker
from chassis.bus.events import Envelope
from chassis.bus.rabbit import RabbitBroker
from chassis.bus.topology import RetryPolicy
from chassis.clock import new_id

PARCEL = "test.Parcel"
LETTER = "test.Letter"
QUICK = RetryPolicy(delays=(0.05, 0.2), attempts=3)


def envelope(event_type: str = PARCEL, *, body: bytes = b"", event_id: str = "", attempts: int = 0) -> Envelope:
    return Envelope(
        id=event_id or new_id(),
        type=event_type,
        source="/services/sender",
        subject="case-1",
        time="2026-01-01T00:00:00.000Z",
        body=body,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        attempts=attempts,
    )


@dataclass
class Bus:
    """A broker with what a test wants to know about it."""

    broker: Broker
    reported: list[str] = field(default_factory=list)
    """Ids that the broker reported settled."""
    closing: list[Callable[[], None]] = field(default_factory=list)

    def publisher(self) -> Publisher:
        publisher = self.broker.publisher("sender", self.reported.extend)
        self.closing.append(publisher.close)
        return publisher

    def consumer(self, service: str, *events: str) -> Consumer:
        consumer = self.broker.consumer(service, events)
        consumer.connect()
        self.closing.append(consumer.close)
        return consumer

    def publish(self, *envelopes: Envelope) -> Receipt:
        return self.publisher().publish(envelopes)

    def settled(self, receipt: Receipt) -> set[str]:
        """What the outbox may forget: at once, or as reported later."""
        return {*receipt.settled, *self.reported}

    def close(self) -> None:
        for close in self.closing:
            close()


MakeBus = Callable[[Mapping[str, Collection[str]]], Bus]


def embedded_bus(routes: Mapping[str, Collection[str]]) -> Bus:
    return Bus(EmbeddedBroker(routes))


def rabbit_bus(url: str, policy: RetryPolicy = QUICK) -> Bus:
    return Bus(RabbitBroker(Address(url), policy))


def drained(consumer: Consumer, count: int, *, seconds: float = 10.0) -> list[Delivery]:
    """Receives until so many events have come, and settles them as handled."""
    received: list[Delivery] = []
    while len(received) < count:
        batch = consumer.receive(seconds)
        assert batch, f"{len(received)} of {count} events came"
        consumer.settle([Handled(delivery) for delivery in batch])
        received += batch
    return received


def ids(deliveries: Sequence[Delivery]) -> list[str]:
    return [delivery.envelope.id for delivery in deliveries]
