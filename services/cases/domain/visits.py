"""Joint visits (联合踏勘): one visit to the site that several offices make together, before any of them decides.

- A visit is of the steps that the plan names and the case needs; of fewer than two it is nothing to wait for.
- Any of the offices says when and where, and says so again to move it. Each says on its own task, once it has accepted,
  that it was there. The visit is held once all have been whose step is still to be done.
- Until then none of the steps is completed. A step that is refused, skipped or cancelled does not count any more, which
  may be all that was missing.
- An office that gets a step from another goes there itself. When the visit was held before, only that office waits.
- The clocks run meanwhile: an office that needs them to stand still declares a special procedure.
"""

from dataclasses import replace

from services.cases.domain import effects
from services.cases.domain.case import StepStatus
from services.cases.domain.plan import Visit
from services.cases.domain.proceedings import VisitState
from services.cases.domain.refusal import Refusal
from services.cases.domain.turn import Turn
from services.cases.domain.undoing import UNFINISHED

FEWEST = 2
"""Offices that make a visit a joint one."""
_OUT = frozenset({StepStatus.SKIPPED, StepStatus.REFUSED, StepStatus.CANCELLED})


def plan_visits(turn: Turn) -> None:
    """Note the visits of a new case, or of one that runs a new version: those that it knows stay as they are."""
    known = turn.proceedings.visits
    visits = {
        visit.visit_id: known.get(visit.visit_id, VisitState(visit.visit_id))
        for visit in turn.plan.visits
        if visit.visit_id in known or is_joint(turn, visit)
    }
    if visits != known:
        turn.proceed(visits=visits)


def check_visited(turn: Turn, step_id: str) -> None:
    """Refuse to complete a step before its visit. Raises Refusal VISIT_PENDING."""
    visit = turn.plan.visit_of.get(step_id)
    if visit is None or not is_joint(turn, visit):
        return
    state = turn.proceedings.visits[visit.visit_id]
    if step_id not in state.attended:
        waiting_for: tuple[str, ...] = (step_id,)
    else:
        waiting_for = missing(turn, visit) if state.held_at is None else ()
    if waiting_for:
        raise Refusal(
            "VISIT_PENDING",
            f"step {step_id} waits for the joint visit {visit.visit_id}, at which the offices of "
            f"{', '.join(waiting_for)} have not been; say so with attend_visit on each task, then complete it",
        )


def office_left(turn: Turn, step_id: str) -> None:
    """Whoever gets the step now was not at its visit."""
    visit = turn.plan.visit_of.get(step_id)
    state = turn.proceedings.visits.get(visit.visit_id) if visit else None
    if state is not None and step_id in state.attended:
        keep(turn, replace(state, attended=tuple(each for each in state.attended if each != step_id)))


def hold_visits(turn: Turn) -> None:
    """Note the visits at which all have been now, or all that are left."""
    for visit in turn.plan.visits if turn.running else ():
        state = turn.proceedings.visits.get(visit.visit_id)
        if state is not None and state.held_at is None and state.attended and not missing(turn, visit):
            keep(turn, replace(state, held_at=turn.now))
            turn.announce(effects.VisitHeld(visit.visit_id, state.attended))


def is_joint(turn: Turn, visit: Visit) -> bool:
    """Whether at least two offices are to meet, or were."""
    return sum(1 for step_id in visit.steps if turn.steps[step_id].status not in _OUT) >= FEWEST


def missing(turn: Turn, visit: Visit) -> tuple[str, ...]:
    """The steps still to be done whose offices have not been there."""
    attended = turn.proceedings.visits[visit.visit_id].attended
    return tuple(
        step_id for step_id in visit.steps if turn.steps[step_id].status in UNFINISHED and step_id not in attended
    )


def keep(turn: Turn, state: VisitState) -> None:
    """Put a visit back as it is now."""
    turn.proceed(visits={**turn.proceedings.visits, state.visit_id: state})
