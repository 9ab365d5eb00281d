"""What can happen to a case: each input is one row of its history, and replaying the rows gives the case.

Checks of who may say so (token, organ, lease) and of the fields' shape come before; an input is taken as authentic.
What an input means never changes, because histories are replayed; a new field has a default that means what was before.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from services.cases.domain.codec import decode, encode
from services.cases.domain.history import canonical
from services.cases.domain.inputs.applicants import ACTS, Act, Corrected, Rated, Submitted, Withdrawn
from services.cases.domain.inputs.offices import (
    ANSWERS,
    KEEPING,
    Accepted,
    Answer,
    Completed,
    CorrectionRequested,
    Failed,
    HandedOver,
    LimitExtended,
    PassedUp,
    Refused,
    Resumed,
    Returned,
    Suspended,
    VisitAttended,
    VisitScheduled,
)
from services.cases.domain.inputs.operators import (
    ORDERS,
    CaseStopped,
    Delivered,
    ExtensionGranted,
    IncidentRetried,
    Migrated,
    NoticeWaived,
    Order,
    StepForced,
    StepReassigned,
    StepSkipped,
    Urged,
)
from services.cases.domain.inputs.platform import (
    FINDINGS,
    Archived,
    Branched,
    ClockTurned,
    Finding,
    InputsFailed,
    NoticeFailed,
    NoticeRevoked,
    NoticeSealed,
    Routed,
    RoutingDecision,
)

__all__ = [
    "ACTS",
    "ANSWERS",
    "FINDINGS",
    "KEEPING",
    "ORDERS",
    "Accepted",
    "Act",
    "Answer",
    "Archived",
    "Branched",
    "CaseStopped",
    "ClockTurned",
    "Completed",
    "Corrected",
    "CorrectionRequested",
    "Delivered",
    "ExtensionGranted",
    "Failed",
    "Finding",
    "HandedOver",
    "IncidentRetried",
    "Input",
    "InputsFailed",
    "LimitExtended",
    "Migrated",
    "NoticeFailed",
    "NoticeRevoked",
    "NoticeSealed",
    "NoticeWaived",
    "Order",
    "PassedUp",
    "Rated",
    "Refused",
    "Resumed",
    "Returned",
    "Routed",
    "RoutingDecision",
    "StepForced",
    "StepReassigned",
    "StepSkipped",
    "Submitted",
    "Suspended",
    "Urged",
    "VisitAttended",
    "VisitScheduled",
    "Withdrawn",
    "content_digest",
    "from_json",
    "to_json",
]

Input = Act | Answer | Order | Finding

_BY_KIND: dict[str, type[Input]] = {
    input_class.kind: input_class for input_class in (*ACTS, *ANSWERS, *ORDERS, *FINDINGS)
}


def to_json(given: Input) -> dict[str, Any]:
    """Return the input as plain JSON values, without its kind; durations are whole milliseconds."""
    data: dict[str, Any] = encode(given)
    return data


def from_json(kind: str, data: Mapping[str, Any]) -> Input:
    """Read back what ``to_json`` gave. Raises KeyError, TypeError or ValueError when it is not such a value."""
    return decode(_BY_KIND[kind], data)


def content_digest(given: Answer) -> str:
    """What tells an answer from another of its kind with the same request id: 16 hexadecimal characters.

    Of all that it says, but for its own id and the task's. Raises ValueError when it is not JSON.
    """
    said = to_json(given)
    del said["task_id"], said["request_id"]
    return sha256(canonical(said)).hexdigest()[:16]
