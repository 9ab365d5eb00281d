"""What licences does when something happens elsewhere, and when time passes: event to use case."""

from datetime import datetime

from chassis.bus import OutboxRelay, UseCases, background, subscribe
from chassis.database import Database, UnitOfWork
from duokua.cases.v1 import events_pb2 as cases_events
from duokua.eseal.v1 import events_pb2 as eseal_events
from duokua.identity.v1 import events_pb2 as identity_events
from services.licences.announcing import take_shown
from services.licences.directory import keep_organs, keep_persons
from services.licences.documents import note_failed, note_sealed
from services.licences.orders import Orders
from services.licences.service import EXPIRY, Licences


class LicencesWorker:
    """Keeps copies of the directory, issues and revokes for cases, and notes when licences expire."""

    name = "licences"
    relay = OutboxRelay()
    licences = UseCases(Licences.from_settings)
    orders = UseCases(Orders.from_settings)

    @subscribe(identity_events.OrganRegistered)
    def on_organ_registered(self, work: UnitOfWork, events: list[identity_events.OrganRegistered]) -> None:
        """Keeps the organs."""
        keep_organs(work, events)

    @subscribe(identity_events.PersonRegistered)
    def on_person_registered(self, work: UnitOfWork, events: list[identity_events.PersonRegistered]) -> None:
        """Keeps the persons, and gives them what was issued to their numbers."""
        keep_persons(work, events)

    @subscribe(cases_events.LicenceRequested)
    def on_licence_requested(self, work: UnitOfWork, events: list[cases_events.LicenceRequested]) -> None:
        """Issues what steps have granted."""
        self.orders.issue(work, events)

    @subscribe(cases_events.LicenceWithdrawn)
    def on_licence_withdrawn(self, work: UnitOfWork, events: list[cases_events.LicenceWithdrawn]) -> None:
        """Revokes what is undone."""
        self.orders.withdraw(work, events)

    @subscribe(cases_events.LicenceShown)
    def on_licence_shown(self, work: UnitOfWork, events: list[cases_events.LicenceShown]) -> None:
        """Keeps who was shown which licence."""
        take_shown(work, events)

    @subscribe(eseal_events.LicenceDocumentSealed)
    def on_licence_document_sealed(self, work: UnitOfWork, events: list[eseal_events.LicenceDocumentSealed]) -> None:
        """Notes where documents are."""
        note_sealed(work, events)

    @subscribe(eseal_events.LicenceDocumentFailed)
    def on_licence_document_failed(self, work: UnitOfWork, events: list[eseal_events.LicenceDocumentFailed]) -> None:
        """Notes which documents cannot be sealed."""
        note_failed(work, events)

    @background(topic=EXPIRY)
    def expire_due(self, database: Database) -> datetime | None:
        """Notes which licences have expired."""
        following: datetime | None = self.licences.expire_due(database)
        return following


WORKER = LicencesWorker
