"""What is asked of the catalogue: entries, searches, differences, acts, files."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import IO, Any

from sqlalchemy import Row, select

from chassis.clock import day_of
from chassis.database import Database, UnitOfWork
from chassis.problems import NotFound
from services.matters.catalogue import importing, store
from services.matters.catalogue.domain.contents import entry_of
from services.matters.catalogue.domain.difference import Difference, differences
from services.matters.catalogue.domain.elements import TASK_CODE_LENGTH
from services.matters.catalogue.domain.versions import Phase, State
from services.matters.catalogue.files.conversions import WhatFilesSay, read_files, write_files
from services.matters.catalogue.importing import Asked, Imported
from services.matters.catalogue.searching import Wanted, search, variants

PAGE = 500
"""Entries read at once for files."""
Progress = Callable[[str, int, int], None]
"""Hears the stage, what is done, and of how much; 0 for what is not known."""


@dataclass(frozen=True, slots=True)
class Diff:
    """How two versions of an entry differ; number 0 is the emptiness before the first."""

    before: int
    after: int
    differences: list[Difference]


class Catalogue:
    """Use cases of the catalogue."""

    def matter(self, work: UnitOfWork, code: str, number: int, day: date | None, *, all_of_it: bool) -> Row[Any]:
        """A version with what it says: by its number, or the one in force on a day, today if none is named.

        Raises NotFound MATTER_NOT_FOUND, also for what is not published unless `all_of_it` may be seen.
        """
        wanted = Wanted(day or day_of(work.now), codes=(code,))
        if not number:
            wanted = replace(wanted, phases=(Phase.IN_FORCE,))
        for row in search(work.connection, wanted, (code, number - 1) if number else None, 1, whole=True):
            if (not number or row.version == number) and (all_of_it or _was_announced(row)):
                return row
        which = f"version {number} of {code}" if number else f"entry {code} in force on {wanted.day}"
        raise NotFound("MATTER_NOT_FOUND", f"the catalogue has no {which}", code=code, version=number, day=wanted.day)

    def variants(self, work: UnitOfWork, code: str, day: date | None) -> Sequence[Row[Any]]:
        """The variants of an item's implementations in force on a day; none of an implementation."""
        if len(code) >= TASK_CODE_LENGTH:
            return []
        return variants(work.connection, code, day or day_of(work.now))

    def diff(self, work: UnitOfWork, code: str, before: int, after: int) -> Diff:
        """How two versions differ: 0 for the newest, and for the one before it. Raises NotFound MATTER_NOT_FOUND."""
        after = after or self._newest(work, code)
        before = before or after - 1
        now = self._entry(work, code, after)
        was = self._entry(work, code, before) if before else entry_of(code, {})
        return Diff(before, after, differences(was, now))

    def acts(self, work: UnitOfWork, code: str, after: str, limit: int) -> Sequence[Row[Any]]:
        """What was done with an entry, oldest first, after the given act."""
        query = select(store.acts).where(store.acts.c.code == code, store.acts.c.act_id > after)
        return work.connection.execute(query.order_by(store.acts.c.act_id).limit(limit)).all()

    def take_in(self, database: Database, asked: Asked, report: Progress) -> tuple[Imported, WhatFilesSay]:
        """Read files, and make drafts of what is new or changed in them; `report` may raise to give it up."""
        with database.read() as work:
            if (before := importing.imported_before(work, asked)) is not None:
                return before, WhatFilesSay()
        said = read_files(asked.files, lambda rows: report("reading", rows, 0))
        report("checking", 0, len(said.entries))
        with database.read() if asked.dry_run else database.begin() as work:
            imported = importing.take_in(work, asked, said, lambda done, total: report("checking", done, total))
        said.findings.faults.sort()
        return imported, said

    def files(self, database: Database, form: str, wanted: Wanted, *, newest: bool) -> list[tuple[str, IO[bytes]]]:
        """Entries as files: the versions in force, or the newest ones."""
        return write_files(form, self._contents(database, wanted, newest=newest))

    def _contents(self, database: Database, wanted: Wanted, *, newest: bool) -> Iterator[tuple[str, dict[str, Any]]]:
        # Items first, as sheets of both have them.
        for implementations in (False, True):
            of_kind, after = replace(wanted, implementations=implementations), None
            while True:
                with database.read() as work:
                    rows = search(work.connection, of_kind, after, PAGE, whole=True, newest=newest)
                for row in rows:
                    kept = store.kept_of(row)
                    yield kept.version.code, dict(kept.content)
                if len(rows) < PAGE:
                    break
                after = rows[-1].code, rows[-1].version

    @staticmethod
    def _newest(work: UnitOfWork, code: str) -> int:
        number = work.connection.scalar(select(store.entries.c.newest).where(store.entries.c.code == code))
        if number is None:
            raise NotFound("MATTER_NOT_FOUND", f"the catalogue has no entry {code}", code=code)
        return int(number)

    @staticmethod
    def _entry(work: UnitOfWork, code: str, number: int) -> Any:
        found = store.find(work.connection, code, number)
        if found is None:
            message = f"the catalogue has no version {number} of {code}"
            raise NotFound("MATTER_NOT_FOUND", message, code=code, version=number)
        return entry_of(code, found.content)


def _was_announced(row: Row[Any]) -> bool:
    return row.state in (State.PUBLISHED, State.RETIRED)
