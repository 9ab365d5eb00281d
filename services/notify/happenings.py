"""Events of cases as the rules see them."""

from sqlalchemy import RowMapping

from duokua.cases.v1 import case_pb2, events_pb2
from services.notify.domain.messages import Case, Happening, Step

CaseEvent = (
    events_pb2.CaseSubmitted
    | events_pb2.StepAccepted
    | events_pb2.StepCompleted
    | events_pb2.StepRefused
    | events_pb2.StepPassedUp
    | events_pb2.StepUndone
    | events_pb2.CaseCompleted
    | events_pb2.CaseUndone
    | events_pb2.IncidentOpened
)


def happening_of(event: CaseEvent) -> Happening:
    """The event as the rules see it."""
    case = event.case
    about = Case(case.case_id, case.case_number, case.bundle_id, case.bundle_name, case.applicant_id, case.version)
    step = getattr(event, "step", None)
    return Happening(
        event_type=event.DESCRIPTOR.full_name,
        case=about,
        step=Step(step.step_id, step.step_name, step.organ_id, step.organ_name) if step else Step(),
        reason=getattr(event, "reason", ""),
        description=getattr(event, "description", ""),
        withdrawn=getattr(event, "cause", 0) == case_pb2.UNDO_CAUSE_WITHDRAWN,
    )


def ending_of(step: Happening, message: RowMapping) -> Happening:
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
