"""What a worker process gives its containers: settings, databases and the broker."""

from collections.abc import Callable, Collection, Mapping

from chassis.bus.amqp_link import Address
from chassis.bus.broker import Broker
from chassis.bus.embedded import EmbeddedBroker
from chassis.bus.rabbit import RabbitBroker
from chassis.bus.topology import RetryPolicy
from chassis.bus.trouble import Troubles
from chassis.context import open_database
from chassis.database import OUTBOX_TOPIC, Database
from chassis.settings import Settings

CONFIG_KEY = "duokua"
"""Where a container's nameko configuration holds the runtime."""


class Runtime:
    """Shared by all containers of one worker process."""

    def __init__(
        self, settings: Settings, subscriptions: Mapping[str, Collection[str]], policy: RetryPolicy | None = None
    ) -> None:
        self.settings = settings
        self.policy = policy or RetryPolicy()
        self.broker: Broker = _broker(settings, subscriptions, self.policy)
        self.troubles = Troubles()
        self._databases = {service: _database(settings, service) for service in subscriptions}

    @property
    def databases(self) -> Mapping[str, Database]:
        """The databases of the services that run here."""
        return self._databases

    def database(self, service: str) -> Database:
        """The database of a service that runs here."""
        return self._databases[service]

    def listen(self) -> None:
        """Begin to receive signals from the services' other processes."""
        for database in self._databases.values():
            database.listen()

    def checks(self) -> dict[str, Callable[[], None]]:
        """What has to work for the process to be ready."""
        databases = {f"database {service}": database.ping for service, database in self._databases.items()}
        return {**databases, "bus": self.troubles.check}

    def close(self) -> None:
        """Let go of the databases."""
        for database in self._databases.values():
            database.close()


def _database(settings: Settings, service: str) -> Database:
    database = open_database(settings, service)
    # The relay of this service runs here: it needs no message through the database to hear of an event written here.
    database.local_topics = frozenset({OUTBOX_TOPIC})
    return database


def _broker(settings: Settings, subscriptions: Mapping[str, Collection[str]], policy: RetryPolicy) -> Broker:
    if settings.embedded_broker:
        return EmbeddedBroker(subscriptions)
    address = Address(settings.broker_url_with_password(), heartbeat=settings.broker_heartbeat_seconds)
    return RabbitBroker(address, policy)
