"""特别程序: hearings, publicity and the like, during which a step rests and its clocks stand still."""

from dataclasses import replace

from services.cases.domain import timing
from services.cases.domain.answers import must_handle, open_task, task_of
from services.cases.domain.case import StepStatus, TaskState, TaskStatus
from services.cases.domain.clocks import StopKind
from services.cases.domain.effects import ProcedureBegan, ProcedureEnded
from services.cases.domain.history import timestamp
from services.cases.domain.inputs import Resumed, Suspended
from services.cases.domain.proceedings import Procedure
from services.cases.domain.refusal import Refusal
from services.cases.domain.turn import Turn

KINDS = (StopKind.HEARING, StopKind.PUBLICITY, StopKind.VERIFICATION, StopKind.SUSPENDED)
"""The procedures that an office can begin; corrections stop clocks too, and are asked for otherwise."""

MOST_PROCEDURES = 50
"""Of one step: what a case remembers has to end somewhere, and so has what keeps an applicant waiting."""


def suspended(turn: Turn, given: Suspended) -> None:
    """The office's task is settled, and the step rests until the office says on that task that it is over."""
    task = open_task(turn, given)
    if task is None:
        return
    must_handle(task)
    if given.procedure not in KINDS:
        raise Refusal("NOT_A_PROCEDURE", f"{given.procedure} is no procedure; begin one of {', '.join(KINDS)}")
    if sum(each.step_id == task.step_id for each in turn.proceedings.procedures) >= MOST_PROCEDURES:
        raise Refusal(
            "PROCEDURE_LIMIT",
            f"{MOST_PROCEDURES} special procedures of step {task.step_id} were begun before, which is the most; "
            "decide with what there is",
        )
    turn.settle(task, given, TaskStatus.SUSPENDED)
    turn.change(task.step_id, status=StepStatus.SUSPENDED, task_id="", failures=0)
    accepted = task.status is TaskStatus.ACCEPTED
    begun = Procedure(task.task_id, task.step_id, given.procedure, given.reason, turn.now, accepted=accepted)
    turn.proceed(procedures=(*turn.proceedings.procedures, begun))
    timing.stopped(turn, task.step_id, task.task_id, given.procedure)
    turn.announce(ProcedureBegan(task.task_id))


def resumed(turn: Turn, given: Resumed) -> None:
    """The step goes back to its office under a new task, accepted as it was; saying so twice changes nothing."""
    task = task_of(turn, given)
    if task is None:
        return
    procedure = _begun_on(turn, task)
    turn.settle(task, given, task.status)
    turn.proceed(
        procedures=tuple(
            replace(each, ended_at=turn.now) if each is procedure else each for each in turn.proceedings.procedures
        )
    )
    timing.resumed(turn, procedure.step_id, procedure.task_id)
    turn.announce(ProcedureEnded(procedure.task_id))
    turn.open_handling(procedure.step_id, accepted=procedure.accepted)


def _begun_on(turn: Turn, task: TaskState) -> Procedure:
    for procedure in turn.proceedings.procedures:
        if procedure.task_id != task.task_id:
            continue
        if procedure.ended_at is None:
            return procedure
        if not turn.running:
            reason = "CASE_UNDOING" if turn.ended_at is None else "CASE_ENDED"
            raise Refusal(
                reason, f"case {turn.before.case_id} was {turn.undo_cause} meanwhile; the step does not go on"
            )
        raise Refusal(
            "PROCEDURE_ENDED",
            f"the procedure that was begun on task {task.task_id} was over at {timestamp(procedure.ended_at)}; "
            "what followed it is another task",
        )
    raise Refusal(
        "PROCEDURE_NOT_FOUND", f"no procedure was begun on task {task.task_id}; name the task that was suspended"
    )
