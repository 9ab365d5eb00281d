"""Messages that strangers put into a service's queue: none of them stops the others."""

from datetime import UTC, datetime
from time import struct_time

import amqp  # type: ignore[import-untyped]  # py-amqp publishes no types

from chassis.bus.amqp_link import Address, Link
from chassis.bus.broker import BrokerAwayError, Delivery
from chassis.bus.rabbit import SUSPECTS_TURN, RabbitConsumer
from chassis.bus.topology import DELIVERY_LIMIT, queue_name
from tests.chassis.bus.buses import envelope, ids, rabbit_bus
from tests.chassis.bus.shop import TEXT, text_event


class FarFuture(datetime):
    """A time that other clients can write into headers and Python cannot read: milliseconds taken for seconds."""

    def utctimetuple(self) -> struct_time:
        return struct_time((1970, 1, 1, 0, 0, 1_760_000_000_000, 3, 1, 0))


def put(url: str, queue: str, body: bytes, **properties: object) -> None:
    link = Link(Address(url))
    try:
        link.channel.basic_publish(amqp.Message(body, **properties), exchange="", routing_key=queue)
    finally:
        link.close()


def test_a_body_that_claims_an_encoding_is_bytes_all_the_same(rabbitmq_url: str, service: str) -> None:
    bus = rabbit_bus(rabbitmq_url)
    consumer = bus.consumer(service, TEXT)
    put(rabbitmq_url, queue_name(service), b"+2AA-", content_encoding="utf-7")
    [delivery] = consumer.receive(5)
    bus.close()
    assert delivery.envelope.body == b"+2AA-"
    assert delivery.failure is not None


def test_headers_that_cannot_be_read_are_given_up_by_the_broker_and_others_go_on(
    rabbitmq_url: str, service: str
) -> None:
    bus = rabbit_bus(rabbitmq_url)
    consumer = bus.consumer(service, TEXT)
    put(rabbitmq_url, queue_name(service), b"x", application_headers={"when": FarFuture(2026, 1, 1, tzinfo=UTC)})
    good = text_event("good")
    bus.publish(good)
    found: list[Delivery] = []
    failures = 0
    while not found:
        try:
            found = list(consumer.receive(5))
        except BrokerAwayError:
            failures += 1
            assert failures <= DELIVERY_LIMIT + 2
    bus.close()
    assert ids(found) == [good.id]
    assert failures >= DELIVERY_LIMIT


def test_a_suspect_has_its_turn_while_more_and_more_comes(rabbitmq_url: str, service: str) -> None:
    bus = rabbit_bus(rabbitmq_url)
    consumer = bus.consumer(service, TEXT)
    assert isinstance(consumer, RabbitConsumer)
    suspect = envelope(TEXT)
    consumer._suspects.append(Delivery(suspect, 10_000))
    taken: list[str] = []
    for number in range(SUSPECTS_TURN):
        consumer._received.append(Delivery(envelope(TEXT), number))
        taken += ids(consumer._take())
    bus.close()
    assert suspect.id in taken
