"""Reminders to offices (催办), and telling their superiors (督办): by somebody, and by the light of a clock.

The first time the nearest organ above the office is told, then the one above that, and so on up the tree; the top is
told again and again. Whoever is told within an hour of the last time is told on the same level.
"""

from datetime import timedelta

from services.cases.domain.case import StepState, StepStatus
from services.cases.domain.effects import StepUrged
from services.cases.domain.inputs import Urged
from services.cases.domain.proceedings import CaseClock, ClockKind, Urge, UrgeKind
from services.cases.domain.reckoning import Light
from services.cases.domain.refusal import Refusal
from services.cases.domain.turn import Turn

PAUSE = timedelta(hours=1)
"""Between two urges of one kind to one office about one step by hand."""
MOST_URGES = 50
"""To one office about one step by hand: who has said so often what is to be done has to do something else."""

_HOLDING_UP = frozenset({StepStatus.ROUTING, StepStatus.OFFERED, StepStatus.ACCEPTED})
"""What a case waits for its offices with; not what waits for the applicant, nor what stands still by law."""
_WITH_SOMEBODY = _HOLDING_UP | {StepStatus.CORRECTING, StepStatus.SUSPENDED, StepStatus.UNDOING}
_BY_LIGHT = {Light.YELLOW: UrgeKind.URGE, Light.RED: UrgeKind.SUPERVISE}
_LIMITS = {ClockKind.STATUTORY: "法定期限", ClockKind.PROMISED: "承诺期限"}


def urged(turn: Turn, given: Urged) -> None:
    """An operator or the lead organ reminds the office of a step, or has its superior told."""
    step = turn.steps.get(given.step_id)
    if step is None:
        raise Refusal("STEP_NOT_FOUND", f"there is no step {given.step_id}; the case has {', '.join(turn.steps)}")
    if turn.ended_at is not None:
        raise Refusal("CASE_ENDED", f"case {turn.before.case_id} is {turn.status}; there is nothing to urge any more")
    if step.status not in _WITH_SOMEBODY:
        raise Refusal("NOTHING_TO_URGE", f"step {step.step_id} is {step.status}; nobody has it to work on now")
    _check_pace(turn, step, given.urge)
    superior_id = _superior(turn, step) if given.urge is UrgeKind.SUPERVISE else ""
    if given.urge is UrgeKind.SUPERVISE and not superior_id:
        name = step.organ_name or step.organ_id or "the office that is being found"
        raise Refusal(
            "NO_SUPERIOR",
            f"no organ above {name} is known; urge it, or register the organ above it, which counts from the next "
            "office of a step on",
        )
    _note(turn, Urge(given.urge, step.step_id, step.organ_id, turn.now, given.reason, superior_id=superior_id))


def light_turned(turn: Turn, clock: CaseClock) -> None:
    """Remind by yellow, have the superior told by red: of the clock's step, or of all that hold the case up.

    The caller sees to it that each light of a clock is told once. Without a superior the operators are told.
    """
    light = clock.light
    kind = _BY_LIGHT.get(light)
    if kind is None or clock.kind not in _LIMITS:
        return
    reason = f"{_LIMITS[clock.kind]}{'已届满' if light is Light.RED else '即将届满'}"
    steps = [turn.steps[clock.step_id]] if clock.step_id else list(turn.steps.values())
    if not clock.step_id:
        reason = f"整件事的{reason}"
    for step in steps:
        if step.status in _HOLDING_UP:
            superior_id = _superior(turn, step) if kind is UrgeKind.SUPERVISE else ""
            urge = Urge(kind, step.step_id, step.organ_id, turn.now, reason, automatic=True, superior_id=superior_id)
            _note(turn, urge, late=bool(clock.step_id) and light is Light.RED)


def _check_pace(turn: Turn, step: StepState, kind: UrgeKind) -> None:
    told = _told(turn, step)
    last = max((each.at for each in told if each.kind is kind), default=None)
    if last is not None and turn.now < last + PAUSE:
        raise Refusal(
            "URGED_JUST_NOW",
            f"the office of step {step.step_id} was told so at {last:%Y-%m-%d %H:%M} UTC; "
            f"say it again from {last + PAUSE:%H:%M} on",
        )
    if sum(not each.automatic for each in told) >= MOST_URGES:
        raise Refusal(
            "URGED_TOO_OFTEN",
            f"the office of step {step.step_id} was urged {MOST_URGES} times; settle it with the office, or have an "
            "operator reassign the step",
        )


def _told(turn: Turn, step: StepState) -> list[Urge]:
    """What the present office of a step was told about it, oldest first."""
    urges = turn.proceedings.urges
    return [each for each in urges if (each.step_id, each.organ_id) == (step.step_id, step.organ_id)]


def _superior(turn: Turn, step: StepState) -> str:
    """The organ above the office that is told now; empty when none is known."""
    chain = step.superior_ids
    told = [each for each in _told(turn, step) if each.superior_id in chain]
    if not chain or not told:
        return chain[0] if chain else ""
    last = told[-1]
    level = chain.index(last.superior_id)
    if turn.now >= last.at + PAUSE:
        level = min(level + 1, len(chain) - 1)
    return chain[level]


def _note(turn: Turn, urge: Urge, *, late: bool = False) -> None:
    turn.proceed(urges=(*turn.proceedings.urges, urge))
    turn.announce(StepUrged(urge.step_id, urge, late=late))
