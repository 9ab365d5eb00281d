"""Compensation: what a refusal before the point of no return sets going."""

from services.cases.domain.case import CaseStatus, StepStatus
from services.cases.domain.ending import end_if_over
from services.cases.domain.notices import withdraw_notice
from services.cases.domain.turn import Turn

_UNFINISHED = frozenset({StepStatus.WAITING, StepStatus.ROUTING, StepStatus.OFFERED, StepStatus.ACCEPTED})


def pivot_passed(turn: Turn) -> bool:
    """Whether a point of no return is behind the case."""
    return any(step.pivot and turn.steps[step.step_id].status is StepStatus.COMPLETED for step in turn.plan.steps)


def begin_undoing(turn: Turn, reason: str) -> None:
    """Stop everything, make the results of what is to be undone void at once, and undo the latest step.

    The notices go first, all of them: while the offices undo one after the other, no result of a refused case
    circulates as if it were valid. Completed steps that cannot be undone (data only) stay as they are.
    """
    turn.status = CaseStatus.UNDOING
    turn.refusal_reason = reason
    turn.changed = True
    for planned in turn.plan.steps:
        step = turn.steps[planned.step_id]
        if step.status in _UNFINISHED:
            _cancel(turn, planned.step_id)
        elif step.status is StepStatus.COMPLETED and planned.compensated:
            withdraw_notice(turn, step, reason)
    undo_next(turn)


def _cancel(turn: Turn, step_id: str) -> None:
    step = turn.steps[step_id]
    if step.task_id:
        turn.close_task(step.task_id)
    for incident in tuple(turn.incidents.values()):
        if incident.step_id == step_id and incident.resolved_at is None:
            turn.close_incident(incident)
    turn.change(step_id, status=StepStatus.CANCELLED, task_id="", routing_no=0)


def undo_next(turn: Turn) -> None:
    """Undo the completed step that was completed last, or end the case when there is none."""
    left = [
        step
        for step in turn.steps.values()
        if step.status is StepStatus.COMPLETED and turn.plan.by_id[step.step_id].compensated
    ]
    if left:
        turn.open_undoing(max(left, key=lambda step: step.completion_no).step_id)
    else:
        end_if_over(turn)
