"""What the offices' answers do to their tasks and steps."""

from datetime import timedelta

from services.cases.domain import follow_ups, timing
from services.cases.domain.case import OPEN_TASK, CaseStatus, StepStatus, TaskKind, TaskState, TaskStatus, UndoCause
from services.cases.domain.dataflow import check_result
from services.cases.domain.effects import StepAccepted, StepRefused
from services.cases.domain.flow import go_on
from services.cases.domain.inputs import Accepted, Answer, Completed, Failed, Refused, Returned, content_digest
from services.cases.domain.licences import request_licence
from services.cases.domain.notices import request_notice
from services.cases.domain.refusal import Refusal
from services.cases.domain.turn import Turn
from services.cases.domain.undoing import begin_undoing, pivot_passed, step_undone, undo_crossed
from services.cases.domain.visits import check_visited, hold_visits, office_left

FIRST_BACK_OFF = timedelta(seconds=5)
LONGEST_BACK_OFF = timedelta(minutes=10)
LONGEST_RETRY_AFTER = timedelta(days=1)
FAILURES_TO_INCIDENT = 8
"""So many technical failures in a row, and an operator is asked."""


def accepted(turn: Turn, given: Accepted) -> None:
    """The office takes the matter on; saying so twice changes nothing."""
    task = open_task(turn, given)
    if task is None or task.status is TaskStatus.ACCEPTED:
        return
    turn.settle(task, given, TaskStatus.ACCEPTED)
    if task.kind is TaskKind.HANDLE:
        turn.change(task.step_id, status=StepStatus.ACCEPTED)
        timing.taken_on(turn, task.step_id, turn.now)
        turn.announce(StepAccepted(task.step_id))


def completed(turn: Turn, given: Completed) -> None:
    """Done, or for an undo task undone; an acceptance before is implied.

    An act that crossed with the end of the case's way forward is taken too, so that its office is asked to undo it. A
    case that was undone meanwhile goes back to being undone until that is done.
    """
    task = open_task(turn, given)
    if task is None:
        return
    if task.kind is TaskKind.HANDLE:
        check_result(turn.plan.by_id[task.step_id], given.result)
        if turn.running:
            check_visited(turn, task.step_id)
    if task.kind is TaskKind.FOLLOW_UP:
        follow_ups.answered(turn, task, given)
        return
    turn.settle(task, given, TaskStatus.COMPLETED)
    if task.kind is TaskKind.UNDO:
        step_undone(turn, task.step_id)
        return
    timing.taken_on(turn, task.step_id, turn.now)
    turn.complete(task.step_id, given.result, handled_task_id=task.task_id)
    if not turn.running:
        undo_crossed(turn)
        return
    if turn.plan.by_id[task.step_id].notice is not None:
        request_notice(turn, task.step_id)
    if turn.plan.by_id[task.step_id].licence is not None:
        request_licence(turn, task.step_id)
    go_on(turn, task.step_id)


def _crossed(turn: Turn, task: TaskState) -> bool:
    """Whether a task was taken back because the case is being undone, or was, and what its office did can be undone.

    Not one that an operator had taken from its office before; nor once the case is in the archive.
    """
    if task.kind is not TaskKind.HANDLE:
        return False
    step = turn.steps[task.step_id]
    latest = task.task_id == turn.handling_id(step) and task.organ_id == step.organ_id
    return (
        turn.status in (CaseStatus.UNDOING, CaseStatus.UNDONE)
        and turn.proceedings.archived_at is None
        and task.status is TaskStatus.CLOSED
        and latest
        and step.status is StepStatus.CANCELLED
        and turn.plan.by_id[task.step_id].compensated
    )


def refused(turn: Turn, given: Refused) -> None:
    """Before the point of no return a refusal undoes the case; after it, an operator has to bring it forward.

    Of a step that the bundle can do without, a refusal is an end like another.
    """
    task = open_task(turn, given)
    if task is None:
        return
    must_handle(task)
    turn.settle(task, given, TaskStatus.REFUSED)
    timing.decided(turn, task.step_id)
    step = turn.change(task.step_id, status=StepStatus.REFUSED, task_id="", failures=0, reason=given.reason)
    turn.announce(StepRefused(task.step_id, given.reason))
    if turn.has_ended(step):
        go_on(turn, task.step_id)
        return
    if not pivot_passed(turn):
        begin_undoing(turn, UndoCause.REFUSED, given.reason)
        return
    hold_visits(turn)
    turn.open_incident(
        task.step_id,
        "REFUSED_AFTER_PIVOT",
        f"{step.organ_name or step.organ_id} refused after the point of no return: {given.reason} "
        "Settle it with the office, then retry the incident: the step is offered to it again.",
    )


def returned(turn: Turn, given: Returned) -> None:
    """Not this office's: routed anew, never to it again. Possible until the step is completed."""
    task = open_task(turn, given)
    if task is None:
        return
    must_handle(task)
    turn.settle(task, given, TaskStatus.RETURNED)
    if not turn.steps[task.step_id].acceptance_stands:
        timing.decided(turn, task.step_id)
    turn.leave_office(task.step_id)
    office_left(turn, task.step_id)
    turn.request_routing((task.step_id,))


def failed(turn: Turn, given: Failed) -> None:
    """Offer it again after a wait that doubles with each failure in a row, or ask an operator after too many.

    An acceptance stands: it is a legal act, which a technical failure does not take back.
    """
    task = open_task(turn, given)
    if task is None:
        return
    turn.settle(task, given, TaskStatus.FAILED)
    if task.kind is TaskKind.FOLLOW_UP:
        failures = follow_ups.failures(turn, task)
        # No incident ends this: what a case remembers grows by a task a day then, and not as fast as the office fails.
        often = failures >= FAILURES_TO_INCIDENT
        wait = LONGEST_RETRY_AFTER if often else _back_off(failures, given.retry_after)
        follow_ups.try_again(turn, task, turn.now + wait)
        return
    step = turn.change(task.step_id, failures=turn.steps[task.step_id].failures + 1, task_id="")
    if step.failures >= FAILURES_TO_INCIDENT:
        _failed_too_often(turn, task, given.reason)
        return
    not_before = turn.now + _back_off(step.failures, given.retry_after)
    was_accepted = task.status is TaskStatus.ACCEPTED
    if task.kind is TaskKind.UNDO:
        turn.open_undoing(task.step_id, accepted=was_accepted, not_before=not_before)
    else:
        turn.open_handling(task.step_id, accepted=was_accepted, not_before=not_before)


def _failed_too_often(turn: Turn, task: TaskState, why: str) -> None:
    verb, reason = ("undo", "UNDO_FAILED") if task.kind is TaskKind.UNDO else ("handle", "TASK_FAILED")
    step = turn.steps[task.step_id]
    turn.open_incident(
        task.step_id,
        reason,
        f"{step.organ_name or step.organ_id} failed {step.failures} times in a row to {verb} it, lastly: {why} "
        "Have its system put right, then retry the incident: the task is opened again.",
    )


def _back_off(failures: int, retry_after: timedelta | None) -> timedelta:
    if retry_after is not None:
        return min(max(retry_after, timedelta(0)), LONGEST_RETRY_AFTER)
    doublings = min(failures - 1, FAILURES_TO_INCIDENT)  # beyond, it is the longest anyway
    return min(FIRST_BACK_OFF * (1 << doublings), LONGEST_BACK_OFF)


def must_handle(task: TaskState) -> None:
    """Raise Refusal UNDO_CANNOT_BE_REFUSED for an undo task, FOLLOW_UP_CANNOT_BE_REFUSED for a follow-up."""
    if task.kind is TaskKind.UNDO:
        raise Refusal(
            "UNDO_CANNOT_BE_REFUSED",
            f"task {task.task_id} undoes what the office did before; complete it, or fail it to try again later",
        )
    if task.kind is TaskKind.FOLLOW_UP:
        raise Refusal(
            "FOLLOW_UP_CANNOT_BE_REFUSED",
            f"task {task.task_id} answers a rating; complete it with what was found and done, or fail it to try again",
        )


def task_of(turn: Turn, given: Answer) -> TaskState | None:
    """Return the task that is answered, open or not; None when this very answer was taken before.

    Raises Refusal TASK_NOT_FOUND, REQUEST_ID_REUSED.
    """
    task = turn.tasks.get(given.task_id)
    if task is None:
        raise Refusal("TASK_NOT_FOUND", f"case {turn.before.case_id} has no task {given.task_id}")
    for taken in task.answers:
        if taken.request_id == given.request_id:
            if taken.kind == given.kind and taken.digest in ("", content_digest(given)):
                return None
            what = f"another answer ({taken.kind})" if taken.kind != given.kind else "the same with another content"
            raise Refusal(
                "REQUEST_ID_REUSED",
                f"request {taken.request_id} was {what}, which stands; give each answer its own id",
            )
    return task


def open_task(turn: Turn, given: Answer) -> TaskState | None:
    """Return the open task that is answered; None when this very answer was taken before."""
    task = task_of(turn, given)
    if task is None or task.status in OPEN_TASK or (isinstance(given, Completed) and _crossed(turn, task)):
        return task
    if turn.before.ended and task.kind is not TaskKind.FOLLOW_UP:
        raise Refusal("CASE_ENDED", f"case {turn.before.case_id} is {turn.status}; the answer was not taken")
    if task.status is TaskStatus.CLOSED and turn.running:
        raise Refusal(
            "TASK_SETTLED",
            f"task {task.task_id} was taken back by an operator meanwhile; what was done for it does not stand",
        )
    if task.status is TaskStatus.CLOSED:
        raise Refusal(
            "CASE_UNDOING",
            f"case {turn.before.case_id} was {turn.undo_cause} meanwhile; what was done for task {task.task_id} "
            "does not stand",
        )
    raise Refusal("TASK_SETTLED", f"task {task.task_id} was {task.status} before; the answer was not taken")
