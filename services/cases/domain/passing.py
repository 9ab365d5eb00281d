"""An office gives a step on: to the office above it (转报), or to somebody else inside (转办)."""

from services.cases.domain.answers import must_handle, open_task
from services.cases.domain.case import Review, TaskKind, TaskStatus
from services.cases.domain.effects import NameHandler, StepPassedUp
from services.cases.domain.inputs import HandedOver, PassedUp
from services.cases.domain.refusal import Refusal
from services.cases.domain.turn import Turn
from services.cases.domain.visits import office_left

MOST_HAND_OVERS = 100
"""Of one task: what a case remembers has to end somewhere."""


def passed_up(turn: Turn, given: PassedUp) -> None:
    """Reviewed here, decided by the office above, which gets the opinion; this office never has the step again.

    The law has the lower office accept the application, review it and pass on all that it has (行政许可法, articles 35
    and 43): the applicant's acceptance stands, and nobody accepts anew. The clocks go on, because the limit that a
    bundle names is the step's, whoever decides it.
    """
    task = open_task(turn, given)
    if task is None:
        return
    must_handle(task)
    turn.settle(task, given, TaskStatus.PASSED_UP)
    step = turn.steps[task.step_id]
    review = Review(step.organ_id, step.organ_name, task.task_id, given.opinion, given.reason, turn.now)
    turn.leave_office(
        task.step_id,
        reviews=(*step.reviews, review),
        acceptance_stands=task.status is TaskStatus.ACCEPTED,
    )
    office_left(turn, task.step_id)
    turn.request_routing((task.step_id,))
    turn.announce(StepPassedUp(task.step_id, given.reason))


def handed_over(turn: Turn, given: HandedOver) -> None:
    """Note who handles the task from now on; the office keeps it, and the lease stays with who holds it."""
    task = open_task(turn, given)
    if task is None:
        return
    if sum(answer.kind == given.kind for answer in task.answers) >= MOST_HAND_OVERS:
        raise Refusal(
            "HANDED_OVER_TOO_OFTEN",
            f"task {task.task_id} was handed over {MOST_HAND_OVERS} times; the last handler has to settle it",
        )
    turn.settle(task, given, task.status)
    if task.kind is not TaskKind.FOLLOW_UP:
        turn.change(task.step_id, handler=given.handler)
    turn.effects.append(NameHandler(task.task_id, given.handler))
