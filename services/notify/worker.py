"""What notify does when something happens to a case: event to use case; and the deliveries that are due."""

from datetime import datetime

from chassis.bus import OutboxRelay, UseCases, background, subscribe
from chassis.database import Database, UnitOfWork
from duokua.cases.v1 import events_pb2
from services.notify.deliverer import Deliverer
from services.notify.service import DELIVERIES, Notify


class NotifyWorker:
    """Tells people and department systems what happens to cases."""

    name = "notify"
    relay = OutboxRelay()
    notify = UseCases(Notify.from_settings)
    deliverer = UseCases(Deliverer.from_settings)

    @subscribe(events_pb2.CaseSubmitted)
    def on_case_submitted(self, work: UnitOfWork, events: list[events_pb2.CaseSubmitted]) -> None:
        """Tells the applicant."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.StepAccepted)
    def on_step_accepted(self, work: UnitOfWork, events: list[events_pb2.StepAccepted]) -> None:
        """Tells the applicant and the office's systems."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.LimitExtended)
    def on_limit_extended(self, work: UnitOfWork, events: list[events_pb2.LimitExtended]) -> None:
        """Tells the applicant, as the law wants it, and the office's systems."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.StepCompleted)
    def on_step_completed(self, work: UnitOfWork, events: list[events_pb2.StepCompleted]) -> None:
        """Tells the applicant and the office's systems."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.StepRefused)
    def on_step_refused(self, work: UnitOfWork, events: list[events_pb2.StepRefused]) -> None:
        """Tells the applicant and the office's systems."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.StepPassedUp)
    def on_step_passed_up(self, work: UnitOfWork, events: list[events_pb2.StepPassedUp]) -> None:
        """Tells the applicant and the office's systems."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.StepUrged)
    def on_step_urged(self, work: UnitOfWork, events: list[events_pb2.StepUrged]) -> None:
        """Tells the office and its systems, and the organ above it."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.StepUndone)
    def on_step_undone(self, work: UnitOfWork, events: list[events_pb2.StepUndone]) -> None:
        """Tells the applicant and the office's systems."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.CorrectionRequested)
    def on_correction_requested(self, work: UnitOfWork, events: list[events_pb2.CorrectionRequested]) -> None:
        """Tells the applicant all that is asked for."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.CorrectionSupplied)
    def on_correction_supplied(self, work: UnitOfWork, events: list[events_pb2.CorrectionSupplied]) -> None:
        """Tells the applicant that it was received."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.ProcedureBegan)
    def on_procedure_began(self, work: UnitOfWork, events: list[events_pb2.ProcedureBegan]) -> None:
        """Tells the applicant and the office's systems."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.ProcedureEnded)
    def on_procedure_ended(self, work: UnitOfWork, events: list[events_pb2.ProcedureEnded]) -> None:
        """Tells the applicant and the office's systems."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.VisitScheduled)
    def on_visit_scheduled(self, work: UnitOfWork, events: list[events_pb2.VisitScheduled]) -> None:
        """Tells the applicant, and the systems of the offices that meet."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.VisitHeld)
    def on_visit_held(self, work: UnitOfWork, events: list[events_pb2.VisitHeld]) -> None:
        """Tells the applicant, and the systems of the offices that were there."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.CaseCompleted)
    def on_case_completed(self, work: UnitOfWork, events: list[events_pb2.CaseCompleted]) -> None:
        """Tells the applicant and the systems of every office that took part."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.CaseUndone)
    def on_case_undone(self, work: UnitOfWork, events: list[events_pb2.CaseUndone]) -> None:
        """Tells the applicant and the systems of every office that took part."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.CaseDelivered)
    def on_case_delivered(self, work: UnitOfWork, events: list[events_pb2.CaseDelivered]) -> None:
        """Tells the applicant."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.FollowUpOpened)
    def on_follow_up_opened(self, work: UnitOfWork, events: list[events_pb2.FollowUpOpened]) -> None:
        """Tells the organ that supervises the office."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.FollowUpClosed)
    def on_follow_up_closed(self, work: UnitOfWork, events: list[events_pb2.FollowUpClosed]) -> None:
        """Tells the applicant."""
        self.notify.tell(work, events)

    @subscribe(events_pb2.IncidentOpened)
    def on_incident_opened(self, work: UnitOfWork, events: list[events_pb2.IncidentOpened]) -> None:
        """Tells the operators."""
        self.notify.tell(work, events)

    @background(topic=DELIVERIES)
    def deliver_due(self, database: Database) -> datetime | None:
        """Sends webhooks whose time has come."""
        following: datetime | None = self.deliverer.deliver_due(database)
        return following


WORKER = NotifyWorker
