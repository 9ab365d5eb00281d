"""What time has done to a case: lights that have changed, and when to look again. Pure; the calendar is given.

A light that is UNKNOWN, because the calendar does not reach to now, is not told: nothing has happened to the clock. It
is told what it is as soon as a calendar knows, by who looks at all running cases after a calendar was loaded.
"""

from datetime import UTC, datetime

from services.cases.domain.calendar import Calendar
from services.cases.domain.case import Case
from services.cases.domain.counted_days import Rules
from services.cases.domain.inputs import ClockTurned
from services.cases.domain.reckoning import Light, due_at, light, next_change
from services.cases.domain.timing import running

_NEVER = datetime.max.replace(tzinfo=UTC)


def turned(case: Case, now: datetime, calendar: Calendar, rules: Rules) -> ClockTurned | None:
    """A clock whose light is another than the one told last; None when all have been told.

    Of several the one that was due first, because what follows from it came first: an office's silence is told before
    the applicant's that ended the case later, however late somebody looks. Ask again after it was told: what follows
    may start clocks that are late from their start.
    """
    changed: list[tuple[datetime, str, Light]] = []
    for each in running(case.proceedings.clocks):
        shown = light(each.clock, now, calendar, rules)
        if shown is not each.light and shown is not Light.UNKNOWN:
            changed.append((due_at(each.clock, calendar, rules).at or _NEVER, each.clock_id, shown))
    if not changed:
        return None
    _, clock_id, shown = min(changed)  # by the id where the times are the same: stores have orders of their own
    return ClockTurned(clock_id, shown)


def wake_at(case: Case, now: datetime, calendar: Calendar, rules: Rules) -> datetime | None:
    """When a light of the case changes by itself next, or now when one has changed; None when none will."""
    if turned(case, now, calendar, rules) is not None:
        return now
    changes = (next_change(each.clock, now, calendar, rules) for each in running(case.proceedings.clocks))
    return min((each for each in changes if each is not None), default=None)


def has_clocks(case: Case) -> bool:
    """Whether a clock of the case has not ended."""
    return any(True for _ in running(case.proceedings.clocks))
