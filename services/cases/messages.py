"""Cases, history and incidents as the contract has them."""

from collections.abc import Sequence
from typing import Any

from google.protobuf.struct_pb2 import Struct
from sqlalchemy import Row

from chassis.problems import Invalid, Violation
from duokua.cases.v1 import case_pb2
from duokua.data import fill_struct, from_struct
from services.cases.afterwards_messages import add_afterwards
from services.cases.announcements import UNDO_CAUSES
from services.cases.applications import LARGEST_FORM
from services.cases.clock_messages import ClockReader, worst_light
from services.cases.correction_messages import correction_message, procedure_message
from services.cases.domain.case import CaseStatus, NoticeStatus, StepState, StepStatus
from services.cases.domain.history import internal_part, open_part, read_entry
from services.cases.domain.plan import Plan
from services.cases.domain.snapshot import from_json
from services.cases.domain.timing import BUNDLE
from services.cases.office_messages import review_message, urge_message, visit_message
from services.cases.timestamps import stamp
from services.cases.visibility import Sight

CASE_STATUSES = {
    case_pb2.CASE_STATUS_RUNNING: CaseStatus.RUNNING,
    case_pb2.CASE_STATUS_UNDOING: CaseStatus.UNDOING,
    case_pb2.CASE_STATUS_COMPLETED: CaseStatus.COMPLETED,
    case_pb2.CASE_STATUS_UNDONE: CaseStatus.UNDONE,
}
CASE_NUMBERS = {status: number for number, status in CASE_STATUSES.items()}
STEP_NUMBERS = {status: case_pb2.StepStatus.Value(f"STEP_STATUS_{status.name}") for status in StepStatus}
_NOTICE_NUMBERS = {
    NoticeStatus.NONE: case_pb2.NOTICE_STATUS_UNSPECIFIED,
    NoticeStatus.REQUESTED: case_pb2.NOTICE_STATUS_REQUESTED,
    NoticeStatus.SEALED: case_pb2.NOTICE_STATUS_SEALED,
    NoticeStatus.WITHDRAWN: case_pb2.NOTICE_STATUS_REVOKED,
    NoticeStatus.REVOKED: case_pb2.NOTICE_STATUS_REVOKED,
    NoticeStatus.WAIVED: case_pb2.NOTICE_STATUS_WAIVED,
}


def case_message(row: Row[Any], plan: Plan, reader: ClockReader) -> case_pb2.Case:
    """A stored case, its clocks as they stand when they are read."""
    case = from_json(row.snapshot)
    message = case_pb2.Case(
        case_id=case.case_id,
        case_number=case.case_number,
        bundle_id=case.bundle_id,
        bundle_version=case.bundle_version,
        bundle_name=plan.name,
        applicant_id=case.applicant_id,
        status=CASE_NUMBERS[case.status],
        refusal_reason=case.refusal_reason,
        submitted_at=stamp(case.submitted_at),
        ended_at=stamp(case.ended_at),
        version=case.version,
        open_incidents=case.open_incidents,
        undo_cause=UNDO_CAUSES.get(case.undo_cause, case_pb2.UNDO_CAUSE_UNSPECIFIED),
        corrections=[correction_message(plan, case, each, reader) for each in case.proceedings.corrections],
        procedures=[procedure_message(each) for each in case.proceedings.procedures],
        visits=[visit_message(plan, case, visit_id) for visit_id in case.proceedings.visits],
    )
    message.urges.extend(urge_message(each) for each in case.proceedings.urges)
    for planned in plan.steps:
        step = _step(plan, case.steps[planned.step_id])
        step.clocks.extend(reader.clocks(case, planned.step_id))
        step.light = worst_light(step.clocks)
        message.steps.append(step)
    message.clocks.extend(reader.clocks(case, BUNDLE))
    message.light = worst_light([*message.clocks, *(clock for step in message.steps for clock in step.clocks)])
    add_afterwards(message, plan, case, reader)
    return message


def _step(plan: Plan, step: StepState) -> case_pb2.StepState:
    message = case_pb2.StepState(
        step_id=step.step_id,
        name=plan.by_id[step.step_id].name,
        status=STEP_NUMBERS[step.status],
        organ_id=step.organ_id,
        organ_name=step.organ_name,
        routing_reason=step.routing_reason,
        reason=step.reason,
        document_id=step.document_id,
        notice_status=_NOTICE_NUMBERS[step.notice_status],
        notice_reason=step.notice_reason,
        by_word=step.by_word,
        completed_at=stamp(step.completed_at),
        attempt=step.attempt,
        handler=step.handler,
        reviews=[review_message(each) for each in step.reviews],
        optional=plan.by_id[step.step_id].optional,
        without_application=plan.by_id[step.step_id].without_application,
    )
    if step.result is not None:
        fill_struct(message.result, dict(step.result), "result")
    return message


def entry_message(row: Row[Any], sight: Sight) -> case_pb2.HistoryEntry:
    """A stored entry of a history, of what is withheld the commitment alone."""
    entry = read_entry(row)
    shown, hidden = open_part(entry.said), internal_part(entry.said)
    message = case_pb2.HistoryEntry(
        sequence=entry.sequence,
        at=stamp(entry.said.at),
        hash=entry.hash,
        previous_hash=entry.previous_hash,
        commitment=bytes.fromhex(shown.commitment),
        internal=case_pb2.InternalPart(commitment=bytes.fromhex(hidden.commitment)),
    )
    sees_open, sees_internal = sight.of(row)
    if sees_open:
        message.actor, message.kind, message.salt = shown.content["actor"], entry.said.kind, shown.salt
        fill_struct(message.input, shown.content["input"], "input")
    if sees_internal:
        message.internal.actor, message.internal.salt = hidden.content["actor"], hidden.salt
        fill_struct(message.internal.input, hidden.content["input"], "input")
    return message


def incident_message(row: Row[Any], possible: "Sequence[case_pb2.DecisionKind.ValueType]") -> case_pb2.Incident:
    """A stored incident, with what can be decided about it."""
    return case_pb2.Incident(
        incident_id=row.incident_id,
        case_id=row.case_id,
        case_number=row.case_number,
        step_id=row.step_id,
        reason=row.reason,
        description=row.description,
        opened_at=stamp(row.opened_at),
        resolved_at=stamp(row.resolved_at),
        bundle_id=row.bundle_id,
        organ_id=row.organ_id,
        possible_decisions=possible,
    )


def form_of(form: Struct) -> dict[str, Any]:
    """A form as plain data; raises Invalid when it is too large."""
    size = form.ByteSize()
    if size > LARGEST_FORM:
        fault = Violation("form", f"has {size} bytes; at most {LARGEST_FORM} are allowed")
        raise Invalid("BAD_REQUEST", "the form is too large", [fault])
    return from_struct(form)
