"""Working days, against the State Council's notices and by hand."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import day_of, instant_of
from services.cases.domain.calendar import Calendar, CalendarEnds, add_months
from tests.cases.calendar.days import CALENDAR, a_year, d

DAYS = st.dates(date(2004, 1, 1), date(2026, 12, 31))

# What the notices of these years say (国办发明电): days off, and weekends that are worked on.
NOTICES = {
    2013: (
        "01-01..01-03 02-09..02-15 04-04..04-06 04-29..05-01 06-10..06-12 09-19..09-21 10-01..10-07",
        "01-05 01-06 02-16 02-17 04-07 04-27 04-28 06-08 06-09 09-22 09-29 10-12",
    ),
    2017: (
        "01-01..01-02 01-27..02-02 04-02..04-04 05-01 05-28..05-30 10-01..10-08",
        "01-22 02-04 04-01 05-27 09-30",
    ),
    # With the notice of 26 January 2020, which extended the Spring Festival to 2 February.
    2020: (
        "01-01 01-24..02-02 04-04..04-06 05-01..05-05 06-25..06-27 10-01..10-08",
        "01-19 04-26 05-09 06-28 09-27 10-10",
    ),
    2026: (
        "01-01..01-03 02-15..02-23 04-04..04-06 05-01..05-05 06-19..06-21 09-25..09-27 10-01..10-07",
        "01-04 02-14 02-28 05-09 09-20 10-10",
    ),
}


def days_of(year: int, text: str) -> set[date]:
    found = set()
    for part in text.split():
        first, _, last = part.partition("..")
        day, end = d(f"{year}-{first}"), d(f"{year}-{last or first}")
        while day <= end:
            found.add(day)
            day += timedelta(days=1)
    return found


@pytest.mark.parametrize("year", NOTICES)
def test_a_year_has_the_days_of_its_notice(year: int) -> None:
    off, worked = (days_of(year, text) for text in NOTICES[year])
    expected = {
        day
        for number in range(366)
        if (day := date(year, 1, 1) + timedelta(days=number)).year == year
        and (day in worked or (day.weekday() < 5 and day not in off))
    }
    assert {day for day in expected if not CALENDAR.is_working(day)} == set()
    assert CALENDAR.working_days(date(year, 1, 1), date(year, 12, 31)) == len(expected)


def test_the_calendar_that_is_shipped_knows_2004_to_2026() -> None:
    assert (CALENDAR.first_year, CALENDAR.last_year) == (2004, 2026)
    counts = [CALENDAR.working_days(date(year, 1, 1), date(year, 12, 31)) for year in range(2004, 2027)]
    assert min(counts) == 248
    assert max(counts) == 252


@pytest.mark.parametrize(
    ("start", "number", "day"),
    [
        ("2026-09-21", 5, "2026-09-29"),  # over the Mid-autumn Festival
        ("2026-09-18", 5, "2026-09-24"),  # the Sunday after is worked on
        ("2026-09-30", 1, "2026-10-08"),
        ("2026-09-30", 5, "2026-10-13"),  # with the Saturday after the National Day's week
        ("2026-10-03", 1, "2026-10-08"),  # from within a holiday
        ("2026-02-12", 5, "2026-02-26"),
        ("2026-02-12", 20, "2026-03-18"),
        ("2026-03-02", 45, "2026-05-08"),
        ("2026-03-02", 60, "2026-05-28"),
        ("2020-01-17", 5, "2020-01-23"),
        ("2020-01-23", 1, "2020-02-03"),
        ("2013-04-26", 5, "2013-05-06"),
        ("2017-09-29", 2, "2017-10-09"),
        ("2025-12-31", 1, "2026-01-04"),
        ("2026-10-03", 0, "2026-10-03"),
    ],
)
def test_working_days_are_added(start: str, number: int, day: str) -> None:
    assert CALENDAR.add_working_days(d(start), number) == d(day)


@given(DAYS, st.integers(1, 100))
def test_what_is_added_is_counted(start: date, number: int) -> None:
    left = CALENDAR.working_days(start, date(2026, 12, 31)) - CALENDAR.is_working(start)
    if number > left:
        with pytest.raises(CalendarEnds, match="not of 2027"):
            CALENDAR.add_working_days(start, number)
        return
    end = CALENDAR.add_working_days(start, number)
    assert CALENDAR.is_working(end)
    assert CALENDAR.working_days(start, end) - CALENDAR.is_working(start) == number


@given(DAYS, DAYS, DAYS)
def test_counts_add_up(one: date, two: date, three: date) -> None:
    first, middle, last = sorted((one, two, three))
    after = middle + timedelta(days=1)
    whole = CALENDAR.working_days(first, last)
    rest = CALENDAR.working_days(after, last) if after <= last else 0
    assert whole == CALENDAR.working_days(first, middle) + rest


@pytest.mark.parametrize("day", ["2003-12-31", "2027-01-01", "2031-05-01"])
def test_a_day_beyond_the_calendar_is_refused_with_its_year_and_what_to_do(day: str) -> None:
    with pytest.raises(CalendarEnds, match=f"not of {day[:4]}.*duokua calendar load") as caught:
        CALENDAR.is_working(d(day))
    assert caught.value.reason == "CALENDAR_ENDS"
    assert caught.value.year == int(day[:4])
    with pytest.raises(CalendarEnds):
        CALENDAR.of_year(int(day[:4]))


def test_a_count_that_ends_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(CalendarEnds) as caught:
        CALENDAR.working_days(d("2026-12-30"), d("2027-01-04"))
    assert caught.value.year == 2027
    assert CALENDAR.add_working_days(d("2026-12-30"), 1) == d("2026-12-31")
    with pytest.raises(CalendarEnds):
        CALENDAR.add_working_days(d("2026-12-30"), 2)


def test_working_days_are_counted_from_one() -> None:
    for number in (0, -1):
        with pytest.raises(ValueError, match="from 1"):
            CALENDAR.working_day(number, d("2026-03-02"))


def test_a_calendar_has_no_gap() -> None:
    with pytest.raises(ValueError, match="without a gap"):
        Calendar(1, (*a_year(2026), *a_year(2028)))
    with pytest.raises(ValueError, match="without a gap"):
        Calendar(1, ())


def test_a_year_is_replaced_whole_and_the_others_stay() -> None:
    before = Calendar(1, (*a_year(2026, ("03-02", "holiday")), *a_year(2027)))
    after = before.replaced(a_year(2026, ("03-03", "holiday")), 2)
    assert after.version == 2
    assert after.is_working(d("2026-03-02"))
    assert not after.is_working(d("2026-03-03"))
    assert after.of_year(2027) == before.of_year(2027)
    assert not before.is_working(d("2026-03-02"))


@pytest.mark.parametrize(
    ("start", "months", "day"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2026-03-31", 1, "2026-04-30"),
        ("2026-02-28", 1, "2026-03-28"),
        ("2025-12-15", 1, "2026-01-15"),
        ("2025-11-30", 3, "2026-02-28"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2026-05-20", 0, "2026-05-20"),
    ],
)
def test_a_month_ends_on_the_same_day_or_on_its_last(start: str, months: int, day: str) -> None:
    assert add_months(d(start), months) == d(day)


@given(DAYS, st.integers(0, 600))
def test_months_lead_to_the_month_that_was_meant(start: date, months: int) -> None:
    end = add_months(start, months)
    assert (end.year - start.year) * 12 + end.month - start.month == months
    assert end.day == start.day or (end.day < start.day and (end + timedelta(days=1)).day == 1)


def test_days_are_those_of_china() -> None:
    assert day_of(datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC)) == d("2026-03-01")
    assert day_of(datetime(2026, 3, 1, 16, 0, tzinfo=UTC)) == d("2026-03-02")
    assert instant_of(d("2026-03-02")) == datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
    assert instant_of(d("2026-03-02")).tzinfo is UTC
