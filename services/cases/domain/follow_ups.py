"""回访整改: what a bad rating asks of an office, on a case that is usually over.

A follow-up is a task of its own kind with a clock of its own. It keeps neither the case nor its end waiting, and what
becomes of the case does not touch it: the rating stays, so the office owes its answer.
"""

from dataclasses import replace
from datetime import datetime

from services.cases.domain import timing
from services.cases.domain.case import Case, StepState, TaskKind, TaskState, TaskStatus
from services.cases.domain.clocks import Limit, Unit
from services.cases.domain.effects import FollowUpClosed, FollowUpOpened, OpenTask
from services.cases.domain.inputs import Completed
from services.cases.domain.plan import Plan
from services.cases.domain.proceedings import ClockKind, FollowUp, Rating
from services.cases.domain.turn import Turn

LIMIT = Limit(15, Unit.WORKING_DAY)
"""What an office has for its answer."""


def open_follow_up(turn: Turn, rating: Rating) -> None:
    """Have the office answer that was rated; for the case its lead organ. Nobody answers where nobody did anything."""
    organ_id = _office(turn, rating.step_id)
    if not organ_id:
        return
    follow_up = FollowUp(rating.step_id, organ_id, _task_id(turn, rating.step_id, 1), turn.now)
    turn.proceed(follow_ups=(*turn.proceedings.follow_ups, follow_up))
    timing.start(turn, clock_id(rating.step_id), rating.step_id, ClockKind.FOLLOW_UP, LIMIT)
    _open(turn, follow_up, turn.now)
    turn.announce(FollowUpOpened(rating.step_id))


def answered(turn: Turn, task: TaskState, given: Completed) -> None:
    """The office says what it found and did; the applicant is told."""
    follow_up = _of_task(turn, task)
    turn.settle(task, given, TaskStatus.COMPLETED)
    _keep(turn, replace(follow_up, closed_at=turn.now, result=given.result))
    timing.end(turn, clock_id(follow_up.step_id))
    turn.announce(FollowUpClosed(follow_up.step_id))


def try_again(turn: Turn, task: TaskState, not_before: datetime) -> None:
    """A technical failure: offered again, however often; the clock goes on, and its red light calls for people."""
    follow_up = _of_task(turn, task)
    attempt = follow_up.attempt + 1
    again = replace(follow_up, task_id=_task_id(turn, follow_up.step_id, attempt), attempt=attempt)
    _keep(turn, again)
    _open(turn, again, not_before, accepted=task.status is TaskStatus.ACCEPTED)


def failures(turn: Turn, task: TaskState) -> int:
    """How often in a row it has failed, with this one."""
    return _of_task(turn, task).attempt


def overdue(turn: Turn, step_id: str) -> None:
    """The clock of an open follow-up is red: who supervises the office is told again."""
    turn.announce(FollowUpOpened(step_id, overdue=True))


def clock_id(step_id: str) -> str:
    """The id of a follow-up's clock."""
    return timing.clock_id(step_id, ClockKind.FOLLOW_UP)


def open_ones(case: Case) -> tuple[FollowUp, ...]:
    """Those that wait for their office."""
    return tuple(each for each in case.proceedings.follow_ups if each.closed_at is None)


def follow_up_of(case: Case, step_id: str) -> FollowUp:
    """The follow-up of a step, or of the case; there is at most one, because there is one rating."""
    (found,) = (each for each in case.proceedings.follow_ups if each.step_id == step_id)
    return found


def superior_of(case: Case, organ_id: str) -> str:
    """The organ above an office, as routing told of the steps; empty when it told nothing of it."""
    for step in case.steps.values():
        chain = (step.organ_id, *step.superior_ids)
        if organ_id in chain[:-1]:
            return chain[chain.index(organ_id) + 1]
    return ""


def _office(turn: Turn, step_id: str) -> str:
    if step_id:
        return turn.steps[step_id].organ_id
    if turn.plan.lead.organ_id:
        return turn.plan.lead.organ_id
    served: list[StepState] = [
        step for step in turn.steps.values() if step.organ_id and step.attempt and not step.by_word
    ]
    return max(served, key=lambda step: step.completion_no).organ_id if served else ""


def _task_id(turn: Turn, step_id: str, attempt: int) -> str:
    return f"{turn.before.case_id}:{step_id}:f{attempt}"


def _open(turn: Turn, follow_up: FollowUp, not_before: datetime, *, accepted: bool = False) -> None:
    step = turn.steps.get(follow_up.step_id)
    turn.open_task(
        OpenTask(
            task_id=follow_up.task_id,
            step_id=follow_up.step_id,
            kind=TaskKind.FOLLOW_UP,
            organ_id=follow_up.organ_id,
            catalog_code=catalog_code(turn.plan, follow_up.step_id),
            attempt=follow_up.attempt,
            not_before=not_before,
            accepted=accepted,
            handled_task_id=step.handled_task_id if step else "",
            handled_result=step.result if step else None,
        )
    )


def catalog_code(plan: Plan, step_id: str) -> str:
    """The matter that was rated; of the case, that of its bundle."""
    return plan.by_id[step_id].catalog_code if step_id else plan.catalog_code


def _of_task(turn: Turn, task: TaskState) -> FollowUp:
    (found,) = (each for each in turn.proceedings.follow_ups if each.task_id == task.task_id)
    return found


def _keep(turn: Turn, follow_up: FollowUp) -> None:
    step_id = follow_up.step_id
    kept = tuple(follow_up if each.step_id == step_id else each for each in turn.proceedings.follow_ups)
    turn.proceed(follow_ups=kept)
