"""Compensation: what a refusal or a withdrawal before the point of no return sets going."""

from collections.abc import Mapping

from services.cases.domain import timing
from services.cases.domain.case import CaseStatus, StepState, StepStatus, UndoCause
from services.cases.domain.effects import StepUndone
from services.cases.domain.ending import end_if_over
from services.cases.domain.inputs import Withdrawn
from services.cases.domain.interruptions import drop
from services.cases.domain.licences import withdraw_licence
from services.cases.domain.notices import withdraw_notice
from services.cases.domain.plan import Plan
from services.cases.domain.refusal import Refusal
from services.cases.domain.turn import Turn

UNFINISHED = frozenset(
    {
        StepStatus.WAITING,
        StepStatus.ROUTING,
        StepStatus.OFFERED,
        StepStatus.ACCEPTED,
        StepStatus.CORRECTING,
        StepStatus.SUSPENDED,
    }
)
"""Steps that are still to be done in a case that goes forward."""


def pivot_passed(turn: Turn) -> bool:
    """Whether a point of no return is behind the case."""
    return no_way_back(turn.plan, turn.steps)


def no_way_back(plan: Plan, steps: Mapping[str, StepState]) -> bool:
    """The same, of steps as they stand."""
    return any(step.pivot and steps[step.step_id].status is StepStatus.COMPLETED for step in plan.steps)


def withdrawn(turn: Turn, given: Withdrawn) -> None:
    """Undo what was done, as after a refusal, as long as nothing is beyond taking back."""
    case_id = turn.before.case_id
    if turn.undo_cause is UndoCause.WITHDRAWN:
        return
    if turn.ended_at is not None:
        raise Refusal("CASE_ENDED", f"case {case_id} is {turn.status}; it cannot be withdrawn any more")
    if not turn.running:
        raise Refusal("CASE_UNDOING", f"case {case_id} is being undone already; there is nothing to withdraw")
    if pivot_passed(turn):
        raise Refusal("PIVOT_PASSED", f"case {case_id} is past its point of no return; it cannot be withdrawn any more")
    begin_undoing(turn, UndoCause.WITHDRAWN, given.reason)


def begin_undoing(turn: Turn, cause: UndoCause, reason: str) -> None:
    """Stop everything, make the results of what is to be undone void at once, and undo the latest step.

    The notices and licences go first, all of them: while the offices undo one after the other, no result of a refused
    case circulates as if it were valid. Completed steps that cannot be undone (data only) stay as they are.
    """
    turn.status = CaseStatus.UNDOING
    turn.undo_cause = cause
    turn.refusal_reason = reason
    turn.changed = True
    timing.closed(turn)
    drop(turn, turn.steps)
    for planned in turn.plan.steps:
        step = turn.steps[planned.step_id]
        if step.status in UNFINISHED:
            turn.leave(planned.step_id, StepStatus.CANCELLED)
        elif step.status is StepStatus.COMPLETED and planned.compensated:
            withdraw_notice(turn, step, reason)
            withdraw_licence(turn, turn.steps[planned.step_id], reason)
    undo_next(turn)


def undo_next(turn: Turn) -> None:
    """Undo the next completed step, or end the case when there is none; one at a time.

    Those that the plan names in its order of undoing go first, in that order; then the last completed.
    """
    if any(step.status is StepStatus.UNDOING for step in turn.steps.values()):
        return
    left = [
        step
        for step in turn.steps.values()
        if step.status is StepStatus.COMPLETED and turn.plan.by_id[step.step_id].compensated
    ]
    if not left:
        end_if_over(turn)
        return
    places = {step_id: place for place, step_id in enumerate(turn.plan.undo_order)}
    following = min(left, key=lambda step: (places.get(step.step_id, len(places)), -step.completion_no))
    if following.handled_task_id:
        turn.open_undoing(following.step_id)
    else:
        step_undone(turn, following.step_id, by_word=True)  # an operator took it as done: no office did anything


def undo_crossed(turn: Turn) -> None:
    """Have what was done for a task that had been taken back undone in its turn.

    A case that was undone already is not so any more: it ends once more when its office has undone the act.
    """
    turn.status = CaseStatus.UNDOING
    turn.ended_at = None
    undo_next(turn)


def step_undone(turn: Turn, step_id: str, *, by_word: bool = False) -> None:
    """Note that a step is undone, by its office or by an operator's word, and go on with the next."""
    turn.change(step_id, status=StepStatus.UNDONE, task_id="", failures=0)
    turn.announce(StepUndone(step_id, by_word=by_word))
    undo_next(turn)
