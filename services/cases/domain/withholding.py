"""What of an input everybody may see who may see the case; the rest is the administration's own (内部).

For an applicant an office is one body: who in it, or which of its systems, acted, what its people noted for each other,
and why something technical failed, is left out, as it is when the case is shown. What is not named here is internal,
so that nothing new is shown before somebody has said that it may be.
"""

from collections.abc import Mapping
from typing import Any, Final

from services.cases.domain.history import ACTOR
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

OPEN: Final[Mapping[str, frozenset[str]]] = {
    kind: frozenset(names.split())
    for kind, names in {
        # Applicants see that it was them, or who acted for them.
        Submitted.kind: "actor case_id case_number bundle_id bundle_version applicant_id region_code skipped "
        "form_digest material_digests skip_reasons materials_digest bundle_digest step_regions step_organs",
        Corrected.kind: "actor correction_no form_digest material_digests materials_digest",
        Withdrawn.kind: "actor reason",
        Rated.kind: "actor level step_id tags comment",
        Accepted.kind: "task_id",
        Completed.kind: "task_id result",
        Refused.kind: "task_id reason",
        Returned.kind: "task_id",
        Failed.kind: "task_id",
        CorrectionRequested.kind: "task_id items reason",
        Suspended.kind: "task_id procedure reason",
        Resumed.kind: "task_id",
        LimitExtended.kind: "task_id amount reason authority",
        PassedUp.kind: "task_id reason",
        HandedOver.kind: "task_id",
        VisitScheduled.kind: "task_id at place",
        VisitAttended.kind: "task_id",
        StepSkipped.kind: "step_id reason",
        StepReassigned.kind: "step_id organ_id organ_name",
        StepForced.kind: "step_id result",
        NoticeWaived.kind: "step_id reason",
        CaseStopped.kind: "reason",
        ExtensionGranted.kind: "step_id amount reason authority",
        Migrated.kind: "from_version to_version mapping moved skipped skip_reasons bundle_digest step_regions "
        "step_organs",
        Urged.kind: "step_id urge reason",
        Delivered.kind: "channel receiver",
        Routed.kind: "actor request_no decisions",
        NoticeSealed.kind: "actor notice_id document_id",
        NoticeFailed.kind: "actor notice_id",
        NoticeRevoked.kind: "actor notice_id document_id",
        Branched.kind: "actor needed skipped skip_reasons failed",
        InputsFailed.kind: "actor task_id",
        ClockTurned.kind: "actor clock_id light",
        Archived.kind: "actor",
    }.items()
}
"""The open fields of each kind of input, and `actor` where who gave it is open. Of a kind that is not here, nothing."""
_NOTHING: Final[frozenset[str]] = frozenset()


def internal_names(kind: str, given: Mapping[str, Any]) -> list[str]:
    """The names of what is internal in an input, as its entry holds them: `ACTOR` and fields, in their order."""
    shown = OPEN.get(kind, _NOTHING)
    return [name for name in (ACTOR, *given) if name not in shown]
