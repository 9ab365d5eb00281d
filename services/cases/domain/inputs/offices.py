"""What an office says about a task of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from services.cases.domain.clocks import StopKind
from services.cases.domain.proceedings import CorrectionItem


@dataclass(frozen=True, slots=True)
class Accepted:
    """受理: the office takes the task on."""

    kind: ClassVar[str] = "accepted"
    task_id: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Completed:
    """办结: the task is done; for an undo task, undone. ``result`` holds plain JSON values."""

    kind: ClassVar[str] = "completed"
    task_id: str
    request_id: str
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """不予受理 / 不予许可, with a reason for the applicant."""

    kind: ClassVar[str] = "refused"
    task_id: str
    request_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Returned:
    """退回: not this office's; the step is routed anew."""

    kind: ClassVar[str] = "returned"
    task_id: str
    request_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A technical failure at the office; ``retry_after`` is the wait that it asks for."""

    kind: ClassVar[str] = "failed"
    task_id: str
    request_id: str
    reason: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class CorrectionRequested:
    """补正: the applicant is to supply or mend something; all at once. Settles the task until that is done."""

    kind: ClassVar[str] = "correction_requested"
    task_id: str
    request_id: str
    items: tuple[CorrectionItem, ...]
    reason: str = ""
    """Mandatory from the second request of a step on."""


@dataclass(frozen=True, slots=True)
class Suspended:
    """特别程序: a hearing, a publicity or the like begins; the clocks stand still. Settles the task until it ends."""

    kind: ClassVar[str] = "suspended"
    task_id: str
    request_id: str
    procedure: StopKind
    reason: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The special procedure that was begun on this task is over."""

    kind: ClassVar[str] = "resumed"
    task_id: str
    request_id: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class LimitExtended:
    """延长: more time for the decision, in the unit of the statutory limit, with who gave leave."""

    kind: ClassVar[str] = "limit_extended"
    task_id: str
    request_id: str
    amount: int
    reason: str
    authority: str


@dataclass(frozen=True, slots=True)
class PassedUp:
    """转报: reviewed here, to be decided by the office above; ``opinion`` holds plain JSON values."""

    kind: ClassVar[str] = "passed_up"
    task_id: str
    request_id: str
    opinion: Mapping[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class HandedOver:
    """转办: another person or section of the same office handles it from now on."""

    kind: ClassVar[str] = "handed_over"
    task_id: str
    request_id: str
    handler: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class VisitScheduled:
    """When and where the offices of a joint visit meet; said again, it is moved."""

    kind: ClassVar[str] = "visit_scheduled"
    task_id: str
    request_id: str
    at: datetime
    place: str


@dataclass(frozen=True, slots=True)
class VisitAttended:
    """The office was at the joint visit."""

    kind: ClassVar[str] = "visit_attended"
    task_id: str
    request_id: str
    finding: str = ""


Answer = (
    Accepted
    | Completed
    | Refused
    | Returned
    | Failed
    | CorrectionRequested
    | Suspended
    | Resumed
    | LimitExtended
    | PassedUp
    | HandedOver
    | VisitScheduled
    | VisitAttended
)
ANSWERS: tuple[type[Answer], ...] = (
    Accepted,
    Completed,
    Refused,
    Returned,
    Failed,
    CorrectionRequested,
    Suspended,
    Resumed,
    LimitExtended,
    PassedUp,
    HandedOver,
    VisitScheduled,
    VisitAttended,
)
KEEPING = (Accepted, LimitExtended, HandedOver, VisitScheduled, VisitAttended)
"""Answers after which the office still has the task."""
