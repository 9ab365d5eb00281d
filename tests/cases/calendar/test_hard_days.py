"""Clocks over leap days, make-up Saturdays and Sundays, and the end of a year; each date is counted by hand.

The days off are those that the State Council announced: 2011-12-31 (Saturday) worked, 2012-01-01 to 03 off; 2023-12-30
to 2024-01-01 off; 2024-02-04 and 02-18 (Sundays) worked, 02-10 to 17 off; 2026-01-01 to 03 off, 01-04 (Sunday) worked;
2026-02-14 and 02-28 (Saturdays) worked, 02-15 to 23 off.
"""

import pytest

from chassis.clock import day_of
from services.cases.domain.clocks import BUNDLE, DECISION, Clock, Limit, StopKind, Unit, extend, resume, start, stop
from services.cases.domain.counted_days import Rules
from services.cases.domain.reckoning import Light, due_at, light, next_change, stopped, used
from tests.cases.calendar.days import CALENDAR, at, close

RULES = Rules()
FIVE = Limit(5, Unit.WORKING_DAY)


def days(number: int) -> Limit:
    return Limit(number, Unit.WORKING_DAY)


def stopping(clock: Clock, begins: str, ends: str) -> Clock:
    return resume(stop(clock, at(begins), "t1", StopKind.HEARING), at(ends), "t1")


def due(clock: Clock) -> str:
    """The day at whose close it is due."""
    instant = due_at(clock, CALENDAR, RULES).at
    assert instant is not None
    day = str(day_of(instant))
    assert instant == close(day)
    return day


@pytest.mark.parametrize(
    ("limit", "begins", "day"),
    [
        (FIVE, "2024-02-22 09:00", "2024-02-29"),  # 23, 26, 27, 28, 29
        (FIVE, "2024-02-29 09:00", "2024-03-07"),  # 1, 4, 5, 6, 7 March
        (FIVE, "2023-02-22 09:00", "2023-03-01"),  # in a common year: 23, 24, 27, 28, 1 March
        (Limit(1, Unit.CALENDAR_DAY), "2024-02-28 09:00", "2024-02-29"),
        (Limit(7, Unit.CALENDAR_DAY), "2024-02-22 09:00", "2024-02-29"),
        (Limit(1, Unit.MONTH), "2024-02-29 09:00", "2024-03-29"),
        (Limit(12, Unit.MONTH), "2024-02-29 09:00", "2025-02-28"),
        (Limit(12, Unit.MONTH), "2023-02-28 09:00", "2024-02-28"),
        (Limit(48, Unit.MONTH), "2020-02-29 09:00", "2024-02-29"),
        (Limit(12, Unit.MONTH), "2020-02-29 09:00", "2021-03-01"),  # 28 February 2021 is a Sunday
    ],
)
def test_a_leap_day_is_a_day_like_others(limit: Limit, begins: str, day: str) -> None:
    assert due(start(at(begins), limit)) == day


def test_hours_run_through_a_leap_day() -> None:
    for begins, ends in (("2024-02-28 12:00", "2024-02-29 12:00"), ("2023-02-28 12:00", "2023-03-01 12:00")):
        assert due_at(start(at(begins), Limit(24, Unit.HOUR)), CALENDAR, RULES).at == at(ends)


@pytest.mark.parametrize(
    ("limit", "begins", "day"),
    [
        (days(4), "2024-02-02 09:00", "2024-02-07"),  # Sunday 4, then 5, 6, 7
        (FIVE, "2024-02-07 09:00", "2024-02-20"),  # 8, 9, Sunday 18, 19, 20
        (DECISION, "2024-02-02 09:00", "2024-03-06"),  # 4 to 9: 6; 18 to 23: 12; 26 to 29: 16; 1, 4, 5, 6 March: 20
        (FIVE, "2026-02-10 09:00", "2026-02-24"),  # 11, 12, 13, Saturday 14, 24
        (FIVE, "2026-02-24 09:00", "2026-03-02"),  # 25, 26, 27, Saturday 28, 2 March
        (days(1), "2026-02-14 09:00", "2026-02-24"),  # begun on a Saturday that is worked on
        (days(1), "2026-02-13 23:59", "2026-02-14"),
    ],
)
def test_a_day_that_is_made_up_for_counts(limit: Limit, begins: str, day: str) -> None:
    assert due(start(at(begins), limit)) == day


@pytest.mark.parametrize(
    ("limit", "begins", "day"),
    [
        (days(3), "2025-12-30 09:00", "2026-01-05"),  # 31, Sunday 4, 5
        (days(2), "2025-12-31 23:59", "2026-01-05"),
        (FIVE, "2023-12-27 09:00", "2024-01-04"),  # 28, 29, 2, 3, 4
        (days(3), "2011-12-30 09:00", "2012-01-05"),  # Saturday 31, 4, 5
        (DECISION, "2025-12-10 09:00", "2026-01-08"),  # 15 in December, then 4, 5, 6, 7, 8
        (
            BUNDLE,
            "2025-11-17 09:00",
            "2026-01-20",
        ),  # 9 in November, 23 in December: 32; 4 to 9: 38; 12 to 16: 43; 19, 20
        (
            Limit(1, Unit.CALENDAR_DAY),
            "2025-12-31 09:00",
            "2026-01-04",
        ),  # three days off, then a Sunday that is worked on
        (Limit(2, Unit.MONTH), "2023-12-31 09:00", "2024-02-29"),
    ],
)
def test_a_limit_goes_on_over_the_end_of_a_year(limit: Limit, begins: str, day: str) -> None:
    assert due(start(at(begins), limit)) == day


def test_extensions_are_counted_on_over_the_end_of_a_year() -> None:
    decision = extend(start(at("2025-12-10 09:00"), DECISION), at("2025-12-31 17:00"), 10, "案情复杂", "局长")
    assert due(decision) == "2026-01-22"  # 9, then 12 to 16, then 19 to 22
    whole = extend(start(at("2025-11-17 09:00"), BUNDLE), at("2026-01-20 23:59"), 15, "案情复杂", "市长")
    assert due(whole) == "2026-02-10"  # 21 to 23: 48; 26 to 30: 53; 2 to 6: 58; 9, 10


@pytest.mark.parametrize(
    ("begins", "stops", "resumes", "day"),
    [
        # 27, 28; the 29th is used, because the stop is over on that day: 29, 1, 4.
        ("2024-02-26 09:00", "2024-02-29 09:00", "2024-02-29 17:00", "2024-03-04"),
        # 27, 28; out are the 29th and the 1st: 4, 5, 6.
        ("2024-02-26 09:00", "2024-02-29 09:00", "2024-03-01 09:00", "2024-03-06"),
        # 11, 12, 13; out are Saturday the 14th, the 24th and the 25th: 26, 27.
        ("2026-02-10 09:00", "2026-02-14 10:00", "2026-02-25 10:00", "2026-02-27"),
        # 25, 26; out are the 27th and Saturday the 28th: 2, 3, 4.
        ("2026-02-24 09:00", "2026-02-27 10:00", "2026-02-28 10:00", "2026-03-04"),
        # 30, 31; a stop within days off takes nothing out: 4, 5, 6.
        ("2025-12-29 09:00", "2026-01-01 10:00", "2026-01-03 10:00", "2026-01-06"),
        # 30; out are the 31st and Sunday the 4th: 5, 6, 7, 8.
        ("2025-12-29 09:00", "2025-12-31 10:00", "2026-01-04 10:00", "2026-01-08"),
    ],
)
def test_stops_on_such_days_take_out_what_they_last_over(begins: str, stops: str, resumes: str, day: str) -> None:
    assert due(stopping(start(at(begins), FIVE), stops, resumes)) == day


def test_lights_turn_on_a_saturday_that_is_worked_on_and_not_during_the_holiday_after_it() -> None:
    clock = start(at("2026-02-10 09:00"), FIVE)  # 11, 12, 13, 14, 24
    turns = [at("2026-02-14"), at("2026-02-25")]
    assert next_change(clock, at("2026-02-10 09:00"), CALENDAR, RULES) == turns[0]
    assert next_change(clock, turns[0], CALENDAR, RULES) == turns[1]
    for now, shown in (
        ("2026-02-13 23:59", Light.GREEN),
        ("2026-02-14", Light.YELLOW),
        ("2026-02-23 12:00", Light.YELLOW),
        ("2026-02-24 23:59", Light.YELLOW),
        ("2026-02-25", Light.RED),
    ):
        assert light(clock, at(now), CALENDAR, RULES) is shown, now


def test_time_used_and_stopped_adds_up_over_a_leap_day_and_over_the_end_of_a_year() -> None:
    leap = stopping(start(at("2024-02-26 09:00"), FIVE), "2024-02-29 09:00", "2024-03-01 09:00")
    now = at("2024-03-05 12:00")
    assert (used(leap, now, CALENDAR, RULES), stopped(leap, now, CALENDAR, RULES)) == (3, 2)  # 27, 28, 4; 29, 1
    year = stopping(start(at("2025-12-29 09:00"), FIVE), "2025-12-31 10:00", "2026-01-04 10:00")
    now = at("2026-01-07 00:00")
    assert (used(year, now, CALENDAR, RULES), stopped(year, now, CALENDAR, RULES)) == (3, 2)  # 30, 5, 6; 31, 4
