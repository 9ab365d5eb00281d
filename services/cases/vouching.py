"""Whether forms, materials and bundles are what histories vouch for: they hold no more of them than digests.

What `submitted` and each `corrected` say is compared with the version of that number: earlier ones are in `case_forms`,
the present one is the case's. `submitted` and `migrated` vouch for the version of the bundle by which the case goes on.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, tuple_

from services.cases import store
from services.cases.domain.history import canonical
from services.cases.domain.inputs import Corrected, Migrated, Submitted, from_json

_VOUCHING = (Submitted.kind, Corrected.kind, Migrated.kind)
Vouching = Submitted | Corrected | Migrated
Version = tuple[str, int]
"""Of a bundle."""


@dataclass(frozen=True, slots=True)
class Unvouched:
    """Something that is not what its entry vouches for."""

    case_id: str
    sequence: int
    """Of the entry."""
    path: str
    description: str


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A form and what a MaterialRef tells of each material, as they were handed in."""

    form: Mapping[str, Any]
    materials: Sequence[Mapping[str, Any]]


def form_digest(form: Mapping[str, Any]) -> str:
    """SHA-256 of a form (RFC 8785), in hexadecimal: what a history holds of it."""
    return hashlib.sha256(canonical(dict(form))).hexdigest()


def materials_digest(materials: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of what is told of materials (RFC 8785): kinds, names, types, sizes and contents, in their order."""
    return hashlib.sha256(canonical([dict(each) for each in materials])).hexdigest()


def unvouched(connection: Connection, case_ids: Collection[str]) -> Iterator[Unvouched]:
    """What of these cases is not as vouched for, case by case; entries that cannot be read are passed over."""
    entries = _entries(connection, case_ids)
    bundles = _bundles(connection, entries)
    earlier, present = _earlier(connection, case_ids), _present(connection, case_ids)
    for case_id in case_ids:
        own = entries[case_id]
        for sequence, given in own:
            vouched = _bundle(own, given)
            if vouched and bundles.get(vouched[0]) != vouched[1]:
                yield _not_as(case_id, sequence, given, "bundles.{}.{}".format(*vouched[0]))
        handed_in = [(sequence, given) for sequence, given in own if not isinstance(given, Migrated)]
        for number, (sequence, given) in enumerate(handed_in, 1):
            last = number == len(handed_in)
            place = "cases" if last else f"case_forms.{number}"
            stored = present.get(case_id) if last else earlier[case_id].get(number)
            for what in _faults(given, stored):
                yield _not_as(case_id, sequence, given, f"{place}.{what}")
        for number in sorted(earlier[case_id]):
            if number >= len(handed_in):
                place = f"case_forms.{number}"
                yield Unvouched(case_id, 0, place, f"{place}: no entry of the history vouches for it")


def all_handed_in(connection: Connection, case_id: str) -> Sequence[HandedIn]:
    """What a case has and had before corrections, in the order in which it was handed in."""
    earlier = _earlier(connection, [case_id])[case_id]
    return [*(earlier[number] for number in sorted(earlier)), *_present(connection, [case_id]).values()]


def _not_as(case_id: str, sequence: int, given: Vouching, path: str) -> Unvouched:
    told = f"{path}: it is not what entry {sequence} ({given.kind}) vouches for"
    return Unvouched(case_id, sequence, path, told)


def _entries(connection: Connection, case_ids: Collection[str]) -> Mapping[str, Sequence[tuple[int, Vouching]]]:
    table = store.history
    query = select(table.c.case_id, table.c.sequence, table.c.kind, table.c.input)
    query = query.where(table.c.case_id.in_(case_ids), table.c.kind.in_(_VOUCHING)).order_by(table.c.sequence)
    found: defaultdict[str, list[tuple[int, Vouching]]] = defaultdict(list)
    for row in connection.execute(query):
        try:
            given = from_json(row.kind, row.input)
        except (KeyError, TypeError, ValueError):
            continue
        assert isinstance(given, Vouching)  # noqa: S101 - by its kind
        found[row.case_id].append((row.sequence, given))
    return found


def _bundle(entries: Sequence[tuple[int, Vouching]], given: Vouching) -> tuple[Version, str] | None:
    """The version of which bundle an entry vouches for, and its digest; None when it does for none."""
    if isinstance(given, Submitted) and given.bundle_digest:
        return (given.bundle_id, given.bundle_version), given.bundle_digest
    if isinstance(given, Migrated) and given.bundle_digest:
        ids = (each.bundle_id for _, each in entries if isinstance(each, Submitted))
        return (next(ids, ""), given.to_version), given.bundle_digest
    return None


def _bundles(connection: Connection, entries: Mapping[str, Sequence[tuple[int, Vouching]]]) -> Mapping[Version, str]:
    """The digests of all versions that entries vouch for, of those that there are."""
    vouched = (_bundle(own, given) for own in entries.values() for _, given in own)
    versions = {each[0] for each in vouched if each}
    table = store.bundles
    query = select(table).where(tuple_(table.c.bundle_id, table.c.version).in_(sorted(versions)))
    rows = connection.execute(query) if versions else ()
    return {(row.bundle_id, row.version): hashlib.sha256(row.body).hexdigest() for row in rows}


def _earlier(connection: Connection, case_ids: Collection[str]) -> Mapping[str, Mapping[int, HandedIn]]:
    """What was handed in before corrections, by its number."""
    table = store.case_forms
    query = select(table.c.case_id, table.c.version, table.c.form, table.c.materials)
    found: defaultdict[str, dict[int, HandedIn]] = defaultdict(dict)
    for row in connection.execute(query.where(table.c.case_id.in_(case_ids))):
        found[row.case_id][row.version] = HandedIn(row.form, row.materials)
    return found


def _present(connection: Connection, case_ids: Collection[str]) -> Mapping[str, HandedIn]:
    table = store.cases
    query = select(table.c.case_id, table.c.form, table.c.materials).where(table.c.case_id.in_(case_ids))
    return {row.case_id: HandedIn(row.form, row.materials) for row in connection.execute(query)}


def _faults(given: Submitted | Corrected, stored: HandedIn | None) -> Iterator[str]:
    if stored is None or form_digest(stored.form) != given.form_digest:
        yield "form"
    if stored is None or not _fit(given, stored.materials):
        yield "materials"


def _fit(given: Submitted | Corrected, materials: Sequence[Mapping[str, Any]]) -> bool:
    if given.materials_digest:
        return materials_digest(materials) == given.materials_digest
    return {each["sha256"] for each in materials} == set(given.material_digests)
