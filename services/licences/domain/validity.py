"""From which day until which a licence is good. Days are those of the whole country, UTC+8."""

from calendar import monthrange
from datetime import date, datetime, time, timedelta, timezone

BEIJING = timezone(timedelta(hours=8), "UTC+8")
LONGEST_MONTHS = 1200
_ONE_DAY = timedelta(days=1)


def day_of(moment: datetime) -> date:
    """The day that a moment belongs to."""
    return moment.astimezone(BEIJING).date()


def end_of(day: date) -> datetime:
    """The moment at which a day is over."""
    return datetime.combine(day + _ONE_DAY, time(), BEIJING)


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
