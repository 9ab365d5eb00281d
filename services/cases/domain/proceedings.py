"""What a case has beyond its steps and tasks: clocks, corrections, special procedures, visits, and what follows.

Each is a plain value, empty while there is none; the rules for each are in a module of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.cases.domain.clocks import Clock, StopKind
from services.cases.domain.reckoning import Light


class ClockKind(StrEnum):
    """What a clock of a case measures."""

    ACCEPTANCE = "acceptance"
    """受理: until the office says whether it takes a step on; silence is acceptance."""
    STATUTORY = "statutory"
    """法定: the decision, by law; of a step, or of the whole bundle."""
    PROMISED = "promised"
    """承诺: the decision, as the office promises."""
    CORRECTION = "correction"
    """补正: the applicant's answer to a request for corrections."""
    FOLLOW_UP = "follow_up"
    """回访整改: the office's answer to a bad rating."""


@dataclass(frozen=True, slots=True)
class CaseClock:
    """A clock of a case, and the light that was told last."""

    clock_id: str
    """"<step id>:<kind>"; the bundle's own have no step id, such as ":statutory"."""
    step_id: str
    """Empty for the bundle's."""
    kind: ClockKind
    clock: Clock
    light: Light = Light.GREEN


class CorrectionStatus(StrEnum):
    """Where a request to the applicant stands."""

    OPEN = "open"
    SUPPLIED = "supplied"
    EXPIRED = "expired"
    """Silence past the limit: handed back."""
    CANCELLED = "cancelled"
    """The case was withdrawn or refused meanwhile."""


class ItemKind(StrEnum):
    """What an office asks the applicant for."""

    FIELD = "field"
    """A field of the form, by its path."""
    MATERIAL = "material"
    """A kind of material."""


@dataclass(frozen=True, slots=True)
class CorrectionItem:
    """One thing that is missing or wrong."""

    kind: ItemKind
    name: str
    """The field's path, or the material's kind."""
    reason: str
    """What is wrong with it, for the applicant."""


@dataclass(frozen=True, slots=True)
class CorrectionRequest:
    """What one office asks for."""

    step_id: str
    task_id: str
    """The task that it was said on; it names the clocks' stop."""
    items: tuple[CorrectionItem, ...]
    reason: str = ""
    accepted: bool = False
    """Whether the office had accepted the matter."""


@dataclass(frozen=True, slots=True)
class Correction:
    """补正: one request to the applicant, with what all offices ask for until it is supplied."""

    correction_no: int
    """From 1."""
    opened_at: datetime
    requests: tuple[CorrectionRequest, ...]
    status: CorrectionStatus = CorrectionStatus.OPEN
    settled_at: datetime | None = None
    supplied: tuple[str, ...] = ()
    """The digests of the form and the materials as they were supplied, by which a repeat is known."""


@dataclass(frozen=True, slots=True)
class Procedure:
    """特别程序: a hearing, a publicity or the like, during which the clocks of a step stand still."""

    task_id: str
    """The task that it was said on; it names the clocks' stop."""
    step_id: str
    kind: StopKind
    reason: str
    began_at: datetime
    ended_at: datetime | None = None
    accepted: bool = False
    """Whether the office had accepted the matter."""


@dataclass(frozen=True, slots=True)
class VisitState:
    """联合踏勘: one visit to the site for which the decisions of several steps wait."""

    visit_id: str
    at: datetime | None = None
    """When it is to be; None until an office says so."""
    place: str = ""
    attended: tuple[str, ...] = ()
    """The steps whose offices were there."""
    held_at: datetime | None = None
    """When the last of them had said so."""


class UrgeKind(StrEnum):
    """How hard an office is reminded."""

    URGE = "urge"
    """催办: a reminder to the office."""
    SUPERVISE = "supervise"
    """督办: its superior is told as well."""


@dataclass(frozen=True, slots=True)
class Urge:
    """A reminder to the office of a step."""

    kind: UrgeKind
    step_id: str
    organ_id: str
    """The office that was reminded."""
    at: datetime
    reason: str
    automatic: bool = False
    """By a clock's light, not by somebody."""
    superior_id: str = ""
    """The organ above the office that was told; empty for a mere reminder."""


@dataclass(frozen=True, slots=True)
class Rating:
    """好差评: what the applicant thinks, of the case or of one office's service."""

    step_id: str
    """Empty for the case."""
    level: int
    """1 very satisfied, 2 satisfied, 3 fairly, 4 dissatisfied, 5 very dissatisfied."""
    rated_at: datetime
    tags: tuple[str, ...] = ()
    comment: str = ""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """回访整改: what a bad rating asks of an office."""

    step_id: str
    """Empty for the case: its lead organ answers."""
    organ_id: str
    task_id: str
    opened_at: datetime
    closed_at: datetime | None = None
    attempt: int = 1
    """The task's turn; grows with each technical failure."""
    result: Mapping[str, Any] | None = None
    """What the office found and did."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """送达: how the results came to the applicant."""

    delivered_at: datetime
    channel: str
    receiver: str


@dataclass(frozen=True, slots=True)
class Proceedings:
    """Everything of this kind in one case."""

    clocks: Mapping[str, CaseClock] = field(default_factory=dict)
    """By clock id."""
    corrections: tuple[Correction, ...] = ()
    """Oldest first; only the last may be open."""
    procedures: tuple[Procedure, ...] = ()
    visits: Mapping[str, VisitState] = field(default_factory=dict)
    """By visit id; those of the plan that wait for two offices or more."""
    urges: tuple[Urge, ...] = ()
    delivery: Delivery | None = None
    ratings: tuple[Rating, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    archived_at: datetime | None = None


NO_PROCEEDINGS = Proceedings()
