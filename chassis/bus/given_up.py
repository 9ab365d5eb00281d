"""Events that RabbitMQ itself gave up, because their consumers ended each time that they had them in hand.

They lie in the service's dead-letter queue. Each consumer that connects, as it does after such an end, brings them back
to the service's queue with a mark; a marked event is not tried but parked among the dead letters, where operators look.
"""

from collections.abc import Mapping
from typing import Any

from chassis.bus.amqp_link import Address, Link, Outgoing
from chassis.bus.broker import LARGEST_BATCH, BrokerAwayError, Failure
from chassis.bus.topology import DELIVERY_LIMIT, dead_queue_name, queue_name

MARK = "duokua-given-up"
FAILURE = Failure(
    "DELIVERY_LIMIT_EXCEEDED", f"delivered {DELIVERY_LIMIT} times to workers that ended before they had settled it"
)


def bring_back(address: Address, service: str) -> int:
    """Move what lies in the dead-letter queue, and say how much it was. Raises `BrokerAwayError`.

    On a connection of its own: a queue that does not answer must not keep the consumer from the others.
    """
    link = Link(address)
    try:
        moved = 0
        waiting = link.count(dead_queue_name(service))
        if waiting and waiting[0]:
            link.select_confirms()
            while count := _bring_back_some(link, service):
                moved += count
        return moved
    finally:
        link.close()


def _bring_back_some(link: Link, service: str) -> int:
    found: list[Any] = []
    while len(found) < LARGEST_BATCH and (message := link.get(dead_queue_name(service))) is not None:
        found.append(message)
    copies = [_marked(message, service, str(number)) for number, message in enumerate(found)]
    confirmation = link.publish(copies)
    if confirmation.returned or confirmation.refused:
        raise BrokerAwayError(f"the queue of {service} did not take back what was given up")
    for message in found:
        link.acknowledge(int(message.delivery_info["delivery_tag"]), multiple=False)
    return len(found)


def _marked(message: Any, service: str, key: str) -> Outgoing:
    headers: Mapping[str, Any] = message.properties.get("application_headers") or {}
    kept = {name: value for name, value in headers.items() if not name.startswith("x-")}
    return Outgoing(
        exchange="",
        routing_key=queue_name(service),
        key=key,
        body=message.body if isinstance(message.body, bytes) else message.body.encode(),
        content_type=str(message.properties.get("content_type", "")),
        headers={**kept, MARK: 1},
        properties={},
    )
