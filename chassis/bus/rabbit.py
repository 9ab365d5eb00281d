"""RabbitMQ as the broker: quorum queues, pipelined confirms, retry queues with delays.

Publishing and consuming use separate connections, so that a broker that holds back publishers (memory, disk) still lets
consumers empty their queues.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import structlog

from chassis.bus import given_up, metrics
from chassis.bus.amqp_link import Address, Link, Outgoing
from chassis.bus.backoff import jittered
from chassis.bus.broker import (
    LARGEST_BATCH,
    BrokerAwayError,
    Delivery,
    Failure,
    Handled,
    Limits,
    Receipt,
    Retry,
    Verdict,
)
from chassis.bus.events import CONTENT_TYPE, Envelope, UndecodableEventError, from_headers, to_headers
from chassis.bus.topology import (
    EXCHANGE,
    RetryPolicy,
    queue_name,
    queues,
    retry_queue_name,
)

PREFETCH = 500
"""Deliveries that the broker hands out before the first is settled; quorum queues allow 2,000 at most."""
SUSPICIOUS_DELIVERIES = 3
"""An event that came back so often may be what ended its consumers: it is handled alone, after others in hand."""
SUSPECTS_TURN = 10
"""One batch in so many is a suspect's, so that none waits for ever while more and more comes."""


_log = structlog.get_logger(__name__)


class RabbitBroker:
    """A RabbitMQ node or cluster."""

    volatile = False

    def __init__(self, address: Address, policy: RetryPolicy | None = None) -> None:
        self.address = address
        self.policy = policy or RetryPolicy()

    def publisher(self, service: str, on_settled: Callable[[Sequence[str]], None]) -> "RabbitPublisher":  # noqa: ARG002  nothing is ever pending here
        """A publisher; it connects at its first use."""
        return RabbitPublisher(self.address, service)

    def consumer(self, service: str, events: Collection[str]) -> "RabbitConsumer":
        """A consumer; it connects and declares its queues at its first use."""
        return RabbitConsumer(self, service, events)


class RabbitPublisher:
    """Publishes one service's events and waits for the broker's confirmation."""

    def __init__(self, address: Address, service: str) -> None:
        self._address = address
        self._service = service
        self._link: Link | None = None

    def publish(self, envelopes: Sequence[Envelope]) -> Receipt:
        """Publish events; what the broker refused is in no set of the receipt."""
        try:
            with metrics.confirm_seconds.labels(self._service).time():
                confirmation = self._connected().publish([_outgoing(envelope) for envelope in envelopes])
        except BrokerAwayError:
            self.close()
            raise
        return Receipt(settled=confirmation.confirmed, unroutable=confirmation.returned)

    def _connected(self) -> Link:
        if self._link is None:
            link = _publishing_link(self._address)
            with _closed_on_failure(link):
                link.declare_exchange(EXCHANGE)
            self._link = link
        return self._link

    def keep_alive(self) -> None:
        """Connect, or exchange heartbeats."""
        try:
            self._connected().beat()
        except BrokerAwayError:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next `publish` opens another."""
        link, self._link = self._link, None
        if link is not None:
            link.close()


class RabbitConsumer:
    """Receives one service's events. Connects when it is used, and again after `BrokerAwayError`."""

    def __init__(self, broker: RabbitBroker, service: str, events: Collection[str]) -> None:
        self._broker = broker
        self._service = service
        self._events = events
        self._link: Link | None = None
        self._received: deque[Delivery] = deque()
        self._suspects: deque[Delivery] = deque()
        """Handled one by one, after all others in hand or when it is their turn."""
        self._batches = 0
        self._unsettled: dict[int, None] = {}
        self._careful_tag = ""
        self._waiting = False
        self._interrupted = False

    def connect(self) -> None:
        """Connect, and declare the service's queues, unless that is done."""
        self._connected()

    def receive(self, wait: float) -> list[Delivery]:
        """Whatever is there, as one batch; no delay is added to let a batch grow."""
        try:
            link = self._connected()
            link.drain(self._enough)
            if not self._in_hand:
                link.beat()
            if not self._in_hand and not self._interrupted:
                self._wait(link, wait)
                link.drain(self._enough)
            if self._careful_tag and self._received:
                self._take_many(link)
        except BrokerAwayError:
            self.close()
            if self._interrupted:
                return []
            raise
        return self._take()

    def _take_many(self, link: Link) -> None:
        """Stop to take events one by one, as it began: what died here last is not at the queue's head.

        Otherwise each end of the process would count against all the events that it has in hand, and the innocent ones
        would be given up with the guilty one.
        """
        link.cancel(self._careful_tag)
        self._careful_tag = ""
        link.consume(queue_name(self._service), PREFETCH, self._on_message)
        link.drain(self._enough)

    def _wait(self, link: Link, wait: float) -> None:
        self._waiting = True
        try:
            link.wait(wait)
        finally:
            self._waiting = False

    @property
    def _in_hand(self) -> int:
        return len(self._received) + len(self._suspects)

    def _enough(self) -> bool:
        return len(self._received) >= LARGEST_BATCH

    def _take(self) -> list[Delivery]:
        self._batches += 1
        if self._suspects and (not self._received or self._batches % SUSPECTS_TURN == 0):
            return [self._suspects.popleft()]
        limits = Limits()
        batch: list[Delivery] = []
        room = True
        while self._received and room:
            delivery = self._received.popleft()
            batch.append(delivery)
            room = limits.admit(delivery.envelope.body)
        return batch

    def _connected(self) -> Link:
        if self._link is None:
            self._link = Link(self._broker.address)
            try:
                self._declare_and_consume(self._link)
            except BaseException:
                self.close()
                raise
            self._bring_back()
        return self._link

    def _declare_and_consume(self, link: Link) -> None:
        link.declare_exchange(EXCHANGE)
        for queue in queues(self._service, self._broker.policy):
            link.declare_queue(queue.name, queue.arguments)
        for event in self._events:
            link.bind(queue_name(self._service), EXCHANGE, event)
        self._careful_tag = link.consume(queue_name(self._service), 1, self._on_message)

    def _bring_back(self) -> None:
        try:
            if count := given_up.bring_back(self._broker.address, self._service):
                _log.error("events_given_up_by_the_broker", service=self._service, events=count)
        except BrokerAwayError as error:
            # They stay where they are until the next connection; nothing else depends on them.
            _log.warning("dead_queue_not_read", service=self._service, error=str(error))

    def _on_message(self, message: Any) -> None:
        headers = message.properties.get("application_headers") or {}
        count = headers.get("x-delivery-count", 0)
        suspicious = isinstance(count, int) and count >= SUSPICIOUS_DELIVERIES
        (self._suspects if suspicious else self._received).append(self._delivery(message, headers))

    def _delivery(self, message: Any, headers: Mapping[str, Any]) -> Delivery:
        tag = int(message.delivery_info["delivery_tag"])
        failure = given_up.FAILURE if given_up.MARK in headers else None
        body = message.body if isinstance(message.body, bytes) else bytes(message.body, "utf-8")
        self._unsettled[tag] = None
        try:
            return Delivery(from_headers(headers, body), tag, failure)
        except UndecodableEventError as error:
            key = str(message.properties.get("message_id", ""))
            routing_key = str(message.delivery_info["routing_key"])
            read = Envelope(key, routing_key, "", "", "", body)
            return Delivery(read, tag, failure or Failure("UNDECODABLE_EVENT", str(error)))

    def settle(self, verdicts: Sequence[Verdict]) -> None:
        """Publish the copies that retries need, and then acknowledge all originals."""
        if self._link is None:
            raise BrokerAwayError("the connection that delivered these events is gone; they come again")
        try:
            copies = [copy for copy in map(self._copy, verdicts) if copy is not None]
            if copies:
                self._publish_copies(copies)
            self._acknowledge(self._link, [verdict.delivery.tag for verdict in verdicts])
        except BrokerAwayError:
            self.close()
            raise

    def _copy(self, verdict: Verdict) -> Outgoing | None:
        envelope = verdict.delivery.envelope
        counted = replace(envelope, attempts=envelope.attempts + 1)
        match verdict:
            case Handled():
                return None
            case Retry(delay=delay):
                queue = retry_queue_name(self._service, delay)
                return _outgoing(counted, queue=queue, expiration=str(round(jittered(delay) * 1000)))

    def _publish_copies(self, copies: list[Outgoing]) -> None:
        # Rare enough for a connection of its own each time; one kept open would need heartbeats while it idles.
        link = _publishing_link(self._broker.address)
        try:
            confirmation = link.publish(copies)
        finally:
            link.close()
        if confirmation.returned or confirmation.refused:
            lost = len(confirmation.returned) + len(confirmation.refused)
            raise BrokerAwayError(f"{lost} retries of {self._service} found no queue")

    def _acknowledge(self, link: Link, tags: list[int]) -> None:
        for tag in tags:
            self._unsettled.pop(tag, None)
        last = max(tags, default=0)
        if tags and next(iter(self._unsettled), last + 1) > last:
            link.acknowledge(last, multiple=True)
            return
        for tag in tags:
            link.acknowledge(tag, multiple=False)

    def interrupt(self) -> None:
        """Make a waiting `receive` return at once; this consumer is not used further."""
        self._interrupted = True
        if self._waiting and self._link is not None:
            self._link.hang_up()

    def close(self) -> None:
        """Close the connection; what was not settled is delivered again, here or elsewhere."""
        link, self._link = self._link, None
        if link is not None:
            link.close()
        # Only now: a link that says goodbye still reads what was under way. Its tags mean other events on the next one.
        self._received.clear()
        self._suspects.clear()
        self._unsettled.clear()


def _publishing_link(address: Address) -> Link:
    link = Link(address)
    with _closed_on_failure(link):
        link.select_confirms()
    return link


@contextmanager
def _closed_on_failure(link: Link) -> Iterator[None]:
    try:
        yield
    except BaseException:
        link.close()
        raise


def _outgoing(envelope: Envelope, *, queue: str = "", expiration: str = "") -> Outgoing:
    """The event as a message for the exchange, or a copy for one queue."""
    properties: dict[str, object] = {"type": envelope.type}
    if expiration:
        properties["expiration"] = expiration
    return Outgoing(
        exchange="" if queue else EXCHANGE,
        routing_key=queue or envelope.type,
        key=envelope.id,
        body=envelope.body,
        content_type=CONTENT_TYPE,
        headers=to_headers(envelope),
        properties=properties,
    )
