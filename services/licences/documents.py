"""Sealed documents of licences: asked for by events, and where they stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import insert, select, update

from chassis.database import UnitOfWork
from duokua.data import fill_struct
from duokua.eseal.v1 import events_pb2 as eseal_events
from duokua.licences.v1 import events_pb2
from services.licences.domain.licence import Licence
from services.licences.domain.types import LicenceType
from services.licences.tables import documents


class DocumentStatus(StrEnum):
    """How far a document has come."""

    REQUESTED = "requested"
    SEALED = "sealed"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class LicenceDocument:
    """The licence itself as a sealed document, or a copy for one use; `document_id` is that of the seal service."""

    request_id: str
    licence_id: str
    annotation: str
    reader_organ_id: str
    status: DocumentStatus
    document_id: str
    reason: str
    requested_at: datetime


_DOCUMENT = [documents.c[name] for name in LicenceDocument.__dataclass_fields__]


@dataclass(frozen=True, slots=True)
class Print:
    """What goes on paper beside the licence's own columns; `qr_text` has the code in it."""

    request_id: str
    of: LicenceType
    data: Mapping[str, object]
    qr_text: str
    code: str
    use: str = ""
    """What a copy is for; empty for the licence itself."""


def ask(
    work: UnitOfWork, licence: Licence, wanted: Print, reader_organ_id: str, *, again: bool = False
) -> LicenceDocument:
    """Asks for a document; `again` for one that failed."""
    annotation = f"仅供{wanted.use}使用" if wanted.use else ""
    made = LicenceDocument(
        wanted.request_id,
        licence.licence_id,
        annotation,
        reader_organ_id,
        DocumentStatus.REQUESTED,
        "",
        "",
        work.now,
    )
    if again:
        failed = update(documents).where(documents.c.request_id == made.request_id)
        work.connection.execute(failed.values(status=made.status, reason=""))
    else:
        values = {name: getattr(made, name) for name in LicenceDocument.__dataclass_fields__}
        work.connection.execute(insert(documents), values)
    event = events_pb2.LicenceDocumentRequested(
        request_id=made.request_id,
        licence_id=licence.licence_id,
        identifier=licence.identifier,
        title=wanted.of.name,
        template=wanted.of.template,
        holder_person_id=licence.holder_person_id,
        holder_name=licence.holder_name,
        holder_number=licence.masked_number,
        issuer_organ_id=licence.issuer_organ_id,
        valid_from=licence.valid_from.isoformat(),
        valid_until=licence.valid_until.isoformat() if licence.valid_until else "",
        issued_at=licence.issued_at.isoformat(),
        qr_text=wanted.qr_text,
        code=wanted.code,
        annotation=annotation,
        reader_organ_id=reader_organ_id,
        case_id=licence.case_id,
        catalog_code=wanted.of.catalog_code,
    )
    fill_struct(event.data, wanted.data, "data")
    work.emit(event, subject=licence.licence_id)
    return made


def withdraw_all(work: UnitOfWork, licence_id: str, reason: str) -> None:
    """Makes every document of a licence void, sealed or not."""
    for document in documents_of(work, licence_id):
        if document.status is not DocumentStatus.WITHDRAWN:
            _settle(work, document.request_id, DocumentStatus.WITHDRAWN, reason=reason)
            event = events_pb2.LicenceDocumentWithdrawn(
                request_id=document.request_id, licence_id=licence_id, reason=reason
            )
            work.emit(event, subject=licence_id)


def documents_of(work: UnitOfWork, licence_id: str) -> list[LicenceDocument]:
    """The documents of a licence, oldest first."""
    query = select(*_DOCUMENT).where(documents.c.licence_id == licence_id).order_by(documents.c.request_id)
    rows = work.connection.execute(query)
    return [replace(LicenceDocument(*row), status=DocumentStatus(row.status)) for row in rows]


def note_sealed(work: UnitOfWork, events: Sequence[eseal_events.LicenceDocumentSealed]) -> None:
    """Notes where sealed documents are; one that is withdrawn meanwhile stays so."""
    for event in sorted(events, key=lambda event: event.request_id):
        _settle(work, event.request_id, DocumentStatus.SEALED, document_id=event.document.document_id)


def note_failed(work: UnitOfWork, events: Sequence[eseal_events.LicenceDocumentFailed]) -> None:
    """Notes what cannot be sealed, and why."""
    for event in sorted(events, key=lambda event: event.request_id):
        _settle(work, event.request_id, DocumentStatus.FAILED, reason=f"{event.reason}: {event.description}")


def _settle(work: UnitOfWork, request_id: str, status: DocumentStatus, **values: str) -> None:
    # What is withdrawn stays so; what is sealed fails no more, should an older answer come late.
    final = [DocumentStatus.WITHDRAWN] + ([DocumentStatus.SEALED] if status is DocumentStatus.FAILED else [])
    settled = update(documents).where(documents.c.request_id == request_id, documents.c.status.not_in(final))
    work.connection.execute(settled.values(status=status, **values))
