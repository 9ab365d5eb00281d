"""From which day until which a licence is good. Days are those of the whole country, UTC+8."""

import re
from calendar import monthrange
from datetime import date, datetime, timedelta

from chassis.clock import instant_of

LONGEST_MONTHS = 1200
FIRST_YEAR, LAST_YEAR = 1900, 2999
"""A licence begins in one of these."""
WITHOUT_END = date.max
"""9999-12-31: how registers write the last day of a licence that has none (长期)."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ONE_DAY = timedelta(days=1)


def day_from(text: object) -> date | None:
    """The day that a text such as 2026-01-31 is; None for every other, also for weeks such as 2026-W05-6."""
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def end_of(day: date) -> datetime:
    """The moment at which a day is over."""
    return instant_of(day + _ONE_DAY)


def last_day(first: date, months: int) -> date | None:
    """The last day of so many months from `first` on; None for 0, which is without end.

    The day before the one of the same number; where the last month has no such day, its last.
    """
    if not months:
        return None
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    longest = monthrange(year, month + 1)[1]
    if first.day > longest:
        return date(year, month + 1, longest)
    return date(year, month + 1, first.day) - _ONE_DAY
