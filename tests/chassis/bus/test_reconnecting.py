"""What a consumer of RabbitMQ holds when its connection ends."""

from contextlib import closing

from chassis.bus.amqp_link import Address, Link
from chassis.bus.topology import queue_name
from tests.chassis.bus.buses import drained, ids, rabbit_bus
from tests.chassis.bus.shop import TEXT, text_event
from tests.servers.process import wait_until


def test_what_was_under_way_when_a_connection_closed_comes_again_and_is_settled_by_its_new_tag(
    rabbitmq_url: str, service: str
) -> None:
    """Tags of a closed connection mean other events on the next one: settling by them would lose those."""
    first, second = text_event("first"), text_event("second")
    queue = queue_name(service)
    with closing(rabbit_bus(rabbitmq_url)) as bus, closing(Link(Address(rabbitmq_url))) as watching:
        consumer, publisher = bus.consumer(service, TEXT), bus.publisher()
        publisher.publish([first])
        wait_until(lambda: watching.count(queue) == (0, 1), seconds=10, what="the first is not on its way")
        consumer.close()
        publisher.publish([second])
        assert ids(drained(consumer, 2)) == [first.id, second.id]
        consumer.close()
        wait_until(lambda: watching.count(queue) == (0, 0), seconds=10, what="something comes again")
