"""Timers: what time does to running cases is told in time, once, and whatever happens meanwhile."""

import threading
from datetime import datetime
from functools import partial

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from chassis.clock import new_id
from chassis.database import Database
from chassis.testing import ManualClock
from services.cases import horizon, store, timers
from services.cases.calendars import CLOCKS_TOPIC, Calendars
from services.cases.domain.calendar_file import write_calendar
from services.cases.domain.case import StepStatus
from services.cases.domain.inputs import LimitExtended
from services.cases.domain.reckoning import Light
from services.cases.plans import Plans
from services.cases.saga import Saga
from services.cases.timekeeper import PAUSE, POSTPONED
from tests.cases.builders import Town, accepting, completing, given, refused, taken
from tests.cases.calendar.days import a_year, at, d
from tests.cases.test_concurrency import at_once
from tests.cases.test_crashes import survives_every_break
from tests.cases.timed import a_timed_bundle, a_timekeeper, clocks, history, replayed, turned, until

FOOD = "food:acceptance"


@pytest.fixture
def town(database: Database) -> Town:
    """The calendar is installed, as every api process does at its start."""
    with database.begin() as work:
        Calendars().install(work)
    return Town(database).publish(a_timed_bundle())


def a_case_before_the_national_day(town: Town, clock: ManualClock) -> str:
    """Food is offered on 30 September: its 5 days are the 8th, 9th, 10th (a Saturday, worked on), 12th and 13th."""
    until(clock, "2026-09-30 09:00")
    return town.running()


def test_a_case_waits_for_the_next_change_of_a_light(town: Town, clock: ManualClock) -> None:
    row = town.row(a_case_before_the_national_day(town, clock))
    assert row.wake_at == at("2026-10-12")  # the fourth day of five begins: yellow at 80 per cent
    assert row.calendar_version == 1
    assert a_timekeeper().look(town.database) == at("2026-10-12")
    assert turned(town, row.case_id) == []


def test_silence_over_a_holiday_is_acceptance_from_the_day_of_receipt(town: Town, clock: ManualClock) -> None:
    case_id = a_case_before_the_national_day(town, clock)
    until(clock, "2026-10-12")
    assert a_timekeeper().look(town.database) == at("2026-10-14")
    assert turned(town, case_id) == [(FOOD, "yellow")]
    until(clock, "2026-10-13 23:59")
    a_timekeeper().look(town.database)
    assert town.case(case_id).steps["food"].status is StepStatus.OFFERED

    until(clock, "2026-10-14")
    a_timekeeper().look(town.database)
    assert turned(town, case_id) == [(FOOD, "yellow"), (FOOD, "red")]
    assert town.case(case_id).steps["food"].status is StepStatus.ACCEPTED
    assert clocks(town, case_id)["food:statutory"].clock.started_at == at("2026-09-30 09:00")
    assert town.one("food").accepted
    assert [event.by_silence for event in town.events("StepAccepted")] == [True]
    assert replayed(town, case_id) == town.case(case_id)


def test_decision_and_bundle_are_late_on_their_days(town: Town, clock: ManualClock) -> None:
    """From the 30th: 20 working days are up on 3 November, the promised 10 on 20 October."""
    case_id = a_case_before_the_national_day(town, clock)
    late: dict[str, datetime] = {}
    while (row := town.row(case_id)).wake_at is not None:
        clock.advance(seconds=(row.wake_at - clock.now()).total_seconds())
        a_timekeeper().look(town.database)
        late |= {
            name: clock.now()
            for name, each in clocks(town, case_id).items()
            if each.light is Light.RED and name not in late
        }
    assert late == {
        FOOD: at("2026-10-14"),
        "food:promised": at("2026-10-21"),
        "food:statutory": at("2026-11-04"),
        ":statutory": at("2026-12-09"),
    }
    assert replayed(town, case_id) == town.case(case_id)


def test_a_timer_fires_once_however_many_look(town: Town, clock: ManualClock) -> None:
    cases = [a_case_before_the_national_day(town, clock) for _ in range(6)]
    until(clock, "2026-10-14")
    at_once([partial(a_timekeeper(batch=2).look, town.database) for _ in range(8)])
    while a_timekeeper().look(town.database) == clock.now() + PAUSE:
        pass
    for case_id in cases:
        assert turned(town, case_id) == [(FOOD, "red")]
        assert replayed(town, case_id) == town.case(case_id)


def test_a_look_that_breaks_off_leaves_nothing_behind_and_is_made_again(town: Town, clock: ManualClock) -> None:
    case_id = a_case_before_the_national_day(town, clock)
    until(clock, "2026-10-14")

    def look() -> None:
        saga = Saga(Plans())
        with town.database.begin() as work:
            saga.look(work, saga.load(work, timers.lock_due_cases(work.connection, work.now, 1, 10)))

    assert survives_every_break(town.database, look) >= 6
    assert turned(town, case_id) == [(FOOD, "red")]


def test_what_time_has_done_comes_before_what_an_office_says(town: Town, clock: ManualClock) -> None:
    case_id = a_case_before_the_national_day(town, clock)
    until(clock, "2026-10-14 08:00")
    task = town.one("food")
    taken(town.answer(accepting(task)))
    assert turned(town, case_id) == [(FOOD, "red")]
    assert [row.kind for row in history(town, case_id)][-1] == "clock_turned"
    taken(town.answer(completing(task)))
    assert len(town.events("StepAccepted")) == 1


def test_an_extension_is_told_and_brings_the_light_back(town: Town, clock: ManualClock) -> None:
    case_id = a_case_before_the_national_day(town, clock)
    task = town.one("food")
    taken(town.answer(accepting(task)))
    until(clock, "2026-10-30 09:00")  # the 18th of 20 days
    a_timekeeper().look(town.database)
    assert clocks(town, case_id)["food:statutory"].light is Light.YELLOW

    task = town.one("food")
    extending = LimitExtended(task.task_id, new_id(), 10, "案情复杂", "局长")
    taken(town.answer(given(task, extending)))
    (told,) = town.events("LimitExtended")
    assert (told.step.step_id, told.amount, told.reason, told.authority) == ("food", 10, "案情复杂", "局长")
    assert town.row(case_id).wake_at == clock.now()
    a_timekeeper().look(town.database)
    assert clocks(town, case_id)["food:statutory"].light is Light.GREEN

    until(clock, "2026-11-18 00:00")  # 17 November was the 30th day
    task = town.one("food")
    too_late = LimitExtended(task.task_id, new_id(), 1, "案情复杂", "局长")
    assert refused(town.answer(given(task, too_late))) == ["LIMIT_PASSED"]


def test_a_limit_past_the_calendar_is_known_once_a_calendar_is_loaded(town: Town, clock: ManualClock) -> None:
    """Five days from 28 December 2026: three are left in the year, then 4 and 5 January."""
    until(clock, "2026-12-28 09:00")
    case_id = town.running()
    assert town.row(case_id).wake_at is None
    assert a_timekeeper().look(town.database) is None
    with town.database.begin() as work:
        Calendars().load(work, write_calendar(a_year(2027)).encode(), "2027.csv", "operator")
        assert CLOCKS_TOPIC in work.topics
    assert a_timekeeper().look(town.database) == at("2027-01-04")
    assert (town.row(case_id).wake_at, town.row(case_id).calendar_version) == (at("2027-01-04"), 2)
    until(clock, "2027-01-06")
    a_timekeeper().look(town.database)
    assert turned(town, case_id) == [(FOOD, "red")]


def test_a_corrected_calendar_moves_what_waits(town: Town, clock: ManualClock) -> None:
    case_id = a_case_before_the_national_day(town, clock)
    with town.database.begin() as work:
        year = [day for day in Calendars().current(work).of_year(2026) if day.day.isoformat() != "2026-10-10"]
        Calendars().load(work, write_calendar(year).encode(), "corrected.csv", "operator")
    a_timekeeper().look(town.database)
    assert town.row(case_id).wake_at == at("2026-10-13")  # the Saturday is not worked on any more


def test_a_case_without_limits_has_no_timer(database: Database) -> None:
    town = Town(database).publish(a_timed_bundle())
    bundle = a_timed_bundle(2)
    bundle.ClearField("limits")
    for step in bundle.steps:
        step.ClearField("limits")
    row = town.publish(bundle).row(town.running())
    assert (row.wake_at, row.calendar_version) == (None, None)
    assert a_timekeeper().look(database) is None


def test_a_case_that_cannot_be_told_holds_up_no_other(town: Town, clock: ManualClock) -> None:
    broken, sound = (a_case_before_the_national_day(town, clock) for _ in range(2))
    with town.database.begin() as work:
        statement = update(store.cases).where(store.cases.c.case_id == broken)
        work.connection.execute(statement.values(snapshot={"case_id": broken}))
    now = until(clock, "2026-10-14")
    a_timekeeper().look(town.database)
    assert turned(town, sound) == [(FOOD, "red")]
    assert town.row(broken).wake_at == now + POSTPONED


def test_what_somebody_holds_is_looked_at_a_little_later(town: Town, clock: ManualClock) -> None:
    if town.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    case_id = a_case_before_the_national_day(town, clock)
    now = until(clock, "2026-10-14")
    held, release = threading.Event(), threading.Event()

    def hold() -> datetime | None:
        with town.database.begin() as work:
            store.lock_cases(work.connection, [case_id])
            held.set()
            release.wait(10)
        return None

    def look() -> datetime | None:
        held.wait(10)
        try:
            return a_timekeeper().look(town.database)
        finally:
            release.set()

    assert at_once([hold, look]) == [None, now + PAUSE]
    assert turned(town, case_id) == []
    assert a_timekeeper().look(town.database) == at("2026-10-16")  # the 8th of the promised 10 days


@pytest.mark.parametrize(("day", "warned"), [("2026-09-22 09:00", False), ("2026-11-20 09:00", True)])
def test_who_keeps_the_calendar_is_warned_before_a_limit_outgrows_it(
    town: Town, clock: ManualClock, day: str, *, warned: bool
) -> None:
    """The bundle's limit is 60 working days at most: from 22 September they end on 24 December."""
    until(clock, day)
    with capture_logs() as logs:
        a_timekeeper().look(town.database)
    assert [(line["event"], line["bundles"], line["last_year"]) for line in logs] == [
        ("calendar_ends_soon", ["open-shop"], 2026)
    ] * warned
    assert horizon.too_short._value.get() == warned
    assert horizon.days_left._value.get() == (d("2026-12-31") - d(day[:10])).days


def test_the_warning_comes_once_an_hour(town: Town, clock: ManualClock) -> None:
    until(clock, "2026-12-01 09:00")
    timekeeper = a_timekeeper()
    with capture_logs() as logs:
        for _ in range(5):
            timekeeper.look(town.database)
            clock.advance(minutes=16)
    assert len(logs) == 2
