"""What the shell has to do after an input was taken, in the order given and in the same transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.cases.domain.case import TaskKind, UndoCause
from services.cases.domain.clocks import Unit
from services.cases.domain.proceedings import Urge


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A task may be offered to the office from ``not_before`` on."""

    task_id: str
    step_id: str
    kind: TaskKind
    organ_id: str
    catalog_code: str
    attempt: int
    """The turn, from 1; counted for handling and for undoing each."""
    not_before: datetime
    accepted: bool = False
    """The office accepted the matter on an earlier turn, which failed technically."""
    handled_task_id: str = ""
    """For an undo task: the task whose act is to be undone, and its result; for a follow-up what was rated."""
    handled_result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class CloseTask:
    """A task is no longer to be offered, and its lease is void. A task that was answered needs no closing."""

    task_id: str


@dataclass(frozen=True, slots=True)
class NameHandler:
    """The office says who or which section handles an open task; it is told with the task from then on."""

    task_id: str
    handler: str


@dataclass(frozen=True, slots=True)
class AcceptTask:
    """An open task counts as accepted, without a word of its office."""

    task_id: str


@dataclass(frozen=True, slots=True)
class StepToRoute:
    """A step that needs an office, other than the excluded ones."""

    step_id: str
    catalog_code: str
    level: int
    excluded_organ_ids: tuple[str, ...] = ()
    organ_id: str = ""
    """The office that an operator named; empty for routing to choose one."""
    above_organ_id: str = ""
    """The office that passed it upward (转报): another one is chosen above it, whatever its level."""
    bound_organ_id: str = ""
    """The office that the region bound it to: chosen before all others, unless it is excluded or passed it upward."""
    region_code: str = ""
    """The region whose offices handle it; empty for the case's."""
    named_uscc: str = ""
    """The unified social credit code of the organ that the form names for it: nobody else is chosen."""


@dataclass(frozen=True, slots=True)
class RequestRouting:
    """Offices are needed for steps, from routing."""

    request_no: int
    region_code: str
    steps: tuple[StepToRoute, ...]


@dataclass(frozen=True, slots=True)
class RequestNotice:
    """The step's result is to become a sealed notice; asked twice with one id, it is sealed once."""

    notice_id: str
    step_id: str


@dataclass(frozen=True, slots=True)
class RequestLicence:
    """The step's approval is to become a licence; asked twice with one id, it is issued once."""

    order_id: str
    step_id: str


@dataclass(frozen=True, slots=True)
class WithdrawLicence:
    """What the step granted is undone: its licence is to be revoked, or never issued."""

    order_id: str
    step_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class WithdrawNotice:
    """A notice is void: to be revoked if it was sealed, and never sealed if it was not."""

    notice_id: str
    step_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class CloseIncident:
    """An incident is resolved: retried by an operator, or pointless by now."""

    incident_id: str


@dataclass(frozen=True, slots=True)
class AskBranch:
    """Whether steps are needed depends on results that are there now; the answer is Branched, at once."""

    step_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseSubmitted:
    """The case was taken in."""


@dataclass(frozen=True, slots=True)
class StepAccepted:
    """The office accepted the step. A step that is completed at once was accepted too, without this event."""

    step_id: str
    by_silence: bool = False
    """The office said nothing in time, which counts as acceptance from the day of receipt."""


@dataclass(frozen=True, slots=True)
class ClockExtended:
    """There is more time for the decision; the applicant is told of it, and why."""

    step_id: str
    """Empty for the whole case."""
    amount: int
    unit: Unit
    reason: str
    authority: str
    """Who gave leave."""


@dataclass(frozen=True, slots=True)
class StepCompleted:
    """The office completed the step."""

    step_id: str
    by_word: bool = False
    """An operator took it as done: the office did nothing."""


@dataclass(frozen=True, slots=True)
class StepRefused:
    """The office refused the step."""

    step_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class StepPassedUp:
    """An office reviewed the step and passed it upward (转报); the last of the step's reviews is its."""

    step_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class StepUrged:
    """The office of a step was reminded, or its superior told (催办, 督办)."""

    step_id: str
    urge: Urge
    late: bool = False
    """A limit of the step itself is over."""


@dataclass(frozen=True, slots=True)
class StepUndone:
    """The office undid what it had completed."""

    step_id: str
    by_word: bool = False
    """It counts as undone: an operator said so, or it had been done by no more than an operator's word."""


@dataclass(frozen=True, slots=True)
class CorrectionRequested:
    """The applicant is asked for corrections: for the first time, for more of them, or for the same once more."""

    correction_no: int


@dataclass(frozen=True, slots=True)
class CorrectionSupplied:
    """The applicant supplied everything that was asked for."""

    correction_no: int


@dataclass(frozen=True, slots=True)
class ProcedureBegan:
    """A special procedure of an office began; it is named by the task on which that was said."""

    task_id: str


@dataclass(frozen=True, slots=True)
class ProcedureEnded:
    """A special procedure is over, and its step goes on."""

    task_id: str


@dataclass(frozen=True, slots=True)
class VisitScheduled:
    """An office has said when and where the joint visit is, or has moved it."""

    visit_id: str
    step_id: str
    """Of the office that said so."""
    step_ids: tuple[str, ...]
    """Of the offices that meet."""


@dataclass(frozen=True, slots=True)
class VisitHeld:
    """All offices have been at the joint visit; those that waited for it may decide."""

    visit_id: str
    step_ids: tuple[str, ...]
    """Of the offices that were there."""


@dataclass(frozen=True, slots=True)
class CaseCompleted:
    """Every step has ended, and every notice is settled; optional steps may have been refused."""

    document_ids: tuple[str, ...]
    """The notices that are sealed."""
    waived: tuple[str, ...] = ()
    """The steps whose notice an operator has the case do without."""


@dataclass(frozen=True, slots=True)
class CaseUndone:
    """Refused or withdrawn, and everything that was done is undone."""

    cause: UndoCause
    reason: str


@dataclass(frozen=True, slots=True)
class CaseDelivered:
    """The applicant has the results."""


@dataclass(frozen=True, slots=True)
class FollowUpOpened:
    """An office is to answer a bad rating of a step, or of the case when ``step_id`` is empty; or has not in time."""

    step_id: str
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class FollowUpClosed:
    """The office has answered."""

    step_id: str


@dataclass(frozen=True, slots=True)
class IncidentOpened:
    """Something happened that only an operator can put right."""

    incident_id: str
    step_id: str
    reason: str
    description: str


Event = (
    CaseSubmitted
    | StepAccepted
    | ClockExtended
    | StepCompleted
    | StepRefused
    | StepPassedUp
    | StepUrged
    | StepUndone
    | CorrectionRequested
    | CorrectionSupplied
    | ProcedureBegan
    | ProcedureEnded
    | VisitScheduled
    | VisitHeld
    | CaseCompleted
    | CaseUndone
    | CaseDelivered
    | FollowUpOpened
    | FollowUpClosed
    | IncidentOpened
)


@dataclass(frozen=True, slots=True)
class Announce:
    """An event for the bus; the shell adds what every event carries from the case after the input."""

    event: Event


Effect = (
    OpenTask
    | CloseTask
    | AcceptTask
    | NameHandler
    | RequestRouting
    | RequestNotice
    | WithdrawNotice
    | RequestLicence
    | WithdrawLicence
    | CloseIncident
    | AskBranch
    | Announce
)
