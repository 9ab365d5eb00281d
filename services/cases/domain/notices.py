"""The sealed notices of results: requested, sealed, failed, withdrawn, revoked, done without."""

from services.cases.domain.case import NoticeStatus, StepState
from services.cases.domain.effects import RequestNotice, WithdrawNotice
from services.cases.domain.ending import end_if_over
from services.cases.domain.inputs import NoticeFailed, NoticeRevoked, NoticeSealed
from services.cases.domain.turn import Turn

_VALID = frozenset({NoticeStatus.REQUESTED, NoticeStatus.SEALED})
_NOTHING_TO_REVOKE = frozenset({NoticeStatus.NONE, NoticeStatus.REVOKED, NoticeStatus.WAIVED})
_INCIDENTS = ("NOTICE_FAILED", "NOTICE_REVOKED")


def request_notice(turn: Turn, step_id: str) -> None:
    """Ask for a notice of the step's result under a new id: a notice that was revoked is never sealed again."""
    number = turn.steps[step_id].notice_no + 1
    notice_id = f"{turn.before.case_id}:{step_id}:n{number}"
    turn.change(step_id, notice_no=number, notice_id=notice_id, notice_status=NoticeStatus.REQUESTED, document_id="")
    turn.effects.append(RequestNotice(notice_id, step_id))


def request_again(turn: Turn, step_id: str) -> None:
    """Ask for the same notice once more, after somebody put right what was wrong."""
    turn.effects.append(RequestNotice(turn.steps[step_id].notice_id, step_id))


def withdraw_notice(turn: Turn, step: StepState, reason: str) -> None:
    """Make the step's notice void, sealed or not yet."""
    _close_incidents(turn, step.step_id)
    if step.notice_status in _VALID:
        turn.change(step.step_id, notice_status=NoticeStatus.WITHDRAWN)
        turn.effects.append(WithdrawNotice(step.notice_id, step.step_id, reason))


def is_wanted(turn: Turn, step: StepState) -> bool:
    """Whether the case waits for a notice of the step: to be sealed, or to be made anew."""
    revoked = turn.incident_of(step.step_id, "NOTICE_REVOKED") is not None
    return step.notice_status is NoticeStatus.REQUESTED or revoked


def waive_notice(turn: Turn, step_id: str, reason: str) -> None:
    """Do without the step's notice. One that was asked for is withdrawn, so that none turns up later."""
    step = turn.steps[step_id]
    _close_incidents(turn, step_id)
    if step.notice_status is NoticeStatus.REQUESTED:
        turn.effects.append(WithdrawNotice(step.notice_id, step_id, reason))
    turn.change(step_id, notice_status=NoticeStatus.WAIVED, notice_reason=reason, document_id="")


def notice_sealed(turn: Turn, given: NoticeSealed) -> None:
    """Keep the document; late when the notice is sealed, withdrawn or revoked already."""
    step = _step_of(turn, given.notice_id)
    if step is None or step.notice_status is not NoticeStatus.REQUESTED:
        return
    turn.change(step.step_id, notice_status=NoticeStatus.SEALED, document_id=given.document_id)
    _close_incidents(turn, step.step_id)
    end_if_over(turn)


def notice_failed(turn: Turn, given: NoticeFailed) -> None:
    """Open an incident, once, while the notice is still wanted."""
    step = _step_of(turn, given.notice_id)
    if step is None or step.notice_status is not NoticeStatus.REQUESTED:
        return
    if turn.incident_of(step.step_id, "NOTICE_FAILED"):
        return
    turn.open_incident(
        step.step_id,
        "NOTICE_FAILED",
        f"notice {given.notice_id} cannot be sealed ({given.reason}): {given.description} "
        "Put that right, then retry the incident; or have the case do without the notice.",
    )


def notice_revoked(turn: Turn, given: NoticeRevoked) -> None:
    """Confirm a withdrawal; or note that the seal's keeper revoked a notice that the case still wants.

    The latter needs an operator while the case is not ended: a retry asks for a new notice.
    """
    step = _step_of(turn, given.notice_id)
    if step is None or step.notice_status in _NOTHING_TO_REVOKE:
        return
    turn.change(step.step_id, notice_status=NoticeStatus.REVOKED, document_id=given.document_id or step.document_id)
    if step.notice_status is NoticeStatus.WITHDRAWN:
        end_if_over(turn)
    elif turn.ended_at is None:
        _close_incidents(turn, step.step_id)
        turn.open_incident(
            step.step_id,
            "NOTICE_REVOKED",
            f"notice {given.notice_id} was revoked although the case has not ended. "
            "Retry the incident to have a new notice made, or have the case do without it.",
        )


def _close_incidents(turn: Turn, step_id: str) -> None:
    for reason in _INCIDENTS:
        incident = turn.incident_of(step_id, reason)
        if incident:
            turn.close_incident(incident)


def _step_of(turn: Turn, notice_id: str) -> StepState | None:
    for step in turn.steps.values():
        if step.notice_id == notice_id:
            return step
    return None
