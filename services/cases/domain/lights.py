"""What follows when the light of a clock changes by itself: time has passed, and nobody said anything.

The core knows no calendar: the shell reckons the lights and tells of each that is another than the one told last.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from services.cases.domain import timing
from services.cases.domain.case import OPEN_TASK, StepStatus, TaskStatus
from services.cases.domain.clocks import Clock, StopKind
from services.cases.domain.corrections import expired
from services.cases.domain.effects import AcceptTask, StepAccepted
from services.cases.domain.follow_ups import overdue
from services.cases.domain.inputs import ClockTurned
from services.cases.domain.proceedings import CaseClock, ClockKind
from services.cases.domain.reckoning import Light
from services.cases.domain.turn import Turn
from services.cases.domain.urging import light_turned


def clock_turned(turn: Turn, given: ClockTurned) -> None:
    """Note the light and do what follows from it; the same light again, and that of an ended clock, changes nothing."""
    found = turn.proceedings.clocks.get(given.clock_id)
    if found is None or found.clock.ended_at is not None or found.light is given.light:
        return
    told = replace(found, light=given.light)
    turn.proceed(clocks={**turn.proceedings.clocks, told.clock_id: told})
    light_turned(turn, told)
    follows = _FOLLOWS.get((told.kind, told.light))
    if follows is not None:
        follows(turn, told)


def _accepted_by_silence(turn: Turn, late: CaseClock) -> None:
    """The office said nothing in time, so it has accepted, from the day of receipt (行政许可法 32).

    The step may be without an open task, after too many failures: those are no word to the applicant either.
    """
    step = turn.steps[late.step_id]
    if step.status is StepStatus.ROUTING and step.reviews:
        # It was passed upward meanwhile: whoever is above gets it as accepted.
        turn.change(step.step_id, acceptance_stands=True)
        timing.taken_on(turn, step.step_id, received_at(late.clock))
        turn.announce(StepAccepted(step.step_id, by_silence=True))
        return
    if step.status is not StepStatus.OFFERED:
        return
    task = turn.tasks.get(step.task_id)
    if task is not None and task.status in OPEN_TASK:
        turn.tasks[task.task_id] = replace(task, status=TaskStatus.ACCEPTED)
        turn.effects.append(AcceptTask(task.task_id))
    turn.change(step.step_id, status=StepStatus.ACCEPTED)
    timing.taken_on(turn, step.step_id, received_at(late.clock))
    turn.announce(StepAccepted(step.step_id, by_silence=True))


def received_at(clock: Clock) -> datetime:
    """When the office had everything: at the offer, or with what was supplied last after it asked for corrections.

    A special procedure is no reason to receive later: what it took is left out of the clocks of the decision.
    """
    supplied = (each.resumed_at for each in clock.stops if each.resumed_at and each.kind in _OF_CORRECTIONS)
    return max([clock.started_at, *supplied])


_OF_CORRECTIONS = frozenset({StopKind.CORRECTION, StopKind.PRE_CHECK_CORRECTION})
_FOLLOWS: dict[tuple[ClockKind, Light], Callable[[Turn, CaseClock], None]] = {
    (ClockKind.ACCEPTANCE, Light.RED): _accepted_by_silence,
    (ClockKind.CORRECTION, Light.RED): lambda turn, _: expired(turn),
    (ClockKind.FOLLOW_UP, Light.RED): lambda turn, late: overdue(turn, late.step_id),
}
