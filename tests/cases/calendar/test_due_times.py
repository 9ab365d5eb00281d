"""Due times, lights and times used, by hand: holidays and make-up days, stops, extensions, the calendar's end."""

from datetime import datetime, time, timedelta

import pytest

from services.cases.domain.clocks import (
    ACCEPTANCE,
    BUNDLE,
    DECISION,
    Clock,
    Limit,
    StopKind,
    Unit,
    end,
    extend,
    resume,
    start,
    stop,
)
from services.cases.domain.counted_days import Rules
from services.cases.domain.reckoning import (
    Due,
    DueState,
    Light,
    Measure,
    due_at,
    light,
    next_change,
    read,
    stopped,
    used,
)
from tests.cases.calendar.days import CALENDAR, a_year, at, close

RULES = Rules()
FIVE = Limit(5, Unit.WORKING_DAY, longest_extension=5)
NOON = time(12)


def stopping(clock: Clock, *times: str) -> Clock:
    """Stops and resumes in turn, at these times."""
    for number, text in enumerate(times):
        clock = resume(clock, at(text), "t1") if number % 2 else stop(clock, at(text), "t1", StopKind.CORRECTION)
    return clock


def due(clock: Clock, rules: Rules = RULES) -> datetime | None:
    return due_at(clock, CALENDAR, rules).at


@pytest.mark.parametrize(
    ("limit", "begins", "day"),
    [
        (Limit(5, Unit.WORKING_DAY), "2026-09-07 09:00", "2026-09-14"),
        (Limit(5, Unit.WORKING_DAY), "2026-09-21 23:59", "2026-09-29"),  # over the Mid-autumn Festival
        (Limit(5, Unit.WORKING_DAY), "2026-09-30", "2026-10-13"),  # over the National Day, with its make-up Saturday
        (Limit(1, Unit.WORKING_DAY), "2026-10-03 12:00", "2026-10-08"),
        (Limit(2, Unit.WORKING_DAY), "2026-02-12 09:00", "2026-02-14"),  # a Saturday that is worked on
        (DECISION, "2026-02-12 09:00", "2026-03-18"),
        (BUNDLE, "2026-03-02 09:00", "2026-05-08"),
        (Limit(7, Unit.CALENDAR_DAY), "2026-09-07 09:00", "2026-09-14"),
        (Limit(3, Unit.CALENDAR_DAY), "2026-09-23 09:00", "2026-09-28"),  # a Saturday in a holiday: on the Monday
        (Limit(7, Unit.CALENDAR_DAY), "2026-09-30 09:00", "2026-10-08"),
        (Limit(10, Unit.CALENDAR_DAY), "2026-09-30 09:00", "2026-10-10"),  # a Saturday that is worked on
        (Limit(1, Unit.CALENDAR_DAY), "2026-10-01 09:00", "2026-10-08"),
        (Limit(1, Unit.MONTH), "2026-01-31 09:00", "2026-02-28"),
        (Limit(2, Unit.MONTH), "2025-12-31 09:00", "2026-02-28"),
        (Limit(1, Unit.MONTH), "2024-01-31 09:00", "2024-02-29"),
        (Limit(1, Unit.MONTH), "2026-04-03 09:00", "2026-05-06"),  # the third of May is a holiday
        (Limit(6, Unit.MONTH), "2026-03-18 09:00", "2026-09-18"),
    ],
)
def test_a_limit_in_days_ends_with_its_last_day(limit: Limit, begins: str, day: str) -> None:
    assert due(start(at(begins), limit)) == close(day)


def test_hours_and_minutes_run_by_the_wall_clock_over_holidays() -> None:
    assert due(start(at("2026-09-30 16:00"), Limit(48, Unit.HOUR))) == at("2026-10-02 16:00")
    assert due(start(at("2026-09-30 23:50"), Limit(15, Unit.MINUTE))) == at("2026-10-01 00:05")


@pytest.mark.parametrize(
    ("rules", "begins", "limit", "expected"),
    [
        (Rules(counts_start_day=True), "2026-09-07 09:00", FIVE, close("2026-09-11")),
        (Rules(counts_start_day=True), "2026-09-06 09:00", FIVE, close("2026-09-11")),
        (Rules(counts_start_day=True), "2026-01-31 09:00", Limit(1, Unit.MONTH), close("2026-02-27")),
        (Rules(rolls_forward=False), "2026-09-30 09:00", Limit(7, Unit.CALENDAR_DAY), close("2026-10-07")),
        (Rules(rolls_forward=False), "2026-04-03 09:00", Limit(1, Unit.MONTH), close("2026-05-03")),
        (Rules(closes_at=time(17, 30)), "2026-09-07 09:00", FIVE, at("2026-09-14 17:30")),
        (Rules(closes_at=time(17, 30)), "2026-09-07 18:00", FIVE, at("2026-09-14 17:30")),
        (Rules(closes_at=time(17, 30), counts_start_day=True), "2026-09-07 18:00", FIVE, at("2026-09-14 17:30")),
    ],
)
def test_rules_that_are_not_confirmed_can_be_set(rules: Rules, begins: str, limit: Limit, expected: datetime) -> None:
    assert due(start(at(begins), limit), rules) == expected


@pytest.mark.parametrize("percent", [0, 101])
def test_a_share_is_one_to_a_hundred_per_cent(percent: int) -> None:
    with pytest.raises(ValueError, match="per cent"):
        Rules(yellow_percent=percent)


# Five working days from Monday 7 September 2026: 8, 9, 10, 11, 14.
@pytest.mark.parametrize(
    ("times", "day"),
    [
        (("2026-09-09 10:00", "2026-09-09 15:00"), "2026-09-14"),  # within a day
        (("2026-09-09 10:00", "2026-09-10 15:00"), "2026-09-16"),  # neither day counts
        (("2026-09-11 18:00", "2026-09-13 09:00"), "2026-09-15"),  # over a weekend: the Friday
        (("2026-09-14 10:00", "2026-09-16 09:00"), "2026-09-17"),  # on the last day: it is left for the day after
        (("2026-09-15 10:00", "2026-09-18 09:00"), "2026-09-14"),  # too late
        (("2026-09-07 10:00", "2026-09-08 09:00"), "2026-09-15"),  # from the start
        (("2026-09-05 10:00", "2026-09-06 09:00"), "2026-09-14"),  # as the start, when a machine's time is behind
        (("2026-09-08 10:00", "2026-09-09 10:00", "2026-09-09 11:00", "2026-09-10 10:00"), "2026-09-17"),
        (("2026-09-24 10:00", "2026-10-08 10:00"), "2026-09-14"),
    ],
)
def test_a_stop_takes_out_the_days_that_it_touches_when_it_lasts_over_a_midnight(
    times: tuple[str, ...], day: str
) -> None:
    assert due(stopping(start(at("2026-09-07 09:00"), FIVE), *times)) == close(day)


@pytest.mark.parametrize(
    ("rules", "day"),
    [
        (Rules(counts_stop_day=True), "2026-09-15"),
        (Rules(counts_resume_day=True), "2026-09-15"),
        (Rules(counts_stop_day=True, counts_resume_day=True), "2026-09-14"),
    ],
)
def test_whether_the_days_of_a_stop_count_can_be_set(rules: Rules, day: str) -> None:
    clock = stopping(start(at("2026-09-07 09:00"), FIVE), "2026-09-09 10:00", "2026-09-10 15:00")
    assert due(clock, rules) == close(day)


def test_stops_that_overlap_take_a_day_out_once() -> None:
    clock = stop(start(at("2026-09-07 09:00"), FIVE), at("2026-09-08 09:00"), "t1", StopKind.CORRECTION)
    clock = stop(clock, at("2026-09-09 09:00"), "t2", StopKind.HEARING)
    clock = resume(resume(clock, at("2026-09-10 09:00"), "t1"), at("2026-09-11 09:00"), "t2")
    assert due(clock) == close("2026-09-18")
    assert stopped(clock, at("2026-09-20"), CALENDAR, RULES) == 4


def test_a_stop_within_a_longer_one_takes_nothing_more_out() -> None:
    for limit, expected in ((FIVE, close("2026-09-18")), (Limit(48, Unit.HOUR), at("2026-09-12 09:00"))):
        clock = stop(start(at("2026-09-07 09:00"), limit), at("2026-09-08 09:00"), "t1", StopKind.CORRECTION)
        clock = stop(clock, at("2026-09-09 09:00"), "t2", StopKind.HEARING)
        clock = resume(resume(clock, at("2026-09-10 09:00"), "t2"), at("2026-09-11 09:00"), "t1")
        assert due(clock) == expected


def test_a_stop_in_the_evening_that_ends_before_work_begins_takes_no_office_day() -> None:
    hours = Rules(closes_at=time(17, 30))
    clock = stopping(start(at("2026-09-07 09:00"), FIVE), "2026-09-09 18:00", "2026-09-10 08:00")
    assert due(clock, hours) == at("2026-09-14 17:30")
    over = stopping(start(at("2026-09-07 09:00"), FIVE), "2026-09-09 17:00", "2026-09-09 18:00")
    assert due(over, hours) == at("2026-09-16 17:30")


def test_a_stop_moves_a_limit_in_calendar_days_months_and_hours() -> None:
    times = ("2026-09-09 10:00", "2026-09-10 15:00")
    assert due(stopping(start(at("2026-09-07"), Limit(7, Unit.CALENDAR_DAY)), *times)) == close("2026-09-16")
    assert due(stopping(start(at("2026-08-14"), Limit(1, Unit.MONTH)), *times)) == close("2026-09-16")
    assert due(stopping(start(at("2026-09-09"), Limit(12, Unit.HOUR)), *times)) == at("2026-09-10 17:00")


def test_a_stop_while_the_last_day_waits_for_a_working_day_moves_it_on() -> None:
    # Seven days from 30 September end in the holiday, so on 8 October; the stop begins on 7 October.
    clock = stopping(start(at("2026-09-30"), Limit(7, Unit.CALENDAR_DAY)), "2026-10-07 10:00", "2026-10-09 10:00")
    assert due(clock) == close("2026-10-10")


def test_a_clock_that_stands_still_is_not_due_and_keeps_its_light() -> None:
    clock = stopping(start(at("2026-09-07 09:00"), FIVE), "2026-09-10 10:00")
    for day in ("2026-09-10 10:00", "2026-09-30", "2029-01-01"):
        assert due_at(clock, CALENDAR, RULES) == Due(DueState.STOPPED)
        assert light(clock, at(day), CALENDAR, RULES) is Light.GREEN
        assert next_change(clock, at(day), CALENDAR, RULES) is None
    assert used(clock, at("2026-09-30"), CALENDAR, RULES) == 2
    assert stopped(clock, at("2026-09-30"), CALENDAR, RULES) == 14  # 10, 11, 14-18, 20 (worked on), 21-24, 28, 29


def test_hours_that_are_spent_when_they_are_stopped_are_late_once_they_go_on() -> None:
    clock = stopping(start(at("2026-09-07 09:00"), Limit(1, Unit.HOUR)), "2026-09-07 10:00")
    assert due_at(clock, CALENDAR, RULES) == Due(DueState.STOPPED)
    assert light(clock, at("2026-09-08"), CALENDAR, RULES) is Light.YELLOW
    clock = resume(clock, at("2026-09-08"), "t1")
    assert due(clock) == at("2026-09-08")
    assert next_change(clock, at("2026-09-08"), CALENDAR, RULES) == at("2026-09-08") + timedelta(milliseconds=1)


def test_what_was_late_when_it_was_stopped_stays_late() -> None:
    clock = stopping(start(at("2026-09-07 09:00"), FIVE), "2026-09-15 10:00")
    assert due_at(clock, CALENDAR, RULES) == Due(DueState.SET, close("2026-09-14"))
    assert light(clock, at("2026-09-30"), CALENDAR, RULES) is Light.RED


def test_an_extension_adds_days() -> None:
    clock = extend(start(at("2026-03-02 09:00"), BUNDLE), at("2026-04-01"), 15, "材料复杂", "分管副市长")
    assert due(clock) == close("2026-05-28")
    months = extend(
        start(at("2026-01-31"), Limit(1, Unit.MONTH, longest_extension=2)), at("2026-02-02"), 1, "疑难", "长"
    )
    assert due(months) == close("2026-03-31")


def test_a_light_is_green_then_yellow_then_red() -> None:
    clock = start(at("2026-09-07 09:00"), FIVE)
    told = {
        "2026-09-07 09:00": Light.GREEN,
        "2026-09-10 23:59:59.999": Light.GREEN,
        "2026-09-11": Light.YELLOW,  # the fourth of five days begins
        "2026-09-14 23:59:59.999": Light.YELLOW,
        "2026-09-15": Light.RED,
        "2030-01-01": Light.RED,
    }
    assert {text: light(clock, at(text), CALENDAR, RULES) for text in told} == told
    changes = [at("2026-09-07 09:00")]
    while change := next_change(clock, changes[-1], CALENDAR, RULES):
        changes.append(change)
    assert changes[1:] == [at("2026-09-11"), at("2026-09-15")]


def test_the_share_of_yellow_can_be_set() -> None:
    clock = start(at("2026-09-07 09:00"), FIVE)
    first = {
        percent: next_change(clock, clock.started_at, CALENDAR, Rules(yellow_percent=percent))
        for percent in (1, 41, 100)
    }
    assert first == {1: at("2026-09-08"), 41: at("2026-09-10"), 100: at("2026-09-14")}


def test_the_light_of_hours_turns_with_the_instant() -> None:
    clock = start(at("2026-09-07 09:00"), Limit(10, Unit.HOUR))
    yellow, red = at("2026-09-07 17:00"), at("2026-09-07 19:00") + timedelta(milliseconds=1)
    assert next_change(clock, clock.started_at, CALENDAR, RULES) == yellow
    assert next_change(clock, yellow, CALENDAR, RULES) == red
    before = timedelta(milliseconds=1)
    lights = [light(clock, when, CALENDAR, RULES) for when in (yellow - before, yellow, red - before, red)]
    assert lights == [Light.GREEN, Light.YELLOW, Light.YELLOW, Light.RED]


def test_a_clock_that_has_ended_keeps_its_light_and_times() -> None:
    begun = start(at("2026-09-07 09:00"), FIVE)
    in_time, late = end(begun, at("2026-09-10 09:00")), end(begun, at("2026-09-15 00:00"))
    for clock, shown, days in ((in_time, Light.GREEN, 2), (late, Light.RED, 5)):
        for now in ("2026-09-20", "2040-01-01"):
            reading = read(clock, at(now), CALENDAR, RULES)
            assert (reading.light, reading.used, reading.stopped) == (shown, days, 0)
        assert next_change(clock, at("2026-09-07"), CALENDAR, RULES) is None


def test_a_reading_tells_everything() -> None:
    clock = stopping(start(at("2026-09-07 09:00"), FIVE), "2026-09-09 10:00", "2026-09-10 15:00")
    reading = read(clock, at("2026-09-15 12:00"), CALENDAR, RULES)
    assert (reading.light, reading.due) == (Light.YELLOW, Due(DueState.SET, close("2026-09-16")))
    assert (reading.measure, reading.allowed, reading.used, reading.stopped) == (Measure.WORKING_DAY, 5, 3, 2)
    assert reading.left == 2
    late = read(clock, at("2026-09-18 12:00"), CALENDAR, RULES)
    assert (late.light, late.used, late.left) == (Light.RED, 6, -1)


def test_times_are_told_in_days_or_milliseconds() -> None:
    begins = at("2026-01-31 09:00")
    month = read(start(begins, Limit(1, Unit.MONTH)), at("2026-02-03 12:00"), CALENDAR, RULES)
    assert (month.measure, month.allowed, month.used) == (Measure.CALENDAR_DAY, 28, 2)
    hours = read(start(begins, Limit(2, Unit.HOUR)), begins + timedelta(minutes=30), CALENDAR, RULES)
    assert (hours.measure, hours.allowed, hours.used, hours.left) == (
        Measure.MILLISECOND,
        7_200_000,
        1_800_000,
        5_400_000,
    )


def test_a_due_time_beyond_the_calendar_is_unknown_and_the_light_is_still_told() -> None:
    clock = start(at("2026-12-01 09:00"), DECISION)
    assert due(clock) == close("2026-12-29")
    clock = start(at("2026-12-07 09:00"), DECISION)
    found = due_at(clock, CALENDAR, RULES)
    assert (found.state, found.at) == (DueState.UNKNOWN, None)
    assert "not of 2027" in found.reason
    assert "duokua calendar load" in found.reason
    shown = [read(clock, at(text), CALENDAR, RULES) for text in ("2026-12-08", "2026-12-31 12:00", "2027-01-02")]
    assert [each.light for each in shown] == [Light.GREEN, Light.YELLOW, Light.UNKNOWN]
    assert [each.used for each in shown] == [0, 17, None]
    assert shown[2].left is None


def test_timers_go_on_as_far_as_the_calendar_reaches() -> None:
    clock = start(at("2026-12-07 09:00"), DECISION)
    yellow = next_change(clock, clock.started_at, CALENDAR, RULES)
    assert yellow == at("2026-12-29")
    assert next_change(clock, yellow, CALENDAR, RULES) is None
    ends_later = start(at("2026-12-28 09:00"), ACCEPTANCE)
    assert next_change(ends_later, ends_later.started_at, CALENDAR, RULES) is None


def test_what_was_unknown_is_known_with_a_calendar_that_has_the_year() -> None:
    clock = start(at("2026-12-28 09:00"), ACCEPTANCE)
    longer = CALENDAR.replaced(a_year(2027, ("01-02", "working")), 2)
    assert due_at(clock, longer, RULES) == Due(DueState.SET, close("2027-01-04"))  # 29, 30, 31, 2 (worked on), 4
    assert due_at(clock, CALENDAR, RULES).state is DueState.UNKNOWN


def test_a_due_time_within_the_calendar_needs_nothing_beyond_it() -> None:
    clock = start(at("2026-12-24 09:00"), ACCEPTANCE)  # 25, 28, 29, 30, 31
    stopped_later = stopping(clock, "2027-03-01 09:00", "2027-03-05 09:00")
    assert due(clock) == due(stopped_later) == close("2026-12-31")
    assert light(stopped_later, at("2027-06-01"), CALENDAR, RULES) is Light.RED
    calendar_days = start(at("2026-12-20"), Limit(30, Unit.CALENDAR_DAY))
    assert due(calendar_days, Rules(rolls_forward=False)) == close("2027-01-19")
    assert due_at(calendar_days, CALENDAR, RULES).state is DueState.UNKNOWN
    assert light(calendar_days, at("2027-01-10"), CALENDAR, RULES) is Light.GREEN
