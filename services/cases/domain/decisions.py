"""What operators decide: a step is left out, given away or taken as done; its notice done without; a case given up.

Which decision a step allows is told by the same rules that refuse the others: `allowed_decisions`.

- The point of no return is never left out: whether a case can still be undone would be nobody's decision. It can be
  taken as done.
- A step that is left out has ended; the steps after it start once those before it have ended too.
- A step that was taken as done has no office that did it: when the case is undone, so is it, without asking anybody.
- A step that is being undone can be taken as undone, and nothing else.
- A notice that the case waits for can be done without: the result of the step stands, and what is told of it says that
  there is no sealed notice, and why.
"""

from dataclasses import replace
from enum import StrEnum

from services.cases.domain import timing
from services.cases.domain.case import Case, Incident, StepState, StepStatus, UndoCause
from services.cases.domain.dataflow import check_result
from services.cases.domain.ending import end_if_over
from services.cases.domain.flow import go_on, look_again
from services.cases.domain.history import timestamp
from services.cases.domain.inputs import CaseStopped, NoticeWaived, StepForced, StepReassigned, StepSkipped
from services.cases.domain.interruptions import drop
from services.cases.domain.notices import is_wanted, request_notice, waive_notice
from services.cases.domain.plan import Plan, PlanStep
from services.cases.domain.refusal import Refusal
from services.cases.domain.turn import Turn
from services.cases.domain.undoing import UNFINISHED, begin_undoing, pivot_passed, step_undone
from services.cases.domain.visits import office_left


class DecisionKind(StrEnum):
    """What an operator can say about what does not go on by itself."""

    RETRY = "retry"
    """Try again what an incident stopped."""
    SKIP = "skip"
    REASSIGN = "reassign"
    FORCE = "force"
    WAIVE = "waive"
    """The case does without the sealed notice of a step."""
    STOP = "stop"


_Decision = StepSkipped | StepReassigned | StepForced | NoticeWaived
_OF_STEPS = (DecisionKind.SKIP, DecisionKind.REASSIGN, DecisionKind.FORCE, DecisionKind.WAIVE)


def allowed_decisions(plan: Plan, case: Case, step_id: str) -> tuple[DecisionKind, ...]:
    """What an operator can decide about a step as it stands; STOP is about its case. A retry needs an incident."""
    turn = Turn(plan, case, case.submitted_at)
    of_step = tuple(kind for kind in _OF_STEPS if _objection(turn, step_id, kind) is None)
    return of_step if _stop_objection(turn) else (*of_step, DecisionKind.STOP)


def possible_decisions(plan: Plan, case: Case, incident_id: str) -> tuple[DecisionKind, ...]:
    """What an operator can decide about an incident; nothing once it is resolved."""
    incident = case.incidents[incident_id]
    if incident.resolved_at is not None:
        return ()
    return (DecisionKind.RETRY, *allowed_decisions(plan, case, incident.step_id))


def step_skipped(turn: Turn, given: StepSkipped) -> None:
    """Let the case go on without the step; what its office may be doing is taken back."""
    if _taken_before(turn, given):
        return
    _check(turn, given.step_id, DecisionKind.SKIP)
    _take_from_office(turn, given)
    turn.change(given.step_id, status=StepStatus.SKIPPED, reason=given.reason)
    go_on(turn, given.step_id)


def step_reassigned(turn: Turn, given: StepReassigned) -> None:
    """Have routing find another office, or give the step to the one that is named; it begins there anew."""
    if _taken_before(turn, given):
        return
    _check(turn, given.step_id, DecisionKind.REASSIGN)
    step = turn.steps[given.step_id]
    if given.organ_id and given.organ_id == step.organ_id:
        raise Refusal(
            "OFFICE_UNCHANGED",
            f"{step.organ_name or step.organ_id} has step {step.step_id} already; name another office, or none",
        )
    _take_from_office(turn, given)
    present = {step.organ_id} - {""}
    excluded = (each for each in step.excluded_organ_ids if each not in present | {given.organ_id})
    turn.change(
        given.step_id,
        status=step.status if step.status is StepStatus.WAITING else StepStatus.ROUTING,
        organ_id="",
        organ_name="",
        superior_ids=(),
        handler="",
        acceptance_stands=False,
        routing_reason="",
        reason="",
        excluded_organ_ids=(*excluded, *present),
    )
    office_left(turn, given.step_id)
    turn.request_routing((given.step_id,), organ_id=given.organ_id)
    look_again(turn, given.step_id)


def step_forced(turn: Turn, given: StepForced) -> None:
    """Take the step as done with this result, or as undone when it is being undone."""
    if _taken_before(turn, given):
        return
    _check(turn, given.step_id, DecisionKind.FORCE)
    if turn.steps[given.step_id].status is StepStatus.UNDOING:
        _take_from_office(turn, given)
        step_undone(turn, given.step_id, by_word=True)
        return
    check_result(turn.plan.by_id[given.step_id], given.result)
    _take_from_office(turn, given)
    turn.complete(given.step_id, given.result)
    if turn.plan.by_id[given.step_id].notice is not None:
        request_notice(turn, given.step_id)
    go_on(turn, given.step_id)


def notice_waived(turn: Turn, given: NoticeWaived) -> None:
    """Do without the notice of a step for which the case waits: it cannot be sealed, or goes out in another way."""
    if _taken_before(turn, given):
        return
    _check(turn, given.step_id, DecisionKind.WAIVE)
    waive_notice(turn, given.step_id, given.reason)
    _remember(turn, given)
    end_if_over(turn)


def case_stopped(turn: Turn, given: CaseStopped) -> None:
    """Undo what was done, as after a refusal, as long as nothing is beyond taking back."""
    if turn.undo_cause is UndoCause.STOPPED:
        return
    if given.incident_id and open_incident(turn, given.incident_id, given.request_id) is None:
        return
    objection = _stop_objection(turn)
    if objection:
        raise objection
    begin_undoing(turn, UndoCause.STOPPED, given.reason)


def _taken_before(turn: Turn, given: _Decision) -> bool:
    """Whether this decision about an incident is a repeat; raises Refusal when somebody else's was quicker."""
    if not given.incident_id:
        return False
    incident = open_incident(turn, given.incident_id, given.request_id)
    if incident is not None and incident.step_id != given.step_id:
        raise Refusal("INCIDENT_NOT_FOUND", f"incident {given.incident_id} is not of step {given.step_id}")
    return incident is None


def open_incident(turn: Turn, incident_id: str, request_id: str) -> Incident | None:
    """The open incident; None when this very request resolved it. Raises Refusal when there is none, or no more."""
    incident = turn.incidents.get(incident_id)
    if incident is None:
        raise Refusal("INCIDENT_NOT_FOUND", f"case {turn.before.case_id} has no incident {incident_id}")
    if incident.resolved_at is None:
        return incident
    if incident.retried_by == request_id:
        return None
    raise Refusal(
        "INCIDENT_RESOLVED",
        f"incident {incident_id} was resolved at {timestamp(incident.resolved_at)}; there is nothing to do",
    )


def _check(turn: Turn, step_id: str, kind: DecisionKind) -> None:
    objection = _objection(turn, step_id, kind)
    if objection:
        raise objection


def _objection(turn: Turn, step_id: str, kind: DecisionKind) -> Refusal | None:
    """Why a decision about a step is not possible now."""
    step, planned = turn.steps.get(step_id), turn.plan.by_id.get(step_id)
    if step is None or planned is None:
        return Refusal("STEP_NOT_FOUND", f"there is no step {step_id}; the case has {', '.join(turn.steps)}")
    if turn.ended_at is not None:
        return Refusal("CASE_ENDED", f"case {turn.before.case_id} is {turn.status}; nothing can be decided any more")
    if kind is DecisionKind.WAIVE:
        return None if is_wanted(turn, step) else _no_notice(step)
    if step.status is StepStatus.UNDOING:
        return None if kind is DecisionKind.FORCE else _being_undone(turn, step_id)
    if step.status not in UNFINISHED and turn.incident_of(step_id, "REFUSED_AFTER_PIVOT") is None:
        return Refusal("STEP_SETTLED", f"step {step_id} is {step.status}; only an unfinished step can be decided")
    return _planned_objection(planned, step, kind)


def _planned_objection(planned: PlanStep, step: StepState, kind: DecisionKind) -> Refusal | None:
    """Why the bundle does not allow a decision about an unfinished step."""
    if kind is DecisionKind.SKIP and planned.pivot:
        return Refusal(
            "PIVOT_STEP",
            f"step {step.step_id} is the point of no return and cannot be left out; force it, or stop the case",
        )
    if kind is DecisionKind.FORCE and planned.notice is not None and not step.organ_id:
        return Refusal(
            "STEP_WITHOUT_OFFICE", f"step {step.step_id} has no office to seal its result; reassign it to one first"
        )
    return None


def _no_notice(step: StepState) -> Refusal:
    return Refusal(
        "NO_NOTICE_WANTED",
        f"the case waits for no notice of step {step.step_id}: the notice is {step.notice_status}; only one that is "
        "to be sealed can be done without",
    )


def _being_undone(turn: Turn, step_id: str) -> Refusal:
    case_id = turn.before.case_id
    return Refusal(
        "CASE_UNDOING",
        f"step {step_id} of case {case_id} is being undone; force it, and it counts as undone, or wait for its office",
    )


def _stop_objection(turn: Turn) -> Refusal | None:
    case_id = turn.before.case_id
    if turn.ended_at is not None:
        return Refusal("CASE_ENDED", f"case {case_id} is {turn.status}; it cannot be stopped any more")
    if not turn.running:
        return Refusal("CASE_UNDOING", f"case {case_id} is being undone already")
    if pivot_passed(turn):
        return Refusal(
            "PIVOT_PASSED", f"case {case_id} is past its point of no return; reassign, force or skip what is left"
        )
    return None


def _take_from_office(turn: Turn, given: _Decision) -> None:
    """Take the open task back and resolve the incidents, so that nothing of the step is left with anybody."""
    step = turn.steps[given.step_id]
    timing.decided(turn, given.step_id)
    if step.task_id:
        turn.close_task(step.task_id)
    drop(turn, (given.step_id,))
    for incident in tuple(turn.incidents.values()):
        if incident.step_id == given.step_id and incident.resolved_at is None:
            turn.close_incident(incident)
    _remember(turn, given)
    turn.change(given.step_id, task_id="", routing_no=0, failures=0)


def _remember(turn: Turn, given: _Decision) -> None:
    """Whatever closed the incident that was named: a repeat is known by this."""
    if given.incident_id:
        named = turn.incidents[given.incident_id]
        turn.incidents[given.incident_id] = replace(named, retried_by=given.request_id)
