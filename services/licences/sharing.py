"""What can be done about licences before other organs: consent, looking up, and seeing who looked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from sqlalchemy import insert, or_, select, update

from chassis.api import Caller
from chassis.clock import day_of, new_id
from chassis.database import UnitOfWork
from chassis.problems import Conflict, Invalid, NotFound, Violation
from chassis.settings import Settings
from chassis.vault import Vault
from services.licences import store
from services.licences.accesses import (
    Action,
    Look,
    check_purpose,
    is_issuer,
    may_change,
    may_read,
    note,
    note_all,
    note_none,
)
from services.licences.documents import DocumentStatus, LicenceDocument, documents_of
from services.licences.domain.licence import Licence
from services.licences.domain.sharing import Grant, check_grant, may_look_up
from services.licences.domain.types import Audience, HolderKind, LicenceType, Sharing, visible
from services.licences.domain.words import use_fault
from services.licences.service import NUMBER, Licences, licence_not_found
from services.licences.tables import accesses, grants, licences, organs
from services.licences.types import type_of

_MOST_FOUND = 100
_MOST_COPIES = 200
"""Of one licence for one organ, or for its holder."""
_GRANT = [grants.c[name] for name in Grant.__dataclass_fields__]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose licences of which type are looked up, and for what; one of the two names the holder."""

    type_name: str
    person_id: str
    number: str
    purpose: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Found:
    """What an organ may see."""

    of: LicenceType
    licences: Sequence[tuple[Licence, Mapping[str, object]]]
    consent_needed: bool
    more: bool


class SharedLicences:
    """Holders' consent, and what organs see by it."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._licences = Licences(vault)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """With the vault of this installation."""
        return cls(Vault.from_settings(settings))

    def grant(
        self, work: UnitOfWork, holder: str, organ_id: str, type_name: str, wanted: tuple[str, datetime], by: str
    ) -> Grant:
        """Lets an organ look up a holder's licences of a type; `wanted` is for what and until when, `by` who says so.

        Raises NotFound LICENCE_TYPE_NOT_FOUND, ORGAN_NOT_FOUND; Conflict NOT_SHARED; Invalid BAD_GRANT.
        """
        of = type_of(work, type_name)
        if store.organ_by_id(work.connection, organ_id) is None:
            raise NotFound("ORGAN_NOT_FOUND", f"there is no organ {organ_id}", organ_id=organ_id)
        purpose, expires_at = wanted[0].strip(), wanted[1]
        check_grant(of, purpose, expires_at, work.now)
        made = Grant(new_id(), holder, organ_id, of.type_code, purpose, work.now, expires_at, granted_by=by)
        work.connection.execute(insert(grants).values({column.name: getattr(made, column.name) for column in _GRANT}))
        return made

    def withdraw(self, work: UnitOfWork, holder: str, grant_id: str, by: str) -> Grant:
        """Takes a consent back, once. Raises NotFound GRANT_NOT_FOUND, also for that of somebody else."""
        mine = (grants.c.grant_id == grant_id, grants.c.holder_person_id == holder)
        work.connection.execute(
            update(grants).where(*mine, grants.c.withdrawn_at.is_(None)).values(withdrawn_at=work.now, withdrawn_by=by)
        )
        row = work.connection.execute(select(*_GRANT).where(*mine)).one_or_none()
        if row is None:
            raise NotFound("GRANT_NOT_FOUND", f"there is no consent {grant_id}", grant_id=grant_id)
        return Grant(*row)

    def grants(self, work: UnitOfWork, caller: Caller, before: str, limit: int) -> list[Grant]:
        """Consents, the newest first, from the one before `before`: a person's own, or those given to an organ."""
        query = select(*_GRANT).order_by(grants.c.grant_id.desc()).limit(limit)
        if caller.person_id:
            query = query.where(grants.c.holder_person_id == caller.person_id)
        else:
            query = query.where(grants.c.organ_id == caller.organ_id)
        if before:
            query = query.where(grants.c.grant_id < before)
        return [Grant(*row) for row in work.connection.execute(query)]

    def look_up(self, work: UnitOfWork, caller: Caller, wanted: Wanted) -> Found:
        """A holder's licences of a type that are valid today, as far as the caller's organ may see them.

        Raises NotFound LICENCE_TYPE_NOT_FOUND, Invalid HOLDER_NEEDED or PURPOSE_NEEDED.
        """
        of, today = type_of(work, wanted.type_name), day_of(work.now)
        check_purpose(wanted.purpose, "purpose")
        holder = self._holder(work, wanted)
        grant = _grant_for(_grants_in_force(work, holder, caller.organ_id, of), wanted.purpose)
        look = Look(Action.LOOKED_UP, wanted.purpose, wanted.request_id)
        # What is not for the organ is left out before the licences are counted.
        others = may_look_up(of, caller.organ_id, "", grant)
        every = store.Wanted(holder, "" if others else caller.organ_id, of.type_code, today)
        there = store.listed(work.connection, every, "", _MOST_FOUND + 1) if holder else []
        seen = there[:_MOST_FOUND]
        by = [grant.grant_id if grant and not is_issuer(caller, licence) else "" for licence in seen]
        looks = [replace(look, grant_id=each) for each in by]
        note_all(work, caller, list(zip(seen, looks, strict=True)))
        if others and holder and not seen:
            look = replace(look, grant_id=grant.grant_id if grant else "")
            note_none(work, caller, holder, of.type_code, look)
        found = [(each, visible(self._licences.data(work, each), of, Audience.ORGANS)) for each in seen]
        consent_needed = of.sharing is Sharing.CONSENT and grant is None
        return Found(of, found, consent_needed, more=len(there) > _MOST_FOUND)

    def document(self, work: UnitOfWork, caller: Caller, licence_id: str, use: str, request_id: str) -> LicenceDocument:
        """Asks for the licence itself as a sealed document, where that failed or is not there; with `use` for a copy.

        Raises NotFound LICENCE_NOT_FOUND, Invalid PURPOSE_NEEDED, OTHER_PURPOSE or BAD_USE, Conflict LICENCE_ENDED or
        DOCUMENT_THERE or TOO_MANY_COPIES.
        """
        use = use.strip()
        licence = store.by_id(work.connection, licence_id, lock=True)
        if licence is None:
            raise licence_not_found(licence_id)
        by = self._consent(work, caller, licence, use)
        if not licence.good_on(day_of(work.now)):
            raise Conflict("LICENCE_ENDED", f"licence {licence.identifier} is not valid; no document is made of it")
        if use and (fault := use_fault(use)):
            raise Invalid("BAD_USE", "what a copy is for is printed on it", [Violation("use", fault)])
        # To have the licence itself sealed once more, its keepers look at nothing.
        if use or not may_change(caller, licence):
            note(work, caller, licence, Look(Action.COPIED, use, request_id, by))
        every = documents_of(work, licence_id)
        if use:
            if sum(bool(each.annotation) and each.reader_organ_id == caller.organ_id for each in every) >= _MOST_COPIES:
                message = f"there are {_MOST_COPIES} copies of licence {licence.identifier} already; use one of them"
                raise Conflict("TOO_MANY_COPIES", message, licence_id=licence_id)
            return self._licences.document(work, licence, caller.organ_id, use)
        there = [each for each in every if not each.annotation]
        again = next((each for each in there if each.status is DocumentStatus.FAILED), None)
        if there and again is None:
            raise Conflict("DOCUMENT_THERE", f"licence {licence.identifier} has a document, or it is on its way")
        return self._licences.document(work, licence, licence.issuer_organ_id, "", again.request_id if again else "")

    def _consent(self, work: UnitOfWork, caller: Caller, licence: Licence, use: str) -> str:
        """The consent by which a caller may have a copy for a use; empty where none is needed.

        Raises NotFound LICENCE_NOT_FOUND, Invalid PURPOSE_NEEDED or OTHER_PURPOSE.
        """
        of = type_of(work, licence.type_code)
        if may_read(caller, licence) or (caller.organ_id and of.sharing is Sharing.OPEN):
            return ""
        given = _grants_in_force(work, licence.holder_person_id, caller.organ_id, of)
        if not given or not may_look_up(of, caller.organ_id, licence.issuer_organ_id, given[0]):
            raise licence_not_found(licence.licence_id)
        check_purpose(use, "use")
        grant = _grant_for(given, use)
        if grant is None:
            purposes = "; ".join(sorted({each.purpose for each in given}))
            fault = Violation("use", f"must be what the holder consented to: {purposes}")
            raise Invalid("OTHER_PURPOSE", "the holder's consent is for another purpose", [fault])
        return grant.grant_id

    def accesses(self, work: UnitOfWork, holder: str, licence_id: str, before: str, limit: int) -> list[Any]:
        """Looks at a holder's licences or at one, also in vain, the newest first, with identifier and organ's name."""
        query = (
            select(accesses, licences.c.identifier, organs.c.name.label("organ_name"))
            .outerjoin(licences, licences.c.licence_id == accesses.c.licence_id)
            .outerjoin(organs, organs.c.organ_id == accesses.c.organ_id)
            .order_by(accesses.c.access_id.desc())
            .limit(limit)
        )
        if holder:
            own = select(licences.c.licence_id).where(licences.c.holder_person_id == holder)
            query = query.where(or_(accesses.c.licence_id.in_(own), accesses.c.holder_person_id == holder))
        if licence_id:
            query = query.where(accesses.c.licence_id == licence_id)
        if before:
            query = query.where(accesses.c.access_id < before)
        return list(work.connection.execute(query))

    def _holder(self, work: UnitOfWork, wanted: Wanted) -> str:
        """The person who is meant; empty where nobody of that number is registered."""
        number = wanted.number.strip().upper()
        if bool(wanted.person_id) == bool(number):
            faults = [Violation("holder_person_id", "say this or `holder_number`, one of the two")]
            raise Invalid("HOLDER_NEEDED", "nobody says whose licences", faults)
        if wanted.person_id:
            return wanted.person_id
        for kind in (HolderKind.NATURAL, HolderKind.LEGAL):
            fingerprint = self._vault.fingerprint(number.encode(), context=f"{NUMBER}.{kind}")
            person_id = store.person_of_number(work.connection, fingerprint)
            if person_id:
                return person_id
        return ""


def _grants_in_force(work: UnitOfWork, holder: str, organ_id: str, of: LicenceType) -> list[Grant]:
    """What a holder consented to before an organ, for whatever purpose; nothing where one of the two is nobody."""
    if not (holder and organ_id):
        return []
    query = select(*_GRANT).where(
        grants.c.holder_person_id == holder, grants.c.organ_id == organ_id, grants.c.type_code == of.type_code
    )
    rows = work.connection.execute(query.order_by(grants.c.expires_at.desc(), grants.c.grant_id))
    return [grant for grant in (Grant(*row) for row in rows) if grant.holds(work.now)]


def _grant_for(given: Sequence[Grant], purpose: str) -> Grant | None:
    """The consent that covers a purpose, None for none."""
    return next((grant for grant in given if grant.covers(purpose)), None)
