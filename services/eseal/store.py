"""What eseal keeps of organs, notices and documents. Keys, certificates and seals are kept in folders of their own."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy import insert as plain_insert

from chassis.database import insert
from services.eseal.domain.records import Document, NoticeStatus
from services.eseal.domain.seal import Suite
from services.eseal.tables import documents, metadata, notices, organs

__all__ = ["documents", "metadata", "notices", "organs"]

_DOCUMENT = [documents.c[name] for name in Document.__dataclass_fields__]


def save_organs(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Keeps the organs, each at most once in `rows`, except where a version as new is already here."""
    statement = insert(connection, organs)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[organs.c.organ_id],
        set_={"name": new.name, "version": new.version},
        where=organs.c.version < new.version,
    )
    connection.execute(statement, list(rows))


def organ_name(connection: Connection, organ_id: str) -> str | None:
    """The name of an organ, None while it has not arrived."""
    return connection.scalar(select(organs.c.name).where(organs.c.organ_id == organ_id))


def is_name_of_organ(connection: Connection, name: str) -> bool:
    """Whether an organ is called so."""
    return connection.scalar(select(organs.c.organ_id).where(organs.c.name == name).limit(1)) is not None


def suite_of(connection: Connection, organ_id: str) -> Suite:
    """The algorithms that new seals of an organ have."""
    return Suite(connection.scalar(select(organs.c.suite).where(organs.c.organ_id == organ_id)) or Suite.INTERNATIONAL)


def set_suite(connection: Connection, organ_id: str, suite: Suite) -> bool:
    """Says which algorithms new seals of an organ have; False when there is no such organ."""
    changed = connection.execute(update(organs).where(organs.c.organ_id == organ_id).values(suite=suite.value))
    return bool(changed.rowcount)


def open_notice(connection: Connection, row: Mapping[str, Any]) -> NoticeStatus:
    """Takes a notice for this transaction, and gives its status; a new one is FAILED until it is told otherwise.

    Whoever else wants the same notice waits until this transaction ends.
    """
    statement = insert(connection, notices).on_conflict_do_nothing()
    connection.execute(statement, {"status": NoticeStatus.FAILED.value, "reason": "", **row})
    query = select(notices.c.status).where(notices.c.notice_id == row["notice_id"]).with_for_update()
    return NoticeStatus(connection.execute(query).scalar_one())


def close_notice(connection: Connection, notice_id: str, status: NoticeStatus, reason: str, now: datetime) -> None:
    """Writes down how a notice ended."""
    connection.execute(
        update(notices)
        .where(notices.c.notice_id == notice_id)
        .values(status=status.value, reason=reason, updated_at=now)
    )


def add_document(connection: Connection, document: Document, content: bytes) -> None:
    """Keeps a sealed document."""
    row = {column.name: getattr(document, column.name) for column in _DOCUMENT}
    connection.execute(plain_insert(documents), {**row, "content": content})


def document_by_id(connection: Connection, document_id: str) -> Document | None:
    """A document without its content."""
    return _document(connection, documents.c.document_id == document_id)


def document_of_notice(connection: Connection, notice_id: str) -> str | None:
    """The id of the document that a notice became, None when it became none."""
    return connection.scalar(select(documents.c.document_id).where(documents.c.notice_id == notice_id))


def document_by_notice(connection: Connection, notice_id: str) -> Document | None:
    """The document that a notice became, None when it became none."""
    return _document(connection, documents.c.notice_id == notice_id)


def document_by_digest(connection: Connection, signed_digest: str) -> Document | None:
    """The document whose signature covers bytes with this digest."""
    return _document(connection, documents.c.signed_digest == signed_digest)


def content_of(connection: Connection, document_id: str) -> bytes:
    """The file of a document."""
    content: bytes = connection.execute(
        select(documents.c.content).where(documents.c.document_id == document_id)
    ).scalar_one()
    return content


def revoke_document(connection: Connection, document_id: str, reason: str, now: datetime) -> None:
    """Writes down that a document is void; does nothing when there is none."""
    connection.execute(
        update(documents).where(documents.c.document_id == document_id).values(revoked_at=now, revocation_reason=reason)
    )


def _document(connection: Connection, condition: Any) -> Document | None:
    row = connection.execute(select(*_DOCUMENT).where(condition)).one_or_none()
    return Document(*row) if row else None
