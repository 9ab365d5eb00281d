"""How a case begins, and how its steps find their offices."""

from datetime import datetime
from itertools import zip_longest

from services.cases.domain.case import Case, CaseStatus, StepState, StepStatus, UndoCause
from services.cases.domain.effects import CaseSubmitted
from services.cases.domain.flow import start_first
from services.cases.domain.inputs import Routed, RoutingDecision, Submitted
from services.cases.domain.plan import Plan
from services.cases.domain.turn import Turn
from services.cases.domain.visits import plan_visits


def begin(plan: Plan, given: Submitted, now: datetime) -> Turn:
    """Start a case: all steps that are not skipped, or may still be needed, are routed with one request."""
    skipped = frozenset(given.skipped)
    unknown = skipped - plan.by_id.keys()
    if unknown:
        raise ValueError(f"bundle {plan.bundle_id} has no steps {sorted(unknown)} to skip")
    reasons = dict(zip_longest(given.skipped, given.skip_reasons, fillvalue=""))
    steps = {
        step_id: StepState(step_id, StepStatus.SKIPPED, reason=reasons[step_id])
        if step_id in skipped
        else StepState(
            step_id,
            StepStatus.WAITING,
            region_code=given.step_regions.get(step_id, ""),
            named_uscc=given.step_organs.get(step_id, ""),
        )
        for step_id in plan.by_id
    }
    turn = Turn(plan, _blank(given, steps, now), now)
    turn.changed = True
    turn.announce(CaseSubmitted())
    plan_visits(turn)
    wanted = tuple(step_id for step_id in steps if step_id not in skipped)
    if wanted:
        turn.request_routing(wanted)
    start_first(turn)
    return turn


def _blank(given: Submitted, steps: dict[str, StepState], now: datetime) -> Case:
    return Case(
        case_id=given.case_id,
        case_number=given.case_number,
        bundle_id=given.bundle_id,
        bundle_version=given.bundle_version,
        applicant_id=given.applicant_id,
        region_code=given.region_code,
        status=CaseStatus.RUNNING,
        version=0,
        submitted_at=now,
        ended_at=None,
        undo_cause=UndoCause.NONE,
        refusal_reason="",
        request_no=0,
        steps=steps,
        tasks={},
        incidents={},
    )


def routed(turn: Turn, given: Routed) -> None:
    """Give offices to the steps that wait for this answer; answers to older questions find no such step.

    A step without an office becomes an incident at once, even while it waits for the steps before it: the
    operator then has that time to find one.
    """
    decisions = {decision.step_id: decision for decision in given.decisions}
    waiting = [step for step in turn.steps.values() if step.routing_no == given.request_no > 0]
    for step in waiting:
        decision = decisions.get(step.step_id)
        if decision is None or not decision.organ_id or decision.organ_id in step.excluded_organ_ids:
            _no_office(turn, step.step_id, decision)
            continue
        turn.change(
            step.step_id,
            routing_no=0,
            organ_id=decision.organ_id,
            organ_name=decision.organ_name,
            routing_reason=decision.reason,
            superior_ids=decision.superior_ids,
            failures=0,
        )
        if step.status is StepStatus.ROUTING:
            turn.open_handling(step.step_id, accepted=step.acceptance_stands)


def _no_office(turn: Turn, step_id: str, decision: RoutingDecision | None) -> None:
    if decision is None:
        why = "routing gave no decision for it"
    elif decision.organ_id:
        why = f"routing chose {decision.organ_id}, which is not to have it again"
    else:
        why = decision.reason or "routing gave no reason"
    turn.change(step_id, routing_no=0, routing_reason=why)
    name, step = turn.plan.by_id[step_id].name or step_id, turn.steps[step_id]
    if step.named_uscc and not step.reviews:
        remedy = "Have it registered and declare the matter, then retry the incident; or reassign the step"
    else:
        wanted = "an office above it" if step.reviews else "an office"
        remedy = f"Declare the capability of {wanted}, then retry the incident"
    turn.open_incident(step_id, "NO_OFFICE", f"no office handles {name}: {why.rstrip('.')}. {remedy}.")
