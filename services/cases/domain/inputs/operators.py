"""What operators and the lead organ decide."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from services.cases.domain.proceedings import UrgeKind


@dataclass(frozen=True, slots=True)
class IncidentRetried:
    """An operator asks to try again what the incident stopped."""

    kind: ClassVar[str] = "incident_retried"
    incident_id: str
    request_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class StepSkipped:
    """The case goes on without the step."""

    kind: ClassVar[str] = "step_skipped"
    step_id: str
    reason: str
    incident_id: str = ""
    """The incident that it settles; empty when there is none."""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class StepReassigned:
    """Another office handles the step; none named: routing chooses one, and never the present one again."""

    kind: ClassVar[str] = "step_reassigned"
    step_id: str
    reason: str
    organ_id: str = ""
    organ_name: str = ""
    incident_id: str = ""
    """The incident that it settles; empty when there is none."""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class StepForced:
    """The step counts as completed, with this result, because an operator says so."""

    kind: ClassVar[str] = "step_forced"
    step_id: str
    reason: str
    result: Mapping[str, Any]
    incident_id: str = ""
    """The incident that it settles; empty when there is none."""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class NoticeWaived:
    """The case does without the sealed notice of a step, which may reach the applicant in another way."""

    kind: ClassVar[str] = "notice_waived"
    step_id: str
    reason: str
    incident_id: str = ""
    """The incident that it settles; empty when there is none."""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class CaseStopped:
    """The case is given up and undone, before its point of no return."""

    kind: ClassVar[str] = "case_stopped"
    reason: str
    incident_id: str = ""
    """The incident because of which; empty when there is none."""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Urged:
    """催办, 督办: the office of a step is reminded, or its superior is told."""

    kind: ClassVar[str] = "urged"
    step_id: str
    urge: UrgeKind
    reason: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """送达: the applicant has the results."""

    kind: ClassVar[str] = "delivered"
    channel: str
    receiver: str


@dataclass(frozen=True, slots=True)
class ExtensionGranted:
    """延长: more time for the decision, in the unit of the statutory limit, with who gave leave."""

    kind: ClassVar[str] = "extension_granted"
    amount: int
    reason: str
    authority: str
    step_id: str = ""
    """Empty for the whole case."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """The case runs a newer version of its bundle from here on; it is taken with the plan of that version."""

    kind: ClassVar[str] = "migrated"
    from_version: int
    to_version: int
    reason: str
    mapping: Mapping[str, str] = field(default_factory=dict)
    """By step of the version before, the step in whose place it is now, or "" for none; others keep their ids."""
    moved: tuple[str, ...] = ()
    """The steps, by their new ids, whose matter, level or region is another than before: offices are found anew."""
    skipped: tuple[str, ...] = ()
    """The steps whose condition does not hold for the form; it matters for those that have not begun."""
    skip_reasons: tuple[str, ...] = ()
    """Why each of ``skipped`` is: the condition that did not hold."""
    request_id: str = ""
    bundle_digest: str = ""
    """SHA-256 of the newer version of the bundle, as it was published."""
    step_regions: Mapping[str, str] = field(default_factory=dict)
    """By step of the newer version, the region whose offices handle it, for those that have one of their own."""
    step_organs: Mapping[str, str] = field(default_factory=dict)
    """By step of the newer version, the organ that handles it, for those whose organ the form names."""


Order = (
    IncidentRetried
    | StepSkipped
    | StepReassigned
    | StepForced
    | NoticeWaived
    | CaseStopped
    | Urged
    | Delivered
    | ExtensionGranted
    | Migrated
)
ORDERS: tuple[type[Order], ...] = (
    IncidentRetried,
    StepSkipped,
    StepReassigned,
    StepForced,
    NoticeWaived,
    CaseStopped,
    Urged,
    Delivered,
    ExtensionGranted,
    Migrated,
)
