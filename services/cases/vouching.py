"""Whether forms and materials of cases are what was handed in: histories hold no more of them than digests.

What `submitted` and each `corrected` say is compared with the version of that number: earlier ones are in `case_forms`,
the present one is the case's.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from services.cases import store
from services.cases.domain.history import canonical
from services.cases.domain.inputs import Corrected, Submitted, from_json

_HANDING_IN = (Submitted.kind, Corrected.kind)


@dataclass(frozen=True, slots=True)
class Unvouched:
    """Something handed in that is not what its entry vouches for."""

    case_id: str
    sequence: int
    """Of the entry."""
    path: str
    description: str


def form_digest(form: Mapping[str, Any]) -> str:
    """SHA-256 of a form (RFC 8785), in hexadecimal: what a history holds of it."""
    return hashlib.sha256(canonical(dict(form))).hexdigest()


def unvouched(connection: Connection, case_ids: Collection[str]) -> Iterator[Unvouched]:
    """What of these cases was not handed in like that, case by case; entries that cannot be read are passed over."""
    entries, earlier = _entries(connection, case_ids), _earlier(connection, case_ids)
    present = _present(connection, case_ids)
    for case_id in case_ids:
        last = len(entries[case_id])
        for number, entry in enumerate(entries[case_id], 1):
            place = "cases" if number == last else f"case_forms.{number}"
            stored = present.get(case_id) if number == last else earlier[case_id].get(number)
            for what in _faults(entry, stored):
                told = f"{place}.{what}: it is not what entry {entry.sequence} ({entry.kind}) vouches for"
                yield Unvouched(case_id, entry.sequence, f"{place}.{what}", told)
        for number in sorted(earlier[case_id]):
            if number >= last:
                place = f"case_forms.{number}"
                yield Unvouched(case_id, 0, place, f"{place}: no entry of the history vouches for it")


def _entries(connection: Connection, case_ids: Collection[str]) -> Mapping[str, Sequence[Any]]:
    table = store.history
    query = select(table.c.case_id, table.c.sequence, table.c.kind, table.c.input)
    query = query.where(table.c.case_id.in_(case_ids), table.c.kind.in_(_HANDING_IN)).order_by(table.c.sequence)
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.case_id].append(row)
    return found


def _earlier(connection: Connection, case_ids: Collection[str]) -> Mapping[str, Mapping[int, Any]]:
    """What was handed in before corrections, by its number."""
    table = store.case_forms
    query = select(table.c.case_id, table.c.version, table.c.form, table.c.materials)
    found: defaultdict[str, dict[int, Any]] = defaultdict(dict)
    for row in connection.execute(query.where(table.c.case_id.in_(case_ids))):
        found[row.case_id][row.version] = row
    return found


def _present(connection: Connection, case_ids: Collection[str]) -> Mapping[str, Any]:
    table = store.cases
    query = select(table.c.case_id, table.c.form, table.c.materials).where(table.c.case_id.in_(case_ids))
    return {row.case_id: row for row in connection.execute(query)}


def _faults(entry: Any, stored: Any) -> Iterator[str]:
    try:
        given = from_json(entry.kind, entry.input)
    except (KeyError, TypeError, ValueError):
        return
    assert isinstance(given, Submitted | Corrected)  # noqa: S101 - by its kind
    if stored is None or form_digest(stored.form) != given.form_digest:
        yield "form"
    if stored is None or {each["sha256"] for each in stored.materials} != set(given.material_digests):
        yield "materials"
