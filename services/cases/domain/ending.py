"""When a case is over: every step settled, every notice settled, no incident open."""

from services.cases.domain import timing
from services.cases.domain.case import CaseStatus, NoticeStatus, StepStatus
from services.cases.domain.effects import CaseCompleted, CaseUndone
from services.cases.domain.turn import Turn

_PENDING_NOTICE = frozenset({NoticeStatus.REQUESTED, NoticeStatus.WITHDRAWN})


def end_if_over(turn: Turn) -> None:
    """End the case when nothing is left to happen to it.

    A completed case has every requested notice sealed, unless an operator has it do without; an undone case has every
    withdrawn notice confirmed void, so that nobody is told "undone" while a sealed result of it still verifies.
    """
    for step in turn.steps.values():
        if step.notice_status in _PENDING_NOTICE:
            return
        if turn.running and not turn.has_ended(step):
            return
        if step.status is StepStatus.UNDOING:
            return
    if any(incident.resolved_at is None for incident in turn.incidents.values()):
        return
    turn.ended_at = turn.now
    turn.changed = True
    timing.closed(turn)
    if turn.running:
        turn.status = CaseStatus.COMPLETED
        sealed = (step for step in turn.steps.values() if step.notice_status is NoticeStatus.SEALED)
        waived = (step for step in turn.steps.values() if step.notice_status is NoticeStatus.WAIVED)
        documents = tuple(step.document_id for step in sealed)
        turn.announce(CaseCompleted(documents, tuple(step.step_id for step in waived)))
    else:
        turn.status = CaseStatus.UNDONE
        turn.announce(CaseUndone(turn.undo_cause, turn.refusal_reason))
