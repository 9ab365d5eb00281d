"""When a clock is due, how much of it is used, and its light: reckoned from the clock, a calendar and rules. Pure.

**Working days, calendar days, months.** A clock uses up whole days (`counted_days.py` says which), counted from the day
after its start; it is due at the close of the day that has the limit's number, by default at 23:59:59.999 in China.
After a stop, as many days are left as before it. A month is as many calendar days as it has from the start: its last
day is the same day of the next month, or that month's last.

**Hours and minutes** run by the wall clock from the instant of the start, day and night, less what was stopped.

**Unconfirmed.** The rules are those of the Civil Code for periods (articles 200 to 204). That they hold for each
administrative limit is not confirmed; what may differ is a field of `Rules`.

**Past the calendar.** A due time that needs a year which the calendar does not know is not a failure: `Due` says
UNKNOWN and why, and the light goes on to be told by what is used; it is UNKNOWN once even that cannot be counted. The
case goes on, and its times are known as soon as it has a calendar with that year.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chassis.clock import instant_of
from services.cases.domain.calendar import ONE_DAY, Calendar, CalendarEnds
from services.cases.domain.clocks import Clock, Unit
from services.cases.domain.counted_days import Rules, allowed_days, counted_days, open_day

MILLISECOND = timedelta(milliseconds=1)
_LENGTHS = {Unit.HOUR: timedelta(hours=1), Unit.MINUTE: timedelta(minutes=1)}


class Light(StrEnum):
    """How a clock stands."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    """Late."""
    UNKNOWN = "unknown"
    """The calendar does not reach to now."""


class DueState(StrEnum):
    """What is known of a due time."""

    SET = "set"
    STOPPED = "stopped"
    """The clock stands still: there is none until it runs again."""
    UNKNOWN = "unknown"
    """It lies beyond the calendar."""


class Measure(StrEnum):
    """What used, stopped and left time is told in."""

    WORKING_DAY = "working_day"
    CALENDAR_DAY = "calendar_day"
    """For months too."""
    MILLISECOND = "millisecond"


@dataclass(frozen=True, slots=True)
class Due:
    """When a clock is due; it is late after ``at``."""

    state: DueState
    at: datetime | None = None
    """There when, and only when, the state is SET."""
    reason: str = ""
    """Why it is unknown, and what to do."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A clock as it stands at an instant, for people and for lists."""

    light: Light
    due: Due
    measure: Measure
    allowed: int
    """The limit with its extensions."""
    used: int | None
    """None when the calendar does not reach to now."""
    stopped: int | None

    @property
    def left(self) -> int | None:
        """What is left, and below 0 what it is late by; of days, 0 is late already."""
        return None if self.used is None else self.allowed - self.used


def measure_of(unit: Unit) -> Measure:
    """What the times of a clock with that unit are told in."""
    if unit in _LENGTHS:
        return Measure.MILLISECOND
    return Measure.WORKING_DAY if unit is Unit.WORKING_DAY else Measure.CALENDAR_DAY


def allowed(clock: Clock) -> int:
    """How much the clock may use up, extensions included, in its measure."""
    length = _LENGTHS.get(clock.limit.unit)
    return allowed_days(clock) if length is None else clock.amount * (length // MILLISECOND)


def due_at(clock: Clock, calendar: Calendar, rules: Rules) -> Due:
    """When the clock is due, as far as it is known; never raises."""
    try:
        if clock.limit.unit in _LENGTHS:
            at = _spent_at(clock, allowed(clock))
        else:
            day = counted_days(clock, calendar, rules).day(allowed(clock))
            at = instant_of(day, rules.closes_at) if day else None
    except CalendarEnds as end:
        return Due(DueState.UNKNOWN, reason=end.message)
    return Due(DueState.SET, at) if at else Due(DueState.STOPPED)


def used(clock: Clock, now: datetime, calendar: Calendar, rules: Rules) -> int:
    """How much of the clock is used up, in its measure; of days, those that have closed. Raises CalendarEnds."""
    at = _until(clock, now)
    if clock.limit.unit in _LENGTHS:
        return sum((min(last or at, at) - first) // MILLISECOND for first, last in _running(clock) if first < at)
    return counted_days(clock, calendar, rules).until(open_day(at, rules) - ONE_DAY)


def stopped(clock: Clock, now: datetime, calendar: Calendar, rules: Rules) -> int:
    """How much time stops have taken out so far, in the clock's measure. Raises CalendarEnds."""
    at = _until(clock, now)
    if clock.limit.unit in _LENGTHS:
        return (at - clock.started_at) // MILLISECOND - used(clock, now, calendar, rules)
    return counted_days(clock, calendar, rules).taken_out(open_day(at, rules) - ONE_DAY)


def light(clock: Clock, now: datetime, calendar: Calendar, rules: Rules) -> Light:
    """The light of the clock; once it has ended, the one that it ended with. Never raises."""
    at = _until(clock, now)
    due = due_at(clock, calendar, rules)
    if due.at is not None and at > due.at:
        return Light.RED
    try:
        if clock.limit.unit in _LENGTHS:
            begun = used(clock, at, calendar, rules)
        else:
            begun = counted_days(clock, calendar, rules).until(open_day(at, rules))
    except CalendarEnds:
        return Light.UNKNOWN
    return Light.YELLOW if begun >= _yellow(clock, rules) else Light.GREEN


def next_change(clock: Clock, now: datetime, calendar: Calendar, rules: Rules) -> datetime | None:
    """When the light changes by itself after now: what the clock's timer is to be set to.

    None when it does not: the clock has ended, stands still or is late, or the time is beyond the calendar.
    """
    if clock.ended_at is not None:
        return None
    due = due_at(clock, calendar, rules)
    changes = [_yellow_at(clock, calendar, rules), due.at + MILLISECOND if due.at else None]
    return min((each for each in changes if each is not None and each > now), default=None)


def read(clock: Clock, now: datetime, calendar: Calendar, rules: Rules) -> Reading:
    """All that there is to tell about the clock at an instant; never raises."""
    try:
        spent: int | None = used(clock, now, calendar, rules)
        held: int | None = stopped(clock, now, calendar, rules)
    except CalendarEnds:
        spent = held = None
    shown = light(clock, now, calendar, rules)
    due = due_at(clock, calendar, rules)
    return Reading(shown, due, measure_of(clock.limit.unit), allowed(clock), spent, held)


def _until(clock: Clock, now: datetime) -> datetime:
    """The instant that a reading is for: now, but not after the clock's end, nor before its start."""
    return max(min(now, clock.ended_at or now), clock.started_at)


def _yellow(clock: Clock, rules: Rules) -> int:
    """The share of the limit at which the light is yellow, rounded up."""
    return -(-allowed(clock) * rules.yellow_percent // 100)


def _yellow_at(clock: Clock, calendar: Calendar, rules: Rules) -> datetime | None:
    """When the light turns yellow: of days, when the day with that number begins, which is after the close before."""
    if clock.limit.unit in _LENGTHS:
        return _spent_at(clock, _yellow(clock, rules))
    try:
        day = counted_days(clock, calendar, rules).day(_yellow(clock, rules))
    except CalendarEnds:
        return None
    return instant_of(day - ONE_DAY, rules.closes_at) + MILLISECOND if day else None


def _spent_at(clock: Clock, milliseconds: int) -> datetime | None:
    """When a clock by the wall clock has used up so much; None when it stands still before."""
    left = milliseconds * MILLISECOND
    for first, last in _running(clock):
        # What is spent when it is stopped is due when it goes on: it is late once more than all is used.
        if last is None or last - first > left:
            return first + left
        left -= last - first
    return None


def _running(clock: Clock) -> Iterator[tuple[datetime, datetime | None]]:
    """When the clock runs: from and to, the last without an end."""
    at = clock.started_at
    for stop in clock.stops:
        if at < stop.stopped_at:
            yield at, stop.stopped_at
        if stop.resumed_at is None:
            return
        at = max(at, stop.resumed_at)
    yield at, None
