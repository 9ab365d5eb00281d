"""How steps wait for each other: which may start, which are asked about first, and which never will.

A step starts once the steps in its ``after`` have ended. What else counts:

- *Ended* is completed; refused, where that undoes nothing (optional, without application); and skipped, once the steps
  before the skipped one have ended in their turn, so that leaving out a step never lets another start too early.
- *A quorum* of k starts its step as soon as k of the steps before it are completed; the others go on beside it. Skipped
  steps do not count: where fewer than k are left, all that are left have to be completed, and where none is, the
  step starts once all have ended. When so many were refused that k cannot be reached any more, the step is left out if
  it is optional itself; otherwise the case is undone, or past the point of no return an operator decides.
- *A late condition* names results of earlier steps. When its step could start, the shell is asked whether it is needed.
"""

from collections import deque
from collections.abc import Iterable
from enum import Enum, auto

from services.cases.domain.case import StepStatus, UndoCause
from services.cases.domain.effects import AskBranch
from services.cases.domain.ending import end_if_over
from services.cases.domain.inputs import Branched
from services.cases.domain.interruptions import drop
from services.cases.domain.plan import PlanStep
from services.cases.domain.turn import Turn
from services.cases.domain.undoing import begin_undoing, pivot_passed
from services.cases.domain.visits import hold_visits

_STUCK = ("CONDITION_FAILED", "QUORUM_MISSED")
"""What keeps a step from starting until an operator says something."""


class _Verdict(Enum):
    WAIT = auto()
    START = auto()
    MISSED = auto()
    """Its quorum cannot be reached any more."""


def start_first(turn: Turn) -> None:
    """Start the steps of a new case that wait for nothing; where a new version begins, all that may start by it."""
    _look_at(turn, turn.plan.steps)


def could_have_started(turn: Turn, step_id: str) -> bool:
    """Whether a step that has begun is where it could be: those before it have ended, or an operator let it start."""
    verdict = _judge(turn, turn.plan.by_id[step_id])
    let_go = any(
        each.step_id == step_id and each.reason in _STUCK and each.retried_by for each in turn.incidents.values()
    )
    return verdict is _Verdict.START or (let_go and verdict is _Verdict.MISSED)


def go_on(turn: Turn, *step_ids: str) -> None:
    """Start what waited for these steps, which have just ended; end the case when they were the last."""
    _look_at(turn, [follower for step_id in step_ids for follower in turn.plan.followers[step_id]])


def look_again(turn: Turn, step_id: str) -> None:
    """Start a step if it may; what kept it from starting, and was resolved meanwhile, may be so still."""
    _look_at(turn, (turn.plan.by_id[step_id],))


def skip(turn: Turn, step_id: str, reason: str) -> None:
    """Leave out a step that has not ended; the caller says ``go_on`` then."""
    drop(turn, (step_id,))
    turn.leave(step_id, StepStatus.SKIPPED, reason)


def branched(turn: Turn, given: Branched) -> None:
    """Start or leave out the steps that were asked about; one whose condition cannot be decided needs an operator."""
    asked = {step_id for step_id in turn.plan.by_id if turn.running and _could_start(turn, step_id)}
    skipped = []
    for step_id, reason in zip(given.skipped, given.skip_reasons, strict=False):
        if step_id in asked:
            asked.remove(step_id)
            skip(turn, step_id, reason)
            skipped.append(step_id)
    for step_id in given.needed:
        if step_id in asked:
            asked.remove(step_id)
            _start(turn, step_id)
    for step_id, why in zip(given.failed, given.failures, strict=False):
        if step_id in asked and turn.incident_of(step_id, "CONDITION_FAILED") is None:
            _condition_failed(turn, step_id, why)
    if skipped:
        go_on(turn, *skipped)


def decide_again(turn: Turn, step_id: str) -> None:
    """Decide a late condition once more, after somebody looked at why it could not be."""
    turn.effects.append(AskBranch((step_id,)))


def start_anyway(turn: Turn, step_id: str) -> None:
    """Start a step without its quorum."""
    if turn.plan.by_id[step_id].late:
        decide_again(turn, step_id)
    else:
        _start(turn, step_id)


def _look_at(turn: Turn, steps: Iterable[PlanStep]) -> None:
    """Start those of the steps that may; what waits for skipped ones, or for ones left out now, is looked at too."""
    left = deque(steps)
    asked: dict[str, None] = {}
    passed_on: set[str] = set()
    while left and turn.running:
        planned = left.popleft()
        if turn.steps[planned.step_id].status is StepStatus.WAITING:
            _look(turn, planned, asked)
        if turn.steps[planned.step_id].status is StepStatus.SKIPPED and planned.step_id not in passed_on:
            passed_on.add(planned.step_id)
            left.extend(turn.plan.followers[planned.step_id])
    hold_visits(turn)  # which wait for no office of a step that has ended, or was left out just now
    if turn.running:
        if asked:
            turn.effects.append(AskBranch(tuple(asked)))
        end_if_over(turn)


def _look(turn: Turn, planned: PlanStep, asked: dict[str, None]) -> None:
    verdict = _judge(turn, planned)
    if verdict is _Verdict.START and planned.late:
        if turn.incident_of(planned.step_id, "CONDITION_FAILED") is None:
            asked[planned.step_id] = None
    elif verdict is _Verdict.START:
        _start(turn, planned.step_id)
    elif verdict is _Verdict.MISSED:
        _quorum_missed(turn, planned)


def _judge(turn: Turn, planned: PlanStep) -> _Verdict:
    if planned.quorum:
        before = [turn.steps[other] for other in planned.after]
        counted = [step for step in before if step.status is not StepStatus.SKIPPED]
        needed = min(planned.quorum, len(counted))
        lost = sum(1 for step in counted if step.status is StepStatus.REFUSED and turn.has_ended(step))
        if len(counted) - lost < needed:
            return _Verdict.MISSED
        if needed and planned.quorum < len(planned.after):
            completed = sum(1 for step in counted if step.status is StepStatus.COMPLETED)
            return _Verdict.START if completed >= needed else _Verdict.WAIT
    return _Verdict.START if _all_ended(turn, planned.after) else _Verdict.WAIT


def _all_ended(turn: Turn, step_ids: Iterable[str]) -> bool:
    """Whether the steps have ended, and before skipped ones those before them."""
    left, seen = list(step_ids), set()
    while left:
        step_id = left.pop()
        step = turn.steps[step_id]
        if not turn.has_ended(step):
            return False
        # Skipped without a reason, as histories of before have it, the step is not looked behind.
        if step.status is StepStatus.SKIPPED and step.reason and step_id not in seen:
            seen.add(step_id)
            left.extend(turn.plan.by_id[step_id].after)
    return True


def _could_start(turn: Turn, step_id: str) -> bool:
    """Whether the shell may have been asked about the step."""
    planned = turn.plan.by_id[step_id]
    waits = turn.steps[step_id].status is StepStatus.WAITING
    return waits and planned.late and _judge(turn, planned) is not _Verdict.WAIT


def _start(turn: Turn, step_id: str) -> None:
    for reason in _STUCK:
        if incident := turn.incident_of(step_id, reason):
            turn.close_incident(incident)
    if turn.steps[step_id].organ_id:
        turn.open_handling(step_id)
    else:
        turn.change(step_id, status=StepStatus.ROUTING)


def _quorum_missed(turn: Turn, planned: PlanStep) -> None:
    counted = [other for other in planned.after if turn.steps[other].status is not StepStatus.SKIPPED]
    refused = [other for other in counted if turn.steps[other].status is StepStatus.REFUSED]
    names = "、".join(turn.plan.by_id[other].name or other for other in refused)
    name = planned.name or planned.step_id
    # For the applicant, who reads why the case ends.
    reason = f"{name}须有{min(planned.quorum, len(counted))}个前置环节办结，{names}未获许可，已无法达到"
    if planned.tolerant:
        skip(turn, planned.step_id, reason)
    elif not pivot_passed(turn):
        begin_undoing(turn, UndoCause.REFUSED, reason)
    elif not any(turn.incident_of(planned.step_id, kind) for kind in ("QUORUM_MISSED", "CONDITION_FAILED")):
        turn.open_incident(
            planned.step_id,
            "QUORUM_MISSED",
            f"{name} needs {planned.quorum} of the steps before it completed, which cannot be reached any more: "
            f"{', '.join(refused)} refused. Retry the incident to start it without them.",
        )


def _condition_failed(turn: Turn, step_id: str, why: str) -> None:
    name = turn.plan.by_id[step_id].name or step_id
    turn.open_incident(
        step_id,
        "CONDITION_FAILED",
        f"whether {name} is needed cannot be decided: {why}. Retry the incident once the results that its condition "
        "names are right, or skip the step.",
    )
