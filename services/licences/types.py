"""The types of licences, and what can be done with them."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update

from chassis.database import UnitOfWork
from chassis.problems import Exists, Invalid, NotFound
from services.licences.domain.types import (
    Audience,
    Field,
    FieldType,
    HolderKind,
    LicenceType,
    Sharing,
    faults_of,
)
from services.licences.tables import types
from services.licences.templates import template_faults


def define(work: UnitOfWork, wanted: LicenceType) -> LicenceType:
    """Defines a type or changes it, for licences that are issued from now on; gives it with its version.

    Raises Invalid BAD_TYPE with every fault, Exists KIND_TAKEN.
    """
    before = _find(work.connection, wanted.type_code, lock=True)
    faults = [*faults_of(wanted, before), *template_faults(wanted)]
    if faults:
        raise Invalid("BAD_TYPE", f"the type {wanted.type_code} cannot be as it is said", faults)
    namesake = _find(work.connection, wanted.kind)
    if namesake and namesake.type_code != wanted.type_code:
        raise Exists(
            "KIND_TAKEN",
            f"{wanted.kind} is what scenarios call type {namesake.type_code}; give this one another name",
            kind=wanted.kind,
            type_code=namesake.type_code,
        )
    made = replace(wanted, version=before.version if before else 1)
    if made == before:
        return before
    if before:
        made = replace(made, version=before.version + 1)
    _put(work.connection, made, is_new=before is None)
    return made


def type_of(work: UnitOfWork, name: str) -> LicenceType:
    """The type of a code, or that scenarios call so. Raises NotFound LICENCE_TYPE_NOT_FOUND."""
    found = _find(work.connection, name)
    if found is None:
        raise NotFound(
            "LICENCE_TYPE_NOT_FOUND", f"there is no type of licences {name}; define it, then ask again", type=name
        )
    return found


def types_by_code(work: UnitOfWork, codes: Sequence[str]) -> dict[str, LicenceType]:
    """The types of some codes."""
    rows = work.connection.execute(select(types).where(types.c.type_code.in_(set(codes)))).mappings()
    return {row["type_code"]: _type(row) for row in rows}


def list_types(work: UnitOfWork, after: str, limit: int) -> list[LicenceType]:
    """Types by code, from the one after `after`."""
    query = select(types).where(types.c.type_code > after).order_by(types.c.type_code).limit(limit)
    return [_type(row) for row in work.connection.execute(query).mappings()]


def _find(connection: Connection, name: str, *, lock: bool = False) -> LicenceType | None:
    query = select(types).where(or_(types.c.type_code == name, types.c.kind == name))
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return _type(row) if row else None


def _put(connection: Connection, made: LicenceType, *, is_new: bool) -> None:
    """Writes a type; raises IntegrityError when somebody else defined it, or one of its name, a moment ago."""
    row = {
        **asdict(made),
        "holder_kind": made.holder_kind.value,
        "sharing": made.sharing.value,
        "issuers": list(made.issuers),
        "fields": [_field_row(field) for field in made.fields],
    }
    change = insert(types) if is_new else update(types).where(types.c.type_code == made.type_code)
    connection.execute(change.values(row))


def _field_row(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": field.label,
        "type": field.type.value,
        "required": field.required,
        "audience": field.audience.name,
    }


def _type(row: Any) -> LicenceType:
    fields = tuple(
        Field(each["name"], each["label"], FieldType(each["type"]), each["required"], Audience[each["audience"]])
        for each in row["fields"]
    )
    values = {**row, "fields": fields, "issuers": tuple(row["issuers"])}
    values |= {"holder_kind": HolderKind(row["holder_kind"]), "sharing": Sharing(row["sharing"])}
    return LicenceType(**values)
