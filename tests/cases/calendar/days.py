"""Days, instants and calendars as tests write them."""

from datetime import date, datetime, time, timedelta

from chassis.clock import instant_of
from services.cases.domain.calendar import Calendar, DayKind, SpecialDay
from services.cases.release_calendar import built_in

CALENDAR = built_in()


def d(text: str) -> date:
    """A date, such as "2026-09-30"."""
    return date.fromisoformat(text)


def at(text: str) -> datetime:
    """An instant by the time in China, such as "2026-09-30 17:30"; midnight when only a day is given."""
    day, _, clock = text.partition(" ")
    return instant_of(d(day), time.fromisoformat(clock) if clock else time(0))


def close(day: str) -> datetime:
    """The last instant of a day in China."""
    return at(day) + timedelta(days=1, milliseconds=-1)


def a_year(year: int, *more: tuple[str, str]) -> list[SpecialDay]:
    """The least that a year has, and more days as (month-day, kind)."""
    fixed = [("01-01", "holiday"), ("05-01", "holiday"), ("10-01", "holiday")]
    return [SpecialDay(d(f"{year}-{day}"), DayKind(kind), "假日") for day, kind in sorted({*fixed, *more})]


def a_calendar(*years: int) -> Calendar:
    return Calendar(1, tuple(day for year in years for day in a_year(year)))
