"""Rebuilds a case from its history by today's rules, and compares it with what is stored."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, select

from chassis.database import UnitOfWork
from services.cases import searching, store
from services.cases.differences import Difference, difference, first_difference, value_at
from services.cases.domain.case import Case
from services.cases.domain.decide import decide, version_for
from services.cases.domain.history import read_entry, verify
from services.cases.domain.inputs import Corrected, Input, Submitted, from_json
from services.cases.domain.refusal import Refusal
from services.cases.domain.snapshot import to_json
from services.cases.plans import Plans
from services.cases.published import Published
from services.cases.rebuilding import Taken, rows_differ
from services.cases.vouching import all_handed_in, unvouched

_COLUMNS = ("status", "version", "open_incidents", "applicant_id", "bundle_id", "bundle_version", "case_number")


def replay(work: UnitOfWork, row: Row[Any], plans: Plans) -> tuple[int, Difference | None]:
    """How many entries a stored case has, and where it is first not what they lead to; None when it is."""
    query = select(store.history).where(store.history.c.case_id == row.case_id).order_by(store.history.c.sequence)
    rows = work.connection.execute(query).all()
    # By another form or bundle than was taken the entries lead to something else.
    found = _broken(rows) or _not_vouched_for(work.connection, row.case_id)
    return len(rows), found or _rebuilt(work, rows, row, plans)


def _broken(rows: Sequence[Row[Any]]) -> Difference | None:
    broken = verify(map(read_entry, rows))
    if broken is None:
        return None
    there = broken <= len(rows) and rows[broken - 1].sequence == broken
    what = "was changed, or does not follow the one before it" if there else "is missing"
    return Difference(broken, "", f"entry {broken} {what}: the hash chain is broken there")


def _not_vouched_for(connection: Connection, case_id: str) -> Difference | None:
    for each in unvouched(connection, [case_id]):
        return Difference(0, each.path, each.description)
    return None


def _rebuilt(work: UnitOfWork, rows: Sequence[Row[Any]], row: Row[Any], plans: Plans) -> Difference | None:
    taken = _retaken(work, rows, row, plans)
    if isinstance(taken, Difference):
        return taken
    case, connection = taken[-1].case, work.connection
    return (
        _compared(row, case, rows[-1].hash)
        or _found_by(case, searching.stored_listing(connection, case))
        or _found_always(case, searching.stored_lasting(connection, case.case_id))
        or rows_differ(connection, taken)
    )


def _retaken(work: UnitOfWork, rows: Sequence[Row[Any]], row: Row[Any], plans: Plans) -> Sequence[Taken] | Difference:
    """Take all entries once more, or say which one cannot be taken."""
    case: Case | None = None
    taken: list[Taken] = []
    handed_in = iter(all_handed_in(work.connection, row.case_id))
    for entry in rows:
        about = f"entry {entry.sequence} ({entry.kind})"
        try:
            given = from_json(entry.kind, entry.input)
            published = _published_for(work, plans, case, given)
            decision = decide(published.plan, case, given, entry.at)
        except Refusal as refusal:
            return Difference(entry.sequence, "", f"{about}: today's rules refuse it: {refusal.message}")
        except (KeyError, TypeError, ValueError) as error:
            return Difference(entry.sequence, "", f"{about}: it cannot be read: {type(error).__name__} {error}")
        if not decision.changed:
            return Difference(entry.sequence, "", f"{about}: it changes nothing by today's rules")
        case = decision.case
        there = next(handed_in) if isinstance(given, Submitted | Corrected) else taken[-1].handed_in
        taken.append(Taken(published, case, given, decision.effects, entry.at, there))
    return taken or Difference(1, "", "entry 1 is missing: the history is empty")


def _published_for(work: UnitOfWork, plans: Plans, case: Case | None, given: Input) -> Published:
    """The version of the bundle by which an entry was taken, as the history alone tells it."""
    version = version_for(case, given)
    subject = given if isinstance(given, Submitted) else case
    assert subject is not None  # noqa: S101 - otherwise there is no version either
    return plans.of(work.connection, subject.bundle_id, version)


def _compared(row: Row[Any], case: Case, last_hash: str) -> Difference | None:
    # Through JSON, as what is stored went.
    rebuilt = json.loads(json.dumps(to_json(case)))
    path = first_difference(rebuilt, row.snapshot)
    if path is not None:
        return difference(".".join(path), value_at(rebuilt, path), value_at(row.snapshot, path))
    columns = {name: rebuilt.get(name) for name in _COLUMNS if name != "open_incidents"}
    columns |= {"open_incidents": case.open_incidents, "history_hash": last_hash}
    columns |= {"submitted_at": case.submitted_at}
    for name, value in columns.items():
        if getattr(row, name) != value:
            return difference(f"cases.{name}", value, getattr(row, name))
    return None


def _found_by(case: Case, listed: searching.Listing | None) -> Difference | None:
    """Whether a search finds the case by what it is."""
    rebuilt = searching.listing_of(case)
    for each in fields(searching.Listing):
        value, stored = getattr(rebuilt, each.name), getattr(listed, each.name, None)
        if value != stored:
            return difference(f"case_search.{each.name}", value, stored)
    return None


def _found_always(case: Case, stored: Mapping[str, Any]) -> Difference | None:
    for name, value in searching.lasting(case).items():
        if stored.get(name) != value:
            return difference(f"case_search.{name}", value, stored.get(name))
    return None
