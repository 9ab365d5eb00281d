"""Versions of the calendar in the database: loaded whole or not at all, and never changed."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from chassis.database import Database
from chassis.paging import page
from chassis.problems import Conflict, Invalid, NotFound
from chassis.testing import ManualClock
from services.cases import store
from services.cases.calendars import RELEASE, Calendars
from services.cases.domain.calendar import SpecialDay
from services.cases.domain.calendar_file import write_calendar
from services.cases.domain.clocks import DECISION, start
from services.cases.domain.counted_days import Rules
from services.cases.domain.reckoning import due_at
from services.cases.release_calendar import built_in
from tests.cases.builders import tables
from tests.cases.calendar.days import a_calendar, a_year, at, d

OPERATOR = "client:operator"


def csv_of(*years: int, more: tuple[tuple[str, str], ...] = ()) -> bytes:
    return write_calendar([day for year in years for day in a_year(year, *more)]).encode()


@pytest.fixture
def calendars(database: Database) -> Calendars:
    """The calendars of a platform that has started."""
    made = Calendars()
    with database.begin() as work:
        made.install(work)
    return made


def load(database: Database, content: bytes, calendars: Calendars | None = None) -> int:
    """Loads a file; gives the version."""
    with database.begin() as work:
        version: int = (calendars or Calendars()).load(work, content, "2027.csv", OPERATOR).version
    return version


def test_a_platform_starts_with_the_years_of_its_release(database: Database, calendars: Calendars) -> None:
    with database.read() as work:
        (row,) = calendars.rows(work, page(0, ""))
        assert calendars.current(work) == built_in()
    assert (row.version, row.first_year, row.last_year, row.loaded_by) == (1, 2004, 2026, RELEASE)
    assert row.years == list(range(2004, 2027))
    assert row.digest == hashlib.sha256(row.content.encode()).hexdigest()


def test_a_second_start_changes_nothing(database: Database, calendars: Calendars) -> None:
    before = tables(database)
    with database.begin() as work:
        calendars.install(work)
        Calendars().install(work)
    assert tables(database) == before


def test_before_the_first_start_there_is_no_calendar(database: Database) -> None:
    with database.read() as work, pytest.raises(NotFound, match="start an api process"):
        Calendars().current(work)


def test_a_release_adds_years_that_are_not_known_and_leaves_the_others(database: Database) -> None:
    known = csv_of(2003, 2004, 2005, more=(("03-02", "holiday"),)).decode()
    row = {"version": 1, "first_year": 2003, "last_year": 2005, "years": [2003, 2004, 2005], "source": "old.csv"}
    digest = hashlib.sha256(known.encode()).hexdigest()
    with database.begin() as work:
        row |= {"loaded_at": work.now, "loaded_by": OPERATOR, "digest": digest, "content": known}
        work.connection.execute(store.calendars.insert(), row)
        Calendars().install(work)
    with database.read() as work:
        now = Calendars().current(work)
        newest = Calendars().row(work, 0)
    assert (now.version, now.first_year, now.last_year) == (2, 2003, 2026)
    assert not now.is_working(d("2004-03-02"))
    assert now.of_year(2006) == built_in().of_year(2006)
    assert newest.years == list(range(2006, 2027))


def test_a_year_is_loaded_as_a_new_version(database: Database, calendars: Calendars, clock: ManualClock) -> None:
    clock.advance(days=1)
    assert load(database, csv_of(2027), calendars) == 2
    with database.read() as work:
        row = calendars.row(work, 0)
        assert calendars.current(work).last_year == 2027
        assert calendars.version(work, 1).last_year == 2026
    assert (row.years, row.loaded_by, row.source, row.loaded_at) == ([2027], OPERATOR, "2027.csv", clock.now())


def test_the_same_again_makes_no_new_version(database: Database, calendars: Calendars) -> None:
    assert load(database, csv_of(2027), calendars) == 2
    before = tables(database)
    assert load(database, csv_of(2027), calendars) == 2
    assert load(database, write_calendar(built_in().of_year(2026)).encode(), calendars) == 2
    assert tables(database) == before


def test_a_known_year_is_corrected_whole(database: Database, calendars: Calendars) -> None:
    days = [day for day in built_in().of_year(2026) if day.day != d("2026-10-10")]
    assert load(database, write_calendar(days).encode(), calendars) == 2
    with database.read() as work:
        assert calendars.version(work, 1).is_working(d("2026-10-10"))
        assert not calendars.version(work, 2).is_working(d("2026-10-10"))
        assert calendars.row(work, 2).years == [2026]


def test_a_change_of_a_name_alone_is_a_version_too(database: Database, calendars: Calendars) -> None:
    days = [SpecialDay(day.day, day.kind, "节日") for day in built_in().of_year(2026)]
    assert load(database, write_calendar(days).encode(), calendars) == 2


def test_nothing_is_loaded_when_any_row_is_wrong(database: Database, calendars: Calendars) -> None:
    before = tables(database)
    content = csv_of(2027) + b"2028-13-01,holiday,x\n2028-01-01,off,\n"
    with pytest.raises(Invalid) as caught:
        load(database, content, calendars)
    assert caught.value.reason == "CALENDAR_INVALID"
    assert [fault.field for fault in caught.value.violations] == ["line 5, date", "line 6, kind", "line 6, name"]
    assert tables(database) == before
    with database.read() as work:
        assert [fault.place for fault in calendars.check(work, content)] == [
            fault.field for fault in caught.value.violations
        ]


def test_a_load_with_many_faults_tells_as_many_as_an_error_can_carry(database: Database, calendars: Calendars) -> None:
    content = b"date,kind,name\n" + "元,元,元\n".encode() * 500
    with pytest.raises(Invalid) as caught:
        load(database, content, calendars)
    told = caught.value.violations
    assert told[-1].description == f"and {1001 - len(told)} more: check the file to see all of them"
    assert sum(len(each.field.encode()) + len(each.description.encode()) for each in told) < 4200


def test_what_was_reckoned_with_a_version_stays_after_later_loads(database: Database, calendars: Calendars) -> None:
    clock = start(at("2026-09-28 09:00"), DECISION)
    with database.read() as work:
        before = due_at(clock, calendars.version(work, 1), Rules())
    # The make-up Saturday falls away, so that the limit ends a working day later.
    days = [day for day in built_in().of_year(2026) if day.day != d("2026-10-10")]
    load(database, write_calendar(days).encode())
    load(database, csv_of(2027))
    with database.read() as work:
        replayed, today = Calendars().version(work, 1), Calendars().current(work)
        assert due_at(clock, replayed, Rules()) == before
        assert due_at(clock, today, Rules()) != before


def test_a_version_is_read_once(database: Database, calendars: Calendars) -> None:
    with database.begin() as work:
        known = calendars.version(work, 1)
        work.connection.execute(store.calendars.delete().where(store.calendars.c.version == 1))
        assert calendars.version(work, 1) is known


def test_another_process_sees_what_was_loaded(database: Database, calendars: Calendars) -> None:
    other = Calendars()
    with database.read() as work:
        assert other.current(work).version == 1
    load(database, csv_of(2027), calendars)
    with database.read() as work:
        assert other.current(work).last_year == 2027


def test_a_version_that_was_tampered_with_is_not_used(database: Database, calendars: Calendars) -> None:
    del calendars
    with database.begin() as work:
        content = work.connection.execute(select(store.calendars.c.content)).scalar_one()
        changed = content.replace("2026-10-10,working", "2026-10-10,holiday")
        assert changed != content
        work.connection.execute(update(store.calendars).values(content=changed))
    with database.read() as work, pytest.raises(Conflict, match=r"CALENDAR_DAMAGED.*version 1"):
        Calendars().current(work)


def test_a_version_that_is_not_there_is_named(database: Database, calendars: Calendars) -> None:
    with database.read() as work, pytest.raises(NotFound, match="no version 7"):
        calendars.version(work, 7)


def test_versions_are_listed_newest_first_page_by_page(database: Database, calendars: Calendars) -> None:
    for year in (2027, 2028):
        load(database, csv_of(year), calendars)
    with database.read() as work:
        asked = page(2, "", kind=int)
        first, token = asked.cut(calendars.rows(work, asked), lambda row: [row.version])
        asked = page(2, token, kind=int)
        second, token = asked.cut(calendars.rows(work, asked), lambda row: [row.version])
    assert [row.version for row in (*first, *second)] == [3, 2, 1]
    assert token == ""


def test_processes_that_start_at_once_make_one_version(database: Database) -> None:
    barrier = threading.Barrier(4)

    def start_up(_: int) -> None:
        barrier.wait(10)
        with database.begin() as work:
            Calendars().install(work)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(start_up, range(4), timeout=60))
    with database.read() as work:
        assert [row.version for row in Calendars().rows(work, page(0, ""))] == [1]


def test_of_loads_at_the_same_moment_none_is_lost(database: Database, calendars: Calendars) -> None:
    """Each is loaded on top of the other, or told to come again."""
    barrier = threading.Barrier(2)

    def load_year(year: int) -> str:
        barrier.wait(10)
        try:
            load(database, csv_of(year), calendars)
        except Conflict as problem:
            return problem.reason
        return ""

    with ThreadPoolExecutor(2) as threads:
        outcomes = dict(zip((2027, 2003), threads.map(load_year, (2027, 2003), timeout=60), strict=True))
    assert set(outcomes.values()) <= {"", "CALENDAR_CHANGED"}
    with database.read() as work:
        now = calendars.current(work)
    loaded = {year for year, reason in outcomes.items() if not reason}
    assert loaded == {year for year in (2003, 2027) if now.first_year <= year <= now.last_year}
    assert loaded


def test_a_load_that_was_overtaken_is_refused(database: Database, calendars: Calendars) -> None:
    class Stale(Calendars):
        """Still takes version 1 for the newest, as a transaction does that began before another ended."""

        def current(self, work: object) -> object:  # type: ignore[override]
            del work
            return a_calendar(2025, 2026)

    load(database, csv_of(2027), calendars)
    with pytest.raises(Conflict, match="CALENDAR_CHANGED"):
        load(database, csv_of(2028, 2027), Stale())
