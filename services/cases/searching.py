"""Finding cases by many things at once, newest first, in pages that stay right while cases come and change.

Each filter that can be rare has an index that is in the order of the answer, so that the database starts from the
rarest one and stops when the page is full. `python -m bench search` shows the plans and the times.
"""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    bindparam,
    delete,
    literal,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy import insert as plain_insert

from chassis.clock import least_id
from chassis.database import Instant
from chassis.paging import Page
from chassis.problems import Invalid, Violation
from services.cases import store
from services.cases.domain.case import Case

_ASUNDER = timedelta(hours=1)
"""A case's id is made in the transaction of its submission; the two clocks differ by less than this."""
cases, case_organs = store.search.cases, store.search.organs


@dataclass(frozen=True, slots=True)
class Wanted:
    """What all cases of the answer have; what is empty or None does not matter."""

    number: str = ""
    """The number, or its beginning."""
    applicant_id: str = ""
    bundle_id: str = ""
    bundle_version: int = 0
    organ_id: str = ""
    """Of an office that has a step of the case now."""
    status: str = ""
    light: str = ""
    has_incidents: bool = False
    submitted_from: datetime | None = None
    submitted_before: datetime | None = None
    ended_from: datetime | None = None
    ended_before: datetime | None = None

    @property
    def by_end(self) -> bool:
        """Whether cases are asked for by their end: then those that ended last come first."""
        return self.ended_from is not None or self.ended_before is not None


def search(connection: Connection, wanted: Wanted, page: Page) -> Sequence[Row[Any]]:
    """Summaries of cases, newest first."""
    return connection.execute(query_of(wanted, page)).all()


def query_of(wanted: Wanted, page: Page) -> Select[Any]:
    """The query of a page. Raises Invalid BAD_PAGE_TOKEN."""
    order: list[ColumnElement[Any]] = [cases.c.ended_at, cases.c.case_id] if wanted.by_end else [cases.c.case_id]
    query = select(cases)
    if wanted.organ_id:
        query = query.join(case_organs, case_organs.c.case_id == cases.c.case_id)
        query = query.where(case_organs.c.organ_id == wanted.organ_id)
        if not wanted.by_end:
            order = [case_organs.c.case_id]
    if page.after:
        *at, case_id = page.after
        last = [*(literal(_instant(each), Instant) for each in at), literal(str(case_id))]
        query = query.where(tuple_(*order) < tuple_(*last))
    return query.where(*_conditions(wanted, order[-1])).order_by(*(each.desc() for each in order)).limit(page.fetch)


def keys_of(wanted: Wanted) -> int:
    """How many values the key of a page has."""
    return 2 if wanted.by_end else 1


def key_of(wanted: Wanted, row: Row[Any]) -> list[str]:
    """What a page ends with."""
    return [row.ended_at.isoformat(), row.case_id] if wanted.by_end else [row.case_id]


@dataclass(frozen=True, slots=True)
class Listing:
    """What of a case changes, and is searched by."""

    bundle_version: int
    status: str
    light: str
    open_incidents: int
    ended_at: datetime | None
    organs: frozenset[str]

    def columns(self) -> dict[str, Any]:
        """As the row of the case has it."""
        return {name: getattr(self, name) for name in _COLUMNS}


_COLUMNS = tuple(each.name for each in fields(Listing) if each.name != "organs")
_LASTING = ("case_number", "applicant_id", "bundle_id", "submitted_at")
_change = update(cases).where(cases.c.case_id == bindparam("key")).values({name: bindparam(name) for name in _COLUMNS})
_untie = delete(case_organs).where(
    *(case_organs.c[name] == bindparam(f"of_{name}") for name in ("organ_id", "case_id"))
)


def listing_of(case: Case) -> Listing:
    """What a case is found by."""
    return Listing(
        case.bundle_version,
        str(case.status),
        str(case.light or ""),
        case.open_incidents,
        case.ended_at,
        case.organs,
    )


def lasting(case: Case) -> dict[str, Any]:
    """What a case is found by as long as it is there."""
    return {name: getattr(case, name) for name in _LASTING}


def stored_lasting(connection: Connection, case_id: str) -> dict[str, Any]:
    """The same, as it is stored; nothing when no search finds the case."""
    row = connection.execute(select(cases).where(cases.c.case_id == case_id)).one_or_none()
    return {} if row is None else {name: getattr(row, name) for name in _LASTING}


def add(connection: Connection, case: Case) -> None:
    """Let a new case be found."""
    row = {"case_id": case.case_id, **lasting(case), **listing_of(case).columns()}
    connection.execute(plain_insert(cases), row)
    _follow_organs(connection, [(case, frozenset())])


def follow(connection: Connection, changed: Iterable[tuple[Case, Listing]]) -> None:
    """Let cases be found by what they are now, each given with what it was found by before."""
    rows, organs = [], []
    for case, before in changed:
        now = listing_of(case)
        if now.columns() != before.columns():
            rows.append({"key": case.case_id, **now.columns()})
        if now.organs != before.organs:
            organs.append((case, before.organs))
    if rows:
        connection.execute(_change, rows)
    _follow_organs(connection, organs)


def stored_listing(connection: Connection, case: Case) -> Listing | None:
    """What a case is found by, as it is stored; of offices only those that ever had to do with it."""
    row = connection.execute(select(cases).where(cases.c.case_id == case.case_id)).one_or_none()
    if row is None:
        return None
    organs = connection.scalars(
        select(case_organs.c.organ_id).where(
            case_organs.c.case_id == case.case_id,
            case_organs.c.organ_id.in_(sorted(case.organs | {task.organ_id for task in case.tasks.values()})),
        )
    )
    return Listing(**{name: getattr(row, name) for name in _COLUMNS}, organs=frozenset(organs))


def _follow_organs(connection: Connection, changed: Iterable[tuple[Case, frozenset[str]]]) -> None:
    added, removed = [], []
    for case, before in changed:
        added += [_tie(case, organ_id) for organ_id in sorted(case.organs - before)]
        removed += [_tie(case, organ_id) for organ_id in sorted(before - case.organs)]
    if removed:
        connection.execute(_untie, [{f"of_{name}": value for name, value in tie.items()} for tie in removed])
    if added:
        connection.execute(plain_insert(case_organs), added)


def _tie(case: Case, organ_id: str) -> dict[str, Any]:
    return {"organ_id": organ_id, "case_id": case.case_id}


def _conditions(wanted: Wanted, case_id: ColumnElement[str]) -> list[ColumnElement[bool]]:
    found = [cases.c[name] == getattr(wanted, name) for name in ("applicant_id", "bundle_id") if getattr(wanted, name)]
    if wanted.bundle_version:
        found.append(
            cases.c.bundle_version == literal(wanted.bundle_version, BigInteger)
        )  # larger than any may be asked
    # In the text of the query, not as parameters: few values, which differ a thousandfold in how many cases have them.
    found += [
        cases.c[name] == bindparam(None, getattr(wanted, name), String, literal_execute=True)
        for name in ("status", "light")
        if getattr(wanted, name)
    ]
    if wanted.number:
        found.append(cases.c.case_number.startswith(wanted.number, autoescape=True))
    if wanted.has_incidents:
        found.append(text("case_search.open_incidents > 0"))
    # The order of the ids leads to the period, and the times decide.
    if wanted.submitted_from is not None:
        found += [cases.c.submitted_at >= wanted.submitted_from, case_id >= least_id(wanted.submitted_from, -_ASUNDER)]
    if wanted.submitted_before is not None:
        found += [cases.c.submitted_at < wanted.submitted_before, case_id < least_id(wanted.submitted_before, _ASUNDER)]
    if wanted.ended_from is not None:
        found.append(cases.c.ended_at >= wanted.ended_from)
    if wanted.ended_before is not None:
        found.append(cases.c.ended_at < wanted.ended_before)
    return found


def _instant(key: object) -> datetime:
    instant = None
    with contextlib.suppress(ValueError, OverflowError):  # OverflowError: a time of a zone that UTC has no year for
        told = datetime.fromisoformat(str(key))
        instant = told.astimezone(UTC) if told.tzinfo else None
    if instant is None:
        fault = Violation("page_token", "give the next_page_token of an earlier answer, unchanged")
        raise Invalid("BAD_PAGE_TOKEN", "the page token is not one that this method gave", [fault])
    return instant
