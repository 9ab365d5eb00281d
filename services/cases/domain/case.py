"""A case as it stands: an immutable snapshot of plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from services.cases.domain.proceedings import NO_PROCEEDINGS, Proceedings
from services.cases.domain.reckoning import Light


class CaseStatus(StrEnum):
    """Where a case stands."""

    RUNNING = "running"
    UNDOING = "undoing"
    """Refused or withdrawn before the point of no return; finished steps are being undone."""
    COMPLETED = "completed"
    UNDONE = "undone"


class UndoCause(StrEnum):
    """Why a case is undone, or was."""

    NONE = ""
    REFUSED = "refused"
    """An office refused a step (不予受理, 不予许可)."""
    WITHDRAWN = "withdrawn"
    """The applicant took the application back."""
    HANDED_BACK = "handed_back"
    """The applicant never supplied what was asked for (补正逾期)."""
    STOPPED = "stopped"
    """An operator gave it up."""


class StepStatus(StrEnum):
    """Where a step stands."""

    WAITING = "waiting"
    """Waits for the steps before it, whether it has an office already or not."""
    ROUTING = "routing"
    """May start; waits for an office."""
    OFFERED = "offered"
    ACCEPTED = "accepted"
    CORRECTING = "correcting"
    """Waits for the applicant, who was asked for corrections (补正)."""
    SUSPENDED = "suspended"
    """A special procedure of its office is under way (特别程序)."""
    COMPLETED = "completed"
    SKIPPED = "skipped"
    """Not needed for this case, or left out by an operator."""
    REFUSED = "refused"
    """Refused; of an optional step that is an end like another."""
    UNDOING = "undoing"
    UNDONE = "undone"
    CANCELLED = "cancelled"


class NoticeStatus(StrEnum):
    """Where the sealed notice of a step stands."""

    NONE = "none"
    REQUESTED = "requested"
    SEALED = "sealed"
    WITHDRAWN = "withdrawn"
    """Void from now on; waits for the confirmation that it is revoked. Shown to readers as revoked."""
    REVOKED = "revoked"
    WAIVED = "waived"
    """An operator has the case do without it: the platform never seals it."""


class TaskKind(StrEnum):
    """What an office is asked to do."""

    HANDLE = "handle"
    UNDO = "undo"
    FOLLOW_UP = "follow_up"
    """Answer a bad rating (回访整改)."""


class TaskStatus(StrEnum):
    """Where a task stands; a task is open while OFFERED or ACCEPTED."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    REFUSED = "refused"
    RETURNED = "returned"
    FAILED = "failed"
    CORRECTING = "correcting"
    """Settled by a request for corrections; what follows is another task."""
    SUSPENDED = "suspended"
    """Settled by a special procedure; what follows is another task."""
    PASSED_UP = "passed_up"
    """转报: settled by an opinion; the office's superior decides."""
    CLOSED = "closed"
    """Taken back by the platform before it had its answer."""


ENDED_CASE = frozenset({CaseStatus.COMPLETED, CaseStatus.UNDONE})
ENDED_STEP = frozenset({StepStatus.COMPLETED, StepStatus.SKIPPED})
"""What lets the next steps start; a refusal does too where it undoes nothing."""
_WORSE = (Light.GREEN, Light.UNKNOWN, Light.YELLOW, Light.RED)
OPEN_TASK = frozenset({TaskStatus.OFFERED, TaskStatus.ACCEPTED})


@dataclass(frozen=True, slots=True)
class Review:
    """The opinion of an office that passed a step upward (初审意见)."""

    organ_id: str
    organ_name: str
    task_id: str
    opinion: Mapping[str, Any]
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StepState:
    """Where one step of a case stands."""

    step_id: str
    status: StepStatus
    organ_id: str = ""
    organ_name: str = ""
    routing_reason: str = ""
    routing_no: int = 0
    """The routing request whose answer this step waits for; 0 when it waits for none."""
    excluded_organ_ids: tuple[str, ...] = ()
    """Offices that returned it or passed it upward, or that an operator took it from: never chosen again."""
    attempt: int = 0
    """The handling turn, from 1 once offered; grows with each return, each failure and each retry."""
    undo_attempt: int = 0
    failures: int = 0
    """Technical failures in a row."""
    task_id: str = ""
    """The open task; empty when there is none."""
    handled_task_id: str = ""
    """The task that completed the step; empty when an operator took it as done."""
    result: Mapping[str, Any] | None = None
    reason: str = ""
    """Why the office refused, for the applicant; of a skipped step, the condition that did not hold."""
    notice_no: int = 0
    notice_id: str = ""
    notice_status: NoticeStatus = NoticeStatus.NONE
    notice_reason: str = ""
    """Why the case does without it, for the applicant; empty unless it is waived."""
    document_id: str = ""
    licence_order: str = ""
    """The order for the licence that its approval makes, until it is withdrawn; empty for none."""
    completed_at: datetime | None = None
    completion_no: int = 0
    """The place in the order in which the case's steps were completed, from 1."""
    superior_ids: tuple[str, ...] = ()
    """The organs above the office, the nearest first, as routing told with it."""
    handler: str = ""
    """Who or which section handles it inside the office, as the office says."""
    reviews: tuple[Review, ...] = ()
    """Opinions of the offices below that passed it upward (转报), oldest first."""
    acceptance_stands: bool = False
    """An office had accepted it (受理) and passed it upward: the applicant has that acceptance, so no other follows."""
    region_code: str = ""
    """The region whose offices handle it, where the form names one for it; empty for the case's."""
    named_uscc: str = ""
    """The unified social credit code of the organ that the form names for it; empty where it names none."""

    @property
    def by_word(self) -> bool:
        """Whether an operator took it as done, so that no office did it."""
        return self.completion_no > 0 and not self.handled_task_id


class TakenAnswer(NamedTuple):
    """An answer that was taken, by which a repeat of it is known."""

    kind: str
    """Of the input."""
    request_id: str
    digest: str = ""
    """Of what it said (`content_digest`); empty in snapshots that were written before it was kept."""


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task that was opened, and the answers taken to it."""

    task_id: str
    step_id: str
    kind: TaskKind
    organ_id: str
    status: TaskStatus
    answers: tuple[TakenAnswer, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that only an operator can put right; open until ``resolved_at`` is set."""

    incident_id: str
    step_id: str
    reason: str
    """NO_OFFICE, TASK_FAILED, UNDO_FAILED, REFUSED_AFTER_PIVOT, QUORUM_MISSED, CONDITION_FAILED, CORRECTION_EXPIRED,
    INPUTS_FAILED, NOTICE_FAILED or NOTICE_REVOKED."""
    description: str
    opened_at: datetime
    resolved_at: datetime | None = None
    retried_by: str = ""
    """The request id of the decision that resolved it; empty when it became pointless by itself."""


@dataclass(frozen=True, slots=True)
class Case:
    """One running bundle of one applicant (办件). Its plan is named, not embedded."""

    case_id: str
    case_number: str
    bundle_id: str
    bundle_version: int
    applicant_id: str
    region_code: str
    status: CaseStatus
    version: int
    """Grows by one with each input that changed the case."""
    submitted_at: datetime
    ended_at: datetime | None
    undo_cause: UndoCause
    refusal_reason: str
    """Why it is undone, in the words of the office or the applicant."""
    request_no: int
    """The number of the latest routing request."""
    steps: Mapping[str, StepState]
    """By step id, in the order of the plan."""
    tasks: Mapping[str, TaskState]
    """Every task ever opened, by its id."""
    incidents: Mapping[str, Incident]
    """Every incident ever opened, by its id."""
    proceedings: Proceedings = NO_PROCEEDINGS

    @property
    def ended(self) -> bool:
        """Whether the case is completed or undone."""
        return self.status in ENDED_CASE

    @property
    def light(self) -> Light | None:
        """The worst light of the clocks that run, as told last; None when none runs."""
        running = (each.light for each in self.proceedings.clocks.values() if each.clock.ended_at is None)
        return max(running, key=_WORSE.index, default=None)

    @property
    def organs(self) -> frozenset[str]:
        """The offices that its steps have now."""
        return frozenset(step.organ_id for step in self.steps.values() if step.organ_id)

    @property
    def open_incidents(self) -> int:
        """How many incidents wait for an operator."""
        return sum(1 for incident in self.incidents.values() if incident.resolved_at is None)
