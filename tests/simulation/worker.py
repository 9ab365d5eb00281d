"""A worker process: the real handlers of one service or of all, the real relay and the real handling of batches."""

import inspect
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR

from chassis.bus import dead_letters
from chassis.bus.backoff import Backoff
from chassis.bus.broker import Broker, BrokerAwayError, Consumer, Delivery, Publisher
from chassis.bus.extensions import Background, Subscribe, UseCases
from chassis.bus.faults import database_is_away
from chassis.bus.handling import DatabaseAwayError, Handling, Subscription
from chassis.bus.relay import Relay
from chassis.bus.replaying import Replaying
from chassis.database import OUTBOX_TOPIC, UnitOfWork
from chassis.settings import Settings
from services.cases.afterwards import ARCHIVE_TOPIC
from tests.simulation.fates import Fault
from tests.simulation.parts import Parts
from tests.simulation.scheduler import Life, Look
from tests.simulation.stage import Stage

RELAY_SAFETY_SECONDS = 15.0
BACKGROUND_SAFETY_SECONDS = 60.0
"""So late a relay or a background loop looks although its wake-up was lost."""
WAKE_SECONDS = 0.02
ELSEWHERE = frozenset({"expiry", ARCHIVE_TOPIC})
"""Background work that has nothing to do here: there are no tokens, and nothing lies for long enough to be archived."""
Factories = dict[str, Callable[[Settings], object]]


def made(worker_class: Any, settings: Settings, instead: Factories) -> Any:
    """An instance of a worker class with its use cases, without nameko's container.

    `instead` has the factories of use cases that are made otherwise here, by "service.attribute".
    """
    worker = worker_class()
    for name, provider in inspect.getmembers(worker_class, lambda value: isinstance(value, UseCases)):
        factory = instead.get(f"{worker_class.name}.{name}", provider._factory)
        setattr(worker, name, factory(settings))
    return worker


def entrypoints(worker: Any, kind: type) -> list[tuple[Any, Callable[..., Any]]]:
    """The entrypoints of one kind on a worker's methods, each with its method."""
    return [
        (entrypoint, method)
        for _, method in inspect.getmembers(worker, inspect.ismethod)
        for entrypoint in sorted(getattr(method, ENTRYPOINT_EXTENSIONS_ATTR, ()), key=_name)
        if isinstance(entrypoint, kind)
    ]


def _name(entrypoint: Any) -> str:
    """What tells a method's entrypoints apart."""
    return str(entrypoint.event.DESCRIPTOR.full_name) if isinstance(entrypoint, Subscribe) else ""


def topics(worker: Any) -> list[str]:
    """What a worker's background work is woken by."""
    return [entrypoint._topic for entrypoint, _ in entrypoints(worker, Background)]


class ServiceWorker:
    """One service's part of a worker process, from its start to its end."""

    def __init__(self, stage: Stage, worker: Any, broker: Broker, life: Life) -> None:
        self.service = str(worker.name)
        self._stage = stage
        self._broker = broker
        self._database = stage.databases[self.service]
        self._database.forget_processes()
        subscriptions = [
            Subscription(each.event, self._watched(each, call)) for each, call in entrypoints(worker, Subscribe)
        ]
        handling = Handling(self.service, self._database, subscriptions)
        self._handling = handling
        self._relay = Relay(self.service, self._database, _Broker(broker, stage.parts))
        self._consumer = broker.consumer(self.service, [each.event.DESCRIPTOR.full_name for each in subscriptions])
        self._in_hand: list[Delivery] = []
        self._pauses = Backoff()
        self._relaying = Look(stage.scheduler, life, "relay", self._relay_batch)
        self._consuming = Look(stage.scheduler, life, "consume", self._consume)
        self._looks = {OUTBOX_TOPIC: self._relaying}
        self._replaying = Replaying(self.service, self._database, handling)
        self._in_background(life, dead_letters.TOPIC, self._replay_due)
        for entrypoint, call in entrypoints(worker, Background):
            if entrypoint._topic not in ELSEWHERE:
                self._in_background(life, entrypoint._topic, partial(call, self._database))
        for topic in self._looks:
            self._database.on_wake(topic, partial(self.wake, topic))
        for look in (*self._looks.values(), self._consuming):
            look.within(stage.fates.seconds(0, WAKE_SECONDS))

    def wake(self, topic: str) -> None:
        """Somebody, in this process or another, wrote something; the signal may be lost on its way."""
        look = self._looks.get(topic)
        if look is None:
            return
        longest = WAKE_SECONDS
        if self._stage.fates.strikes(Fault.WAKE_LOST):
            longest = RELAY_SAFETY_SECONDS if topic == OUTBOX_TOPIC else BACKGROUND_SAFETY_SECONDS
        look.within(self._stage.fates.seconds(0, longest))

    def ready(self, seconds: float) -> None:
        """There are events to receive in so many seconds."""
        self._consuming.within(seconds + self._stage.fates.seconds(0, WAKE_SECONDS))

    def _relay_batch(self) -> None:
        try:
            more = self._relay.relay_batch()
        except Exception as error:
            self._stage.trace.say(f"{self.service}: the relay waits: {error}")
            if not (isinstance(error, BrokerAwayError) or database_is_away(error)):
                raise
            self._relaying.within(self._pauses.next())
            return
        self._pauses.reset()
        if more:
            self._relaying.within(0)
        elif self._stage.databases.scalar(self.service, "SELECT count(*) FROM outbox") > len(self._relay._in_flight):
            self._relaying.within(self._relay._pause())

    def _replay_due(self) -> datetime | None:
        """Replays, unless there is nothing that could be replayed: each worker looks at its start, mostly in vain."""
        letters = self._stage.databases.scalar(self.service, "SELECT count(*) FROM dead_letters")
        return self._replaying.replay_due() if letters else None

    def _consume(self) -> None:
        """What `chassis.bus.consuming` does in a round: what could not be handled stays in hand, if it is received."""
        try:
            if not self._in_hand:
                self._consumer.connect()
                self._in_hand = self._consumer.receive(0)
            if self._in_hand:
                self._work_off(self._in_hand)
        except DatabaseAwayError as error:
            self._stage.trace.say(f"{self.service}: the database is away: {error}")
            self._consuming.within(self._pauses.next())
        except BrokerAwayError as error:
            self._stage.trace.say(f"{self.service}: the consumer waits: {error}")
            self._in_hand = []
            self._consuming.within(self._pauses.next())

    def _work_off(self, deliveries: Sequence[Delivery]) -> None:
        told = ", ".join(self._stage.trace.event(each.envelope) for each in deliveries)
        self._stage.trace.say(f"{self.service} handles {told}")
        self._stage.parts.handle(self._handling, self._consumer, deliveries)
        self._stage.fates.moment("after acknowledgement")
        self._in_hand = []
        self._pauses.reset()
        self._stage.parts.after_batch(self._database)
        self._consuming.within(0)

    def _watched(self, entrypoint: Subscribe, call: Callable[..., None]) -> Callable[[UnitOfWork, list[Any]], None]:
        event = str(entrypoint.event.DESCRIPTOR.full_name)

        def handle(work: UnitOfWork, events: list[Any]) -> None:
            self._stage.handled.add(event)
            if event in self._stage.broken:
                self._stage.trace.say(f"! {self.service} cannot handle {event}")
                raise RuntimeError(f"the handler of {event} is broken")
            call(work, events)
            if self._stage.fates.strikes(Fault.HANDLER_FAILS):
                raise RuntimeError(f"the handler of {event} failed this time")

        return handle

    def _in_background(self, life: Life, topic: str, call: Callable[[], datetime | None]) -> None:
        """What `chassis.bus.background_loop` does: at the start, when woken, and at the time that the call gave."""

        def due_work() -> None:
            try:
                due = call()
            except Exception as error:
                if not database_is_away(error):
                    raise
                self._looks[topic].within(self._pauses.next())
                return
            if due is not None:
                self._looks[topic].within(max((due - self._stage.clock.now()).total_seconds(), 0))

        self._looks[topic] = Look(self._stage.scheduler, life, f"background {topic}", due_work)


class _Broker:
    """A broker with the publisher that the parts have."""

    def __init__(self, broker: Broker, parts: Parts) -> None:
        self.volatile = broker.volatile
        self._broker = broker
        self._parts = parts

    def publisher(self, service: str, on_settled: Callable[[Sequence[str]], None]) -> Publisher:
        """A publisher."""
        return self._parts.publisher(self._broker.publisher(service, on_settled))

    def consumer(self, service: str, events: Collection[str]) -> Consumer:
        """A consumer."""
        return self._broker.consumer(service, events)
