"""Who may see what of a licence, and the record of who looked, when and why, which its holder can see."""

from dataclasses import dataclass
from enum import StrEnum

from chassis.api import Caller
from chassis.clock import new_id
from chassis.database import UnitOfWork
from chassis.problems import Invalid, Violation
from services.licences import store
from services.licences.domain.licence import Licence


class Action(StrEnum):
    """How somebody looked at a licence."""

    READ = "read"
    LOOKED_UP = "looked_up"
    COPIED = "copied"
    VERIFIED = "verified"


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
    """Keeps that somebody looked. Nothing is kept when the holder does.

    Raises Invalid PURPOSE_NEEDED when nobody says for what.
    """
    if is_holder(caller, licence):
        return
    if not look.purpose.strip():
        fault = Violation("purpose", "say for what: the holder can see it")
        raise Invalid("PURPOSE_NEEDED", "a licence of somebody else is read for a purpose", [fault])
    row = {
        "access_id": new_id(),
        "licence_id": licence.licence_id,
        "at": work.now,
        "subject": caller.subject,
        "organ_id": caller.organ_id,
        "action": look.action,
        "purpose": look.purpose.strip(),
        "request_id": look.request_id,
        "grant_id": look.grant_id,
    }
    store.add_access(work.connection, row)
