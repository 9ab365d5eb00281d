"""What the cases service does when something happens elsewhere: event to use case; and the case log."""

from datetime import datetime

from chassis.bus import OutboxRelay, UseCases, background, subscribe
from chassis.database import Database, UnitOfWork
from duokua.eseal.v1 import events_pb2 as eseal_events
from duokua.licences.v1 import events_pb2 as licences_events
from duokua.matters.v1 import events_pb2 as matters_events
from duokua.routing.v1 import events_pb2 as routing_events
from services.cases.afterwards import ARCHIVE_TOPIC, Archive
from services.cases.calendars import CLOCKS_TOPIC
from services.cases.drafts import Drafts
from services.cases.sequencer import Sequencer
from services.cases.service import Cases
from services.cases.timekeeper import Timekeeper
from services.cases.writes import LOG_TOPIC


class CasesWorker:
    """Learns bundles, and takes offices and sealed notices into the running cases."""

    name = "cases"
    relay = OutboxRelay()
    cases = UseCases(Cases.from_settings)
    sequencer = UseCases(Sequencer.from_settings)
    timekeeper = UseCases(Timekeeper.from_settings)
    archive = UseCases(Archive.from_settings)
    drafts = UseCases(Drafts.from_settings)

    @subscribe(matters_events.BundlePublished)
    def on_bundle_published(self, work: UnitOfWork, events: list[matters_events.BundlePublished]) -> None:
        """Keeps the bundles."""
        self.cases.learn_bundles(work, events)

    @subscribe(licences_events.LicenceIssued)
    def on_licence_issued(self, work: UnitOfWork, events: list[licences_events.LicenceIssued]) -> None:
        """Keeps what applicants hold."""
        self.cases.learn_licences(work, events)

    @subscribe(licences_events.LicenceStatusChanged)
    def on_licence_status_changed(self, work: UnitOfWork, events: list[licences_events.LicenceStatusChanged]) -> None:
        """Keeps what applicants hold no more."""
        self.cases.learn_licences(work, events)

    @subscribe(routing_events.StepsRouted)
    def on_steps_routed(self, work: UnitOfWork, events: list[routing_events.StepsRouted]) -> None:
        """Opens tasks at the offices."""
        self.cases.take_routes(work, events)

    @subscribe(eseal_events.DocumentSealed)
    def on_document_sealed(self, work: UnitOfWork, events: list[eseal_events.DocumentSealed]) -> None:
        """May complete cases."""
        self.cases.take_sealed(work, events)

    @subscribe(eseal_events.SealingFailed)
    def on_sealing_failed(self, work: UnitOfWork, events: list[eseal_events.SealingFailed]) -> None:
        """Opens incidents."""
        self.cases.take_sealing_failures(work, events)

    @subscribe(eseal_events.NoticeRevoked)
    def on_notice_revoked(self, work: UnitOfWork, events: list[eseal_events.NoticeRevoked]) -> None:
        """Confirms that undone results are void."""
        self.cases.take_revocations(work, events)

    @background(topic=LOG_TOPIC)
    def add_to_log(self, database: Database) -> datetime | None:
        """Adds what was written to histories to the case log."""
        following: datetime | None = self.sequencer.add_waiting(database)
        return following

    @background(topic=CLOCKS_TOPIC)
    def look_at_clocks(self, database: Database) -> datetime | None:
        """Tells cases what time has done to them."""
        following: datetime | None = self.timekeeper.look(database)
        return following

    @background(topic=ARCHIVE_TOPIC)
    def archive_cases(self, database: Database) -> datetime | None:
        """Archives the cases in which nothing has happened for long."""
        following: datetime | None = self.archive.archive_due(database)
        return following


WORKER = CasesWorker
