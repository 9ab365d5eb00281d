"""The saga's one entry: an input and a case give the next case and what is to be done.

Pure: the time comes in as an argument, and nothing else does. The table at the end is the map of the rules.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.cases.domain.answers import accepted, completed, failed, refused, returned
from services.cases.domain.case import Case
from services.cases.domain.closing import archived, delivered
from services.cases.domain.corrections import corrected, correction_requested
from services.cases.domain.dataflow import inputs_failed
from services.cases.domain.decisions import case_stopped, notice_waived, step_forced, step_reassigned, step_skipped
from services.cases.domain.effects import Effect
from services.cases.domain.extending import extension_granted, limit_extended
from services.cases.domain.flow import branched
from services.cases.domain.incidents import incident_retried
from services.cases.domain.inputs import (
    Accepted,
    Archived,
    Branched,
    CaseStopped,
    ClockTurned,
    Completed,
    Corrected,
    CorrectionRequested,
    Delivered,
    ExtensionGranted,
    Failed,
    HandedOver,
    IncidentRetried,
    Input,
    InputsFailed,
    LimitExtended,
    Migrated,
    NoticeFailed,
    NoticeRevoked,
    NoticeSealed,
    NoticeWaived,
    PassedUp,
    Rated,
    Refused,
    Resumed,
    Returned,
    Routed,
    StepForced,
    StepReassigned,
    StepSkipped,
    Submitted,
    Suspended,
    Urged,
    VisitAttended,
    VisitScheduled,
    Withdrawn,
)
from services.cases.domain.lights import clock_turned
from services.cases.domain.migrating import migrated
from services.cases.domain.notices import notice_failed, notice_revoked, notice_sealed
from services.cases.domain.passing import handed_over, passed_up
from services.cases.domain.plan import Plan
from services.cases.domain.procedures import resumed, suspended
from services.cases.domain.ratings import rated
from services.cases.domain.refusal import Refusal
from services.cases.domain.submission import begin, routed
from services.cases.domain.turn import Turn
from services.cases.domain.undoing import withdrawn
from services.cases.domain.urging import urged
from services.cases.domain.visiting import visit_attended, visit_scheduled

NO_PLANS: Mapping[int, Plan] = {}


@dataclass(frozen=True, slots=True)
class Decision:
    """The case after an input, and what the shell has to do, in order."""

    case: Case
    effects: tuple[Effect, ...]
    changed: bool
    """False for a repeated or a late input: same case, no effects, no row of history."""


def decide(plan: Plan, case: Case | None, given: Input, now: datetime) -> Decision:
    """Take one input at ``now`` (aware UTC); ``case`` is None for Submitted, and only then.

    ``plan`` is that of the case's bundle in the version that `version_for` names.

    A repeat of an answer that was taken, and a late event, leave the case unchanged. Raises Refusal when the input
    is not allowed, and ValueError when the plan is not the case's (a fault of the caller).
    """
    _same_bundle(plan, case, given)
    if isinstance(given, Submitted):
        if case is not None:
            raise Refusal("CASE_EXISTS", f"case {case.case_id} was submitted before")
        turn = begin(plan, given, now)
    elif case is None:
        raise Refusal("CASE_NOT_FOUND", "the case was never submitted")
    else:
        turn = Turn(plan, case, now)
        _RULES[type(given)](turn, given)
    return Decision(turn.after(), tuple(turn.effects), turn.changed)


def replay(plan: Plan, history: Iterable[tuple[Input, datetime]], later: Mapping[int, Plan] = NO_PLANS) -> Case:
    """Return the case that the inputs lead to, each with the time at which it was taken.

    ``later`` are the plans, by version, that the case was migrated to.
    """
    case: Case | None = None
    for given, at in history:
        version = version_for(case, given)
        case = decide(later.get(version, plan), case, given, at).case
    if case is None:
        raise ValueError("an empty history leads to no case")
    return case


def version_for(case: Case | None, given: Input) -> int:
    """The version of the bundle by whose plan an input is taken. Raises Refusal CASE_NOT_FOUND."""
    if isinstance(given, Submitted):
        return given.bundle_version
    if isinstance(given, Migrated):
        return given.to_version
    if case is None:
        raise Refusal("CASE_NOT_FOUND", "the case was never submitted")
    return case.bundle_version


def _same_bundle(plan: Plan, case: Case | None, given: Input) -> None:
    subject = given if isinstance(given, Submitted) else case
    if subject is None:
        return
    version = version_for(case, given)
    if (subject.bundle_id, version) != (plan.bundle_id, plan.version):
        raise ValueError(
            f"case {subject.case_id} runs bundle {subject.bundle_id} version {version}, "
            f"not {plan.bundle_id} version {plan.version}"
        )


_RULES: dict[type[Input], Callable[[Turn, Any], None]] = {
    Routed: routed,
    Accepted: accepted,
    Completed: completed,
    Refused: refused,
    Returned: returned,
    Failed: failed,
    CorrectionRequested: correction_requested,
    Corrected: corrected,
    Suspended: suspended,
    Resumed: resumed,
    PassedUp: passed_up,
    HandedOver: handed_over,
    VisitScheduled: visit_scheduled,
    VisitAttended: visit_attended,
    Branched: branched,
    LimitExtended: limit_extended,
    ExtensionGranted: extension_granted,
    ClockTurned: clock_turned,
    Urged: urged,
    NoticeSealed: notice_sealed,
    NoticeFailed: notice_failed,
    NoticeRevoked: notice_revoked,
    IncidentRetried: incident_retried,
    StepSkipped: step_skipped,
    StepReassigned: step_reassigned,
    StepForced: step_forced,
    NoticeWaived: notice_waived,
    CaseStopped: case_stopped,
    InputsFailed: inputs_failed,
    Withdrawn: withdrawn,
    Delivered: delivered,
    Migrated: migrated,
    Rated: rated,
    Archived: archived,
}
