"""What the saga tells the other services: effects of the core as events of the contract."""

from typing import TYPE_CHECKING, Any

from duokua.cases.v1 import case_pb2, events_pb2, task_pb2
from duokua.matters.v1 import bundle_pb2
from duokua.routing.v1 import routing_pb2
from services.cases.afterwards_messages import delivery_message, follow_up_message, rating_message
from services.cases.clock_messages import ClockReader
from services.cases.correction_messages import correction_message, procedure_message
from services.cases.domain import effects
from services.cases.domain.case import Case, UndoCause
from services.cases.domain.follow_ups import follow_up_of, superior_of
from services.cases.office_messages import URGE_KINDS, visit_message
from services.cases.published import Published

if TYPE_CHECKING:
    from chassis.database import UnitOfWork
    from services.cases.calendars import Calendars

UNDO_CAUSES = {cause: case_pb2.UndoCause.Value(f"UNDO_CAUSE_{cause.name}") for cause in UndoCause if cause}


def request_routing(work: "UnitOfWork", published: Published, case: Case, effect: effects.RequestRouting) -> None:
    """Ask for offices."""
    event = events_pb2.RoutingRequested(
        case=case_ref(published, case), region_code=effect.region_code, request_no=effect.request_no
    )
    for step in effect.steps:
        event.steps.append(
            routing_pb2.StepToRoute(
                step_id=step.step_id,
                catalog_code=step.catalog_code,
                level=step.level,
                excluded_organ_ids=step.excluded_organ_ids,
                organ_id=step.organ_id,
                above_organ_id=step.above_organ_id,
                bound_organ_id=step.bound_organ_id,
                region_code=step.region_code,
                named_uscc=step.named_uscc,
            )
        )
    work.emit(event, subject=case.case_id)


def announce(
    work: "UnitOfWork", published: Published, case: Case, event: effects.Event, calendars: "Calendars"
) -> None:
    """Tell what happened; `calendars` give the due time where that is told."""
    ref = case_ref(published, case)
    message: Any
    match event:
        case effects.CaseSubmitted():
            message = events_pb2.CaseSubmitted(case=ref)
        case (
            effects.StepAccepted()
            | effects.ClockExtended()
            | effects.StepCompleted()
            | effects.StepRefused()
            | effects.StepPassedUp()
            | effects.StepUrged()
            | effects.StepUndone()
        ):
            message = _of_step(ref, _with_its_office(published, case, event), event)
        case (
            effects.CorrectionRequested()
            | effects.CorrectionSupplied()
            | effects.ProcedureBegan()
            | effects.ProcedureEnded()
        ):
            reader = ClockReader(calendars.newest(work), work.now, published.plan.rules)
            message = _holding_up(published, case, event, reader)
        case effects.VisitScheduled() | effects.VisitHeld():
            message = _of_visit(published, case, event)
        case effects.CaseCompleted(document_ids, waived):
            without = [_waived(published, case, step_id) for step_id in waived]
            message = events_pb2.CaseCompleted(case=ref, document_ids=document_ids, waived_notices=without)
        case effects.CaseUndone(cause, reason):
            message = events_pb2.CaseUndone(case=ref, cause=UNDO_CAUSES[cause], reason=reason)
        case effects.CaseDelivered():
            assert case.proceedings.delivery is not None  # noqa: S101 - that is what it tells
            message = events_pb2.CaseDelivered(case=ref, delivery=delivery_message(case.proceedings.delivery))
        case effects.FollowUpOpened() | effects.FollowUpClosed():
            reader = ClockReader(calendars.newest(work), work.now, published.plan.rules)
            message = _followed_up(published, case, event, reader)
        case effects.IncidentOpened():
            message = events_pb2.IncidentOpened(
                case=ref,
                step=step_ref(published, case, event.step_id),
                incident_id=event.incident_id,
                reason=event.reason,
                description=event.description,
            )
    work.emit(message, subject=case.case_id)


def _of_visit(published: Published, case: Case, event: effects.VisitScheduled | effects.VisitHeld) -> Any:
    """What the offices of several steps do together."""
    ref, visit = case_ref(published, case), visit_message(published.plan, case, event.visit_id)
    steps = [step_ref(published, case, step_id) for step_id in event.step_ids]
    if isinstance(event, effects.VisitHeld):
        return events_pb2.VisitHeld(case=ref, visit=visit, steps=steps)
    said_by = step_ref(published, case, event.step_id)
    return events_pb2.VisitScheduled(case=ref, step=said_by, visit=visit, steps=steps)


_StepEvent = (
    effects.StepAccepted
    | effects.ClockExtended
    | effects.StepCompleted
    | effects.StepRefused
    | effects.StepPassedUp
    | effects.StepUrged
    | effects.StepUndone
)


def _with_its_office(published: Published, case: Case, event: _StepEvent) -> events_pb2.StepRef:
    """The step with the office that did it, which may have passed it upward meanwhile and have it no more.

    For what is about the whole case, no step, and the lead organ.
    """
    if not event.step_id:
        return events_pb2.StepRef(organ_id=published.plan.lead.organ_id)
    step = step_ref(published, case, event.step_id)
    if isinstance(event, effects.StepPassedUp | effects.StepAccepted) and not step.organ_id:
        office = case.steps[event.step_id].reviews[-1]
        step.organ_id, step.organ_name = office.organ_id, office.organ_name
    return step


def _of_step(  # noqa: PLR0911 - one line an event
    case: events_pb2.CaseRef, step: events_pb2.StepRef, event: _StepEvent
) -> Any:
    """What an office did, or was told."""
    match event:
        case effects.StepAccepted():
            return events_pb2.StepAccepted(case=case, step=step, by_silence=event.by_silence)
        case effects.ClockExtended():
            return events_pb2.LimitExtended(
                case=case,
                step=step,
                amount=event.amount,
                unit=bundle_pb2.TimeUnit.Value(f"TIME_UNIT_{event.unit.name}"),
                reason=event.reason,
                authority=event.authority,
            )
        case effects.StepCompleted():
            return events_pb2.StepCompleted(case=case, step=step, by_word=event.by_word)
        case effects.StepRefused():
            return events_pb2.StepRefused(case=case, step=step, reason=event.reason)
        case effects.StepPassedUp():
            return events_pb2.StepPassedUp(case=case, step=step, reason=event.reason)
        case effects.StepUrged():
            urge = event.urge
            return events_pb2.StepUrged(
                case=case,
                step=step,
                kind=URGE_KINDS[urge.kind],
                reason=urge.reason,
                automatic=urge.automatic,
                superior_id=urge.superior_id,
            )
        case effects.StepUndone():
            return events_pb2.StepUndone(case=case, step=step, by_word=event.by_word)


def _holding_up(
    published: Published,
    case: Case,
    event: effects.CorrectionRequested | effects.CorrectionSupplied | effects.ProcedureBegan | effects.ProcedureEnded,
    reader: ClockReader,
) -> Any:
    """What holds steps up, or no longer does."""
    ref = case_ref(published, case)
    match event:
        case effects.CorrectionRequested(correction_no):
            correction = correction_message(
                published.plan, case, case.proceedings.corrections[correction_no - 1], reader
            )
            return events_pb2.CorrectionRequested(case=ref, correction=correction)
        case effects.CorrectionSupplied(correction_no):
            correction = correction_message(
                published.plan, case, case.proceedings.corrections[correction_no - 1], reader
            )
            return events_pb2.CorrectionSupplied(case=ref, correction=correction)
    (procedure,) = (each for each in case.proceedings.procedures if each.task_id == event.task_id)
    step, message = step_ref(published, case, procedure.step_id), procedure_message(procedure)
    if isinstance(event, effects.ProcedureBegan):
        return events_pb2.ProcedureBegan(case=ref, step=step, procedure=message)
    return events_pb2.ProcedureEnded(case=ref, step=step, procedure=message)


def _followed_up(
    published: Published, case: Case, event: effects.FollowUpOpened | effects.FollowUpClosed, reader: ClockReader
) -> Any:
    """What becomes of a bad rating; who is told and who supervises is in the event."""
    ref, step_id = case_ref(published, case), event.step_id
    follow_up = follow_up_of(case, step_id)
    step = step_ref(published, case, step_id) if step_id else events_pb2.StepRef(organ_id=follow_up.organ_id)
    about = follow_up_message(case, follow_up, reader)
    if isinstance(event, effects.FollowUpClosed):
        return events_pb2.FollowUpClosed(case=ref, step=step, follow_up=about)
    (rating,) = (each for each in case.proceedings.ratings if each.step_id == step_id)
    said = rating_message(rating)
    return events_pb2.FollowUpOpened(
        case=ref,
        step=step,
        follow_up=about,
        rating=said,
        superior_id=superior_of(case, follow_up.organ_id),
        overdue=event.overdue,
    )


def show_licences(work: "UnitOfWork", published: Published, case: Case, body: bytes) -> None:
    """Tell which licences an opened task shows its office, for the record of who looked."""
    task = task_pb2.Task.FromString(body)
    for material in task.materials:
        if material.HasField("licence"):
            event = events_pb2.LicenceShown(
                case=case_ref(published, case),
                step=step_ref(published, case, task.step_id),
                task_id=task.task_id,
                licence_id=material.licence.licence_id,
                material_name=material.name,
            )
            event.step.organ_id = task.organ_id
            work.emit(event, subject=case.case_id)


def _waived(published: Published, case: Case, step_id: str) -> events_pb2.WaivedNotice:
    reason = case.steps[step_id].notice_reason
    return events_pb2.WaivedNotice(step=step_ref(published, case, step_id), reason=reason)


def case_ref(published: Published, case: Case) -> events_pb2.CaseRef:
    """What every event about a case carries."""
    return events_pb2.CaseRef(
        case_id=case.case_id,
        case_number=case.case_number,
        bundle_id=case.bundle_id,
        bundle_name=published.plan.name,
        applicant_id=case.applicant_id,
        version=case.version,
    )


def step_ref(published: Published, case: Case, step_id: str) -> events_pb2.StepRef:
    """What an event about a step carries besides."""
    step = case.steps[step_id]
    name = published.plan.by_id[step_id].name
    return events_pb2.StepRef(step_id=step_id, step_name=name, organ_id=step.organ_id, organ_name=step.organ_name)
