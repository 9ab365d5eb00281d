"""Which days are working days in China, and reckoning with days and months. Pure: the table comes from outside.

A calendar knows whole years, one after the other without a gap. Within them a day is a working day when it is a Monday
to Friday and no holiday, or a make-up day (调休). Beyond them nobody knows: the State Council tells each year's days in
a notice at the end of the year before, and a guess would be a legal date that is wrong. So every question about a day
beyond raises `CalendarEnds`, which names the year and what to do.

A calendar has a version and never changes; loading a year makes the next version. What was reckoned with one version
gives the same for ever; what a case was told because of it is in its history.

Dates and times of day are those of the whole country, UTC+8 (Asia/Shanghai, without daylight saving since 1991).
"""

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from services.cases.domain.refusal import Refusal

ONE_DAY = timedelta(days=1)
SATURDAY = 5
"""Of `date.weekday`: from here on the weekend."""


class DayKind(StrEnum):
    """What a calendar says of a day that it names."""

    WORKING = "working"
    """A Saturday or Sunday that is worked on, in place of another day."""
    HOLIDAY = "holiday"
    """Nobody works; weekends within a holiday are named too."""


@dataclass(frozen=True, slots=True, order=True)
class SpecialDay:
    """A day that is not like its weekday, and the holiday that it belongs to."""

    day: date
    kind: DayKind
    name: str


class CalendarEnds(Refusal):
    """A day was asked for that is beyond the years which a calendar knows; ``year`` is the one that is missing.

    Reason CALENDAR_ENDS. Whoever reckons for a running case takes it as "not known yet", never as a failure.
    """

    def __init__(self, year: int, first_year: int, last_year: int) -> None:
        super().__init__(
            "CALENDAR_ENDS",
            f"the calendar knows the working days of {first_year} to {last_year}, not of {year}: take those of {year} "
            f"from the State Council's notice and load them with `duokua calendar load FILE.csv`",
        )
        self.year = year


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working days of some years, in one version. Questions take O(log n) of the days known."""

    version: int
    """From 1, in the order of loading."""
    days: tuple[SpecialDay, ...]
    """By date; all that is known of these years. Raises ValueError when one between the first and the last has none."""
    first_year: int = field(init=False)
    last_year: int = field(init=False)
    _working: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """The working days, as ordinals."""

    def __post_init__(self) -> None:
        days = tuple(sorted(self.days))
        years = sorted({each.day.year for each in days})
        if not years or years != list(range(years[0], years[-1] + 1)):
            raise ValueError(f"a calendar knows years without a gap, not {years}")
        object.__setattr__(self, "days", days)
        object.__setattr__(self, "first_year", years[0])
        object.__setattr__(self, "last_year", years[-1])
        object.__setattr__(self, "_working", _working_ordinals(days, years[0], years[-1]))

    def is_working(self, day: date) -> bool:
        """Whether offices work on that day. Raises CalendarEnds."""
        return self.working_days(day, day) == 1

    def working_days(self, first: date, last: date) -> int:
        """How many working days there are from ``first`` to ``last``, both included; 0 when ``last`` comes before.

        Raises CalendarEnds when one of the days is not known.
        """
        if last < first:
            return 0
        self._check(first.year)
        self._check(last.year)
        return bisect_right(self._working, last.toordinal()) - bisect_left(self._working, first.toordinal())

    def working_day(self, number: int, first: date) -> date:
        """The working day with that number, from 1, when ``first`` is the first day that may count.

        Raises CalendarEnds, ValueError for a number below 1.
        """
        if number < 1:
            raise ValueError(f"working days are counted from 1, not from {number}")
        self._check(first.year)
        index = bisect_left(self._working, first.toordinal()) + number - 1
        if index >= len(self._working):
            raise CalendarEnds(self.last_year + 1, self.first_year, self.last_year)
        return date.fromordinal(self._working[index])

    def add_working_days(self, day: date, number: int) -> date:
        """The day that is so many working days after ``day``; with 0, ``day`` itself, working or not.

        Raises CalendarEnds, ValueError for a negative number.
        """
        return day if number == 0 else self.working_day(number, day + ONE_DAY)

    def of_year(self, year: int) -> tuple[SpecialDay, ...]:
        """The special days of a year. Raises CalendarEnds when it is not known."""
        self._check(year)
        return tuple(each for each in self.days if each.day.year == year)

    def replaced(self, days: Iterable[SpecialDay], version: int) -> "Calendar":
        """The next version: each year that is among ``days`` has these days and no others, all other years stay."""
        new = tuple(days)
        years = {each.day.year for each in new}
        return Calendar(version, (*(each for each in self.days if each.day.year not in years), *new))

    def _check(self, year: int) -> None:
        if not self.first_year <= year <= self.last_year:
            raise CalendarEnds(year, self.first_year, self.last_year)


def _working_ordinals(days: Iterable[SpecialDay], first_year: int, last_year: int) -> tuple[int, ...]:
    kinds = {each.day: each.kind for each in days}
    ordinals = range(date(first_year, 1, 1).toordinal(), date(last_year, 12, 31).toordinal() + 1)
    return tuple(each for each in ordinals if _works(date.fromordinal(each), kinds.get(date.fromordinal(each))))


def _works(day: date, kind: DayKind | None) -> bool:
    return day.weekday() < SATURDAY if kind is None else kind is DayKind.WORKING


def add_months(day: date, number: int) -> date:
    """The same day of the month so many months later; the month's last day where it has no such day.

    31 January and one month give 28 or 29 February (Civil Code, article 202).
    """
    month = day.year * 12 + day.month - 1 + number
    year, month = divmod(month, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
