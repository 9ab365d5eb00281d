"""What offices say about the joint visit of their step: when and where it is, and that they were there."""

from dataclasses import replace

from services.cases.domain import effects
from services.cases.domain.answers import open_task
from services.cases.domain.case import TaskKind, TaskState, TaskStatus
from services.cases.domain.history import timestamp
from services.cases.domain.inputs import VisitAttended, VisitScheduled
from services.cases.domain.plan import Visit
from services.cases.domain.refusal import Refusal
from services.cases.domain.turn import Turn
from services.cases.domain.undoing import UNFINISHED
from services.cases.domain.visits import hold_visits, is_joint, keep, missing

MOST_APPOINTMENTS = 100
"""On one task: what a case remembers has to end somewhere."""


def visit_scheduled(turn: Turn, given: VisitScheduled) -> None:
    """Note when and where the offices meet."""
    task = open_task(turn, given)
    if task is None:
        return
    visit = _visit_of(turn, task)
    state = turn.proceedings.visits[visit.visit_id]
    if state.held_at is not None and not missing(turn, visit):
        raise Refusal("VISIT_HELD", f"the joint visit {visit.visit_id} was held at {timestamp(state.held_at)}")
    if (state.at, state.place) == (given.at, given.place):
        return
    if sum(answer.kind == given.kind for answer in task.answers) >= MOST_APPOINTMENTS:
        raise Refusal(
            "VISIT_MOVED_TOO_OFTEN",
            f"task {task.task_id} has moved the joint visit {visit.visit_id} {MOST_APPOINTMENTS} times; go there as it "
            "is, or have another of its offices move it",
        )
    turn.settle(task, given, task.status)
    keep(turn, replace(state, at=given.at, place=given.place))
    going = tuple(step_id for step_id in visit.steps if turn.steps[step_id].status in UNFINISHED)
    turn.announce(effects.VisitScheduled(visit.visit_id, task.step_id, going))


def visit_attended(turn: Turn, given: VisitAttended) -> None:
    """Note that an office was there; saying so twice changes nothing."""
    task = open_task(turn, given)
    if task is None:
        return
    visit = _visit_of(turn, task)
    state = turn.proceedings.visits[visit.visit_id]
    if task.status is not TaskStatus.ACCEPTED:
        raise Refusal("NOT_ACCEPTED", f"task {task.task_id} is not accepted yet; accept it before the visit")
    if state.at is None:
        message = f"nobody has said when the joint visit {visit.visit_id} is; say so with schedule_visit first"
        raise Refusal("VISIT_NOT_SCHEDULED", message)
    if task.step_id in state.attended:
        return
    turn.settle(task, given, task.status)
    keep(turn, replace(state, attended=(*state.attended, task.step_id)))
    hold_visits(turn)


def _visit_of(turn: Turn, task: TaskState) -> Visit:
    visit = turn.plan.visit_of.get(task.step_id)
    if visit is None or task.kind is not TaskKind.HANDLE or not is_joint(turn, visit):
        raise Refusal("NO_VISIT", f"no joint visit belongs to task {task.task_id}; there is nothing to say about one")
    return visit
