"""The days that a clock uses up, one by one: after its start, without those that stops take out. Pure.

A day is used up at its close (`Rules.closes_at`). A stop that lasts over a close takes days out: the one on which it
begins, the one on which it ends, and all between. So nobody loses a day for having had a part of it, and a stop that is
over before the day's close changes nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time

from chassis.clock import BEIJING, day_of
from services.cases.domain.calendar import ONE_DAY, Calendar, add_months
from services.cases.domain.clocks import Clock, Unit

END_OF_DAY = time(23, 59, 59, 999_000)


@dataclass(frozen=True, slots=True)
class Rules:
    """How days are counted. Each is unconfirmed for one limit or another, so each can be set. Raises ValueError."""

    counts_start_day: bool = False
    """Whether the day of the start is the first day; the law begins with the next (Civil Code, article 201)."""
    counts_stop_day: bool = False
    """Whether the day on which a stop begins is used up. Then a stop on the last day comes too late to save it."""
    counts_resume_day: bool = False
    """Whether the day on which a stop ends is used up, however late it ended."""
    rolls_forward: bool = True
    """Whether a limit in calendar days or months that would end on a day off ends on the next working day (203)."""
    closes_at: time = END_OF_DAY
    """The time in China at which a day is over: midnight, or the end of office hours where an organ has them (203)."""
    yellow_percent: int = 80
    """At which share of the limit the light turns yellow, 1 to 100: with 80 of 20 days, when the 16th begins."""

    def __post_init__(self) -> None:
        if not 1 <= self.yellow_percent <= 100:
            raise ValueError(f"a light turns yellow at 1 to 100 per cent, not at {self.yellow_percent}")


@dataclass(frozen=True, slots=True)
class Span:
    """Days in a row, both ends included, of which every day counts, or every working day."""

    first: date
    last: date
    """`date.max` when nothing ends it."""
    working: bool


@dataclass(frozen=True, slots=True)
class CountedDays:
    """The days that a clock uses up, in spans between its stops."""

    first: date
    """The first day that may count."""
    spans: tuple[Span, ...]
    in_working_days: bool
    """Whether the limit is in working days."""
    calendar: Calendar

    def day(self, number: int) -> date | None:
        """The day with that number, from 1; None when the clock stands still before. Raises CalendarEnds."""
        left = number
        for span in self.spans:
            if span.working and span.last.year > self.calendar.last_year:
                return self.calendar.working_day(left, span.first)
            count = self._count(span.first, span.last, working=span.working)
            if left <= count:
                return (
                    self.calendar.working_day(left, span.first) if span.working else span.first + ONE_DAY * (left - 1)
                )
            left -= count
        return None

    def until(self, last: date) -> int:
        """How many there are up to ``last``, included. Raises CalendarEnds."""
        seen = [span for span in self.spans if span.first <= last]
        return sum(self._count(span.first, min(span.last, last), working=span.working) for span in seen)

    def taken_out(self, last: date) -> int:
        """How many days stops have taken out up to ``last``, in the unit of the limit. Raises CalendarEnds."""
        working = self.in_working_days
        seen = [span for span in self.spans if span.first <= last]
        kept = sum(self._count(span.first, min(span.last, last), working=working) for span in seen)
        return self._count(self.first, last, working=working) - kept

    def _count(self, first: date, last: date, *, working: bool) -> int:
        return self.calendar.working_days(first, last) if working else max((last - first).days + 1, 0)


def counted_days(clock: Clock, calendar: Calendar, rules: Rules) -> CountedDays:
    """The days that a clock with a limit in working days, calendar days or months uses up."""
    first = _first_day(clock, rules)
    between = _between_stops(clock, rules, first)
    working = clock.limit.unit is Unit.WORKING_DAY
    if not working and rules.rolls_forward:
        # All days but the last count, whatever they are; the last is the first working day that comes then.
        spans = tuple(_rolling(between, allowed_days(clock) - 1))
    else:
        spans = tuple(Span(since, last, working=working) for since, last in between)
    return CountedDays(first, spans, working, calendar)


def _rolling(between: Iterable[tuple[date, date]], plain: int) -> Iterator[Span]:
    for first, last in between:
        days = min(plain, (last - first).days + 1)
        if days:
            yield Span(first, first + ONE_DAY * (days - 1), working=False)
        since = first + ONE_DAY * days
        if since <= last:
            yield Span(since, last, working=True)
        plain -= days


def allowed_days(clock: Clock) -> int:
    """How many days a clock may use up, extensions included; months are as long as they are from its start."""
    if clock.limit.unit is not Unit.MONTH:
        return clock.amount
    start = day_of(clock.started_at)
    return (add_months(start, clock.amount) - start).days


def open_day(at: datetime, rules: Rules) -> date:
    """The first day that has not closed at an instant: its own day, or the next one after office hours."""
    local = at.astimezone(BEIJING)
    return local.date() + ONE_DAY * (local.time() > rules.closes_at)


def _first_day(clock: Clock, rules: Rules) -> date:
    return open_day(clock.started_at, rules) if rules.counts_start_day else day_of(clock.started_at) + ONE_DAY


def _between_stops(clock: Clock, rules: Rules, first: date) -> Iterator[tuple[date, date]]:
    """The days from ``first`` on that no stop takes out."""
    for begins, ends in sorted(_taken_out(clock, rules)):
        if first < begins:
            yield first, begins - ONE_DAY
        if ends == date.max:
            return
        first = max(first, ends + ONE_DAY)
    yield first, date.max


def _taken_out(clock: Clock, rules: Rules) -> Iterator[tuple[date, date]]:
    for stop in clock.stops:
        begins = open_day(stop.stopped_at, rules)
        ends = open_day(stop.resumed_at, rules) if stop.resumed_at else date.max
        if begins == ends:
            continue
        first = begins + ONE_DAY * rules.counts_stop_day
        last = ends if ends == date.max else ends - ONE_DAY * rules.counts_resume_day
        if first <= last:
            yield first, last
