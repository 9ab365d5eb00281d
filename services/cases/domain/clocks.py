"""Legal and promised clocks: what a clock is, and what can happen to it. Pure; `reckoning.py` tells when it is due.

A clock is plain values: when it started, its limit, when it stood still and why, how it was extended, when it ended.
Everything else (due time, time used, light) is reckoned from these, a calendar and rules, so a snapshot holds nothing
that could disagree. The functions here return the clock after an event, or raise Refusal: CLOCK_ENDED, CLOCK_STOPPED,
CLOCK_NOT_STOPPED, ALREADY_EXTENDED, EXTENSION_TOO_SHORT, EXTENSION_TOO_LONG. An event that seems older than the one
before (machines' times differ a little) is taken as happening with it. Many clocks may stop and go on at once, and
several procedures may overlap: a clock runs when none of its stops is open.

Which clock of a case starts, stops and ends when is told in `timing.py`; what follows from its light in `lights.py`.
The core itself never reckons: the shell does, with the newest calendar, and what it tells the core (that a light has
changed) is an input like any other. So a replay needs no calendar, and gives the same whatever was loaded since.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.cases.domain.history import timestamp
from services.cases.domain.refusal import Refusal


class Unit(StrEnum):
    """What a limit is counted in; in the order of the codes 1 to 5 that implementation lists have."""

    WORKING_DAY = "working_day"
    CALENDAR_DAY = "calendar_day"
    HOUR = "hour"
    MINUTE = "minute"
    MONTH = "month"


class LimitKind(StrEnum):
    """Who set a limit."""

    STATUTORY = "statutory"
    """法定: by law."""
    PROMISED = "promised"
    """承诺: by the office, shorter than the law's."""


class StopKind(StrEnum):
    """Why a clock stands still (特别程序); in the order of the codes 1 to 6 of the exchange records."""

    CORRECTION = "correction"
    HEARING = "hearing"
    PUBLICITY = "publicity"
    VERIFICATION = "verification"
    SUSPENDED = "suspended"
    PRE_CHECK_CORRECTION = "pre_check_correction"


# A hundred years: beyond it a limit is a slip, and dates come to their end.
_LONGEST = {
    Unit.WORKING_DAY: 36_525,
    Unit.CALENDAR_DAY: 36_525,
    Unit.HOUR: 876_600,
    Unit.MINUTE: 52_596_000,
    Unit.MONTH: 1_200,
}


@dataclass(frozen=True, slots=True)
class Limit:
    """How long something may take, and by how much that may be extended, in the same unit. Raises ValueError."""

    amount: int
    """From 1."""
    unit: Unit
    kind: LimitKind = LimitKind.STATUTORY
    longest_extension: int = 0
    """By so much, once (行政许可法 42); 0 when it cannot be extended."""

    def __post_init__(self) -> None:
        longest = _LONGEST[self.unit]
        if not (1 <= self.amount <= longest and 0 <= self.longest_extension <= longest):
            raise ValueError(f"a limit has 1 to {longest} {self.unit}s and may have as many more, not {self}")


@dataclass(frozen=True, slots=True)
class Stop:
    """A time in which the clock stands still; open until ``resumed_at`` is set."""

    stop_id: str
    """Names what stopped it, such as the task that asked for a correction."""
    kind: StopKind
    stopped_at: datetime
    resumed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """More time (延长), in the unit of the limit."""

    amount: int
    reason: str
    """For the applicant, who has to be told."""
    authority: str
    """Who gave leave."""
    granted_at: datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock of a step or of a case; instants are aware, in UTC."""

    started_at: datetime
    limit: Limit
    stops: tuple[Stop, ...] = ()
    """In the order in which they began; they may overlap."""
    extensions: tuple[Extension, ...] = ()
    """One at most."""
    ended_at: datetime | None = None

    @property
    def stopped(self) -> bool:
        """Whether it stands still."""
        return any(each.resumed_at is None for each in self.stops)

    @property
    def amount(self) -> int:
        """The limit with its extension, in the unit of the limit."""
        return self.limit.amount + sum(each.amount for each in self.extensions)


# From the law on administrative licences (行政许可法), in working days, with the longest extension. The articles are
# not confirmed: what a matter or a bundle declares comes first, and these are for what declares nothing.
ACCEPTANCE = Limit(5, Unit.WORKING_DAY)
DECISION = Limit(20, Unit.WORKING_DAY, longest_extension=10)
BUNDLE = Limit(45, Unit.WORKING_DAY, longest_extension=15)
REVIEW = Limit(20, Unit.WORKING_DAY)
DELIVERY = Limit(10, Unit.WORKING_DAY)


def start(at: datetime, limit: Limit) -> Clock:
    """A clock that runs from now on. Raises ValueError for a time without a zone."""
    if at.tzinfo is None:
        raise ValueError("a clock needs a time with its zone")
    return Clock(at, limit)


def stop(clock: Clock, at: datetime, stop_id: str, kind: StopKind) -> Clock:
    """The clock stands still from now on.

    Raises Refusal CLOCK_ENDED, and CLOCK_STOPPED when the same has stopped it already.
    """
    _check_not_ended(clock)
    if _open(clock, stop_id) is not None:
        raise Refusal("CLOCK_STOPPED", f"{stop_id} has stopped the clock already: end that first")
    return replace(clock, stops=(*clock.stops, Stop(stop_id, kind, _not_before_latest(clock, at))))


def resume(clock: Clock, at: datetime, stop_id: str) -> Clock:
    """What stopped the clock is over; it runs again unless something else holds it.

    Raises Refusal CLOCK_ENDED, CLOCK_NOT_STOPPED.
    """
    _check_not_ended(clock)
    held = _open(clock, stop_id)
    if held is None:
        raise Refusal("CLOCK_NOT_STOPPED", f"{stop_id} does not stop the clock: name what does")
    over = replace(held, resumed_at=_not_before_latest(clock, at))
    return replace(clock, stops=tuple(over if each is held else each for each in clock.stops))


def extend(clock: Clock, at: datetime, amount: int, reason: str, authority: str) -> Clock:
    """Give the clock more time, in the unit of its limit: once, however short that was (行政许可法 42).

    Raises Refusal CLOCK_ENDED, ALREADY_EXTENDED, EXTENSION_TOO_SHORT for less than 1, and EXTENSION_TOO_LONG for more
    than the limit allows.
    """
    _check_not_ended(clock)
    unit, longest = clock.limit.unit.replace("_", " "), clock.limit.longest_extension
    if clock.extensions:
        (before,) = clock.extensions
        raise Refusal(
            "ALREADY_EXTENDED",
            f"the limit was extended by {before.amount} {unit}s at {timestamp(before.granted_at)}, by leave of "
            f"{before.authority}; that is done once: decide in the time that is left",
        )
    if amount < 1:
        raise Refusal("EXTENSION_TOO_SHORT", f"an extension is 1 or more, not {amount}")
    if amount > longest:
        raise Refusal("EXTENSION_TOO_LONG", f"an extension by {amount} {unit}s is too long: {longest} are the most")
    extension = Extension(amount, reason, authority, _not_before_latest(clock, at))
    return replace(clock, extensions=(*clock.extensions, extension))


def end(clock: Clock, at: datetime) -> Clock:
    """What the clock measured is done: light and times stay as they are now. Raises Refusal CLOCK_ENDED."""
    _check_not_ended(clock)
    return replace(clock, ended_at=_not_before_latest(clock, at))


def _check_not_ended(clock: Clock) -> None:
    if clock.ended_at is not None:
        raise Refusal("CLOCK_ENDED", f"the clock ended at {timestamp(clock.ended_at)}: nothing can change it")


def _open(clock: Clock, stop_id: str) -> Stop | None:
    return next((each for each in clock.stops if each.stop_id == stop_id and each.resumed_at is None), None)


def _not_before_latest(clock: Clock, at: datetime) -> datetime:
    known = [clock.started_at, *(each.granted_at for each in clock.extensions)]
    known += [each.resumed_at or each.stopped_at for each in clock.stops]
    return max(at, *known)
