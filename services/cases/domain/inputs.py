"""What can happen to a case: each input is one row of its history, and replaying the rows gives the case.

Checks of who may say so (token, organ, lease) and of the fields' shape come before; an input is taken as authentic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, ClassVar

MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Submitted:
    """An applicant handed in the form: the first input of every case, and only the first."""

    kind: ClassVar[str] = "submitted"
    case_id: str
    case_number: str
    bundle_id: str
    bundle_version: int
    applicant_id: str
    region_code: str
    skipped: tuple[str, ...] = ()
    """The steps whose condition does not hold for this form."""
    form_digest: str = ""
    """SHA-256 of the form, so that the history vouches for it without holding it."""
    material_digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoutingDecision:
    """Which office handles a step, and why; no office when ``organ_id`` is empty."""

    step_id: str
    organ_id: str
    organ_name: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Routed:
    """Routing answered the request that has this number."""

    kind: ClassVar[str] = "routed"
    request_no: int
    decisions: tuple[RoutingDecision, ...]


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
class NoticeSealed:
    """A requested notice was rendered and sealed."""

    kind: ClassVar[str] = "notice_sealed"
    notice_id: str
    document_id: str


@dataclass(frozen=True, slots=True)
class NoticeFailed:
    """A requested notice cannot be sealed until somebody puts something right."""

    kind: ClassVar[str] = "notice_failed"
    notice_id: str
    reason: str
    description: str


@dataclass(frozen=True, slots=True)
class NoticeRevoked:
    """A notice is void; ``document_id`` is empty when it had never been sealed."""

    kind: ClassVar[str] = "notice_revoked"
    notice_id: str
    document_id: str = ""


@dataclass(frozen=True, slots=True)
class IncidentRetried:
    """An operator asks to try again what the incident stopped."""

    kind: ClassVar[str] = "incident_retried"
    incident_id: str
    request_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """撤回: the applicant takes the application back."""

    kind: ClassVar[str] = "withdrawn"
    reason: str


Answer = Accepted | Completed | Refused | Returned | Failed
"""What an office says about a task of its own."""
Input = Submitted | Routed | Answer | NoticeSealed | NoticeFailed | NoticeRevoked | IncidentRetried | Withdrawn

_CLASSES: tuple[type[Input], ...] = (
    Submitted,
    Routed,
    Accepted,
    Completed,
    Refused,
    Returned,
    Failed,
    NoticeSealed,
    NoticeFailed,
    NoticeRevoked,
    IncidentRetried,
    Withdrawn,
)
_BY_KIND: dict[str, type[Input]] = {input_class.kind: input_class for input_class in _CLASSES}
_NAMES = {input_class: tuple(each.name for each in fields(input_class)) for input_class in _CLASSES}


def to_json(given: Input) -> dict[str, Any]:
    """Return the input as plain JSON values, without its kind; durations are whole milliseconds."""
    data: dict[str, Any] = {name: getattr(given, name) for name in _NAMES[type(given)]}
    if isinstance(given, Submitted):
        data["skipped"] = list(given.skipped)
        data["material_digests"] = list(given.material_digests)
    elif isinstance(given, Routed):
        data["decisions"] = [
            {"step_id": each.step_id, "organ_id": each.organ_id, "organ_name": each.organ_name, "reason": each.reason}
            for each in given.decisions
        ]
    elif isinstance(given, Failed):
        wait = given.retry_after
        data["retry_after"] = None if wait is None else wait // MILLISECOND
    return data


def from_json(kind: str, data: Mapping[str, Any]) -> Input:
    """Read back what ``to_json`` gave. Raises KeyError or TypeError when it is not such a value."""
    values = dict(data)
    if kind == Submitted.kind:
        values["skipped"] = tuple(values.get("skipped", ()))
        values["material_digests"] = tuple(values.get("material_digests", ()))
    elif kind == Routed.kind:
        values["decisions"] = tuple(RoutingDecision(**each) for each in values["decisions"])
    elif kind == Failed.kind and values.get("retry_after") is not None:
        values["retry_after"] = values["retry_after"] * MILLISECOND
    return _BY_KIND[kind](**values)
