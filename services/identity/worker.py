"""What identity does on its own time: it consumes no event, sends its own, and forgets what has expired."""

from datetime import datetime

from chassis.bus import OutboxRelay, UseCases, background
from chassis.database import Database
from services.identity.token_service import Tokens


class IdentityWorker:
    """Sends the directory's events, and prunes assertions and keys that have expired."""

    name = "identity"
    relay = OutboxRelay()
    tokens = UseCases(Tokens.from_settings)

    @background(topic="expiry")
    def prune(self, database: Database) -> datetime | None:
        """Forgets what has expired; nobody wakes it, it names its own next time."""
        following: datetime = self.tokens.prune(database)
        return following


WORKER = IdentityWorker
