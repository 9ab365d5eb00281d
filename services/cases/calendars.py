"""The versions of the working-day calendar: what came with a release, and what operators loaded.

A version never changes, and is never deleted. Clocks of running cases are reckoned by the newest one. What follows for
a case is told to it as an input, so its history is replayed without any calendar; and its row says by which version its
next change was reckoned, so that after a load all others are looked at again (`timekeeper.py`).
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, literal, select

from chassis.database import UnitOfWork, insert
from chassis.paging import Page
from chassis.problems import Conflict, Invalid, NotFound, Violation
from services.cases.domain.calendar import Calendar, SpecialDay
from services.cases.domain.calendar_file import Fault, days_of, read_calendar, write_calendar
from services.cases.release_calendar import BUILT_IN, built_in
from services.cases.store import calendars

RELEASE = "platform"
CLOCKS_TOPIC = "clocks"
"""Wakes who looks at running clocks."""
# An error travels in the trailer of a call, of which clients take 8 KiB. In bytes of UTF-8, before base64.
MOST_VIOLATIONS = 20
LARGEST_VIOLATIONS = 4000


class Calendars:
    """The versions that this process has met; one never changes, so it is read once."""

    def __init__(self) -> None:
        self._known: dict[int, Calendar] = {}

    def current(self, work: UnitOfWork) -> Calendar:
        """The newest version. Raises NotFound CALENDAR_NOT_FOUND before the first start of an api process."""
        return self.version(work, 0)

    def newest(self, work: UnitOfWork) -> Calendar:
        """The newest version; before the first start of an api process, what came with this release."""
        number = _newest(work.connection)
        return self.version(work, number) if number else built_in()

    def version(self, work: UnitOfWork, number: int) -> Calendar:
        """A version, the newest for 0. Raises NotFound CALENDAR_NOT_FOUND, Conflict CALENDAR_DAMAGED."""
        number = number or _newest(work.connection)
        if number not in self._known:
            self._known[number] = _calendar(self.row(work, number))
        return self._known[number]

    def row(self, work: UnitOfWork, number: int) -> Row[Any]:
        """What is stored of a version, the newest for 0. Raises NotFound CALENDAR_NOT_FOUND."""
        number = number or _newest(work.connection)
        found = work.connection.execute(
            select(calendars).where(calendars.c.version == literal(number, BigInteger))
        ).one_or_none()
        if found is None:
            what = f"version {number} of the calendar" if number else "calendar yet: start an api process of cases"
            raise NotFound("CALENDAR_NOT_FOUND", f"there is no {what}", version=number)
        return found

    def rows(self, work: UnitOfWork, page: Page) -> Sequence[Row[Any]]:
        """All versions, newest first."""
        query = select(calendars).order_by(calendars.c.version.desc()).limit(page.fetch)
        if page.after:
            query = query.where(calendars.c.version < int(page.after[0]))
        return work.connection.execute(query).all()

    def check(self, work: UnitOfWork, content: bytes) -> list[Fault]:
        """All that is wrong with a file, by line; empty when it can be loaded."""
        return read_calendar(content, self.current(work))[1]

    def load(self, work: UnitOfWork, content: bytes, source: str, actor: str) -> Row[Any]:
        """Load the years of a file, and give the version that has them: a new one unless nothing differs.

        Raises Invalid CALENDAR_INVALID, which names the faults; Conflict CALENDAR_CHANGED.
        """
        newest = self.current(work)
        days, faults = read_calendar(content, newest)
        if faults:
            raise _invalid(faults)
        after = newest.replaced(days, newest.version + 1)
        if after.days != newest.days and not _add(work, after, newest, source, actor):
            message = "somebody else has loaded a calendar at this moment: look at it, and load again"
            raise Conflict("CALENDAR_CHANGED", message)
        return self.row(work, 0)

    def install(self, work: UnitOfWork) -> None:
        """Make a version of the years that came with this release and are not known yet; known ones stay as they are.

        Every api process does this at its start, at the same time as others.
        """
        shipped = built_in()
        number = _newest(work.connection)
        if not number:
            _add(work, shipped, None, BUILT_IN, RELEASE)
            return
        newest = self.version(work, number)
        new = [day for day in shipped.days if not newest.first_year <= day.day.year <= newest.last_year]
        if new:
            _add(work, newest.replaced(new, number + 1), newest, BUILT_IN, RELEASE)


def _newest(connection: Connection) -> int:
    query = select(calendars.c.version).order_by(calendars.c.version.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none() or 0


def _calendar(row: Row[Any]) -> Calendar:
    if hashlib.sha256(row.content.encode()).hexdigest() != row.digest:
        message = f"version {row.version} of the calendar is not what was loaded: restore its row from a backup"
        raise Conflict("CALENDAR_DAMAGED", message, version=row.version)
    return Calendar(row.version, tuple(days_of(row.content)))


def _add(work: UnitOfWork, calendar: Calendar, before: Calendar | None, source: str, actor: str) -> bool:
    """Write a version; false when another transaction has written one with its number."""
    content = write_calendar(calendar.days)
    row = {
        "version": calendar.version,
        "first_year": calendar.first_year,
        "last_year": calendar.last_year,
        "years": _changed_years(calendar, before),
        "loaded_at": work.now,
        "loaded_by": actor,
        "source": source,
        "digest": hashlib.sha256(content.encode()).hexdigest(),
        "content": content,
    }
    statement = insert(work.connection, calendars).values(row).on_conflict_do_nothing()
    work.wake(CLOCKS_TOPIC)
    return work.connection.execute(statement.returning(calendars.c.version)).one_or_none() is not None


def _changed_years(calendar: Calendar, before: Calendar | None) -> list[int]:
    old: Iterable[SpecialDay] = before.days if before else ()
    return sorted({each.day.year for each in set(calendar.days) ^ set(old)})


def _invalid(faults: Sequence[Fault]) -> Invalid:
    violations: list[Violation] = []
    size = 0
    for fault in faults[: MOST_VIOLATIONS - 1]:
        size += len(fault.place.encode()) + len(fault.message.encode())
        if size > LARGEST_VIOLATIONS:
            break
        violations.append(Violation(fault.place, fault.message))
    if more := len(faults) - len(violations):
        violations.append(Violation("file", f"and {more} more: check the file to see all of them"))
    count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
    return Invalid("CALENDAR_INVALID", f"the calendar has {count}; nothing is loaded", violations, faults=len(faults))
