"""What holds steps up and is not yet over: the open request for corrections, and special procedures."""

from collections.abc import Container
from dataclasses import replace
from typing import TYPE_CHECKING

from services.cases.domain import timing
from services.cases.domain.proceedings import ClockKind, Correction, CorrectionRequest, CorrectionStatus

if TYPE_CHECKING:
    from services.cases.domain.turn import Turn

EXPIRED = "CORRECTION_EXPIRED"
"""Why an operator is asked when the applicant keeps silent past the point of no return."""


def open_correction(turn: "Turn") -> Correction | None:
    """What the applicant is asked for now, or None."""
    corrections = turn.proceedings.corrections
    return corrections[-1] if corrections and corrections[-1].status is CorrectionStatus.OPEN else None


def clock_of(correction: Correction) -> str:
    """The id of the clock that measures the applicant's time."""
    return f":{ClockKind.CORRECTION}:{correction.correction_no}"


def keep(turn: "Turn", correction: Correction) -> None:
    """Put the latest correction back as it is now."""
    turn.proceed(corrections=(*turn.proceedings.corrections[:-1], correction))


def settle(turn: "Turn", correction: Correction, status: CorrectionStatus, supplied: tuple[str, ...] = ()) -> None:
    """The open correction is over: nobody waits for the applicant any more."""
    timing.end(turn, clock_of(correction))
    for request in correction.requests:
        close_expiry(turn, request)
    keep(turn, replace(correction, status=status, settled_at=turn.now, supplied=supplied))


def close_expiry(turn: "Turn", request: CorrectionRequest) -> bool:
    """Whether the operator had been asked about the applicant's silence; now nobody needs to know any more."""
    incident = turn.incident_of(request.step_id, EXPIRED)
    if incident is None:
        return False
    turn.close_incident(incident)
    return True


def drop(turn: "Turn", step_ids: Container[str]) -> None:
    """What holds these steps up is pointless, because they do not go on: cancelled, skipped, or given to others.

    A correction that other steps need too stays open for them. The bundle's clocks go on, unless others hold them.
    """
    correction = open_correction(turn)
    if correction is not None:
        _drop_requests(turn, correction, step_ids)
    dropped = [each for each in turn.proceedings.procedures if each.ended_at is None and each.step_id in step_ids]
    if dropped:
        turn.proceed(
            procedures=tuple(
                replace(each, ended_at=turn.now) if each in dropped else each for each in turn.proceedings.procedures
            )
        )
    for procedure in dropped:
        timing.resumed(turn, procedure.step_id, procedure.task_id)


def _drop_requests(turn: "Turn", correction: Correction, step_ids: Container[str]) -> None:
    left = tuple(each for each in correction.requests if each.step_id not in step_ids)
    for request in correction.requests:
        if request not in left:
            timing.resumed(turn, request.step_id, request.task_id)
    if not left:
        settle(turn, correction, CorrectionStatus.CANCELLED)
    elif left != correction.requests:
        dropped = (each for each in correction.requests if each.step_id in step_ids)
        expired = any(close_expiry(turn, each) for each in dropped)
        correction = replace(correction, requests=left)
        keep(turn, correction)
        if expired:
            report_expiry(turn, correction)


def report_expiry(turn: "Turn", correction: Correction) -> None:
    """Past the point of no return an operator has to settle it; late, the applicant may still supply."""
    request = correction.requests[0]
    name = turn.plan.by_id[request.step_id].name or request.step_id
    turn.open_incident(
        request.step_id,
        EXPIRED,
        f"the applicant has not supplied what {name} needs, and the case is past its point of no return. "
        "Speak with the applicant, then retry the incident: it gives the applicant the whole time once more.",
    )
