"""What licences can do: each method is one use case in one transaction that the caller opens and commits."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Self, cast

from chassis.clock import day_of, new_id
from chassis.database import Database, UnitOfWork
from chassis.problems import Conflict, Exists, Invalid, NotFound, Violation
from chassis.settings import Settings
from chassis.vault import Vault
from services.licences import store
from services.licences.announcing import tell
from services.licences.documents import LicenceDocument, Print, ask, documents_of, withdraw_all
from services.licences.domain.contents import (
    days_of,
    faults_of_data,
    faults_of_days,
    holder_fault,
    tidy,
)
from services.licences.domain.identifiers import Identifier, uscc_fault
from services.licences.domain.licence import PLATFORM, Change, Holder, Licence, Organ
from services.licences.domain.life import ENDINGS, FINAL, Act, Status
from services.licences.domain.types import LicenceType
from services.licences.domain.validity import end_of
from services.licences.types import type_of

EXPIRY = "expiry"
NUMBER = "identity.person-number"
"""The context of fingerprints of identity numbers, as identity makes them: the same number has the same in both."""
SCHEME = "duokua-licence:"
"""What the QR code on a document begins with; then come the identifier and the code, with a colon between them."""
_EXPIRED_AT_ONCE = 200
_TAKEN_SERIALS = 100


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be issued of a type. Days and serial that are empty follow from the rules."""

    issuer_organ_id: str
    holder_person_id: str
    data: Mapping[str, object]
    valid_from: str = ""
    valid_until: str = ""
    serial: str = ""
    case_id: str = ""


class Licences:
    """Issues licences, leads them through their lives, and gives them to those who may see them."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """With the vault of this installation, which encrypts what licences say."""
        return cls(Vault.from_settings(settings))

    def issue(self, work: UnitOfWork, of: LicenceType, order: Order, actor: str) -> Licence:
        """Issues a licence.

        Raises NotFound for organ and person, Forbidden NOT_AN_ISSUER, Invalid BAD_LICENCE, Exists SERIAL_TAKEN.
        """
        issuer = self.issuer(work, of, order.issuer_organ_id)
        holder = store.person_by_id(work.connection, order.holder_person_id)
        if holder is None:
            raise NotFound(
                "PERSON_NOT_FOUND",
                f"there is no person {order.holder_person_id}",
                person_id=order.holder_person_id,
            )
        return self.issue_to(work, of, issuer, holder, order, actor)

    def issue_to(
        self, work: UnitOfWork, of: LicenceType, issuer: Organ, holder: Holder, order: Order, actor: str
    ) -> Licence:
        """Issues a licence of a type by an organ to somebody, registered or not; raises as `issue`."""
        _check(of, holder, order, day_of(work.now))
        first, last = days_of(order.valid_from, order.valid_until, of, day_of(work.now))
        serial = order.serial or self._serial(work, of, issuer)
        identifier = Identifier(of.type_code, issuer.uscc, serial)
        licence = Licence(
            licence_id=new_id(),
            identifier=str(identifier),
            type_code=of.type_code,
            issuer_organ_id=issuer.organ_id,
            issuer_uscc=issuer.uscc,
            issuer_name=issuer.name,
            serial=serial,
            version=identifier.version,
            holder_person_id=holder.person_id,
            holder_name=holder.name,
            masked_number=holder.masked_number,
            number_fingerprint=holder.number_fingerprint,
            valid_from=first,
            valid_until=last,
            issued_at=work.now,
            case_id=order.case_id,
        )
        self._add(work, licence, of, tidy(order.data), actor)
        return licence

    def renew(
        self, work: UnitOfWork, before: Licence, data: Mapping[str, object], days: tuple[str, str], actor: str
    ) -> Licence:
        """Issues the next version of a licence, with what differs of its data, and ends the one before.

        Raises Conflict LICENCE_RENEWED, LICENCE_ENDED, LICENCE_HELD, VERSIONS_EXHAUSTED; Forbidden NOT_AN_ISSUER;
        Invalid BAD_LICENCE.
        """
        if before.next_licence_id:
            raise Conflict(
                "LICENCE_RENEWED",
                f"licence {before.identifier} has a next version already; renew that",
                next_licence_id=before.next_licence_id,
            )
        of = type_of(work, before.type_code)
        of.check_issuer(before.issuer_uscc, before.issuer_name)
        kept = self.data(work, before) | dict(data)
        order = Order(before.issuer_organ_id, before.holder_person_id, tidy(kept), *days)
        _check(of, None, order, day_of(work.now))
        first, last = days_of(*days, of, day_of(work.now))
        if before.good_on(day_of(work.now)) and first > day_of(work.now):
            fault = Violation(
                "valid_from", "must not be in the future: the version before ends with its renewal, today"
            )
            raise Invalid("BAD_LICENCE", "nothing would be valid until then", [fault], type_code=of.type_code)
        identifier = before.named.following()
        licence = replace(
            self._named_anew(work, before.changed(Act.RENEWED)),
            licence_id=new_id(),
            identifier=str(identifier),
            version=identifier.version,
            valid_from=first,
            valid_until=last,
            issued_at=work.now,
            status=Status.VALID,
            previous_licence_id=before.licence_id,
            next_licence_id="",
            case_id="",
            revision=1,
        )
        self._add(work, licence, of, order.data, actor)
        self.change(work, replace(before, next_licence_id=licence.licence_id), Act.RENEWED, actor, licence.identifier)
        return licence

    def _named_anew(self, work: UnitOfWork, licence: Licence) -> Licence:
        """The same with the names that issuer and holder have now, where they are registered."""
        issuer = store.organ_by_id(work.connection, licence.issuer_organ_id)
        holder = store.person_by_id(work.connection, licence.holder_person_id) if licence.holder_person_id else None
        return replace(
            licence,
            issuer_name=issuer.name if issuer else licence.issuer_name,
            holder_name=holder.name if holder else licence.holder_name,
        )

    def end(self, work: UnitOfWork, licence: Licence, ending: Status, actor: str, reason: str) -> Licence:
        """Ends a licence for good. Raises Conflict LICENCE_ENDED."""
        return self.change(work, licence, ENDINGS[ending], actor, reason)

    def change(self, work: UnitOfWork, licence: Licence, act: Act, actor: str, reason: str) -> Licence:
        """Has something happen to a licence that this transaction has locked; raises Conflict, see `life.after`."""
        changed = licence.changed(act)
        store.put(work.connection, changed)
        self._note(work, changed, type_of(work, changed.type_code), act, actor, reason)
        if act is Act.RENEWED:
            withdraw_all(work, changed.licence_id, f"已换发新版本 {reason}")
        elif changed.status in FINAL:
            withdraw_all(work, changed.licence_id, reason or act.value)
        return changed

    def locked(self, work: UnitOfWork, licence_id: str) -> Licence:
        """A licence, for this transaction alone, once what time did to it is noted; NotFound LICENCE_NOT_FOUND."""
        licence = store.by_id(work.connection, licence_id, lock=True)
        if licence is None:
            raise licence_not_found(licence_id)
        if licence.on(day_of(work.now)).status is not licence.status:
            return self.change(work, licence, Act.EXPIRED, PLATFORM, "")
        return licence

    def expire_due(self, database: Database) -> datetime | None:
        """Notes which licences have expired; gives when the next one does."""
        with database.begin() as work:
            today = day_of(work.now)
            due = store.ended_before(work.connection, today, _EXPIRED_AT_ONCE)
            for licence in due:
                self.change(work, licence, Act.EXPIRED, PLATFORM, "")
            if len(due) == _EXPIRED_AT_ONCE:
                return work.now
            following = store.next_last_day(work.connection)
        return end_of(following) if following else None

    def data(self, work: UnitOfWork, licence: Licence) -> dict[str, object]:
        """All that a licence says."""
        sealed = store.data_of(work.connection, licence.licence_id)
        plain = self._vault.decrypt(sealed, context=data_context(licence.licence_id))
        return cast("dict[str, object]", json.loads(plain))

    def code(self, licence: Licence, copy: str = "") -> str:
        """What a document shows beside the identifier: who has it has seen that document.

        The licence itself has one; each copy, named by its request, has its own, so that none stands in for another.
        """
        named = f"{licence.identifier} {copy}" if copy else licence.identifier
        return self._vault.fingerprint(named.encode(), context="licences.code")[:20]

    def codes(self, work: UnitOfWork, licence: Licence) -> Iterator[tuple[str, str]]:
        """The annotation and the code of each document that a licence has or may have: itself first, then copies."""
        yield "", self.code(licence)
        for each in documents_of(work, licence.licence_id):
            if each.annotation:
                yield each.annotation, self.code(licence, each.request_id)

    def document(
        self, work: UnitOfWork, licence: Licence, reader_organ_id: str, use: str, request_id: str = ""
    ) -> LicenceDocument:
        """Asks for a document of a licence, with the `request_id` of one that failed for that once more."""
        wanted = self._print(type_of(work, licence.type_code), licence, self.data(work, licence), use, request_id)
        return ask(work, licence, wanted, reader_organ_id, again=bool(request_id))

    def _print(
        self, of: LicenceType, licence: Licence, data: Mapping[str, object], use: str = "", request_id: str = ""
    ) -> Print:
        request_id = request_id or new_id()
        code = self.code(licence, request_id if use else "")
        return Print(request_id, of, data, f"{SCHEME}{licence.identifier}:{code}", code, use)

    def _add(self, work: UnitOfWork, licence: Licence, of: LicenceType, data: Mapping[str, object], actor: str) -> None:
        if not store.add(work.connection, licence, self._sealed(licence, data)):
            raise Exists(
                "SERIAL_TAKEN",
                f"there is a licence {licence.identifier}; give another serial, or renew it",
                identifier=licence.identifier,
            )
        self._note(work, licence, of, Act.ISSUED, actor, "")
        if licence.valid_until and licence.valid_until <= day_of(work.now):
            # What lasts longer is found in time: the worker looks at least once a minute.
            work.wake(EXPIRY)
        ask(work, licence, self._print(of, licence, data), licence.issuer_organ_id)

    def _sealed(self, licence: Licence, data: Mapping[str, object]) -> bytes:
        return self._vault.encrypt(store.as_json(data), context=data_context(licence.licence_id))

    def _note(self, work: UnitOfWork, licence: Licence, of: LicenceType, act: Act, actor: str, reason: str) -> None:
        change = Change(licence.revision, work.now, act, licence.status, actor, reason)
        store.add_change(work.connection, licence.licence_id, change)
        tell(work, licence, of, act)

    def bring_in(
        self, work: UnitOfWork, of: LicenceType, brought: Sequence[tuple[Licence, Mapping[str, object]]], actor: str
    ) -> None:
        """Keeps licences that were issued elsewhere; a document is made of one when somebody asks for it."""
        store.add_all(work.connection, [(licence, self._sealed(licence, data)) for licence, data in brought])
        for licence, _ in brought:
            self._note(work, licence, of, Act.ISSUED, actor, "导入")
        work.wake(EXPIRY)

    def issuer(self, work: UnitOfWork, of: LicenceType, organ_id: str) -> Organ:
        """The organ that issues licences of a type. Raises NotFound ORGAN_NOT_FOUND, Forbidden NOT_AN_ISSUER."""
        organ = store.organ_by_id(work.connection, organ_id)
        if organ is None or uscc_fault(organ.uscc):
            raise NotFound("ORGAN_NOT_FOUND", f"there is no organ {organ_id}", organ_id=organ_id)
        of.check_issuer(organ.uscc, organ.name)
        return organ

    def _serial(self, work: UnitOfWork, of: LicenceType, issuer: Organ) -> str:
        """The issuer's next number that no licence has: one that was said may have gone before."""
        for _ in range(_TAKEN_SERIALS):
            serial = f"{store.next_serial(work.connection, of.type_code, issuer.uscc):09d}"
            if store.by_identifier(work.connection, str(Identifier(of.type_code, issuer.uscc, serial))) is None:
                return serial
        raise Conflict(
            "SERIALS_TAKEN",
            f"the next {_TAKEN_SERIALS} numbers of {issuer.name} are taken; try again, or give a serial",
            organ_id=issuer.organ_id,
        )


def licence_not_found(licence_id: str) -> NotFound:
    """There is no such licence, or none that the caller may see."""
    return NotFound("LICENCE_NOT_FOUND", f"there is no licence {licence_id}", licence_id=licence_id)


def _check(of: LicenceType, holder: Holder | None, order: Order, today: date) -> None:
    """Raises Invalid BAD_LICENCE with everything that is wrong with what is to be issued."""
    days = faults_of_days(order.valid_from or today.isoformat(), order.valid_until)
    faults = [*faults_of_data(order.data, of), *days]
    fault = holder_fault(holder.kind, of) if holder else ""
    if fault:
        faults.append(Violation("holder_person_id", fault))
    if faults:
        raise Invalid("BAD_LICENCE", f"no {of.name} can say this", faults, type_code=of.type_code)


def data_context(licence_id: str) -> str:
    """What the vault binds the data of a licence to."""
    return f"licences.data.{licence_id}"
