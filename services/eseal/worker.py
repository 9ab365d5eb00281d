"""What eseal does when something happens elsewhere: event to use case."""

from chassis.bus import OutboxRelay, UseCases, subscribe
from chassis.database import UnitOfWork
from duokua.cases.v1 import events_pb2 as cases_events
from duokua.identity.v1 import events_pb2 as identity_events
from duokua.licences.v1 import events_pb2 as licences_events
from services.eseal.licences import LicenceDocuments
from services.eseal.notices import Notices
from services.eseal.service import Documents


class EsealWorker:
    """Keeps the names of organs, seals notices, and revokes them."""

    name = "eseal"
    relay = OutboxRelay()
    documents = UseCases(Documents.from_settings)
    notices = UseCases(Notices.from_settings)
    licences = UseCases(LicenceDocuments.from_settings)

    @subscribe(identity_events.OrganRegistered)
    def on_organ_registered(self, work: UnitOfWork, events: list[identity_events.OrganRegistered]) -> None:
        """Keeps the names of organs."""
        self.documents.keep_organs(work, events)

    @subscribe(cases_events.NoticeRequested)
    def on_notice_requested(self, work: UnitOfWork, events: list[cases_events.NoticeRequested]) -> None:
        """Renders and seals notices."""
        self.notices.seal(work, events)

    @subscribe(cases_events.NoticeWithdrawn)
    def on_notice_withdrawn(self, work: UnitOfWork, events: list[cases_events.NoticeWithdrawn]) -> None:
        """Makes notices void."""
        self.notices.withdraw(work, events)

    @subscribe(licences_events.LicenceDocumentRequested)
    def on_licence_document_requested(
        self, work: UnitOfWork, events: list[licences_events.LicenceDocumentRequested]
    ) -> None:
        """Renders and seals documents of licences."""
        self.licences.seal(work, events)

    @subscribe(licences_events.LicenceDocumentWithdrawn)
    def on_licence_document_withdrawn(
        self, work: UnitOfWork, events: list[licences_events.LicenceDocumentWithdrawn]
    ) -> None:
        """Makes documents of licences void."""
        self.licences.withdraw(work, events)


WORKER = EsealWorker
