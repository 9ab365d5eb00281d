"""Rebuilds a case from its history by today's rules, and compares it with what is stored."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from chassis.database import UnitOfWork
from services.cases import searching, store
from services.cases.domain.case import Case
from services.cases.domain.decide import decide, version_for
from services.cases.domain.history import read_entry, verify
from services.cases.domain.inputs import Input, Submitted, from_json
from services.cases.domain.plan import Plan
from services.cases.domain.refusal import Refusal
from services.cases.domain.snapshot import to_json
from services.cases.plans import Plans
from services.cases.vouching import unvouched

_KEYS = ("task_id", "incident_id", "step_id")
_COLUMNS = ("status", "version", "open_incidents", "applicant_id", "bundle_id", "bundle_version", "case_number")


@dataclass(frozen=True, slots=True)
class Difference:
    """The first thing that is not as it should be."""

    sequence: int
    """Of the entry that cannot be replayed; 0 when all could."""
    path: str
    """What differs, such as "steps.food.status"."""
    description: str


def replay(work: UnitOfWork, row: Row[Any], plans: Plans) -> tuple[int, Difference | None]:
    """How many entries a stored case has, and where it is first not what they lead to; None when it is."""
    query = select(store.history).where(store.history.c.case_id == row.case_id).order_by(store.history.c.sequence)
    rows = work.connection.execute(query).all()
    return len(rows), _broken(rows) or _rebuilt(work, rows, row, plans)


def _broken(rows: Sequence[Row[Any]]) -> Difference | None:
    broken = verify(map(read_entry, rows))
    if broken is None:
        return None
    there = broken <= len(rows) and rows[broken - 1].sequence == broken
    what = "was changed, or does not follow the one before it" if there else "is missing"
    return Difference(broken, "", f"entry {broken} {what}: the hash chain is broken there")


def _rebuilt(work: UnitOfWork, rows: Sequence[Row[Any]], row: Row[Any], plans: Plans) -> Difference | None:
    case: Case | None = None
    for entry in rows:
        try:
            given = from_json(entry.kind, entry.input)
            decision = decide(_plan_for(work, plans, case, given), case, given, entry.at)
        except Refusal as refusal:
            why = f"today's rules refuse it: {refusal.message}"
            return Difference(entry.sequence, "", f"entry {entry.sequence} ({entry.kind}): {why}")
        except (KeyError, TypeError, ValueError) as error:
            why = f"it cannot be read: {type(error).__name__} {error}"
            return Difference(entry.sequence, "", f"entry {entry.sequence} ({entry.kind}): {why}")
        if not decision.changed:
            why = "it changes nothing by today's rules"
            return Difference(entry.sequence, "", f"entry {entry.sequence} ({entry.kind}): {why}")
        case = decision.case
    if case is None:
        return Difference(1, "", "entry 1 is missing: the history is empty")
    connection = work.connection
    return (
        _compared(row, case, rows[-1].hash)
        or _handed_in(connection, row.case_id)
        or _found_by(case, searching.stored_listing(connection, case))
        or _found_always(case, searching.stored_lasting(connection, case.case_id))
    )


def _plan_for(work: UnitOfWork, plans: Plans, case: Case | None, given: Input) -> Plan:
    """The plan by which an entry was taken, as the history alone tells it."""
    version = version_for(case, given)
    subject = given if isinstance(given, Submitted) else case
    assert subject is not None  # noqa: S101 - otherwise there is no version either
    return plans.of(work.connection, subject.bundle_id, version).plan


def _compared(row: Row[Any], case: Case, last_hash: str) -> Difference | None:
    # Through JSON, as what is stored went.
    rebuilt = json.loads(json.dumps(to_json(case)))
    path = first_difference(rebuilt, row.snapshot)
    if path is not None:
        return _difference(".".join(path), _at(rebuilt, path), _at(row.snapshot, path))
    columns = {name: rebuilt.get(name) for name in _COLUMNS if name != "open_incidents"}
    columns |= {"open_incidents": case.open_incidents, "history_hash": last_hash}
    columns |= {"submitted_at": case.submitted_at}
    for name, value in columns.items():
        if getattr(row, name) != value:
            return _difference(f"cases.{name}", _plain(value), _plain(getattr(row, name)))
    return None


def _handed_in(connection: Connection, case_id: str) -> Difference | None:
    for each in unvouched(connection, [case_id]):
        return Difference(0, each.path, each.description)
    return None


def _found_by(case: Case, listed: searching.Listing | None) -> Difference | None:
    """Whether a search finds the case by what it is."""
    rebuilt = searching.listing_of(case)
    for each in fields(searching.Listing):
        value, stored = getattr(rebuilt, each.name), getattr(listed, each.name, None)
        if value != stored:
            return _difference(f"case_search.{each.name}", _plain(value), _plain(stored))
    return None


def _found_always(case: Case, stored: Mapping[str, Any]) -> Difference | None:
    for name, value in searching.lasting(case).items():
        if stored.get(name) != value:
            return _difference(f"case_search.{name}", _plain(value), _plain(stored.get(name)))
    return None


def _plain(value: Any) -> Any:
    """A value of a listing, to be shown."""
    if isinstance(value, frozenset):
        return sorted(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _difference(path: str, rebuilt: Any, stored: Any) -> Difference:
    return Difference(0, path, f"{path}: the history leads to {_short(rebuilt)}, and {_short(stored)} is stored")


def first_difference(one: Any, other: Any) -> tuple[str, ...] | None:
    """The path to where two JSON values first differ, in the order of the first; None when they are equal."""
    if type(one) is not type(other) or not isinstance(one, list | dict):
        numbers = {type(one), type(other)} == {int, float}
        return None if one == other and (type(one) is type(other) or numbers) else ()
    ordered = isinstance(one, list)
    one, other = _by_key(one), _by_key(other)
    for name in [*one, *(name for name in other if name not in one)]:
        if name not in one or name not in other:
            return (str(name),)
        below = first_difference(one[name], other[name])
        if below is not None:
            return (str(name), *below)
    return () if ordered and list(one) != list(other) else None


def _by_key(value: Any) -> Any:
    """A list as an object: by the ids of what it holds, or by the places."""
    if not isinstance(value, list):
        return value
    for key in _KEYS:
        ids = [each.get(key) for each in value if isinstance(each, Mapping)]
        if value and len(set(ids)) == len(value) and all(isinstance(each, str) for each in ids):
            return dict(zip(ids, value, strict=True))
    return {str(place): each for place, each in enumerate(value)}


def _at(value: Any, path: Sequence[str]) -> Any:
    for name in path:
        value = _by_key(value)
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def _short(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}..."
