"""What licences keeps: types, copies of organs and persons, licences with their history, and who looked at them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, or_, select, update
from sqlalchemy import insert as plain_insert

from chassis.database import insert
from services.licences.domain.licence import Change, Holder, Licence, Organ
from services.licences.domain.life import IN_USE, Act, Status
from services.licences.domain.types import HolderKind
from services.licences.domain.words import same_words
from services.licences.tables import accesses, changes, licences, metadata, orders, organs, persons, serials

__all__ = ["metadata"]

_IN_USE = [status.value for status in sorted(IN_USE)]
_COLUMNS = [licences.c[name] for name in Licence.__dataclass_fields__]
_CHANGE = [changes.c[name] for name in Change.__dataclass_fields__]
_HOLDER = [persons.c[name] for name in Holder.__dataclass_fields__]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which licences a list has; what is empty does not matter."""

    holder_person_id: str = ""
    issuer_organ_id: str = ""
    type_code: str = ""
    good_on: date | None = None


def save_organs(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Keeps the organs, each at most once in `rows`, except where a version as new is already here."""
    _save(connection, organs, "organ_id", rows)


def save_persons(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Keeps the persons, each at most once in `rows`, except where a version as new is already here."""
    _save(connection, persons, "person_id", rows)


def _save(connection: Connection, table: Table, key: str, rows: Iterable[Mapping[str, Any]]) -> None:
    statement = insert(connection, table)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[key],
        set_={column.name: new[column.name] for column in table.c if column.name != key},
        where=table.c.version < new.version,
    )
    connection.execute(statement, list(rows))


def organ_by_id(connection: Connection, organ_id: str) -> Organ | None:
    """An organ, None while it has not arrived."""
    query = select(organs.c.organ_id, organs.c.name, organs.c.uscc).where(organs.c.organ_id == organ_id)
    row = connection.execute(query).one_or_none()
    return Organ(*row) if row else None


def person_by_id(connection: Connection, person_id: str) -> Holder | None:
    """A person, None while unknown."""
    row = connection.execute(select(*_HOLDER).where(persons.c.person_id == person_id)).one_or_none()
    return replace(Holder(*row), kind=HolderKind(row.kind)) if row else None


def person_of_number(connection: Connection, fingerprint: str) -> str | None:
    """The id of the person whose number has this keyed fingerprint, None while there is none."""
    return connection.scalar(select(persons.c.person_id).where(persons.c.number_fingerprint == fingerprint))


def persons_of_numbers(connection: Connection, fingerprints: Iterable[str]) -> dict[str, Holder]:
    """The persons whose numbers have these keyed fingerprints, by them."""
    query = select(*_HOLDER).where(persons.c.number_fingerprint.in_(set(fingerprints)))
    return {
        row.number_fingerprint: replace(Holder(*row), kind=HolderKind(row.kind)) for row in connection.execute(query)
    }


def next_serial(connection: Connection, type_code: str, issuer_uscc: str) -> int:
    """The number after the last one that an organ gave to a licence of a type; taken by this transaction."""
    statement = insert(connection, serials).on_conflict_do_update(
        index_elements=["type_code", "issuer_uscc"], set_={"last": serials.c.last + 1}
    )
    first = {"type_code": type_code, "issuer_uscc": issuer_uscc, "last": 1}
    number: int = connection.execute(statement.returning(serials.c.last), first).scalar_one()
    return number


def add(connection: Connection, licence: Licence, sealed_data: bytes) -> bool:
    """Keeps a new licence; False when there is one of this identifier."""
    row = {column.name: getattr(licence, column.name) for column in _COLUMNS}
    statement = insert(connection, licences).on_conflict_do_nothing(index_elements=["identifier"])
    added = statement.returning(licences.c.licence_id)
    return connection.scalar(added, {**row, "sealed_data": sealed_data}) is not None


def add_all(connection: Connection, sealed: Iterable[tuple[Licence, bytes]]) -> None:
    """Keeps new licences with their encrypted data. Raises IntegrityError when there is one of an identifier."""
    rows = [
        {**{column.name: getattr(licence, column.name) for column in _COLUMNS}, "sealed_data": data}
        for licence, data in sealed
    ]
    connection.execute(plain_insert(licences), rows)


def add_change(connection: Connection, licence_id: str, change: Change) -> None:
    """Keeps what happened to a licence."""
    row = {column.name: getattr(change, column.name) for column in _CHANGE}
    connection.execute(plain_insert(changes), {**row, "licence_id": licence_id})


def put(connection: Connection, licence: Licence) -> None:
    """Writes down where a licence stands, and what comes after it."""
    connection.execute(
        update(licences)
        .where(licences.c.licence_id == licence.licence_id)
        .values(status=licence.status, next_licence_id=licence.next_licence_id, revision=licence.revision)
    )


def by_id(connection: Connection, licence_id: str, *, lock: bool = False) -> Licence | None:
    """A licence; with `lock` for this transaction alone."""
    query = select(*_COLUMNS).where(licences.c.licence_id == licence_id)
    return _one(connection, query.with_for_update() if lock else query)


def by_identifier(connection: Connection, identifier: str) -> Licence | None:
    """The licence of an identifier."""
    return _one(connection, select(*_COLUMNS).where(licences.c.identifier == identifier))


def by_identifiers(connection: Connection, identifiers: Iterable[str]) -> dict[str, Licence]:
    """Those licences that are there, by their identifiers."""
    query = select(*_COLUMNS).where(licences.c.identifier.in_(set(identifiers)))
    return {row.identifier: _licence(row) for row in connection.execute(query)}


def data_of(connection: Connection, licence_id: str) -> bytes:
    """What a licence says, encrypted."""
    query = select(licences.c.sealed_data).where(licences.c.licence_id == licence_id)
    sealed: bytes = connection.execute(query).scalar_one()
    return sealed


def changes_of(connection: Connection, licence_id: str) -> list[Change]:
    """All that happened to a licence, oldest first."""
    query = select(*_CHANGE).where(changes.c.licence_id == licence_id).order_by(changes.c.revision)
    return [replace(Change(*row), act=Act(row.act), status=Status(row.status)) for row in connection.execute(query)]


def listed(connection: Connection, wanted: Wanted, before: str, limit: int) -> list[Licence]:
    """Licences, the newest first, from the one before `before`."""
    query = select(*_COLUMNS).order_by(licences.c.licence_id.desc()).limit(limit)
    for column, value in (
        (licences.c.holder_person_id, wanted.holder_person_id),
        (licences.c.issuer_organ_id, wanted.issuer_organ_id),
        (licences.c.type_code, wanted.type_code),
    ):
        if value:
            query = query.where(column == value)
    if wanted.good_on is not None:
        endless = licences.c.valid_until.is_(None)
        good = and_(licences.c.valid_from <= wanted.good_on, or_(endless, licences.c.valid_until >= wanted.good_on))
        query = query.where(licences.c.status == Status.VALID, good)
    if before:
        query = query.where(licences.c.licence_id < before)
    return [_licence(row) for row in connection.execute(query)]


def ended_before(connection: Connection, today: date, limit: int) -> list[Licence]:
    """Licences in use whose last day is over, locked; those that somebody else has in hand are left out."""
    query = select(*_COLUMNS).where(licences.c.status.in_(_IN_USE), licences.c.valid_until < today)
    query = query.order_by(licences.c.valid_until).limit(limit).with_for_update(skip_locked=True)
    return [_licence(row) for row in connection.execute(query)]


def next_last_day(connection: Connection) -> date | None:
    """The earliest last day of a licence in use."""
    query = select(licences.c.valid_until).where(licences.c.status.in_(_IN_USE), licences.c.valid_until.is_not(None))
    return connection.scalar(query.order_by(licences.c.valid_until).limit(1))


def give_to(connection: Connection, person: Holder) -> list[Licence]:
    """Gives a person the licences that were issued to number and name before its person was known; tells which.

    One under another name is nobody's: somebody has the wrong number, and would see what another's licence says.
    """
    unheld = licences.c.number_fingerprint == person.number_fingerprint, licences.c.holder_person_id == ""
    found = connection.execute(select(licences.c.licence_id, licences.c.holder_name).where(*unheld).with_for_update())
    own = [row.licence_id for row in found if same_words(row.holder_name, person.name)]
    given = update(licences).where(licences.c.licence_id.in_(own)).values(holder_person_id=person.person_id)
    return [_licence(row) for row in connection.execute(given.returning(*_COLUMNS))] if own else []


def take_order(connection: Connection, row: Mapping[str, Any]) -> str | None:
    """Takes an order for this transaction: None for a new one, else the licence that it became, or empty.

    Whoever else wants the same order waits until this transaction ends.
    """
    statement = insert(connection, orders).on_conflict_do_nothing()
    if connection.scalar(statement.returning(orders.c.order_id), dict(row)) is not None:
        return None
    query = select(orders.c.licence_id).where(orders.c.order_id == row["order_id"]).with_for_update()
    licence_id: str = connection.execute(query).scalar_one()
    return licence_id


def fill_order(connection: Connection, order_id: str, licence_id: str) -> None:
    """Writes down which licence an order became."""
    connection.execute(update(orders).where(orders.c.order_id == order_id).values(licence_id=licence_id))


def withdraw_order(connection: Connection, order_id: str, now: datetime) -> bool:
    """Writes down that an order is void; False when it was before."""
    void = update(orders).where(orders.c.order_id == order_id, orders.c.withdrawn_at.is_(None))
    return connection.execute(void.values(withdrawn_at=now)).rowcount == 1


def add_accesses(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Keeps that somebody looked; the licences that the same request had not looked at before."""
    if not rows:
        return set()
    added = insert(connection, accesses).on_conflict_do_nothing().returning(accesses.c.licence_id)
    return set(connection.scalars(added, [dict(row) for row in rows]))


def access_like(connection: Connection, row: Mapping[str, Any]) -> Any:
    """The look that the same request was at the same licence."""
    same = [accesses.c[name] == row[name] for name in ("subject", "request_id", "licence_id")]
    return connection.execute(select(accesses).where(*same)).one()


def as_json(data: Mapping[str, object]) -> bytes:
    """The data of a licence as it is encrypted."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def _one(connection: Connection, query: Select[Any]) -> Licence | None:
    row = connection.execute(query).one_or_none()
    return _licence(row) if row else None


def _licence(row: Any) -> Licence:
    return replace(Licence(*row), status=Status(row.status))
