"""What matters does when something happens elsewhere: event to use case."""

from chassis.bus import OutboxRelay, UseCases, subscribe
from chassis.database import UnitOfWork
from duokua.identity.v1 import events_pb2 as identity_events
from services.matters.service import Matters


class MattersWorker:
    """Keeps a copy of the organs, which lead bundles, and relays what was published."""

    name = "matters"
    relay = OutboxRelay()
    matters = UseCases(Matters.from_settings)

    @subscribe(identity_events.OrganRegistered)
    def on_organ_registered(self, work: UnitOfWork, events: list[identity_events.OrganRegistered]) -> None:
        """Keeps the organs."""
        self.matters.keep_organs(work, events)


WORKER = MattersWorker
