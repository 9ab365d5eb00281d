"""What holds for every clock, whatever happens to it and whichever rules it is counted by."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import day_of, instant_of
from services.cases.domain.calendar import ONE_DAY, add_months
from services.cases.domain.clocks import (
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
from services.cases.domain.codec import decode, encode
from services.cases.domain.counted_days import Rules, open_day
from services.cases.domain.reckoning import (
    MILLISECOND,
    DueState,
    Light,
    allowed,
    due_at,
    light,
    next_change,
    read,
    stopped,
    used,
)
from services.cases.domain.refusal import Refusal
from tests.cases.calendar.days import CALENDAR

LIGHTS = [Light.GREEN, Light.YELLOW, Light.RED]
INSTANTS = st.datetimes(datetime(2012, 1, 1), datetime(2024, 1, 1)).map(  # noqa: DTZ001 - of China, by the next line
    lambda at: instant_of(at.date(), at.time().replace(microsecond=at.microsecond // 1000 * 1000))
)
PAUSES = st.one_of(
    st.just(timedelta(0)),
    st.integers(0, 86_400_000).map(lambda number: timedelta(milliseconds=number)),
    st.integers(0, 40).map(lambda number: timedelta(days=number)),
)
CLOSING = st.sampled_from([Rules().closes_at, time(17, 30), time(12)])
RULES = st.builds(
    Rules, st.booleans(), st.booleans(), st.booleans(), st.booleans(), CLOSING, yellow_percent=st.integers(1, 100)
)
LARGEST = {Unit.WORKING_DAY: 60, Unit.CALENDAR_DAY: 90, Unit.HOUR: 400, Unit.MINUTE: 5_000, Unit.MONTH: 6}
DAY_UNITS = (Unit.WORKING_DAY, Unit.CALENDAR_DAY, Unit.MONTH)


@st.composite
def limits(draw: st.DrawFn, *units: Unit) -> Limit:
    unit = draw(st.sampled_from(units or tuple(Unit)))
    return Limit(draw(st.integers(1, LARGEST[unit])), unit, longest_extension=LARGEST[unit])


@dataclass(frozen=True)
class Act:
    """Something that happens to a clock, so long after what happened before."""

    pause: timedelta
    name: str
    stop_id: str
    amount: int

    def on(self, clock: Clock, at: datetime) -> Clock:
        """The clock after it; the same when it is refused."""
        acts: dict[str, Callable[[], Clock]] = {
            "stop": lambda: stop(clock, at, self.stop_id, StopKind.CORRECTION),
            "resume": lambda: resume(clock, at, self.stop_id),
            "extend": lambda: extend(clock, at, self.amount, "疑难", "局长"),
            "end": lambda: end(clock, at),
        }
        try:
            return acts[self.name]()
        except Refusal:
            return clock


ACTS = st.builds(
    Act,
    PAUSES,
    st.sampled_from(["stop", "resume", "stop", "resume", "extend"]),
    st.sampled_from("ab"),
    st.integers(1, 20),
)


@st.composite
def clocks(draw: st.DrawFn, *units: Unit) -> Clock:
    """A clock with a life behind it, that may stand still now."""
    at = draw(INSTANTS)
    clock = start(at, draw(limits(*units)))
    for act in draw(st.lists(ACTS, max_size=8)):
        at += act.pause
        clock = act.on(clock, at)
    return clock


def latest(clock: Clock) -> datetime:
    instants = [clock.started_at, *(each.granted_at for each in clock.extensions)]
    return max(instants + [each.resumed_at or each.stopped_at for each in clock.stops])


@given(clocks(), RULES, PAUSES, PAUSES)
def test_to_stop_and_resume_at_once_changes_nothing(
    clock: Clock, rules: Rules, pause: timedelta, later: timedelta
) -> None:
    at = latest(clock) + pause
    after = resume(stop(clock, at, "once", StopKind.HEARING), at, "once")
    assert read(after, at + later, CALENDAR, rules) == read(clock, at + later, CALENDAR, rules)
    assert next_change(after, at, CALENDAR, rules) == next_change(clock, at, CALENDAR, rules)


@given(clocks(), RULES, PAUSES)
def test_what_happens_never_rewrites_what_was_used_or_stopped_before(
    clock: Clock, rules: Rules, pause: timedelta
) -> None:
    at = latest(clock) + pause
    # More calendar days may turn days that were waited for a working day into days of the limit.
    waits = rules.rolls_forward and clock.limit.unit in (Unit.CALENDAR_DAY, Unit.MONTH)
    names = ("stop", "resume", "end") if waits else ("stop", "resume", "end", "extend")
    for act in (Act(pause, name, stop_id, 1) for name in names for stop_id in "abc"):
        after = act.on(clock, at)
        assert used(after, at, CALENDAR, rules) == used(clock, at, CALENDAR, rules)
        assert stopped(after, at, CALENDAR, rules) == stopped(clock, at, CALENDAR, rules)


@given(clocks(Unit.WORKING_DAY, Unit.HOUR, Unit.MINUTE), RULES, PAUSES)
def test_all_time_is_used_or_stopped(clock: Clock, rules: Rules, pause: timedelta) -> None:
    now = latest(clock) + pause
    spent = used(clock, now, CALENDAR, rules) + stopped(clock, now, CALENDAR, rules)
    if clock.limit.unit is Unit.WORKING_DAY:
        day_after = day_of(clock.started_at) + ONE_DAY
        first = open_day(clock.started_at, rules) if rules.counts_start_day else day_after
        assert spent == CALENDAR.working_days(first, open_day(now, rules) - ONE_DAY)
    else:
        assert spent * MILLISECOND == now - clock.started_at


@given(clocks(Unit.CALENDAR_DAY, Unit.MONTH), RULES, PAUSES)
def test_all_calendar_days_are_used_or_stopped_unless_the_last_waits_for_a_working_day(
    clock: Clock, rules: Rules, pause: timedelta
) -> None:
    now = latest(clock) + pause
    first = open_day(clock.started_at, rules) if rules.counts_start_day else day_of(clock.started_at) + ONE_DAY
    days = max((open_day(now, rules) - first).days, 0)
    spent = used(clock, now, CALENDAR, rules) + stopped(clock, now, CALENDAR, rules)
    waiting = rules.rolls_forward and used(clock, now, CALENDAR, rules) >= allowed(clock) - 1
    assert spent == days or (waiting and spent < days)


@given(clocks(), RULES, PAUSES)
def test_used_and_left_are_what_is_allowed_and_late_is_to_have_none_left(
    clock: Clock, rules: Rules, pause: timedelta
) -> None:
    reading = read(clock, latest(clock) + pause, CALENDAR, rules)
    assert reading.used is not None
    assert reading.left is not None
    assert reading.used + reading.left == reading.allowed == allowed(clock)
    late = reading.left < 1 if clock.limit.unit in DAY_UNITS else reading.left < 0
    assert (reading.light is Light.RED) == late


@given(clocks(), RULES, st.integers(1, 30))
def test_a_longer_limit_or_extension_is_never_due_earlier(clock: Clock, rules: Rules, more: int) -> None:
    due = due_at(clock, CALENDAR, rules)
    longer = replace(clock, limit=replace(clock.limit, amount=clock.limit.amount + more))
    at = latest(clock)
    for other in (longer, Act(timedelta(0), "extend", "a", 1).on(clock, at)):
        later = due_at(other, CALENDAR, rules)
        if due.state is DueState.STOPPED:
            assert later.state is DueState.STOPPED
        elif later.at is not None:
            assert due.at is not None
            assert later.at >= due.at


@given(clocks(), RULES, PAUSES, PAUSES, PAUSES)
def test_a_longer_stop_is_never_due_earlier(
    clock: Clock, rules: Rules, pause: timedelta, length: timedelta, more: timedelta
) -> None:
    at = latest(clock) + pause
    held = stop(clock, at, "long", StopKind.PUBLICITY)
    before = due_at(clock, CALENDAR, rules).at
    short = due_at(resume(held, at + length, "long"), CALENDAR, rules).at
    long = due_at(resume(held, at + length + more, "long"), CALENDAR, rules).at
    assert (before is None) == (short is None) == (long is None)
    if before and short and long:
        assert before <= short <= long


@given(INSTANTS, limits(), RULES, PAUSES)
def test_what_starts_later_is_never_due_earlier(at: datetime, limit: Limit, rules: Rules, pause: timedelta) -> None:
    due, later = (due_at(start(begins, limit), CALENDAR, rules).at for begins in (at, at + pause))
    assert due is not None
    assert later is not None
    assert at <= due <= later


@given(clocks(), RULES, PAUSES, PAUSES)
def test_time_goes_one_way(clock: Clock, rules: Rules, pause: timedelta, later: timedelta) -> None:
    one = read(clock, latest(clock) + pause, CALENDAR, rules)
    two = read(clock, latest(clock) + pause + later, CALENDAR, rules)
    assert one.used is not None
    assert two.used is not None
    assert one.used <= two.used
    assert LIGHTS.index(one.light) <= LIGHTS.index(two.light)
    if clock.stopped and not rules.counts_stop_day:
        assert (one.used, one.light) == (two.used, two.light)


@given(clocks(), RULES)
def test_timers_meet_every_change_of_the_light_and_nothing_else(clock: Clock, rules: Rules) -> None:
    now = latest(clock)
    shown = light(clock, now, CALENDAR, rules)
    for _ in range(4):
        change = next_change(clock, now, CALENDAR, rules)
        if change is None:
            break
        assert change > now
        assert light(clock, change - MILLISECOND, CALENDAR, rules) is shown
        shown, before = light(clock, change, CALENDAR, rules), shown
        assert LIGHTS.index(shown) > LIGHTS.index(before)
        now = change
    assert next_change(clock, now, CALENDAR, rules) is None
    assert shown is Light.RED or clock.stopped
    assert light(clock, now + timedelta(days=500), CALENDAR, rules) is shown


@given(clocks())
def test_a_clock_survives_json(clock: Clock) -> None:
    assert decode(Clock, json.loads(json.dumps(encode(clock)))) == clock


@given(INSTANTS, limits(), RULES, st.lists(ACTS, max_size=8), PAUSES)
def test_the_same_life_gives_the_same_reading(
    at: datetime, limit: Limit, rules: Rules, acts: list[Act], later: timedelta
) -> None:
    def live(stored: Callable[[Clock], Clock]) -> Any:
        begun = (start(at, limit), at)
        clock, now = reduce(lambda b, act: (stored(act.on(b[0], b[1] + act.pause)), b[1] + act.pause), acts, begun)
        return read(clock, now + later, CALENDAR, rules)

    assert live(lambda clock: clock) == live(lambda clock: decode(Clock, json.loads(json.dumps(encode(clock)))))


def taken_out_in_words(clock: Clock, rules: Rules, day: date) -> bool:
    """Whether a stop takes a day out, told from the closes of days, rule by rule."""
    opens, closes = instant_of(day - ONE_DAY, rules.closes_at), instant_of(day, rules.closes_at)
    for each in clock.stops:
        over = each.resumed_at or instant_of(date(2100, 1, 1))
        first = day_of(each.stopped_at)
        lasts = any(each.stopped_at <= instant_of(on, rules.closes_at) < over for on in (first, first + ONE_DAY))
        begins, ends = opens < each.stopped_at <= closes, opens < over <= closes
        between = each.stopped_at <= opens and closes < over
        if lasts and (between or (begins and not rules.counts_stop_day) or (ends and not rules.counts_resume_day)):
            return True
    return False


@given(clocks(*DAY_UNITS), RULES)
def test_days_are_those_that_a_walk_from_day_to_day_counts(clock: Clock, rules: Rules) -> None:
    begins = day_of(clock.started_at)
    working = clock.limit.unit is Unit.WORKING_DAY
    wanted = clock.amount
    if clock.limit.unit is Unit.MONTH:
        wanted = (add_months(begins, clock.amount) - begins).days
    day = open_day(clock.started_at, rules) if rules.counts_start_day else begins + ONE_DAY
    counted = 0
    due = None
    # Once everything has happened, a clock that runs needs no more than its limit, and one that stands still waits.
    last = day_of(latest(clock)) + timedelta(days=3 if clock.stopped else 500)
    while due is None and day < last:
        must_be_on = working or (rules.rolls_forward and counted == wanted - 1)
        if (CALENDAR.is_working(day) or not must_be_on) and not taken_out_in_words(clock, rules, day):
            counted += 1
            due = instant_of(day, rules.closes_at) if counted == wanted else None
        day += ONE_DAY
    found = due_at(clock, CALENDAR, rules)
    assert found.at == due
    assert (found.state is DueState.STOPPED) == (due is None)


@given(clocks(), RULES, st.integers(0, 4000))
def test_no_clock_fails_at_the_end_of_the_calendar(clock: Clock, rules: Rules, days: int) -> None:
    ahead = timedelta(days=4380)  # twelve years: it starts between 2024 and 2036
    moved = replace(
        clock,
        started_at=clock.started_at + ahead,
        stops=tuple(
            replace(each, stopped_at=each.stopped_at + ahead, resumed_at=each.resumed_at and each.resumed_at + ahead)
            for each in clock.stops
        ),
    )
    now = moved.started_at + timedelta(days=days)
    reading = read(moved, now, CALENDAR, rules)
    assert (reading.due.at is not None) == (reading.due.state is DueState.SET)
    assert bool(reading.due.reason) == (reading.due.state is DueState.UNKNOWN)
    assert (reading.used is None) == (reading.stopped is None)
    if reading.light is Light.UNKNOWN:
        assert open_day(now, rules).year > 2026
    change = next_change(moved, now, CALENDAR, rules)
    assert change is None or change > now
