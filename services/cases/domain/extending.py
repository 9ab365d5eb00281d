"""延长: more time for a decision, which the law allows for once, and only before the time is up."""

from services.cases.domain import timing
from services.cases.domain.answers import open_task
from services.cases.domain.case import TaskKind
from services.cases.domain.effects import ClockExtended
from services.cases.domain.inputs import LimitExtended
from services.cases.domain.proceedings import ClockKind
from services.cases.domain.reckoning import Light
from services.cases.domain.refusal import Refusal
from services.cases.domain.turn import Turn


def limit_extended(turn: Turn, given: LimitExtended) -> None:
    """Give the office more of the statutory time, and tell the applicant why (行政许可法 42).

    The bundle's own limit stays: the law extends that of the one decision. So does the promise: an office that needs
    more than it promised has leave to, and has broken its promise all the same; its light goes on to say so.

    Raises Refusal NO_LIMIT, LIMIT_PASSED, EXTENSION_TOO_SHORT, EXTENSION_TOO_LONG.
    """
    task = open_task(turn, given)
    if task is None:
        return
    clock_id = timing.clock_id(task.step_id, ClockKind.STATUTORY)
    found = turn.proceedings.clocks.get(clock_id)
    if task.kind is not TaskKind.HANDLE or found is None or found.clock.ended_at is not None:
        message = f"no statutory limit runs for task {task.task_id}: it begins when the step is accepted, if it has one"
        raise Refusal("NO_LIMIT", message)
    if found.light is Light.RED:
        message = f"the limit of step {task.step_id} has passed: it could have been extended only before"
        raise Refusal("LIMIT_PASSED", message)
    timing.extended(turn, found, given.amount, given.reason, given.authority)
    turn.settle(task, given, task.status)
    turn.announce(ClockExtended(task.step_id, given.amount, found.clock.limit.unit, given.reason, given.authority))
