"""Where a case and each of its steps stand, in the words of the trade, and how they ended. Pure, and derived.

Nothing of this is stored: it follows from a case as it stands, so it cannot disagree with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from services.cases.domain.case import (
    Case,
    CaseStatus,
    NoticeStatus,
    StepState,
    StepStatus,
    TaskKind,
    TaskStatus,
    UndoCause,
)
from services.cases.domain.plan import Plan, PlanStep
from services.cases.domain.proceedings import ClockKind, CorrectionStatus
from services.cases.domain.reckoning import Light
from services.cases.domain.timing import clock_id

CASE = ""
"""Stands for the case where a step id is asked for."""


class Stage(StrEnum):
    """Where something stands."""

    SUBMITTED = "submitted"
    """已提交: nobody has it in hand yet."""
    PRE_CHECK = "pre_check"
    """预审"""
    RECEIVED = "received"
    """收件: with an office that has not said whether it takes it on."""
    ACCEPTED = "accepted"
    """受理"""
    NOT_ACCEPTED = "not_accepted"
    """不予受理"""
    NOT_OURS = "not_ours"
    """退回: an office said that it is not its own; another is being found."""
    CORRECTION = "correction"
    """补正"""
    SPECIAL_PROCEDURE = "special_procedure"
    """特别程序"""
    DECIDED = "decided"
    """决定: what follows the decision (a seal, an operator's word) is still open."""
    COMPLETED = "completed"
    """办结"""
    DELIVERED = "delivered"
    """送达"""
    RATED = "rated"
    """已评价"""
    ARCHIVED = "archived"
    """归档"""
    SKIPPED = "skipped"
    """Not needed for this case."""
    UNDONE = "undone"
    """Given up, being undone, or undone."""


class FinalResult(IntEnum):
    """办结结果, with the codes of the exchange records; 1 to 5 need a reason."""

    ISSUED = 0
    """出证办结"""
    NOT_APPROVED = 1
    """不予许可"""
    VOID = 2
    """作废办结"""
    DELETED = 3
    """删除办结: entered by mistake. No case ends so: an entry of a history is never taken out."""
    PASSED_UPWARD = 4
    """转报办结: what an office below made of a step that it passed upward."""
    HANDED_BACK = 5
    """补正不来、自愿放弃"""
    REFUSED_TO_ACCEPT = 6
    """不予受理"""


NEEDS_REASON = frozenset(FinalResult) - {FinalResult.ISSUED, FinalResult.REFUSED_TO_ACCEPT}
_NO_REASON = {
    FinalResult.NOT_APPROVED: "办理部门未说明理由",
    FinalResult.VOID: "已撤销，办理结果作废",
    FinalResult.PASSED_UPWARD: "转报上级部门",
    FinalResult.HANDED_BACK: "申请人放弃办理",
}
_OF_CAUSE = {
    UndoCause.WITHDRAWN: FinalResult.HANDED_BACK,
    UndoCause.HANDED_BACK: FinalResult.HANDED_BACK,
    UndoCause.STOPPED: FinalResult.VOID,
}


_SETTLED = frozenset({Stage.DECIDED, Stage.COMPLETED, Stage.RATED, Stage.NOT_ACCEPTED, Stage.SKIPPED})
"""Of a step that its office has done with."""


@dataclass(frozen=True, slots=True)
class End:
    """How something ended."""

    result: FinalResult
    reason: str = ""
    """Never empty where the result needs one; where it needs none, what is to be said of it all the same."""


def was_accepted(plan: Plan, case: Case, step_id: str) -> bool:
    """Whether the office of a step took it on (受理), by word or by silence; a pre-check comes before anybody does.

    What an office below accepted and passed upward is accepted; what one accepted and then returned is not.
    """
    if plan.by_id[step_id].pre_check:
        return False
    step = case.steps[step_id]
    if step.acceptance_stands:
        return True
    accepted = False
    for task in case.tasks.values():
        if task.step_id == step_id and task.kind is TaskKind.HANDLE and task.organ_id == step.organ_id:
            said = any(answer.kind == "accepted" for answer in task.answers)
            accepted = task.status is not TaskStatus.RETURNED and (accepted or said)
    if accepted:
        return True
    silent = case.proceedings.clocks.get(clock_id(step_id, ClockKind.ACCEPTANCE))
    return silent is not None and silent.light is Light.RED


# How it ended


def step_end(plan: Plan, case: Case, step_id: str) -> End | None:
    """How a step ended; None while it has not, and for one that was not needed."""
    step = case.steps[step_id]
    match step.status:
        case StepStatus.COMPLETED:
            return _issued((step,))
        case StepStatus.REFUSED:
            accepted = was_accepted(plan, case, step_id)
            return _end(FinalResult.NOT_APPROVED if accepted else FinalResult.REFUSED_TO_ACCEPT, step.reason)
        case StepStatus.UNDONE:
            return _end(FinalResult.VOID, case.refusal_reason)
        case StepStatus.CANCELLED:
            return _end(_OF_CAUSE.get(case.undo_cause, FinalResult.VOID), case.refusal_reason)
        case _:
            return None


def case_end(plan: Plan, case: Case) -> End | None:
    """How a case ended; None while it has not."""
    if not case.ended:
        return None
    if case.status is CaseStatus.UNDONE and case.undo_cause in _OF_CAUSE:
        return _end(_OF_CAUSE[case.undo_cause], case.refusal_reason)
    completed = [step for step in case.steps.values() if step.status is StepStatus.COMPLETED]
    if case.status is CaseStatus.COMPLETED and completed:
        return _issued(completed)
    refused = [step for step in case.steps.values() if step.status is StepStatus.REFUSED]
    if not refused:
        return _end(FinalResult.VOID, case.refusal_reason or "各环节均无须办理")
    accepted = any(was_accepted(plan, case, step.step_id) for step in refused)
    reason = case.refusal_reason or refused[0].reason
    return _end(FinalResult.NOT_APPROVED if accepted else FinalResult.REFUSED_TO_ACCEPT, reason)


def _issued(steps: Iterable[StepState]) -> End:
    """Granted; the reason says of which steps there is no sealed notice, and why."""
    waived = [f"{step.organ_name}未出具电子通知书：{step.notice_reason}" for step in steps if step.notice_reason]
    return End(FinalResult.ISSUED, "；".join(waived))


def _end(result: FinalResult, reason: str) -> End:
    return End(result, reason.strip() or _NO_REASON.get(result, ""))


# Where it stands


def step_stage(plan: Plan, case: Case, step_id: str) -> Stage:
    """Where a step stands."""
    step, planned = case.steps[step_id], plan.by_id[step_id]
    if step.status is StepStatus.SKIPPED:
        return Stage.SKIPPED
    if step.completion_no or step.status is StepStatus.REFUSED:
        after = _afterwards(case, step_id)
        if after is not None:
            return after
    match step.status:
        case StepStatus.COMPLETED:
            return Stage.DECIDED if step.notice_status is NoticeStatus.REQUESTED else Stage.COMPLETED
        case StepStatus.REFUSED:
            return Stage.DECIDED if was_accepted(plan, case, step_id) else Stage.NOT_ACCEPTED
        case _:
            return _on_its_way(step, planned)


def _on_its_way(step: StepState, planned: PlanStep) -> Stage:
    match step.status:
        case StepStatus.WAITING | StepStatus.ROUTING:
            returned = step.excluded_organ_ids and not step.organ_id
            return Stage.NOT_OURS if returned else Stage.SUBMITTED
        case StepStatus.OFFERED:
            return Stage.PRE_CHECK if planned.pre_check else Stage.RECEIVED
        case StepStatus.ACCEPTED:
            return Stage.PRE_CHECK if planned.pre_check else Stage.ACCEPTED
        case StepStatus.CORRECTING:
            return Stage.CORRECTION
        case StepStatus.SUSPENDED:
            return Stage.SPECIAL_PROCEDURE
        case _:
            return Stage.UNDONE


def case_stage(plan: Plan, case: Case) -> Stage:
    """Where a case stands: what the applicant has to do comes first, then what is furthest."""
    if case.ended:
        return _afterwards(case, CASE) or _ended(plan, case)
    if case.status is CaseStatus.UNDOING:
        return Stage.UNDONE
    if any(each.status is CorrectionStatus.OPEN for each in case.proceedings.corrections):
        return Stage.CORRECTION
    if any(each.ended_at is None for each in case.proceedings.procedures):
        return Stage.SPECIAL_PROCEDURE
    return _running(plan, case)


def _running(plan: Plan, case: Case) -> Stage:
    stages = {step_stage(plan, case, step_id) for step_id in case.steps}
    if Stage.PRE_CHECK in stages:
        return Stage.PRE_CHECK
    if stages <= _SETTLED:
        return Stage.DECIDED
    if any(_taken_on(plan, case, step) for step in case.steps.values()):
        return Stage.ACCEPTED
    return next((each for each in (Stage.RECEIVED, Stage.NOT_OURS) if each in stages), Stage.SUBMITTED)


def _taken_on(plan: Plan, case: Case, step: StepState) -> bool:
    if plan.by_id[step.step_id].pre_check or step.status is StepStatus.SKIPPED:
        return False
    return step.status is StepStatus.COMPLETED or was_accepted(plan, case, step.step_id)


def _ended(plan: Plan, case: Case) -> Stage:
    end = case_end(plan, case)
    if end is not None and end.result is FinalResult.REFUSED_TO_ACCEPT:
        return Stage.NOT_ACCEPTED
    return Stage.COMPLETED if case.status is CaseStatus.COMPLETED else Stage.UNDONE


def _afterwards(case: Case, step_id: str) -> Stage | None:
    """What comes after the end of a case, or of what an office did for it, the latest first; None before."""
    proceedings = case.proceedings
    if proceedings.archived_at is not None:
        return Stage.ARCHIVED
    if any(rating.step_id == step_id for rating in proceedings.ratings):
        return Stage.RATED
    delivered = proceedings.delivery is not None
    if delivered and (step_id == CASE or case.steps[step_id].status is StepStatus.COMPLETED):
        return Stage.DELIVERED
    return None
