"""What the bus needs of a broker: the port that the embedded broker and RabbitMQ both implement.

All calls block, and may be made from threads or from green threads: an implementation uses nothing but the standard
library's locks and sockets, which eventlet replaces in worker processes.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chassis.bus.events import Envelope

LARGEST_BATCH = 200
"""Events in one batch, published or received."""
LARGEST_BATCH_BYTES = 4 * 1024 * 1024
"""Bytes of bodies after which no further event is taken into a batch."""


class BrokerAwayError(Exception):
    """The broker cannot be reached, or went away; nothing is lost, try again later."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an event could not be handled, for the operator who looks at its dead letter."""

    reason: str
    """UPPER_SNAKE, such as `UNKNOWN_EVENT_TYPE`."""
    message: str
    stack: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event that the broker handed over and still holds until it is settled."""

    envelope: Envelope
    tag: int
    failure: Failure | None = None
    """Why it is not even to be tried: it is no event of ours (the envelope then holds what could be read), or the
    broker gave it up."""


@dataclass(frozen=True, slots=True)
class Handled:
    """The event's effect is committed (by now, or earlier), or it is among the dead letters."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Retry:
    """The event is to come again after `delay` seconds, with one more attempt counted."""

    delivery: Delivery
    delay: float


Verdict = Handled | Retry


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of published events, by id; an event in none of the sets has to be published again."""

    settled: Collection[str] = ()
    """The broker keeps them: the outbox may forget them."""
    pending: Collection[str] = ()
    """Accepted by a broker that keeps nothing: the outbox holds them until the broker reports them settled."""
    unroutable: Collection[str] = ()
    """No queue takes them."""


class Publisher(Protocol):
    """Publishes one service's events; used by one relay."""

    def publish(self, envelopes: Sequence[Envelope]) -> Receipt:
        """Publish up to `LARGEST_BATCH` events and wait for the answers to all. Raises `BrokerAwayError`."""

    def keep_alive(self) -> None:
        """Make sure of a connection, and give a sign of life; called at each look, at least every few seconds.

        Raises `BrokerAwayError`.
        """

    def close(self) -> None:
        """Let go of the connection."""


class Consumer(Protocol):
    """Receives one service's events; used by one thread, but for `interrupt`."""

    def connect(self) -> None:
        """Make sure of a connection and of the service's queues. Raises `BrokerAwayError`."""

    def receive(self, wait: float) -> list[Delivery]:
        """Whatever is there, as one batch; waits up to `wait` seconds for the first event. Raises `BrokerAwayError`."""

    def settle(self, verdicts: Sequence[Verdict]) -> None:
        """Carry out what was decided: a retry is safe before its original is acknowledged.

        Raises `BrokerAwayError`; what was not settled by then is delivered again.
        """

    def interrupt(self) -> None:
        """Make a waiting `receive` return at once; for a stop."""

    def close(self) -> None:
        """Give back what was not settled, and let go of the connection."""


class Broker(Protocol):
    """Where publishers and consumers come from."""

    volatile: bool
    """True when it forgets everything at its end, so that unsettled outbox rows are published again at the start."""

    def publisher(self, service: str, on_settled: Callable[[Sequence[str]], None]) -> Publisher:
        """A publisher; `on_settled` gets the ids of pending events once all their consumers are done with them."""

    def consumer(self, service: str, events: Collection[str]) -> Consumer:
        """A consumer of the given event types."""


@dataclass(slots=True)
class Limits:
    """Bounds on a batch while it is gathered."""

    count: int = LARGEST_BATCH
    size: int = LARGEST_BATCH_BYTES
    _bytes: int = field(default=0, init=False)
    _count: int = field(default=0, init=False)

    def admit(self, body: bytes) -> bool:
        """Count an event in; false once the batch is full after it."""
        self._bytes += len(body)
        self._count += 1
        return self._count < self.count and self._bytes < self.size
