"""What one process has: its settings, and the databases of the services that it hosts."""

from chassis.clock import Clock
from chassis.database import Database
from chassis.settings import Settings, private_folder


class Context:
    """Made once at the start of a process and handed to whoever needs it."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self._clock = clock
        self._databases: dict[str, Database] = {}

    def database(self, service: str) -> Database:
        """The database of `service`, connected on first use."""
        if service not in self._databases:
            self._databases[service] = open_database(self.settings, service, self._clock)
        return self._databases[service]

    def close(self) -> None:
        """Give everything back."""
        for database in self._databases.values():
            database.close()
        self._databases.clear()


def open_database(settings: Settings, service: str, clock: Clock | None = None) -> Database:
    """The database of `service` as the settings say."""
    url = settings.database_url_of(service)
    if url.startswith("sqlite"):
        private_folder(settings.data_dir)
    return Database(url, service, signals_folder=settings.data_dir / "signals", clock=clock)
