"""What eseal does when something happens elsewhere: event to use case."""

from chassis.bus import OutboxRelay, UseCases, subscribe
from chassis.database import UnitOfWork
from duokua.cases.v1 import events_pb2 as cases_events
from duokua.identity.v1 import events_pb2 as identity_events
from services.eseal.notices import Notices
from services.eseal.service import Documents


class EsealWorker:
    """Keeps the names of organs, seals notices, and revokes them."""

    name = "eseal"
    relay = OutboxRelay()
    documents = UseCases(Documents.from_settings)
    notices = UseCases(Notices.from_settings)

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


WORKER = EsealWorker
