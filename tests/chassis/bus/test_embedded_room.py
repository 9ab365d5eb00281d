"""The embedded broker's room: shared by all senders, and told to those who found none."""

from collections.abc import Sequence
from functools import partial

from chassis.bus.broker import Handled
from chassis.bus.embedded import EmbeddedBroker
from tests.chassis.bus.buses import PARCEL, envelope


def test_a_sender_that_found_no_room_hears_when_there_is_some() -> None:
    broker = EmbeddedBroker({"shop": {PARCEL}}, capacity=2)
    heard: list[list[str]] = []
    first = broker.publisher("first", lambda _: None)
    second = broker.publisher("second", lambda ids: heard.append(list(ids)))
    sent = [envelope(), envelope()]
    assert set(first.publish(sent).pending) == {each.id for each in sent}
    assert second.publish([envelope()]).pending == set()
    consumer = broker.consumer("shop", {PARCEL})
    batch = consumer.receive(1)
    consumer.settle([Handled(batch[0])])
    assert heard == [[]]
    consumer.settle([Handled(batch[1])])
    assert heard == [[]], "told once"


def test_senders_that_found_no_room_hear_of_it_in_their_order() -> None:
    broker = EmbeddedBroker({"shop": {PARCEL}}, capacity=1)
    heard: list[int] = []
    broker.publisher("first", lambda _: None).publish([envelope()])
    for number in range(20):
        broker.publisher(f"late-{number}", partial(_hear, heard, number)).publish([envelope()])
    consumer = broker.consumer("shop", {PARCEL})
    consumer.settle([Handled(each) for each in consumer.receive(1)])
    assert heard == list(range(20))


def _hear(heard: list[int], number: int, _: Sequence[str]) -> None:
    heard.append(number)
