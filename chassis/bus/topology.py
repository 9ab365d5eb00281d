"""The names of everything on the broker, in one place.

One durable topic exchange; for each consuming service a quorum queue, one retry queue a delay, and a dead-letter queue.
`python -m chassis.bus.topology` prints the definitions that RabbitMQ loads at its start, made from the workers of all
services; a worker declares the same for itself when it connects.
"""

import json
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass

EXCHANGE = "duokua"

DELIVERY_LIMIT = 50
"""How often the broker delivers a message whose consumer dies, before it goes to the dead-letter queue.

RabbitMQ 4.0 made 20 the default and drops what exceeds it, unless the queue has a dead-letter exchange.
"""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed event is handled again, and when it is given up."""

    delays: tuple[float, ...] = (1.0, 5.0, 30.0, 120.0, 600.0)
    """Seconds before the second, third, ... attempt; the last delay repeats."""
    attempts: int = 10

    def delay(self, attempts: int) -> float:
        """Seconds to wait after so many failed attempts (1 or more)."""
        return self.delays[min(attempts, len(self.delays)) - 1]


def queue_name(service: str) -> str:
    """The queue that the service consumes."""
    return f"duokua.{service}"


def retry_queue_name(service: str, delay: float) -> str:
    """The queue where the service's events wait for `delay` seconds."""
    return f"duokua.{service}.retry.{round(delay * 1000)}ms"


def dead_queue_name(service: str) -> str:
    """The queue of events that were given up."""
    return f"duokua.{service}.dead"


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue to declare."""

    name: str
    arguments: dict[str, str | int]


def queues(service: str, policy: RetryPolicy) -> list[Queue]:
    """All queues of a consuming service."""
    # A message that the broker itself moves (a delay over, a delivery limit) is safe before its original is removed.
    safely: dict[str, str | int] = {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": "",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    main = Queue(
        queue_name(service),
        safely | {"x-dead-letter-routing-key": dead_queue_name(service), "x-delivery-limit": DELIVERY_LIMIT},
    )
    waiting = [
        Queue(
            retry_queue_name(service, delay),
            safely | {"x-dead-letter-routing-key": queue_name(service), "x-message-ttl": round(delay * 1000)},
        )
        for delay in policy.delays
    ]
    return [main, *waiting, Queue(dead_queue_name(service), {"x-queue-type": "quorum"})]


def definitions(
    subscriptions: Mapping[str, Collection[str]], policy: RetryPolicy | None = None, *, vhost: str = "/"
) -> dict[str, list[dict[str, object]]]:
    """RabbitMQ's definitions for services and the event types that each consumes."""
    consuming = sorted(service for service, events in subscriptions.items() if events)
    declared = [queue for service in consuming for queue in queues(service, policy or RetryPolicy())]
    return {
        "vhosts": [{"name": vhost}],
        "exchanges": [
            {
                "name": EXCHANGE,
                "vhost": vhost,
                "type": "topic",
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
        ],
        "queues": [
            {"name": queue.name, "vhost": vhost, "durable": True, "auto_delete": False, "arguments": queue.arguments}
            for queue in declared
        ],
        "bindings": [
            {
                "source": EXCHANGE,
                "vhost": vhost,
                "destination": queue_name(service),
                "destination_type": "queue",
                "routing_key": event,
                "arguments": {},
            }
            for service in consuming
            for event in sorted(subscriptions[service])
        ],
    }


def _print_definitions() -> None:
    from chassis.bus.process import load_workers, subscriptions_of  # noqa: PLC0415  brings nameko in

    workers = load_workers(sys.argv[1:])
    sys.stdout.write(json.dumps(definitions(subscriptions_of(workers)), indent=2) + "\n")


if __name__ == "__main__":
    _print_definitions()
