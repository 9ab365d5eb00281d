"""Whether a licence is good, as anybody may ask who has its identifier, or the code on its document."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from chassis.clock import day_of
from chassis.database import UnitOfWork
from chassis.problems import Invalid, Violation
from services.licences import store
from services.licences.domain.identifiers import read_identifier
from services.licences.domain.licence import Change, Licence
from services.licences.domain.life import Act, Status
from services.licences.domain.types import Audience, LicenceType, visible
from services.licences.service import SCHEME, Licences, licence_not_found
from services.licences.types import type_of

_ENDED = {
    Status.HELD: "暂扣",
    Status.REVOKED: "撤销",
    Status.CANCELLED: "注销",
    Status.EXPIRED: "过期",
    Status.MOVED_OUT: "迁出",
    Status.WITHDRAWN: "吊销",
    Status.OTHER: "失效",
}


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found; `data` only for who has seen the document."""

    licence: Licence
    of: LicenceType
    valid: bool
    explanation: str
    data: dict[str, object] | None
    annotation: str = ""
    """What the copy is for that was seen; empty for the licence itself."""


def verify(work: UnitOfWork, licences: Licences, given: str, code: str) -> Verified:
    """Looks a licence up by its identifier or by what its QR code says, and tells where it stands today.

    Raises Invalid BAD_IDENTIFIER, NotFound LICENCE_NOT_FOUND, also for a code that is not this licence's.
    """
    text, code = _parts(given.strip(), "".join(code.split()))
    identifier = str(read_identifier(text))
    licence = store.by_identifier(work.connection, identifier)
    seen = _seen(work, licences, licence, code) if licence and code else ""
    if licence is None or seen is None:
        raise licence_not_found(identifier)
    of, today = type_of(work, licence.type_code), day_of(work.now)
    data = visible(licences.data(work, licence), of, Audience.EVERYONE) if code else None
    words = _explanation(of, licence.on(today), store.changes_of(work.connection, licence.licence_id), today)
    if seen:
        words += f"此为限定用途的副本：{seen}。"
    return Verified(licence.on(today), of, licence.good_on(today), words, data, seen)


def _parts(text: str, code: str) -> tuple[str, str]:
    """Identifier and code. Raises Invalid BAD_IDENTIFIER for a QR code that no document has."""
    if not text.lower().startswith(SCHEME):
        return text, code
    identifier, _, own = text[len(SCHEME) :].partition(":")
    own = "".join(own.split())
    if not own:
        what = "this QR code is of no document: its second part is missing, which every document has"
        raise Invalid("BAD_IDENTIFIER", what, [Violation("identifier", what)])
    return identifier, own


def _seen(work: UnitOfWork, licences: Licences, licence: Licence, code: str) -> str | None:
    """The annotation of the document that a code is on; None when it is on no document of this licence."""
    for annotation, own in licences.codes(work, licence):
        if hmac.compare_digest(code.lower().encode(), own.encode()):
            return annotation
    return None


def _explanation(of: LicenceType, licence: Licence, changes: Sequence[Change], today: date) -> str:
    """One sentence for a clerk; why an organ held or ended it is between that organ and the holder."""
    issued = f"{of.name}由{licence.issuer_name}于{_words(day_of(licence.issued_at))}颁发"
    if licence.status is Status.VALID:
        if licence.valid_from > today:
            return f"{issued}，自{_words(licence.valid_from)}起有效，目前尚未生效。"
        until = f"有效期至{_words(licence.valid_until)}" if licence.valid_until else "长期有效"
        return f"{issued}，现行有效，{until}。"
    if changes[-1].act is Act.RENEWED:
        return f"{issued}，已于{_words(day_of(changes[-1].at))}换发新版本，本版本不再有效。"
    if licence.status is Status.EXPIRED and licence.valid_until:
        return f"{issued}，有效期至{_words(licence.valid_until)}，已过期。"
    return f"{issued}，已于{_words(day_of(changes[-1].at))}{_ENDED[licence.status]}，现非有效。"


def _words(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
