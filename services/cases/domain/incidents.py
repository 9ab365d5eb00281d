"""What an operator's retry does to each kind of incident."""

from collections.abc import Callable

from services.cases.domain import timing
from services.cases.domain.case import StepStatus
from services.cases.domain.corrections import ask_again
from services.cases.domain.decisions import open_incident
from services.cases.domain.flow import decide_again, start_anyway
from services.cases.domain.inputs import IncidentRetried
from services.cases.domain.notices import request_again, request_notice
from services.cases.domain.stages import was_accepted
from services.cases.domain.turn import Turn


def incident_retried(turn: Turn, given: IncidentRetried) -> None:
    """Try again what the incident stopped. A repeat of the same request changes nothing."""
    incident = open_incident(turn, given.incident_id, given.request_id)
    if incident is None:
        return
    turn.close_incident(incident, retried_by=given.request_id)
    _RETRIES[incident.reason](turn, incident.step_id)


def _route_again(turn: Turn, step_id: str) -> None:
    turn.request_routing((step_id,))


def _handle_again(turn: Turn, step_id: str) -> None:
    accepted = turn.steps[step_id].status is StepStatus.ACCEPTED
    turn.change(step_id, failures=0)
    turn.open_handling(step_id, accepted=accepted)


def _offer_again(turn: Turn, step_id: str) -> None:
    """The office decides anew. What it had accepted stays accepted, and the time for the decision begins anew."""
    accepted = was_accepted(turn.plan, turn.before, step_id)
    turn.change(step_id, failures=0)
    turn.open_handling(step_id, accepted=accepted)
    if accepted:
        timing.taken_on(turn, step_id, turn.now)


def _undo_again(turn: Turn, step_id: str) -> None:
    turn.change(step_id, failures=0)
    turn.open_undoing(step_id)


_RETRIES: dict[str, Callable[[Turn, str], None]] = {
    "NO_OFFICE": _route_again,
    "TASK_FAILED": _handle_again,
    "UNDO_FAILED": _undo_again,
    "REFUSED_AFTER_PIVOT": _offer_again,
    "CORRECTION_EXPIRED": ask_again,
    "INPUTS_FAILED": _handle_again,
    "QUORUM_MISSED": start_anyway,
    "CONDITION_FAILED": decide_again,
    "NOTICE_FAILED": request_again,
    "NOTICE_REVOKED": request_notice,
}
