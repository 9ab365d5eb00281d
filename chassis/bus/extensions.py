"""What a `worker.py` is made of: nameko extensions around the consumer, the relay and background work.

nameko's own event handlers acknowledge what failed and know no batches; so the consumer is ours, and nameko gives the
shape of a worker (a class with dependencies and entrypoints), its containers and their life.

An extension's constructor runs twice (nameko binds a copy), so it only remembers its arguments.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from eventlet.event import Event
from google.protobuf.message import Message
from nameko.extensions import DependencyProvider, Entrypoint, SharedExtension

from chassis.bus import dead_letters, inbox
from chassis.bus.background_loop import BackgroundLoop
from chassis.bus.consuming import Consuming
from chassis.bus.handling import Handling, Subscription
from chassis.bus.pruning import Prune, Pruning
from chassis.bus.relay import Relay
from chassis.bus.replaying import Replaying
from chassis.bus.runtime import CONFIG_KEY, Runtime
from chassis.bus.trouble import consumer_part
from chassis.database import Database, UnitOfWork
from chassis.settings import Settings

_Handler = TypeVar("_Handler", bound=Callable[..., None])
_BackgroundWork = TypeVar("_BackgroundWork", bound=Callable[..., datetime | None])


class _OnRuntime:
    """An extension's way to what the process gave its container."""

    container: Any

    @property
    def runtime(self) -> Runtime:
        runtime = self.container.config[CONFIG_KEY]
        assert isinstance(runtime, Runtime)  # noqa: S101  chassis.bus.process put it there
        return runtime

    @property
    def service(self) -> str:
        return str(self.container.service_name)

    @property
    def database(self) -> Database:
        return self.runtime.database(self.service)


class UseCases(_OnRuntime, DependencyProvider):
    """Gives the worker the service's use cases, built once from the settings."""

    def __init__(self, factory: Callable[[Settings], object]) -> None:
        super().__init__()
        self._factory = factory
        self._use_cases: object = None

    def setup(self) -> None:
        """Build them before the first event arrives."""
        self._use_cases = self._factory(self.runtime.settings)

    @property
    def prunings(self) -> list[Prune]:
        """How they forget what is old, if they say how: by a method `forget_old`."""
        forget_old = getattr(self._use_cases, "forget_old", None)
        return [] if forget_old is None else [forget_old]

    def stop(self) -> None:
        """Have them finish what goes on outside of any transaction, if they say how: by a method `shut_down`."""
        shut_down = getattr(self._use_cases, "shut_down", None)
        if shut_down is not None:
            shut_down()

    def get_dependency(self, worker_ctx: object) -> object:  # noqa: ARG002  nameko's signature
        """What the worker finds in its attribute."""
        return self._use_cases


class OutboxRelay(_OnRuntime, DependencyProvider):
    """Relays the service's outbox while the worker runs; every worker has one."""

    _relay: Relay
    _pruning: Pruning | None = None

    def setup(self) -> None:
        """Watch the outbox."""
        self._relay = Relay(
            self.service,
            self.database,
            self.runtime.broker,
            self.runtime.troubles.reporter(f"{self.service} relay"),
            heartbeat=self.runtime.settings.broker_heartbeat_seconds,
        )

    def start(self) -> None:
        """Begin to relay, and to forget what is old."""
        self.container.spawn_managed_thread(self._relay.run, identifier="outbox relay")
        providers = [each for each in self.container.dependencies if isinstance(each, UseCases)]
        own = [prune for provider in providers for prune in provider.prunings]
        self._pruning = Pruning.of_service(self.service, self.runtime, own)
        self.container.spawn_managed_thread(self._pruning.run, identifier="pruning")

    def stop(self) -> None:
        """Finish the batch in hand; nameko stops dependencies after the last handler has ended."""
        if self._pruning is not None:
            self._pruning.stop()
        self._relay.stop()


class EventConsumer(_OnRuntime, SharedExtension):
    """The one consumer of a service's queue, shared by all its subscriptions."""

    def __init__(self) -> None:
        super().__init__()
        self._subscriptions: list[Subscription] = []
        self._consuming: Consuming | None = None
        self._replaying: BackgroundLoop | None = None

    def register(self, subscription: Subscription) -> None:
        """Take an event type; before the container starts."""
        self._subscriptions.append(subscription)

    def start(self) -> None:
        """Begin to consume, and to replay what operators ask for."""
        runtime = self.runtime
        events = [subscription.event.DESCRIPTOR.full_name for subscription in self._subscriptions]
        # A broker that keeps nothing repeats what is in outboxes, and the inbox is kept as long as that.
        forgets_after = None if runtime.broker.volatile else inbox.RETENTION
        handling = Handling(
            self.service, self.database, self._subscriptions, runtime.policy, forgets_after=forgets_after
        )
        consumer = runtime.broker.consumer(self.service, events)
        report = runtime.troubles.reporter(consumer_part(self.service), "not connected yet")
        self._consuming = Consuming(self.service, consumer, handling, report)
        self.container.spawn_managed_thread(self._consuming.run, identifier="event consumer")
        replaying = Replaying(self.service, self.database, handling)
        name = f"{self.service}.replays"
        self._replaying = BackgroundLoop(name, self.database, dead_letters.TOPIC, replaying.replay_due)
        self.container.spawn_managed_thread(self._replaying.run, identifier="replays")

    def finish(self) -> None:
        """Finish the batch and the replay in hand, and begin no more."""
        for loop in (self._consuming, self._replaying):
            if loop is not None:
                loop.stop()


class Subscribe(_OnRuntime, Entrypoint):
    """Calls a method with the events of one type that a batch holds, within the batch's transaction."""

    consumer = EventConsumer()

    def __init__(self, event: type[Message]) -> None:
        # The consumer decides what a failure means and logs it; nameko is not to log it as an error of its own.
        super().__init__(expected_exceptions=(Exception,))
        self.event = event

    def setup(self) -> None:
        """Tell the consumer."""
        self.consumer.register(Subscription(self.event, self._call))

    def _call(self, work: UnitOfWork, events: list[Any]) -> None:
        """Run the handler as a nameko worker and wait for it: the transaction is the consumer's."""
        call_worker(self, work, events)

    def stop(self) -> None:
        """Let the consumer finish its batch; entrypoints are what nameko stops first."""
        self.consumer.finish()


class Background(_OnRuntime, Entrypoint):
    """Calls a method at the start, whenever its topic is woken, and at the time that it returned last."""

    def __init__(self, topic: str) -> None:
        super().__init__(expected_exceptions=(Exception,))
        self._topic = topic
        self._loop: BackgroundLoop | None = None

    def setup(self) -> None:
        """Listen for the topic."""
        name = f"{self.service}.{self.method_name}"
        self._loop = BackgroundLoop(name, self.database, self._topic, lambda: call_worker(self, self.database))

    def start(self) -> None:
        """Make the first call."""
        assert self._loop is not None  # noqa: S101  nameko calls setup before start
        self.container.spawn_managed_thread(self._loop.run, identifier=f"background {self.method_name}")

    def stop(self) -> None:
        """Let the call in hand end."""
        if self._loop is not None:
            self._loop.stop()


def call_worker(entrypoint: Any, *arguments: object) -> Any:
    """Run the entrypoint's method on a new worker instance, and return or raise what it does."""
    outcome = Event()

    def handle_result(_context: object, result: object, exc_info: Any) -> tuple[object, Any]:
        if exc_info is None:
            outcome.send(result)
        else:
            outcome.send_exception(*exc_info)
        return result, exc_info

    entrypoint.container.spawn_worker(entrypoint, arguments, {}, handle_result=handle_result)
    return outcome.wait()


def subscribe(event: type[Message]) -> Callable[[_Handler], _Handler]:
    """Handle events of a type: the method gets `(work, events)`, events being all of that type in one batch."""
    decorate: Callable[[_Handler], _Handler] = Subscribe.decorator(event)
    return decorate


def background(*, topic: str) -> Callable[[_BackgroundWork], _BackgroundWork]:
    """Run in the background: the method gets the database, opens its own transactions, returns when to call next."""
    decorate: Callable[[_BackgroundWork], _BackgroundWork] = Background.decorator(topic)
    return decorate
