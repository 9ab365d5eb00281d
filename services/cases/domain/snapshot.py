"""A case as plain JSON values, and back without loss.

Lists, not objects, hold what has an order: a database may reorder an object's keys. Fields at their default are left
out, which keeps the stored snapshot small and lets fields be added without rewriting stored ones. Results are passed
through as they are.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.cases.domain.case import (
    Case,
    CaseStatus,
    Incident,
    StepState,
    TakenAnswer,
    TaskKind,
    TaskState,
    TaskStatus,
    UndoCause,
)
from services.cases.domain.codec import decode, encode
from services.cases.domain.proceedings import NO_PROCEEDINGS, Proceedings

_CASE_STATUS = {str(each): each for each in CaseStatus}
_TASK_STATUS = {str(each): each for each in TaskStatus}
_TASK_KIND = {str(each): each for each in TaskKind}


def to_json(case: Case) -> dict[str, Any]:
    """Return the case as plain JSON values; instants are ISO 8601 text."""
    # Left out where the status tells it, as before there were other causes.
    told = case.undo_cause in (UndoCause.NONE, UndoCause.REFUSED)
    cause = {} if told else {"undo_cause": str(case.undo_cause)}
    proceedings = {} if case.proceedings == NO_PROCEEDINGS else {"proceedings": encode(case.proceedings)}
    return {
        "case_id": case.case_id,
        "case_number": case.case_number,
        "bundle_id": case.bundle_id,
        "bundle_version": case.bundle_version,
        "applicant_id": case.applicant_id,
        "region_code": case.region_code,
        "status": str(case.status),
        "version": case.version,
        "submitted_at": case.submitted_at.isoformat(),
        "ended_at": _text(case.ended_at),
        **cause,
        "refusal_reason": case.refusal_reason,
        "request_no": case.request_no,
        "steps": [encode(step) for step in case.steps.values()],
        "tasks": [_task_to_json(task) for task in case.tasks.values()],
        "incidents": [_incident_to_json(incident) for incident in case.incidents.values()],
        **proceedings,
    }


def from_json(data: Mapping[str, Any]) -> Case:
    """Read back what ``to_json`` gave. Raises KeyError, TypeError or ValueError when it is not such a value."""
    return Case(
        case_id=data["case_id"],
        case_number=data["case_number"],
        bundle_id=data["bundle_id"],
        bundle_version=data["bundle_version"],
        applicant_id=data["applicant_id"],
        region_code=data["region_code"],
        status=_CASE_STATUS[data["status"]],
        version=data["version"],
        submitted_at=datetime.fromisoformat(data["submitted_at"]),
        ended_at=_instant(data["ended_at"]),
        undo_cause=_undo_cause(data),
        refusal_reason=data["refusal_reason"],
        request_no=data["request_no"],
        steps={each["step_id"]: decode(StepState, each) for each in data["steps"]},
        tasks={each["task_id"]: _task_from_json(each) for each in data["tasks"]},
        incidents={each["incident_id"]: _incident_from_json(each) for each in data["incidents"]},
        proceedings=decode(Proceedings, data["proceedings"]) if "proceedings" in data else NO_PROCEEDINGS,
    )


def _undo_cause(data: Mapping[str, Any]) -> UndoCause:
    undone = data["status"] in (CaseStatus.UNDOING, CaseStatus.UNDONE)
    return UndoCause(data.get("undo_cause", UndoCause.REFUSED if undone else UndoCause.NONE))


def _task_to_json(task: TaskState) -> dict[str, Any]:
    return {
        "task_id": task.task_id,
        "step_id": task.step_id,
        "kind": str(task.kind),
        "organ_id": task.organ_id,
        "status": str(task.status),
        "answers": [list(answer if answer.digest else answer[:2]) for answer in task.answers],
    }


def _task_from_json(data: Mapping[str, Any]) -> TaskState:
    return TaskState(
        data["task_id"],
        data["step_id"],
        _TASK_KIND[data["kind"]],
        data["organ_id"],
        _TASK_STATUS[data["status"]],
        tuple(TakenAnswer(*each) for each in data["answers"]),
    )


def _incident_to_json(incident: Incident) -> dict[str, Any]:
    return {
        "incident_id": incident.incident_id,
        "step_id": incident.step_id,
        "reason": incident.reason,
        "description": incident.description,
        "opened_at": incident.opened_at.isoformat(),
        "resolved_at": _text(incident.resolved_at),
        "retried_by": incident.retried_by,
    }


def _incident_from_json(data: Mapping[str, Any]) -> Incident:
    values = dict(data)
    values["opened_at"] = datetime.fromisoformat(values["opened_at"])
    values["resolved_at"] = _instant(values["resolved_at"])
    return Incident(**values)


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
