"""Licences that were issued before, taken in as rows of a table: all faults at once, or all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Self

from chassis.clock import new_id
from chassis.database import UnitOfWork
from chassis.problems import Violation
from chassis.settings import Settings
from chassis.vault import Vault
from services.licences import store
from services.licences.domain.contents import (
    days_of,
    faults_of_data,
    faults_of_days,
    holder_fault,
    issue_fault,
    tidy,
)
from services.licences.domain.holders import masked, number_fault
from services.licences.domain.identifiers import LAST_VERSION, Identifier, serial_fault
from services.licences.domain.licence import Holder, Licence, Organ
from services.licences.domain.types import HolderKind, LicenceType
from services.licences.domain.validity import day_of, start_of
from services.licences.domain.words import one_line
from services.licences.service import NUMBER, Licences
from services.licences.types import type_of


@dataclass(frozen=True, slots=True)
class Row:
    """A licence as a table has it."""

    row: int
    serial: str
    version: int
    holder_name: str
    holder_kind: HolderKind
    holder_number: str
    valid_from: str
    valid_until: str
    data: Mapping[str, object]
    issued_on: str = ""


@dataclass(slots=True)
class Imported:
    """What became of the rows, or what is wrong with them."""

    faults: list[tuple[int, Violation]] = field(default_factory=list)
    created: int = 0
    unchanged: int = 0
    written: bool = False


class Imports:
    """Takes in what organs issued before they used the platform."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._licences = Licences(vault)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """With the vault of this installation."""
        return cls(Vault.from_settings(settings))

    def take(
        self, work: UnitOfWork, type_name: str, issuer_organ_id: str, rows: Sequence[Row], actor: str, *, dry_run: bool
    ) -> Imported:
        """Takes rows in, all of them or none. Raises NotFound LICENCE_TYPE_NOT_FOUND, ORGAN_NOT_FOUND."""
        of, issuer = type_of(work, type_name), self._licences.issuer(work, issuer_organ_id)
        result, made, seen = Imported(), list[tuple[Licence, Mapping[str, object]]](), dict[str, Licence]()
        for given in rows:
            row = replace(given, holder_name=one_line(given.holder_name), data=tidy(given.data))
            faults = list(_faults(row, of, day_of(work.now)))
            if not faults:
                licence = self._licence(work, of, issuer, row)
                faults = self._compare(work, licence, row, seen, result)
                made.append((licence, row.data))
            result.faults += [(row.row, fault) for fault in faults]
        if result.faults or dry_run:
            return result
        for licence, data in made:
            if store.by_identifier(work.connection, licence.identifier) is None:
                self._licences.bring_in(work, licence, data, actor)
                result.written = True
        return result

    def _compare(
        self, work: UnitOfWork, licence: Licence, row: Row, seen: dict[str, Licence], result: Imported
    ) -> list[Violation]:
        """What is wrong with a licence beside what is there, or stands above it in the table; else it is counted."""
        if licence.identifier in seen:
            return [Violation("serial", "is in the table twice")]
        seen[licence.identifier] = licence
        there = store.by_identifier(work.connection, licence.identifier)
        if there is None:
            if fault := self._other_version(work, licence, seen):
                return [Violation("version", fault)]
            result.created += 1
            return []
        same = (there.number_fingerprint, there.valid_from, there.valid_until) == (
            licence.number_fingerprint,
            licence.valid_from,
            licence.valid_until,
        )
        if same and self._licences.data(work, there) == row.data:
            result.unchanged += 1
            return []
        return [Violation("serial", "a licence of this number is there and says otherwise; renew it, or mend the row")]

    def _other_version(self, work: UnitOfWork, licence: Licence, seen: Mapping[str, Licence]) -> str:
        """What is wrong with a licence beside the versions before and after it: one number has one that is valid."""
        today = day_of(work.now)
        if not licence.good_on(today):
            return ""
        for version in (licence.version - 1, licence.version + 1):
            if not 0 < version <= LAST_VERSION:
                continue
            identifier = str(replace(licence.named, version=version))
            other = seen.get(identifier) or store.by_identifier(work.connection, identifier)
            if other and other.good_on(today):
                return f"version {version} of this number is valid too; say its true last day, or renew that one"
        return ""

    def _licence(self, work: UnitOfWork, of: LicenceType, issuer: Organ, row: Row) -> Licence:
        number = row.holder_number.strip().upper()
        fingerprint = self._vault.fingerprint(number.encode(), context=f"{NUMBER}.{row.holder_kind}")
        person_id = store.person_of_number(work.connection, fingerprint) or ""
        holder = Holder(person_id, row.holder_kind, row.holder_name, masked(number), fingerprint)
        first, last = days_of(row.valid_from, row.valid_until, of, day_of(work.now))
        issued = date.fromisoformat(row.issued_on) if row.issued_on else min(first, day_of(work.now))
        identifier = Identifier(of.type_code, issuer.uscc, row.serial, row.version or 1)
        return Licence(
            licence_id=new_id(),
            identifier=str(identifier),
            type_code=of.type_code,
            issuer_organ_id=issuer.organ_id,
            issuer_uscc=issuer.uscc,
            issuer_name=issuer.name,
            serial=row.serial,
            version=identifier.version,
            holder_person_id=holder.person_id,
            holder_name=holder.name,
            masked_number=holder.masked_number,
            number_fingerprint=holder.number_fingerprint,
            valid_from=first,
            valid_until=last,
            issued_at=start_of(issued),
        )


def _faults(row: Row, of: LicenceType, today: date) -> list[Violation]:
    """Everything that is wrong with a row by itself."""
    found = []
    if fault := serial_fault(row.serial):
        found.append(Violation("serial", fault))
    if row.version > LAST_VERSION:
        found.append(Violation("version", f"must be 1 to {LAST_VERSION}"))
    if not row.holder_name:
        found.append(Violation("holder_name", "must be there"))
    if row.holder_kind is HolderKind.ANY:
        found.append(Violation("holder_kind", "must be natural or legal"))
    elif fault := holder_fault(row.holder_kind, of):
        found.append(Violation("holder_kind", fault))
    elif fault := number_fault(row.holder_kind, row.holder_number.strip().upper()):
        found.append(Violation("holder_number", fault))
    if not row.valid_from:
        found.append(Violation("valid_from", "must be there"))
    found += faults_of_days(row.valid_from or today.isoformat(), row.valid_until)
    if fault := issue_fault(row.issued_on, today):
        found.append(Violation("issued_on", fault))
    return [*found, *faults_of_data(row.data, of)]
