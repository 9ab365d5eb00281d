"""What the relay and the consumer may rely on, whichever broker they have."""

import threading
import time

import pytest

from chassis.bus.broker import LARGEST_BATCH, Delivery, Handled, Retry
from tests.chassis.bus.buses import MakeBus, drained, envelope, ids


@pytest.fixture
def parcel(service: str) -> str:
    """An event type of the test's own."""
    return f"test.Parcel{service}"


def test_an_event_arrives_as_it_was_sent(make_bus: MakeBus, service: str, parcel: str) -> None:
    bus = make_bus({service: {parcel}})
    consumer = bus.consumer(service, parcel)
    sent = envelope(parcel, body=b"\x00\xff content")
    bus.publish(sent)
    assert [delivery.envelope for delivery in drained(consumer, 1)] == [sent]


def test_an_event_settles_once_its_consumer_is_done(make_bus: MakeBus, service: str, parcel: str) -> None:
    bus = make_bus({service: {parcel}})
    consumer = bus.consumer(service, parcel)
    sent = envelope(parcel)
    receipt = bus.publish(sent)
    drained(consumer, 1)
    assert bus.settled(receipt) == {sent.id}


def test_every_consuming_service_gets_the_event(make_bus: MakeBus, service: str, parcel: str) -> None:
    other = f"{service}b"
    bus = make_bus({service: {parcel}, other: {parcel}})
    consumers = [bus.consumer(service, parcel), bus.consumer(other, parcel)]
    sent = envelope(parcel)
    receipt = bus.publish(sent)
    assert [ids(drained(consumer, 1)) for consumer in consumers] == [[sent.id], [sent.id]]
    assert bus.settled(receipt) == {sent.id}


def test_a_service_gets_only_what_it_subscribed_to(make_bus: MakeBus, service: str, parcel: str) -> None:
    other = f"{service}b"
    bus = make_bus({service: {parcel}, other: {f"{parcel}.Other"}})
    consumer = bus.consumer(service, parcel)
    bus.consumer(other, f"{parcel}.Other")
    bus.publish(envelope(f"{parcel}.Other"))
    wanted = envelope(parcel)
    bus.publish(wanted)
    assert ids(drained(consumer, 1)) == [wanted.id]


def test_an_event_that_no_queue_takes_is_reported_and_hinders_no_other(
    make_bus: MakeBus, service: str, parcel: str
) -> None:
    bus = make_bus({service: {parcel}})
    consumer = bus.consumer(service, parcel)
    lost, sent = envelope("test.NobodyWantsIt"), envelope(parcel)
    receipt = bus.publish(lost, sent)
    assert set(receipt.unroutable) == {lost.id}
    assert ids(drained(consumer, 1)) == [sent.id]
    assert lost.id not in bus.settled(receipt)


def test_what_is_ready_comes_as_one_batch(make_bus: MakeBus, service: str, parcel: str) -> None:
    bus = make_bus({service: {parcel}})
    consumer = bus.consumer(service, parcel)
    sent = [envelope(parcel) for _ in range(LARGEST_BATCH)]
    bus.publish(*sent)
    sizes: list[int] = []
    while sum(sizes) < LARGEST_BATCH:
        batch = consumer.receive(5)
        sizes.append(len(batch))
        consumer.settle([Handled(delivery) for delivery in batch])
    assert len(sizes) < LARGEST_BATCH / 4


def test_a_batch_is_bounded_in_events_and_in_bytes(make_bus: MakeBus, service: str, parcel: str) -> None:
    bus = make_bus({service: {parcel}})
    consumer = bus.consumer(service, parcel)
    publisher = bus.publisher()
    for _ in range(2):
        publisher.publish([envelope(parcel, body=b"x" * 100_000) for _ in range(40)])
    largest = received = 0
    while received < 80:
        batch = consumer.receive(5)
        assert batch, f"{received} of 80 events came"
        received += len(batch)
        largest = max(largest, sum(len(delivery.envelope.body) for delivery in batch))
        consumer.settle([Handled(delivery) for delivery in batch])
    assert 0 < largest < 4 * 1024 * 1024 + 100_000


def test_events_keep_their_order_of_arrival(make_bus: MakeBus, service: str, parcel: str) -> None:
    bus = make_bus({service: {parcel}})
    consumer = bus.consumer(service, parcel)
    sent = [envelope(parcel) for _ in range(50)]
    bus.publish(*sent)
    assert ids(drained(consumer, 50)) == [each.id for each in sent]


def test_a_retried_event_comes_again_after_its_delay_with_its_attempts_counted(
    make_bus: MakeBus, service: str, parcel: str
) -> None:
    bus = make_bus({service: {parcel}})
    consumer = bus.consumer(service, parcel)
    sent = envelope(parcel, body=b"content")
    receipt = bus.publish(sent)
    first = consumer.receive(5)
    before = time.monotonic()
    consumer.settle([Retry(first[0], 0.2)])
    again = consumer.receive(5)
    assert time.monotonic() - before > 0.15
    arrived = [(each.envelope.id, each.envelope.attempts, each.envelope.body) for each in again]
    assert arrived == [(sent.id, 1, b"content")]
    consumer.settle([Handled(again[0])])
    assert bus.settled(receipt) == {sent.id}


def test_an_event_that_waits_delays_no_other(make_bus: MakeBus, service: str, parcel: str) -> None:
    bus = make_bus({service: {parcel}})
    consumer = bus.consumer(service, parcel)
    bus.publish(envelope(parcel))
    consumer.settle([Retry(consumer.receive(5)[0], 0.2)])
    other = envelope(parcel)
    bus.publish(other)
    assert ids(consumer.receive(5)) == [other.id]


def test_what_was_not_settled_is_delivered_again_after_a_close(make_bus: MakeBus, service: str, parcel: str) -> None:
    bus = make_bus({service: {parcel}})
    consumer = bus.consumer(service, parcel)
    sent = [envelope(parcel) for _ in range(3)]
    bus.publish(*sent)
    received: list[Delivery] = []
    while len(received) < 3:
        received += consumer.receive(5)
    consumer.settle([Handled(received[1])])
    consumer.close()
    assert sorted(ids(drained(bus.consumer(service, parcel), 2))) == sorted([sent[0].id, sent[2].id])


def test_waiting_ends_at_an_interruption(make_bus: MakeBus, service: str, parcel: str) -> None:
    consumer = make_bus({service: {parcel}}).consumer(service, parcel)
    timer = threading.Timer(0.1, consumer.interrupt)
    timer.start()
    before = time.monotonic()
    assert consumer.receive(30) == []
    assert time.monotonic() - before < 10
    timer.join()


def test_waiting_ends_when_its_time_is_over(make_bus: MakeBus, service: str, parcel: str) -> None:
    consumer = make_bus({service: {parcel}}).consumer(service, parcel)
    before = time.monotonic()
    assert consumer.receive(0.1) == []
    assert 0.09 < time.monotonic() - before < 5
