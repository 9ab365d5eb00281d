"""What the platform itself finds out: answers of other services, and what time does."""

from dataclasses import dataclass
from typing import ClassVar

from services.cases.domain.reckoning import Light


@dataclass(frozen=True, slots=True)
class RoutingDecision:
    """Which office handles a step, and why; no office when ``organ_id`` is empty."""

    step_id: str
    organ_id: str
    organ_name: str = ""
    reason: str = ""
    superior_ids: tuple[str, ...] = ()
    """The organs above the office, the nearest first."""


@dataclass(frozen=True, slots=True)
class Routed:
    """Routing answered the request that has this number."""

    kind: ClassVar[str] = "routed"
    request_no: int
    decisions: tuple[RoutingDecision, ...]


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
class Branched:
    """Whether the steps of which this was asked are needed, now that the results which decide it are there."""

    kind: ClassVar[str] = "branched"
    needed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    skip_reasons: tuple[str, ...] = ()
    """Why each of ``skipped`` is: the condition that did not hold."""
    failed: tuple[str, ...] = ()
    """The steps whose condition cannot be decided."""
    failures: tuple[str, ...] = ()
    """Why, for each of ``failed``."""


@dataclass(frozen=True, slots=True)
class InputsFailed:
    """What a step needs of earlier results cannot be made of them."""

    kind: ClassVar[str] = "inputs_failed"
    task_id: str
    description: str


@dataclass(frozen=True, slots=True)
class ClockTurned:
    """The light of a clock has changed by itself."""

    kind: ClassVar[str] = "clock_turned"
    clock_id: str
    light: Light


@dataclass(frozen=True, slots=True)
class Archived:
    """归档: nothing more happens to the case."""

    kind: ClassVar[str] = "archived"


Finding = Routed | NoticeSealed | NoticeFailed | NoticeRevoked | Branched | InputsFailed | ClockTurned | Archived
FINDINGS: tuple[type[Finding], ...] = (
    Routed,
    NoticeSealed,
    NoticeFailed,
    NoticeRevoked,
    Branched,
    InputsFailed,
    ClockTurned,
    Archived,
)
