"""What comes after the end of a case: the results reach the applicant (送达), and it goes to the archive (归档)."""

from datetime import datetime

from services.cases.domain.case import Case, CaseStatus
from services.cases.domain.effects import CaseDelivered
from services.cases.domain.history import timestamp
from services.cases.domain.inputs import Archived, Delivered
from services.cases.domain.proceedings import Delivery
from services.cases.domain.refusal import Refusal
from services.cases.domain.turn import Turn


def delivered(turn: Turn, given: Delivered) -> None:
    """Note how the applicant got the results of a completed case, once; saying the same again changes nothing."""
    case_id, before = turn.before.case_id, turn.proceedings.delivery
    if before is not None:
        if (before.channel, before.receiver) == (given.channel, given.receiver):
            return
        raise Refusal(
            "ALREADY_DELIVERED",
            f"the results of case {case_id} were delivered at {timestamp(before.delivered_at)} by {before.channel}",
        )
    if turn.status is not CaseStatus.COMPLETED:
        raise Refusal("NOT_COMPLETED", f"case {case_id} is {turn.status}; only the results of a completed one go out")
    check_not_archived(turn)
    turn.proceed(delivery=Delivery(turn.now, given.channel, given.receiver))
    turn.announce(CaseDelivered())


def archived(turn: Turn, _: Archived) -> None:
    """Nothing more happens to the case."""
    if turn.proceedings.archived_at is not None:
        return
    if idle_since(turn.before) is None:
        raise Refusal(
            "NOT_IDLE", f"case {turn.before.case_id} has not ended, or a follow-up of it is open; archive it later"
        )
    turn.proceed(archived_at=turn.now)


def idle_since(case: Case) -> datetime | None:
    """Since when nothing has been left to happen to a case; None before that, and once it is archived."""
    proceedings = case.proceedings
    closed = [each.closed_at for each in proceedings.follow_ups]
    if case.ended_at is None or proceedings.archived_at is not None or None in closed or case.open_incidents:
        return None
    later = [case.ended_at, *(at for at in closed if at is not None), *(each.rated_at for each in proceedings.ratings)]
    if proceedings.delivery is not None:
        later.append(proceedings.delivery.delivered_at)
    return max(later)


def check_not_archived(turn: Turn) -> None:
    """Raise Refusal CASE_ARCHIVED for a case that is in the archive."""
    if turn.proceedings.archived_at is not None:
        raise Refusal(
            "CASE_ARCHIVED",
            f"case {turn.before.case_id} was archived at {timestamp(turn.proceedings.archived_at)}; "
            "nothing more is taken",
        )
