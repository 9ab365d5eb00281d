"""Licences that were issued before, taken in as rows of a table: all faults at once, or all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Self

from chassis.clock import day_of, instant_of, new_id
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
from services.licences.domain.licence import Licence, Organ
from services.licences.domain.types import HolderKind, LicenceType
from services.licences.domain.words import one_line, same_words
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


Brought = tuple[Licence, Mapping[str, object]]
"""A licence that was issued elsewhere, and what it says."""


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
        """Takes rows in, all of them or none. Raises as `Licences.issuer`, and NotFound LICENCE_TYPE_NOT_FOUND."""
        of, today = type_of(work, type_name), day_of(work.now)
        issuer = self._licences.issuer(work, of, issuer_organ_id)
        result, good = Imported(), list[Row]()
        for given in rows:
            row = replace(given, holder_name=one_line(given.holder_name), data=tidy(given.data))
            faults = list(_faults(row, of, today))
            result.faults += [(row.row, fault) for fault in faults]
            if not faults:
                good.append(row)
        fresh = self._compare(work, self._licences_of(work, of, issuer, good, result), result)
        if fresh and not result.faults and not dry_run:
            self._licences.bring_in(work, of, fresh, actor)
            result.written = True
        return result

    def _compare(self, work: UnitOfWork, given: Sequence[tuple[Row, Licence]], result: Imported) -> list[Brought]:
        """Those that are new, in their order; others are counted, or faults beside what is there or stands above."""
        wanted = [str(each) for _, licence in given for each in _versions_about(licence)]
        known, today = store.by_identifiers(work.connection, wanted), day_of(work.now)
        fresh, seen = list[Brought](), set[str]()
        for row, licence in given:
            there = known.get(licence.identifier)
            if licence.identifier in seen:
                result.faults.append((row.row, Violation("serial", "is in the table twice")))
            elif there and not self._says_the_same(work, there, licence, row):
                what = "a licence of this number is there and says otherwise; renew it, or mend the row"
                result.faults.append((row.row, Violation("serial", what)))
            elif there:
                result.unchanged += 1
            elif fault := _beside_another(licence, known, today):
                result.faults.append((row.row, Violation("version", fault)))
            else:
                known[licence.identifier] = licence
                fresh.append((licence, row.data))
            seen.add(licence.identifier)
        result.created = len(fresh)
        result.faults.sort(key=lambda fault: fault[0])
        return fresh

    def _says_the_same(self, work: UnitOfWork, there: Licence, licence: Licence, row: Row) -> bool:
        same = (there.number_fingerprint, there.valid_from, there.valid_until) == (
            licence.number_fingerprint,
            licence.valid_from,
            licence.valid_until,
        )
        return same and self._licences.data(work, there) == row.data

    def _licences_of(
        self, work: UnitOfWork, of: LicenceType, issuer: Organ, rows: Sequence[Row], result: Imported
    ) -> list[tuple[Row, Licence]]:
        """What the rows say, less those whose number is somebody else's."""
        prints = [self._fingerprint(row) for row in rows]
        persons = store.persons_of_numbers(work.connection, prints)
        made = []
        for row, fingerprint in zip(rows, prints, strict=True):
            holder = persons.get(fingerprint)
            if holder and not same_words(holder.name, row.holder_name):
                fault = Violation("holder_name", "the number is registered under another name; compare name and number")
                result.faults.append((row.row, fault))
                continue
            first, last = days_of(row.valid_from, row.valid_until, of, day_of(work.now))
            issued = date.fromisoformat(row.issued_on) if row.issued_on else min(first, day_of(work.now))
            identifier = Identifier(of.type_code, issuer.uscc, row.serial, row.version or 1)
            licence = Licence(
                licence_id=new_id(),
                identifier=str(identifier),
                type_code=of.type_code,
                issuer_organ_id=issuer.organ_id,
                issuer_uscc=issuer.uscc,
                issuer_name=issuer.name,
                serial=row.serial,
                version=identifier.version,
                holder_person_id=holder.person_id if holder else "",
                holder_name=row.holder_name,
                masked_number=masked(_number(row)),
                number_fingerprint=fingerprint,
                valid_from=first,
                valid_until=last,
                issued_at=instant_of(issued),
            )
            made.append((row, licence))
        return made

    def _fingerprint(self, row: Row) -> str:
        return self._vault.fingerprint(_number(row).encode(), context=f"{NUMBER}.{row.holder_kind}")


def _number(row: Row) -> str:
    return row.holder_number.strip().upper()


def _versions_about(licence: Licence) -> list[Identifier]:
    """The identifier of a licence, and those of the versions before and after it."""
    versions = range(max(licence.version - 1, 1), min(licence.version + 1, LAST_VERSION) + 1)
    return [replace(licence.named, version=version) for version in versions]


def _beside_another(licence: Licence, known: Mapping[str, Licence], today: date) -> str:
    """What is wrong with a licence beside the versions before and after it: one number has one that is valid."""
    if licence.good_on(today):
        for each in _versions_about(licence):
            other = known.get(str(each))
            if other and other.good_on(today):
                return f"version {other.version} of this number is valid too; say its true last day, or renew that one"
    return ""


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
    elif fault := number_fault(row.holder_kind, _number(row)):
        found.append(Violation("holder_number", fault))
    if not row.valid_from:
        found.append(Violation("valid_from", "must be there"))
    found += faults_of_days(row.valid_from or today.isoformat(), row.valid_until)
    if fault := issue_fault(row.issued_on, today):
        found.append(Violation("issued_on", fault))
    return [*found, *faults_of_data(row.data, of)]
