"""Corrections and special procedures as the contract has them."""

from duokua.cases.v1 import case_pb2
from services.cases.clock_messages import ClockReader
from services.cases.domain.case import Case
from services.cases.domain.interruptions import clock_of
from services.cases.domain.plan import Plan
from services.cases.domain.proceedings import Correction, CorrectionItem, CorrectionRequest, CorrectionStatus, Procedure
from services.cases.domain.undoing import no_way_back
from services.cases.timestamps import stamp

_STATUSES = {each: case_pb2.CorrectionStatus.Value(f"CORRECTION_STATUS_{each.name}") for each in CorrectionStatus}


def correction_message(plan: Plan, case: Case, correction: Correction, reader: ClockReader) -> case_pb2.Correction:
    """A request to the applicant, and until when there is time."""
    return case_pb2.Correction(
        correction_no=correction.correction_no,
        status=_STATUSES[correction.status],
        opened_at=stamp(correction.opened_at),
        settled_at=stamp(correction.settled_at),
        requests=[_request(case, each) for each in correction.requests],
        clock=reader.clock(case, clock_of(correction)),
        hands_back=correction.status is CorrectionStatus.OPEN and not no_way_back(plan, case.steps),
    )


def _request(case: Case, request: CorrectionRequest) -> case_pb2.CorrectionRequest:
    step = case.steps[request.step_id]
    organ_id = case.tasks[request.task_id].organ_id
    return case_pb2.CorrectionRequest(
        step_id=request.step_id,
        organ_id=organ_id,
        # Another office may have the step by now; the history alone knows what the former one was called.
        organ_name=step.organ_name if step.organ_id == organ_id else "",
        reason=request.reason,
        items=[_item(each) for each in request.items],
    )


def _item(item: CorrectionItem) -> case_pb2.CorrectionItem:
    message = case_pb2.CorrectionItem(reason=item.reason)
    setattr(message, item.kind, item.name)
    return message


def procedure_message(procedure: Procedure) -> case_pb2.Procedure:
    """A special procedure of an office."""
    return case_pb2.Procedure(
        step_id=procedure.step_id,
        task_id=procedure.task_id,
        kind=case_pb2.ProcedureKind.Value(f"PROCEDURE_KIND_{procedure.kind.name}"),
        reason=procedure.reason,
        began_at=stamp(procedure.began_at),
        ended_at=stamp(procedure.ended_at),
    )
