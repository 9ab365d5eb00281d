"""The life of a licence: which act is possible when, and where it leads. Pure rules, without time of their own."""

from datetime import date
from enum import StrEnum

from chassis.problems import Conflict


class Status(StrEnum):
    """Where a licence stands; the values are the codes that exchange uses (证照状态)."""

    VALID = "01"
    HELD = "02"
    REVOKED = "03"
    CANCELLED = "04"
    EXPIRED = "05"
    MOVED_OUT = "06"
    WITHDRAWN = "07"
    OTHER = "99"


class Act(StrEnum):
    """What can happen to a licence."""

    ISSUED = "issued"
    HELD = "held"
    RELEASED = "released"
    REVOKED = "revoked"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    MOVED_OUT = "moved_out"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"
    RENEWED = "renewed"
    """A next version took its place."""


IN_USE = frozenset({Status.VALID, Status.HELD})
"""What still has to end."""
FINAL = frozenset({Status.REVOKED, Status.CANCELLED, Status.MOVED_OUT, Status.WITHDRAWN, Status.OTHER})
"""Nothing leads away from these."""
ENDINGS = {
    Status.REVOKED: Act.REVOKED,
    Status.CANCELLED: Act.CANCELLED,
    Status.MOVED_OUT: Act.MOVED_OUT,
    Status.WITHDRAWN: Act.WITHDRAWN,
    Status.OTHER: Act.ENDED,
}
"""How an organ can end a licence."""
_NAMES = {
    Status.VALID: "valid",
    Status.HELD: "held",
    Status.REVOKED: "revoked",
    Status.CANCELLED: "cancelled",
    Status.EXPIRED: "expired",
    Status.MOVED_OUT: "moved out",
    Status.WITHDRAWN: "withdrawn",
    Status.OTHER: "ended",
}
_AFTER: dict[Act, dict[Status, Status]] = {
    Act.HELD: {Status.VALID: Status.HELD},
    Act.RELEASED: {Status.HELD: Status.VALID},
    Act.EXPIRED: dict.fromkeys(IN_USE, Status.EXPIRED),
    # One that has expired stays so: what it was replaced by says since when.
    Act.RENEWED: {Status.VALID: Status.CANCELLED, Status.EXPIRED: Status.EXPIRED},
    **{act: dict.fromkeys((*IN_USE, Status.EXPIRED), status) for status, act in ENDINGS.items()},
}


def after(status: Status, act: Act) -> Status:
    """Where an act leads. Raises Conflict LICENCE_ENDED, LICENCE_HELD or LICENCE_NOT_HELD where it is not possible."""
    following = _AFTER[act].get(status)
    if following is not None:
        return following
    name = _NAMES[status]
    match status:
        case Status.HELD:
            raise Conflict("LICENCE_HELD", "the licence is held; release it first", status=name)
        case Status.VALID:
            raise Conflict("LICENCE_NOT_HELD", "the licence is not held; there is nothing to release", status=name)
    raise Conflict("LICENCE_ENDED", f"the licence is {name}; that is not possible any more", status=name)


def standing(status: Status, valid_until: date | None, today: date) -> Status:
    """The status on a day: a licence whose last day is over has expired, whether or not that was noted yet."""
    if status in IN_USE and valid_until is not None and valid_until < today:
        return Status.EXPIRED
    return status
