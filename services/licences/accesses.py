"""Who may see what of a licence, and the record of who looked, when and why, which its holder can see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from chassis.api import Caller
from chassis.clock import new_id
from chassis.database import UnitOfWork
from chassis.problems import Invalid, Violation
from services.licences import store
from services.licences.domain.licence import PLATFORM, Licence
from services.licences.domain.words import words_fault

SAME_LOOK = timedelta(hours=1)
"""So long a repeat of a request is the same look: enough to try again, and to ask how far a document is."""
_IN_THE_HOLDER_S_NAME = "经办人代持证主体查看"


class Action(StrEnum):
    """How somebody looked at a licence."""

    READ = "read"
    LISTED = "listed"
    LOOKED_UP = "looked_up"
    COPIED = "copied"
    VERIFIED = "verified"
    SHOWN = "shown"
    """A task of a case showed its identifier, in the place of a material."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look: how, for what, and by which request; a repeat of a request is the same look."""

    action: Action
    purpose: str
    request_id: str
    grant_id: str = ""
    """The consent that it is by; empty for none."""


def is_holder(caller: Caller, licence: Licence) -> bool:
    """Whether the caller acts for the one who holds it."""
    return bool(caller.person_id) and caller.person_id == licence.holder_person_id


def is_in_person(caller: Caller) -> bool:
    """Whether the person whom the caller acts for uses the portal, and no agent (经办人) of theirs."""
    return caller.subject == f"person:{caller.person_id}"


def is_issuer(caller: Caller, licence: Licence) -> bool:
    """Whether the caller works for the organ that issued it."""
    return bool(caller.organ_id) and caller.organ_id == licence.issuer_organ_id


def may_read(caller: Caller, licence: Licence) -> bool:
    """Whether the caller may see all of it: the holder, the issuing organ, and operators who may read all."""
    return is_holder(caller, licence) or is_issuer(caller, licence) or caller.may("licences.read_all")


def may_read_document(caller: Caller, licence: Licence, reader_organ_id: str) -> bool:
    """Whether a document is for the caller: the holder, the organ that it was made for, operators who may read all."""
    own = bool(caller.organ_id) and caller.organ_id == reader_organ_id
    return own or is_holder(caller, licence) or caller.may("licences.read_all")


def may_change(caller: Caller, licence: Licence) -> bool:
    """Whether the caller may renew, hold or end it: the issuing organ, and operators who may act for all."""
    return is_issuer(caller, licence) or caller.may("licences.issue_all")


def note(work: UnitOfWork, caller: Caller, licence: Licence, look: Look) -> None:
    """Keeps that somebody looked; see `note_all`."""
    note_all(work, caller, [(licence, look)])


def note_all(work: UnitOfWork, caller: Caller, looked: Sequence[tuple[Licence, Look]]) -> None:
    """Keeps that somebody looked at licences, by one request; nothing when the holder does in person.

    An agent's look is kept. Raises Invalid PURPOSE_NEEDED when nobody says for what, REQUEST_ID_REUSED when the id
    stands for another look.
    """
    rows = []
    for licence, look in looked:
        purpose = look.purpose.strip()
        if is_holder(caller, licence):
            if is_in_person(caller):
                continue
            purpose = purpose or _IN_THE_HOLDER_S_NAME
        check_purpose(purpose, "use" if look.action is Action.COPIED else "purpose")
        by = caller.subject, caller.organ_id
        rows.append(_row(work, licence.licence_id, by, replace(look, purpose=purpose)))
    added = store.add_accesses(work.connection, rows)
    for row in rows:
        if row["licence_id"] not in added:
            _check_repeat(work, row)


def note_none(work: UnitOfWork, caller: Caller, holder: str, type_code: str, look: Look) -> None:
    """Keeps that somebody was told that a person has no licence of a type; raises as `note_all`."""
    row = _row(work, "", (caller.subject, caller.organ_id), replace(look, purpose=look.purpose.strip()))
    row |= {"holder_person_id": holder, "none_of_type": type_code}
    if not store.add_accesses(work.connection, [row]):
        _check_repeat(work, row)


def _check_repeat(work: UnitOfWork, row: Mapping[str, object]) -> None:
    before = store.access_like(work.connection, row)
    same = all(getattr(before, name) == row[name] for name in ("action", "purpose", "holder_person_id", "none_of_type"))
    if not same or before.at <= work.now - SAME_LOOK:
        fault = Violation("request_id", "was used for another look at this licence; give a fresh one")
        raise Invalid("REQUEST_ID_REUSED", "this request_id stands for another request", [fault])


def note_shown(work: UnitOfWork, licence_id: str, organ_id: str, purpose: str, task_id: str) -> None:
    """Keeps that a case showed a licence to an office; told twice of a task, it is the same look."""
    look = Look(Action.SHOWN, purpose, task_id)
    store.add_accesses(work.connection, [_row(work, licence_id, (PLATFORM, organ_id), look)])


def _row(work: UnitOfWork, licence_id: str, by: tuple[str, str], look: Look) -> dict[str, object]:
    subject, organ_id = by
    return {
        "access_id": new_id(),
        "licence_id": licence_id,
        "at": work.now,
        "subject": subject,
        "organ_id": organ_id,
        "action": look.action,
        "purpose": look.purpose,
        "request_id": look.request_id,
        "grant_id": look.grant_id,
        "holder_person_id": "",
        "none_of_type": "",
    }


def check_purpose(purpose: str, field: str) -> None:
    """Raises Invalid PURPOSE_NEEDED unless `field` says in words that can be read for what a licence is looked at."""
    fault = words_fault(purpose)
    if fault:
        raise Invalid(
            "PURPOSE_NEEDED",
            "a licence of somebody else is read for a purpose, which its holder can see",
            [Violation(field, fault)],
        )
