"""What happens to documents of licences: each method is one use case in one transaction that the caller commits."""

import hashlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from chassis.clock import new_id
from chassis.database import UnitOfWork
from chassis.settings import Settings
from duokua.eseal.v1 import events_pb2
from duokua.licences.v1 import events_pb2 as licences_events
from services.eseal import store
from services.eseal.domain.records import Document, NoticeStatus
from services.eseal.domain.seal import Seal
from services.eseal.domain.use import LICENCE, Purpose, Refusal
from services.eseal.keys.keystore import KeyStore
from services.eseal.levels import Levels
from services.eseal.messages import document_message, plain
from services.eseal.papers import Paper
from services.eseal.presses import Presses
from services.eseal.repeats import CHANGED, request_digest, sealed_otherwise, told
from services.eseal.seals.desk import SealDesk, record

if TYPE_CHECKING:
    from services.eseal.domain.wording import Notice

_Requested = licences_events.LicenceDocumentRequested
_Withdrawn = licences_events.LicenceDocumentWithdrawn


class LicenceDocuments:
    """Seals documents of licences when they are asked for, and makes them void when licences end.

    A request is kept as a notice is, by its own id.
    """

    def __init__(self, desk: SealDesk, levels: Levels | None = None) -> None:
        self._desk = desk
        self._presses = Presses(desk, levels)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """With the keys and the level of this installation."""
        return cls(SealDesk(KeyStore.from_settings(settings)), Levels.from_settings(settings))

    def seal(self, work: UnitOfWork, events: Sequence[_Requested]) -> None:
        """Seals each once, and says so; a repeat of what is sealed or withdrawn changes nothing.

        A request for something else under the id of what is sealed is refused, and written down.
        """
        self._presses.begin(work)
        for event in sorted(events, key=lambda event: event.request_id):
            # A batch may take seconds; the worker's other green threads get a turn between any two documents.
            time.sleep(0)
            status = _open(work, event)
            if status is NoticeStatus.FAILED:
                self._seal(work, event)
            elif status is NoticeStatus.SEALED:
                _refuse_another(work, event)

    def withdraw(self, work: UnitOfWork, events: Sequence[_Withdrawn]) -> None:
        """Makes each void, once: revokes its document, or sees to it that it is never sealed."""
        for event in sorted(events, key=lambda event: event.request_id):
            if _open(work, event) is NoticeStatus.WITHDRAWN:
                continue
            document_id = store.document_of_notice(work.connection, event.request_id) or ""
            store.revoke_document(work.connection, document_id, event.reason, work.now)
            store.close_notice(work.connection, event.request_id, NoticeStatus.WITHDRAWN, event.reason, work.now)

    def _seal(self, work: UnitOfWork, event: _Requested) -> None:
        from services.eseal.domain.wording import NoticeError  # noqa: PLC0415 (loads on first use)

        purpose = _purpose(event)
        seal = self._desk.choose(work, purpose)
        if isinstance(seal, Refusal):
            record(work, purpose, seal_id=seal.seal_id, refusal=seal.reason)
            _fail(work, event, seal.reason, seal.description)
            return
        try:
            paper = self._presses.of(work, seal)(_page(event, seal), work.now)
        except NoticeError as fault:
            _fail(work, event, fault.reason, fault.description)
            return
        document = _document(work, event, seal, paper)
        store.add_document(work.connection, document, paper.content)
        record(work, purpose, seal_id=seal.seal_id, document_id=document.document_id)
        store.close_notice(work.connection, event.request_id, NoticeStatus.SEALED, "", work.now)
        sealed = events_pb2.LicenceDocumentSealed(
            document=document_message(document), request_id=event.request_id, licence_id=event.licence_id
        )
        work.emit(sealed, subject=event.licence_id)


def _open(work: UnitOfWork, event: _Requested | _Withdrawn) -> NoticeStatus:
    organ_id = event.issuer_organ_id if isinstance(event, _Requested) else ""
    row = {"notice_id": event.request_id, "case_id": "", "step_id": "", "organ_id": organ_id, "updated_at": work.now}
    return store.open_notice(work.connection, row)


def _purpose(event: _Requested) -> Purpose:
    organ_id = event.issuer_organ_id
    return Purpose(
        organ_id=organ_id,
        for_organ_id=organ_id,
        catalog_code=event.catalog_code,
        title=event.title,
        actor=LICENCE,
    )


def _refuse_another(work: UnitOfWork, event: _Requested) -> None:
    sealed = sealed_otherwise(work, event.request_id, event)
    if sealed is not None:
        record(work, _purpose(event), seal_id=sealed.seal_id, refusal=CHANGED)
        _tell(work, event, CHANGED, told(sealed))


def _fail(work: UnitOfWork, event: _Requested, reason: str, description: str) -> None:
    store.close_notice(work.connection, event.request_id, NoticeStatus.FAILED, reason, work.now)
    _tell(work, event, reason, description)


def _tell(work: UnitOfWork, event: _Requested, reason: str, description: str) -> None:
    failed = events_pb2.LicenceDocumentFailed(
        request_id=event.request_id, licence_id=event.licence_id, reason=reason, description=description
    )
    work.emit(failed, subject=event.licence_id)


def _page(event: _Requested, seal: Seal) -> "Notice":
    from services.eseal.domain.wording import Notice  # noqa: PLC0415 (loads on first use)

    more = {
        "data": plain(event.data),
        "holder": {"name": event.holder_name, "number": event.holder_number},
        "licence": {
            "name": event.title,
            "identifier": event.identifier,
            "valid_from": event.valid_from,
            "valid_until": event.valid_until,
        },
    }
    return Notice(
        title=event.title,
        template=event.template,
        case_number=event.identifier,
        number_label="证照标识",
        bundle_name="",
        step_name="",
        organ_name=seal.organ_name,
        signed_by=seal.organ_name,
        form={},
        result={},
        inputs={},
        decided_at=event.issued_at,
        annotation=event.annotation,
        qr_text=event.qr_text,
        code=event.code,
        more=more,
    )


def _document(work: UnitOfWork, event: _Requested, seal: Seal, paper: Paper) -> Document:
    return Document(
        document_id=new_id(),
        notice_id=event.request_id,
        case_id=event.case_id,
        case_number="",
        step_id="",
        organ_id=event.reader_organ_id,
        applicant_id=event.holder_person_id,
        seal_id=seal.seal_id,
        title=f"{event.title} {event.identifier}",
        sha256=hashlib.sha256(paper.content).hexdigest(),
        signed_digest=paper.signed_digest,
        size=len(paper.content),
        media_type=paper.media_type,
        sealed_at=work.now,
        request_digest=request_digest(event),
    )
