"""Events of cases as the rules see them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date
from typing import TYPE_CHECKING

from chassis.clock import BEIJING, day_of
from duokua.cases.v1 import case_pb2, events_pb2
from duokua.matters.v1 import bundle_pb2
from services.notify.domain.messages import Case, Happening, Step, Unsealed, Visit, Wanted

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

CaseEvent = (
    events_pb2.CaseSubmitted
    | events_pb2.StepAccepted
    | events_pb2.LimitExtended
    | events_pb2.StepCompleted
    | events_pb2.StepRefused
    | events_pb2.StepPassedUp
    | events_pb2.StepUrged
    | events_pb2.StepUndone
    | events_pb2.CorrectionRequested
    | events_pb2.CorrectionSupplied
    | events_pb2.ProcedureBegan
    | events_pb2.ProcedureEnded
    | events_pb2.VisitScheduled
    | events_pb2.VisitHeld
    | events_pb2.CaseCompleted
    | events_pb2.CaseUndone
    | events_pb2.CaseDelivered
    | events_pb2.FollowUpOpened
    | events_pb2.FollowUpClosed
    | events_pb2.IncidentOpened
)

_PROCEDURES = (events_pb2.ProcedureBegan, events_pb2.ProcedureEnded)
_VISITS = (events_pb2.VisitScheduled, events_pb2.VisitHeld)


def happening_of(event: CaseEvent) -> Happening:
    """The event as the rules see it."""
    case = event.case
    about = Case(case.case_id, case.case_number, case.bundle_id, case.bundle_name, case.applicant_id, case.version)
    step = getattr(event, "step", None)
    return Happening(
        event_type=event.DESCRIPTOR.full_name,
        case=about,
        step=_step(step) if step else Step(),
        reason=event.procedure.reason if isinstance(event, _PROCEDURES) else getattr(event, "reason", ""),
        description=getattr(event, "description", ""),
        superior_id=getattr(event, "superior_id", ""),
        overdue=getattr(event, "overdue", False),
        withdrawn=getattr(event, "cause", 0) == case_pb2.UNDO_CAUSE_WITHDRAWN,
        handed_back=getattr(event, "cause", 0) == case_pb2.UNDO_CAUSE_HANDED_BACK,
        wanted=_wanted(event.correction) if isinstance(event, events_pb2.CorrectionRequested) else (),
        due=_due(event.correction) if isinstance(event, events_pb2.CorrectionRequested) else None,
        hands_back=event.correction.hands_back if isinstance(event, events_pb2.CorrectionRequested) else False,
        by_word=getattr(event, "by_word", False),
        procedure=_procedure(event.procedure.kind) if isinstance(event, _PROCEDURES) else "",
        by_silence=getattr(event, "by_silence", False),
        amount=getattr(event, "amount", 0),
        unit=_unit(event) if isinstance(event, events_pb2.LimitExtended) else "",
        authority=getattr(event, "authority", ""),
        supervised=getattr(event, "kind", 0) == case_pb2.URGE_KIND_SUPERVISE,
        visit=_visit(event.visit, event.steps) if isinstance(event, _VISITS) else None,
        unsealed=_unsealed(event) if isinstance(event, events_pb2.CaseCompleted) else (),
    )


def happenings_of_offices(event: CaseEvent) -> list[Happening]:
    """The event as each of its offices is told of it: several offices make a joint visit."""
    happening = happening_of(event)
    if not isinstance(event, _VISITS):
        return [happening]
    return [replace(happening, step=_step(step)) for step in event.steps]


def _step(step: events_pb2.StepRef) -> Step:
    return Step(step.step_id, step.step_name, step.organ_id, step.organ_name)


def _visit(visit: case_pb2.VisitState, steps: Iterable[events_pb2.StepRef]) -> Visit:
    at = visit.at.ToDatetime(UTC).astimezone(BEIJING)
    return Visit(visit.name, at, visit.place, tuple(step.organ_name for step in steps))


def _wanted(correction: case_pb2.Correction) -> tuple[Wanted, ...]:
    return tuple(
        Wanted(request.organ_name, item.field or item.material, item.reason)
        for request in correction.requests
        for item in request.items
    )


def _unsealed(event: events_pb2.CaseCompleted) -> tuple[Unsealed, ...]:
    return tuple(Unsealed(each.step.step_name, each.step.organ_name, each.reason) for each in event.waived_notices)


def _due(correction: case_pb2.Correction) -> date | None:
    if not correction.clock.HasField("due_at"):
        return None
    return day_of(correction.clock.due_at.ToDatetime(UTC))


def _procedure(kind: case_pb2.ProcedureKind.ValueType) -> str:
    return case_pb2.ProcedureKind.Name(kind).removeprefix("PROCEDURE_KIND_")


def _unit(event: events_pb2.LimitExtended) -> str:
    return bundle_pb2.TimeUnit.Name(event.unit).removeprefix("TIME_UNIT_")


def ending_of(step: Happening, message: "RowMapping") -> Happening:
    """The end of a step's case, from the message that told of it."""
    case = step.case
    ended = Case(
        case.case_id,
        case.case_number,
        case.bundle_id,
        case.bundle_name,
        case.applicant_id,
        message["case_version"],
    )
    return Happening(message["event_type"], ended, reason=message["reason"])
