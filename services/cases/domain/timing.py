"""The clocks of a case: which of them start, stand still and end with what happens to its steps. Pure, on a turn.

- A step is offered to its office: the clock of its acceptance starts, once: not again for another try after a technical
  failure, nor for an office that had accepted.
- It is accepted, by word, by deed or by silence: that clock ends, and those of the decision start. The first acceptance
  of a case starts the bundle's own; a pre-check is none, because it comes before anybody accepts. After silence they
  start in the past, and stood still for whatever has held the step, or for the bundle's any step, up since.
- A correction is asked for, or a special procedure begins: the step's clocks and the bundle's stand still until it is
  over. Several may overlap; each is named by the task on which it was said.
- The step is completed, refused, returned, skipped or cancelled: its clocks end. When it is offered to another office,
  new ones start for that; what is left of the time of the first is not the second's. A step that is passed upward has
  one decision, of two offices: its clocks go on.
- Nothing is left to decide in a case, because it is over or is being undone: all its clocks end, but for those of
  follow-ups, which are about the time after it.

A plan without limits has no clocks. Whatever is called twice, or late, changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from services.cases.domain import clocks
from services.cases.domain.case import StepStatus
from services.cases.domain.clocks import Clock, Limit, Stop, StopKind
from services.cases.domain.plan import Limits, Plan
from services.cases.domain.proceedings import CaseClock, ClockKind

if TYPE_CHECKING:
    from services.cases.domain.turn import Turn

BUNDLE = ""
"""Stands for the bundle where a step id is asked for."""
_OF_STEPS = (ClockKind.ACCEPTANCE, ClockKind.STATUTORY, ClockKind.PROMISED)


def clock_id(step_id: str, kind: ClockKind) -> str:
    """The id of a step's clock, or of the bundle's; a correction's and a follow-up's are named by who starts them."""
    return f"{step_id}:{kind}"


def running(case_clocks: Mapping[str, CaseClock]) -> Iterator[CaseClock]:
    """The clocks that have not ended, whether they stand still or not."""
    return (each for each in case_clocks.values() if each.clock.ended_at is None)


# Steps


def offered(turn: "Turn", step_id: str) -> None:
    """The step is offered to its office, which is to say whether it takes it on."""
    limit = turn.plan.by_id[step_id].limits.acceptance
    if limit is not None and turn.running and turn.steps[step_id].status is StepStatus.OFFERED:
        start(turn, clock_id(step_id, ClockKind.ACCEPTANCE), step_id, ClockKind.ACCEPTANCE, limit)


def taken_on(turn: "Turn", step_id: str, at: datetime) -> None:
    """The step counts as accepted from ``at`` on: now, but after silence the day of receipt."""
    planned = turn.plan.by_id[step_id]
    end(turn, clock_id(step_id, ClockKind.ACCEPTANCE))
    if not turn.running:
        return
    _start_decision(turn, step_id, planned.limits, at)
    begun = any(each.step_id == BUNDLE and each.kind in _OF_STEPS for each in turn.proceedings.clocks.values())
    if not begun and not planned.pre_check:
        _start_decision(turn, BUNDLE, turn.plan.limits, at)


def stopped(turn: "Turn", step_id: str, stop_id: str, kind: StopKind) -> None:
    """The clocks of the step and of the bundle stand still; ``stop_id`` is the task on which that was said."""
    _stop(turn, (step_id, BUNDLE), stop_id, kind)


def resumed(turn: "Turn", step_id: str, stop_id: str) -> None:
    """What was begun on that task is over: its clocks run again, unless something else holds them."""
    for each in _of(turn, (step_id, BUNDLE)):
        if _held_by(each.clock, stop_id):
            _change(turn, each, clocks.resume(each.clock, turn.now, stop_id))


def extended(turn: "Turn", before: CaseClock, amount: int, reason: str, authority: str) -> None:
    """Give a clock more time. Raises Refusal ALREADY_EXTENDED, EXTENSION_TOO_SHORT, EXTENSION_TOO_LONG."""
    _change(turn, before, clocks.extend(before.clock, turn.now, amount, reason, authority))


def decided(turn: "Turn", step_id: str) -> None:
    """The office has no more to decide: it completed, refused or returned the step, or was let off it."""
    for each in _of(turn, (step_id,)):
        _change(turn, each, clocks.end(each.clock, turn.now))
    # What held the bundle's clocks up for this step is over with it.
    held = [stop for each in _of(turn, (BUNDLE,)) for stop in each.clock.stops if stop.resumed_at is None]
    for stop in held:
        if turn.tasks[stop.stop_id].step_id == step_id:
            resumed(turn, BUNDLE, stop.stop_id)


# The case


def closed(turn: "Turn") -> None:
    """Nothing is left to decide in the case: it is over, or will be undone."""
    for each in tuple(running(turn.proceedings.clocks)):
        if each.kind is not ClockKind.FOLLOW_UP:
            _change(turn, each, clocks.end(each.clock, turn.now))


# Any clock


def start(turn: "Turn", clock_id: str, step_id: str, kind: ClockKind, limit: Limit, at: datetime | None = None) -> None:
    """Start a clock now or from ``at`` on, in the place of one with its id that has ended; one that runs goes on."""
    before = turn.proceedings.clocks.get(clock_id)
    if before is None or before.clock.ended_at is not None:
        started = CaseClock(clock_id, step_id, kind, clocks.start(at or turn.now, limit))
        turn.proceed(clocks={**turn.proceedings.clocks, clock_id: started})


def end(turn: "Turn", clock_id: str) -> None:
    """End a clock, if there is one that has not ended."""
    found = turn.proceedings.clocks.get(clock_id)
    if found is not None and found.clock.ended_at is None:
        _change(turn, found, clocks.end(found.clock, turn.now))


def _start_decision(turn: "Turn", step_id: str, limits: Limits, at: datetime) -> None:
    for kind, limit in ((ClockKind.STATUTORY, limits.statutory), (ClockKind.PROMISED, limits.promised)):
        if limit is not None:
            start(turn, clock_id(step_id, kind), step_id, kind, limit, at)
    for hold in _holds_since(turn, step_id, at):
        for each in _of(turn, (step_id,)):
            _change(turn, each, _held(each.clock, hold, at))


def _stop(turn: "Turn", step_ids: Iterable[str], stop_id: str, kind: StopKind) -> None:
    for each in _of(turn, step_ids):
        if not _held_by(each.clock, stop_id):
            _change(turn, each, clocks.stop(each.clock, turn.now, stop_id, kind))


def _of(turn: "Turn", step_ids: Iterable[str]) -> Iterator[CaseClock]:
    """The clocks of steps, or of the bundle, that have not ended."""
    for step_id in step_ids:
        for kind in _OF_STEPS:
            found = turn.proceedings.clocks.get(clock_id(step_id, kind))
            if found is not None and found.clock.ended_at is None:
                yield found


def _held_by(clock: Clock, stop_id: str) -> bool:
    return any(each.stop_id == stop_id and each.resumed_at is None for each in clock.stops)


def _holds_since(turn: "Turn", step_id: str, at: datetime) -> list[Stop]:
    """What holds clocks of a step up now, or did since then: a clock that starts in the past stood still meanwhile.

    For the bundle's, what holds any step up. A correction counts from its first request on, whichever step's that is:
    the bundle stood still from then on.
    """
    holds = [
        Stop(request.task_id, correction_kind(turn.plan, request.step_id), correction.opened_at, correction.settled_at)
        for correction in turn.proceedings.corrections
        for request in correction.requests
        if step_id in (BUNDLE, request.step_id)
    ]
    holds += [
        Stop(procedure.task_id, procedure.kind, procedure.began_at, procedure.ended_at)
        for procedure in turn.proceedings.procedures
        if step_id in (BUNDLE, procedure.step_id)
    ]
    since = (each for each in holds if each.resumed_at is None or each.resumed_at > at)
    return sorted(since, key=lambda each: each.stopped_at)


def _held(clock: Clock, hold: Stop, since: datetime) -> Clock:
    """The clock with what held it up; one that ran before has been told."""
    if any(each.stop_id == hold.stop_id for each in clock.stops):
        return clock
    stopped = clocks.stop(clock, max(hold.stopped_at, since), hold.stop_id, hold.kind)
    return stopped if hold.resumed_at is None else clocks.resume(stopped, hold.resumed_at, hold.stop_id)


def correction_kind(plan: Plan, step_id: str) -> StopKind:
    """Why a clock stands still while the applicant is asked for corrections of a step."""
    return StopKind.PRE_CHECK_CORRECTION if plan.by_id[step_id].pre_check else StopKind.CORRECTION


def _change(turn: "Turn", before: CaseClock, clock: Clock) -> None:
    turn.proceed(clocks={**turn.proceedings.clocks, before.clock_id: replace(before, clock=clock)})
