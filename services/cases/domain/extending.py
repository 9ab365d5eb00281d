"""延长: more time for a decision, which the law allows for once, and only before the time is up (行政许可法 42).

The limit of a step is its office's: it says so on its task, or an operator does with what the office has in writing.
That of the whole case, which several offices handle together, is the lead organ's. Neither moves the other: leave for
one decision is none for the whole. Nor does either move a promise: an office that needs more than it promised has
broken its promise all the same, and its light goes on to say so.
"""

from services.cases.domain import timing
from services.cases.domain.answers import open_task
from services.cases.domain.case import TaskKind
from services.cases.domain.effects import ClockExtended
from services.cases.domain.inputs import ExtensionGranted, LimitExtended
from services.cases.domain.proceedings import ClockKind
from services.cases.domain.reckoning import Light
from services.cases.domain.refusal import Refusal
from services.cases.domain.turn import Turn


def limit_extended(turn: Turn, given: LimitExtended) -> None:
    """The office has leave to take longer for its task.

    Raises Refusal NO_LIMIT, LIMIT_PASSED, ALREADY_EXTENDED, EXTENSION_TOO_SHORT, EXTENSION_TOO_LONG.
    """
    task = open_task(turn, given)
    if task is None:
        return
    if task.kind is not TaskKind.HANDLE:
        raise Refusal("NO_LIMIT", f"task {task.task_id} has no statutory limit: it asks for no decision")
    _extend(turn, task.step_id, given)
    turn.settle(task, given, task.status)


def extension_granted(turn: Turn, given: ExtensionGranted) -> None:
    """A step, or the whole case, has more time.

    Raises Refusal STEP_NOT_FOUND, and as above.
    """
    if given.step_id != timing.BUNDLE and given.step_id not in turn.steps:
        raise Refusal("STEP_NOT_FOUND", f"there is no step {given.step_id}; the case has {', '.join(turn.steps)}")
    _extend(turn, given.step_id, given)


def _extend(turn: Turn, step_id: str, given: LimitExtended | ExtensionGranted) -> None:
    """Move the statutory limit, and tell the applicant by how much, why, and by whose leave."""
    found = turn.proceedings.clocks.get(timing.clock_id(step_id, ClockKind.STATUTORY))
    what = f"step {step_id}" if step_id else f"case {turn.before.case_id}"
    if found is None or found.clock.ended_at is not None:
        raise Refusal(
            "NO_LIMIT",
            f"no statutory limit of {what} runs: if there is one, it runs from the acceptance to the decision",
        )
    if found.light is Light.RED:
        raise Refusal("LIMIT_PASSED", f"the limit of {what} has passed: it could have been extended only before")
    timing.extended(turn, found, given.amount, given.reason, given.authority)
    turn.announce(ClockExtended(step_id, given.amount, found.clock.limit.unit, given.reason, given.authority))
