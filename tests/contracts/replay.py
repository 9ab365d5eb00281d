"""A recording played to one service alone: what others said is handled by it, what it said itself it does again.

So each event meets the state that it met when it was recorded, made by today's code.
"""

from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from chassis.bus.broker import Handled
from chassis.bus.events import Envelope, from_headers, source_of, to_headers
from duokua.cases.v1 import events_pb2 as cases_events
from duokua.cases.v1 import task_pb2
from duokua.eseal.v1 import events_pb2 as eseal_events
from duokua.licences.v1 import events_pb2 as licences_events
from duokua.routing.v1 import events_pb2 as routing_events
from services.eseal.seals.register import Register
from services.licences import types
from services.licences.service import Licences
from services.licences.tables import documents as licence_documents
from services.routing.service import Routing
from tests.cases.builders import (
    Town,
    accepting,
    asking,
    attending,
    completing,
    extending,
    field,
    passing_up,
    refusing,
    resuming,
    scheduling,
    suspending,
    taken,
)
from tests.contracts.licences import by_hand, contract_permit
from tests.contracts.recordings import Recording
from tests.contracts.services import Service, first_id
from tests.platform.sealing import ensure_seal

UNKNOWN = b"\xf8\xff\x03\x2a"
"""Field 8191, which no message has, is 42."""
Checks = dict[tuple[str, str], Callable[[Service, Any], None]]
Change = Callable[[Envelope], Envelope]


def unchanged(event: Envelope) -> Envelope:
    """The event as it was recorded."""
    return event


def from_a_newer_sender(event: Envelope) -> Envelope:
    """The event with fields, at its top and within, and an attribute that today's contract does not know."""
    message = read(event)
    for _, within in [*message.ListFields(), (None, message)]:
        if isinstance(within, Message):
            within.MergeFromString(UNKNOWN)
    body = message.SerializeToString()
    assert body.endswith(UNKNOWN)
    return from_headers({**to_headers(event), "cloudEvents:dataschema": "https://example.org/newer"}, body)


class Replay:
    """One service and one recording."""

    def __init__(self, service: Service, recording: Recording, checks: Checks, change: Change = unchanged) -> None:
        self.handled: set[str] = set()
        self.said: list[Envelope] = []
        self._service = service
        self._recording = recording
        self._checks = checks
        self._change = change
        self._town = Town(service.database)
        self._submitted: set[str] = set()
        self._tasks: dict[tuple[str, str], task_pb2.Task] = {}

    def play(self) -> None:
        """From the first event to the last; raises AssertionError when one has not its effect."""
        for event in self._recording.events:
            if event.source == source_of(self._service.name):
                self._do_again(event)
            elif event.type in self._service.types:
                self._hear(event)
            self.said += self._service.take_outbox()

    def _hear(self, event: Envelope) -> None:
        self._prepare(event)
        verdict = self._service.handle(self._change(event))
        assert isinstance(verdict, Handled), (event.type, verdict)
        assert self._service.given_up() == [], event.type
        self._checks[self._service.name, event.type](self._service, self._service.read(event))
        self.handled.add(event.type)

    def _prepare(self, event: Envelope) -> None:
        """What an operator had set up before the event came."""
        match self._service.name, read(event):
            case "routing", cases_events.RoutingRequested() as asked:
                self._declare(asked)
            case "licences", cases_events.LicenceRequested():
                self._define_type()
            case "licences", (eseal_events.LicenceDocumentSealed() | eseal_events.LicenceDocumentFailed() as answer):
                self._know_document(answer.request_id, answer.licence_id)
            case "eseal", licences_events.LicenceDocumentRequested() as wanted:
                done: Iterable[Any] = map(read, self._recording.of_type("duokua.eseal.v1.LicenceDocumentSealed"))
                if wanted.request_id in {each.request_id for each in done}:
                    self._make_seal(wanted.issuer_organ_id)
            case "eseal", cases_events.NoticeRequested() as asked:
                sealed: Iterable[Any] = map(read, self._recording.of_type("duokua.eseal.v1.DocumentSealed"))
                if asked.notice_id in {each.notice_id for each in sealed}:
                    self._make_seal(asked.step.organ_id)

    def _declare(self, asked: cases_events.RoutingRequested) -> None:
        """The capabilities by which routing answered as it did."""
        codes = {step.step_id: step.catalog_code for step in asked.steps}
        for answer in map(read, self._recording.of_type("duokua.routing.v1.StepsRouted")):
            assert isinstance(answer, routing_events.StepsRouted)
            for decision in answer.decisions:
                if answer.case_id == asked.case.case_id and decision.step_id in codes:
                    with self._service.database.begin() as work:
                        routing = self._service.use_cases_of(Routing)
                        routing.declare(work, decision.organ_id, [codes[decision.step_id]])

    def _define_type(self) -> None:
        with self._service.database.begin() as work:
            types.define(work, contract_permit())

    def _know_document(self, request_id: str, licence_id: str) -> None:
        """A document that was asked for: today's requests draw other identifiers than the recorded ones."""
        row = {"request_id": request_id, "licence_id": licence_id, "annotation": "", "reader_organ_id": ""}
        row |= {"status": "requested", "document_id": "", "reason": ""}
        with self._service.database.begin() as work:
            work.connection.execute(licence_documents.insert().values(**row, requested_at=work.now))

    def _make_seal(self, organ_id: str) -> None:
        with self._service.database.begin() as work:
            ensure_seal(self._service.use_cases_of(Register), work, organ_id)

    def _do_again(self, event: Envelope) -> None:  # noqa: C901, PLR0912 - one case an event
        """What made the service say this, as far as it came from people and not from events."""
        match read(event):
            case cases_events.CaseSubmitted() | cases_events.RoutingRequested() as said:
                self._submit(said.case)
            case cases_events.StepAccepted() as said:
                task = self._task(said.case.case_id, said.step)
                taken(self._town.answer(accepting(task)))
            case cases_events.StepCompleted() | cases_events.StepUndone() as said:
                task = self._task(said.case.case_id, said.step, undo=isinstance(said, cases_events.StepUndone))
                taken(self._town.answer(completing(task, **self._recording.result)))
            case cases_events.CaseDelivered() as said:
                self._town.deliver(said.case.case_id, said.delivery.channel, said.delivery.receiver)
            case cases_events.FollowUpOpened() as said:
                self._town.rate(said.case.case_id, said.rating.level, said.rating.step_id)
                del self._tasks[said.case.case_id, said.step.step_id]  # the next is the follow-up's
            case cases_events.FollowUpClosed() as said:
                task = self._task(said.case.case_id, said.step)
                taken(self._town.answer(completing(task, **self._recording.result)))
            case cases_events.CorrectionRequested() as said:
                self._ask(said)
            case cases_events.CorrectionSupplied() as said:
                self._town.correct(said.case.case_id, {"area": self._recording.form["area"]})
            case cases_events.ProcedureBegan() | cases_events.ProcedureEnded() as said:
                self._procedure(said)
            case cases_events.VisitScheduled() | cases_events.VisitHeld() as said:
                self._visit(said)
            case cases_events.LimitExtended() as said:
                task = self._task(said.case.case_id, said.step)
                taken(self._town.answer(extending(task, said.amount, said.reason, said.authority)))
            case cases_events.StepRefused() as said:
                taken(self._town.answer(refusing(self._task(said.case.case_id, said.step), said.reason)))
            case cases_events.StepPassedUp() as said:
                taken(self._town.answer(passing_up(self._let_go(said.case.case_id, said.step), said.reason)))
            case licences_events.LicenceDocumentRequested(case_id="") as said:
                self._define_type()
                with self._service.database.begin() as work:
                    order = by_hand(said.issuer_organ_id, said.holder_person_id)
                    self._service.use_cases_of(Licences).issue(work, contract_permit(), order, "client:x")
            case cases_events.StepUrged() as said:
                self._town.supervise(said.case.case_id, said.step.step_id, said.reason)

    def _ask(self, said: cases_events.CorrectionRequested) -> None:
        """What the office that asked last said."""
        request = said.correction.requests[-1]
        step = cases_events.StepRef(step_id=request.step_id, organ_id=request.organ_id)
        items = [field(item.field, item.reason) for item in request.items]
        taken(self._town.answer(asking(self._let_go(said.case.case_id, step), *items)))

    def _procedure(self, said: cases_events.ProcedureBegan | cases_events.ProcedureEnded) -> None:
        """What the office said when a special procedure began, or was over."""
        if isinstance(said, cases_events.ProcedureBegan):
            taken(self._town.answer(suspending(self._let_go(said.case.case_id, said.step))))
        else:
            task = task_pb2.Task(task_id=said.procedure.task_id, organ_id=said.step.organ_id)
            taken(self._town.answer(resuming(task)))

    def _visit(self, said: cases_events.VisitScheduled | cases_events.VisitHeld) -> None:
        """What an office said of when the visit is, or all of them that they were there."""
        if isinstance(said, cases_events.VisitScheduled):
            taken(self._town.answer(scheduling(self._task(said.case.case_id, said.step))))
        else:
            taken(self._town.answer(*(attending(self._task(said.case.case_id, step)) for step in said.steps)))

    def _let_go(self, case_id: str, step: cases_events.StepRef) -> task_pb2.Task:
        """The task of a step, which is settled now: another follows."""
        task = self._task(case_id, step)
        del self._tasks[case_id, step.step_id]
        return task

    def _submit(self, case: cases_events.CaseRef) -> None:
        if case.case_id in self._submitted:
            return
        self._submitted.add(case.case_id)
        with first_id(case.case_id):
            made = self._town.submit(self._recording.form, [], bundle_id=case.bundle_id, applicant_id=case.applicant_id)
        assert made == case.case_id, "submitting draws another identifier before the case's"

    def _task(self, case_id: str, step: cases_events.StepRef, *, undo: bool = False) -> task_pb2.Task:
        """The task of a step; its lease goes on from its acceptance to its completion."""
        key = (case_id, f"{step.step_id} undo" if undo else step.step_id)
        if key not in self._tasks:
            leased = [task for task in self._town.lease(step.organ_id) if task.case_id == case_id]
            (self._tasks[key],) = leased
        return self._tasks[key]


def read(event: Envelope) -> Message:
    """An event as today's contracts read it, whoever consumes it."""
    descriptor = descriptor_pool.Default().FindMessageTypeByName(event.type)
    return GetMessageClass(descriptor).FromString(event.body)
