"""Joint visits in tests: who waits for one, and everybody going there."""

from datetime import timedelta
from typing import TYPE_CHECKING

from services.cases.domain.case import StepStatus, TaskKind, TaskStatus
from services.cases.domain.effects import OpenTask
from services.cases.domain.inputs import Accepted, VisitAttended, VisitScheduled
from services.cases.domain.plan import Visit

if TYPE_CHECKING:
    from tests.cases.domain.saga import Saga

OUT = (StepStatus.SKIPPED, StepStatus.REFUSED, StepStatus.CANCELLED)
DONE = (*OUT, StepStatus.COMPLETED, StepStatus.UNDOING, StepStatus.UNDONE)


def visit_of(saga: "Saga", step_id: str) -> Visit | None:
    """The visit that the step's office makes with others in this case, if any."""
    for visit in saga.plan.visits:
        if step_id in visit.steps and sum(saga.step(each).status not in OUT for each in visit.steps) > 1:
            return visit
    return None


def waits(saga: "Saga", task: OpenTask) -> bool:
    """Whether the task cannot be completed before a visit."""
    visit = visit_of(saga, task.step_id)
    if task.kind is not TaskKind.HANDLE or visit is None:
        return False
    state = saga.case.proceedings.visits[visit.visit_id]
    others = [] if state.held_at else [each for each in visit.steps if saga.step(each).status not in DONE]
    return not {task.step_id, *others} <= set(state.attended)


def objection(saga: "Saga", task_id: str, *, there: bool) -> str:
    """Why an office cannot say when the visit of its step is, or that it was there; empty when it can."""
    step_id = saga.open[task_id].step_id
    visit = visit_of(saga, step_id)
    if visit is None:
        return "NO_VISIT"
    state = saga.case.proceedings.visits[visit.visit_id]
    if there:
        offered = saga.case.tasks[task_id].status is TaskStatus.OFFERED
        return "NOT_ACCEPTED" if offered else "" if state.at else "VISIT_NOT_SCHEDULED"
    left = {each for each in visit.steps if saga.step(each).status not in DONE}
    return "VISIT_HELD" if state.held_at and left <= set(state.attended) else ""


def go(saga: "Saga") -> "Saga":
    """Every office that has a task and a visit to make accepts, says when it is, and that it was there."""
    for task in tuple(saga.open.values()):
        visit = visit_of(saga, task.step_id)
        if visit is None or task.kind is not TaskKind.HANDLE:
            continue
        if saga.case.tasks[task.task_id].status is TaskStatus.OFFERED:
            saga.take(Accepted(task.task_id, saga.request_id()))
        state = saga.case.proceedings.visits[visit.visit_id]
        if state.at is None:
            at = saga.now + timedelta(days=1)
            saga.take(VisitScheduled(task.task_id, saga.request_id(), at, "at the premises"))
        if task.step_id not in state.attended:
            saga.take(VisitAttended(task.task_id, saga.request_id(), "as described"))
    return saga
