"""What holds for every case at every moment, judged from outside: by its effects, its history and its plan."""

from services.cases.domain.case import CaseStatus, StepState, StepStatus, TaskKind
from services.cases.domain.decide import replay
from services.cases.domain.effects import Announce, CaseCompleted, CaseUndone, VisitHeld
from services.cases.domain.follow_ups import clock_id, open_ones
from services.cases.domain.inputs import PassedUp, Returned, StepReassigned
from services.cases.domain.proceedings import ClockKind
from services.cases.domain.snapshot import from_json, to_json
from services.cases.domain.stages import NEEDS_REASON, Stage, case_end, case_stage, step_end, step_stage
from services.cases.domain.timing import running
from tests.cases.domain.holding_up import asked, under_way
from tests.cases.domain.saga import Saga
from tests.cases.domain.site import DONE

_STUCK = ("QUORUM_MISSED", "CONDITION_FAILED")
_WITH_ITS_OFFICE = (StepStatus.OFFERED, StepStatus.ACCEPTED, StepStatus.CORRECTING, StepStatus.SUSPENDED)


def all_laws_hold(saga: Saga) -> None:
    """Whatever was said and done, this is so."""
    case = saga.case
    assert replay(saga.plan, saga.history, saga.plans) == case
    assert from_json(to_json(case)) == case
    assert list(case.steps) == [step.step_id for step in saga.plan.steps]
    assert case.version == len(saga.history)
    _check_books(saga)
    _check_order(saga)
    _check_offices(saga)
    _check_clocks(saga)
    _check_stages(saga)
    _check_visits(saga)
    if case.ended:
        _check_end(saga)


def _check_books(saga: Saga) -> None:
    case = saga.case
    per_step = [task.step_id for task in saga.work.values()]
    assert len(per_step) == len(set(per_step)), "a step has two open tasks"
    assert {step.task_id for step in case.steps.values() if step.task_id} == set(saga.work)
    assert {each.task_id for each in open_ones(case)} == saga.open.keys() - saga.work.keys()
    assert set(saga.open_incidents) == {
        each.incident_id for each in case.incidents.values() if each.resolved_at is None
    }
    assert len(saga.being_undone()) <= 1
    unrouted = {step.routing_no for step in case.steps.values() if step.routing_no}
    assert unrouted <= set(saga.questions)
    waiting = asked(saga) + [procedure.step_id for procedure in under_way(saga)]
    held_up = (StepStatus.CORRECTING, StepStatus.SUSPENDED)
    assert sorted(waiting) == sorted(step.step_id for step in case.steps.values() if step.status in held_up)
    left = bool(saga.work or unrouted or waiting or saga.pending_notices() or saga.open_incidents)
    assert case.ended != left, "a case ends exactly when nothing is left to happen"


def _check_order(saga: Saga) -> None:
    """No step is offered before the steps before it have ended, and none waits for longer."""
    stuck = {each.step_id for each in saga.open_incidents.values() if each.reason in _STUCK}
    let_go = {each.step_id for each in saga.case.incidents.values() if each.reason in _STUCK and each.retried_by}
    for step in saga.case.steps.values():
        if step.attempt:
            assert step.step_id in let_go or _may_start(saga, step.step_id)
        if saga.case.status is CaseStatus.RUNNING and step.status is StepStatus.WAITING:
            assert step.step_id in stuck or not _may_start(saga, step.step_id)
    if saga.case.status is CaseStatus.UNDOING:
        assert not saga.offered()
    else:
        assert not saga.being_undone()


def _may_start(saga: Saga, step_id: str) -> bool:
    planned = saga.plan.by_id[step_id]
    after = [saga.case.steps[other] for other in planned.after]
    counted = [other for other in after if other.status is not StepStatus.SKIPPED]
    needed = min(planned.quorum, len(counted))
    if needed and planned.quorum < len(after):
        return sum(1 for other in counted if other.completion_no) >= needed
    if planned.quorum and not all(other.completion_no for other in counted):
        return False
    return all(_was_over(saga, other.step_id) for other in after)


def _was_over(saga: Saga, step_id: str) -> bool:
    """Whether the step had ended, and for a skipped one all before it."""
    step, planned = saga.case.steps[step_id], saga.plan.by_id[step_id]
    if step.status is StepStatus.SKIPPED:
        return all(_was_over(saga, other) for other in planned.after)
    return bool(step.completion_no) or (step.status is StepStatus.REFUSED and planned.tolerant)


def _check_clocks(saga: Saga) -> None:
    """A clock of acceptance runs while a step is offered, those of the decision while it is with its office.

    And while it is between an office that passed it upward and the one above.
    """
    case = saga.case
    runs = {each.clock_id for each in running(case.proceedings.clocks) if each.kind is not ClockKind.FOLLOW_UP}
    assert not runs or case.status is CaseStatus.RUNNING
    owed = {each.clock_id for each in running(case.proceedings.clocks) if each.kind is ClockKind.FOLLOW_UP}
    assert owed == {clock_id(each.step_id) for each in open_ones(case)}
    for planned in saga.plan.steps:
        step, granted = case.steps[planned.step_id], planned.step_id not in saga.carried
        status, climbs = step.status, step.status is StepStatus.ROUTING and bool(step.reviews)
        if case.status is CaseStatus.RUNNING and granted and status is StepStatus.OFFERED and planned.limits.acceptance:
            assert f"{planned.step_id}:acceptance" in runs
        accepted = status is StepStatus.ACCEPTED or (climbs and step.acceptance_stands)
        if case.status is CaseStatus.RUNNING and granted and accepted and planned.limits.statutory:
            assert f"{planned.step_id}:statutory" in runs
        if status not in _WITH_ITS_OFFICE and not climbs:
            assert not [each for each in runs if each.startswith(f"{planned.step_id}:")]


def _forced(step: StepState) -> bool:
    """Whether an operator took it as done: no task of an office did it."""
    return step.completion_no > 0 and not step.handled_task_id


def _check_offices(saga: Saga) -> None:
    """Whoever returned a step or passed it upward never gets it again, unless an operator says so."""
    order = list(saga.all_tasks)
    named = {(given.step_id, given.organ_id) for given, _ in saga.history if isinstance(given, StepReassigned)}
    for given, _ in saga.history:
        if isinstance(given, Returned | PassedUp):
            left = saga.all_tasks[given.task_id]
            if (left.step_id, left.organ_id) in named:
                continue
            later = [saga.all_tasks[task_id] for task_id in order[order.index(given.task_id) + 1 :]]
            handling = [task for task in later if task.kind is TaskKind.HANDLE and task.step_id == left.step_id]
            assert left.organ_id not in {task.organ_id for task in handling}
            assert saga.step(left.step_id).organ_id != left.organ_id


def _check_stages(saga: Saga) -> None:
    """Whatever the case is, there are words for it; it has a result once it has ended, with a reason where it must."""
    case, plan = saga.case, saga.plan
    ends = [case_end(plan, case), *(step_end(plan, case, step_id) for step_id in case.steps)]
    assert (ends[0] is not None) == case.ended
    assert all(end.reason for end in ends if end is not None and end.result in NEEDS_REASON)
    assert (case_stage(plan, case) is Stage.ARCHIVED) == (case.proceedings.archived_at is not None)
    for step_id, step in case.steps.items():
        assert (step_stage(plan, case, step_id) is Stage.SKIPPED) == (step.status is StepStatus.SKIPPED)


def _check_visits(saga: Saga) -> None:
    """A visit is held once, as soon as all have been there who are still to decide."""
    for visit in saga.plan.visits:
        state = saga.case.proceedings.visits.get(visit.visit_id)
        if state is None:
            continue
        assert set(state.attended) <= set(visit.steps)
        told = [each for each in saga.effects if isinstance(each, Announce) and each.event.__class__ is VisitHeld]
        held = [each for each in told if getattr(each.event, "visit_id", "") == visit.visit_id]
        assert len(held) == (state.held_at is not None)
        if saga.case.status is CaseStatus.RUNNING and state.attended:
            left = {step_id for step_id in visit.steps if saga.step(step_id).status not in DONE}
            assert state.held_at is not None or not left <= set(state.attended)


def _check_end(saga: Saga) -> None:
    events = [effect.event for effect in saga.effects if isinstance(effect, Announce)]
    ends = [event for event in events if isinstance(event, CaseCompleted | CaseUndone)]
    assert len(ends) == 1 + saga.reopened
    completed = saga.case.status is CaseStatus.COMPLETED
    assert {type(event) for event in ends} == {CaseCompleted if completed else CaseUndone}
    assert not (completed and saga.reopened)
    assert saga.case.ended_at is not None
    if saga.case.status is CaseStatus.COMPLETED:
        for step in saga.case.steps.values():
            refused = step.status is StepStatus.REFUSED and saga.plan.by_id[step.step_id].tolerant
            assert refused or step.status in (StepStatus.COMPLETED, StepStatus.SKIPPED)
        assert not saga.undo_order()
    else:
        _check_undone(saga)


def _check_undone(saga: Saga) -> None:
    done = sorted(
        (step for step in saga.case.steps.values() if step.completion_no), key=lambda step: step.completion_no
    )
    undoable = [step for step in done if saga.plan.by_id[step.step_id].undoable]
    by_word = {step.step_id for step in undoable if _forced(step)} | saga.forced_undos()
    to_undo = [step.step_id for step in undoable if step.step_id not in by_word]
    order = saga.undo_order()
    assert sorted(order) == sorted(to_undo)
    in_time = [step_id for step_id in order if step_id not in saga.crossed()]
    named = [step_id for step_id in saga.plan.undo_order if step_id in in_time]
    assert in_time == named + [step_id for step_id in reversed(to_undo) if step_id in in_time and step_id not in named]
    announced = [event.removeprefix("StepUndone ") for event in saga.announced() if event.startswith("StepUndone")]
    assert [step_id for step_id in announced if step_id not in by_word] == order
    assert sorted(announced) == sorted(step.step_id for step in undoable)
    assert not any(saga.plan.by_id[step.step_id].pivot for step in done)
    for step in done:
        undone = step in undoable
        assert step.status is (StepStatus.UNDONE if undone else StepStatus.COMPLETED)
        assert not undone or step.notice_status in ("none", "revoked", "waived")
    others = {step.status for step in saga.case.steps.values() if not step.completion_no}
    assert others <= {StepStatus.REFUSED, StepStatus.CANCELLED, StepStatus.SKIPPED}
