"""What eseal keeps: names of organs, its own authorities, seals, notices and documents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, LargeBinary, Row, String, Table, Text, select, update
from sqlalchemy import insert as plain_insert

from chassis.database import Instant, insert, service_metadata
from services.eseal.domain.records import Document, NoticeStatus, Seal

metadata = service_metadata()

organs = Table(
    "organs",
    metadata,
    Column("organ_id", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("version", BigInteger, nullable=False),
)

# The platform's own certification authority: "root" and "issuing". The key is encrypted by the vault.
authorities = Table(
    "authorities",
    metadata,
    Column("role", String(20), primary_key=True),
    Column("certificate_pem", Text, nullable=False),
    Column("encrypted_key", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)

seals = Table(
    "seals",
    metadata,
    Column("seal_id", String(64), primary_key=True),
    Column("organ_id", String(64), nullable=False),
    Column("name", String(100), nullable=False),
    Column("certificate_pem", Text, nullable=False),
    Column("encrypted_key", LargeBinary, nullable=False),
    Column("picture", LargeBinary, nullable=False),
    Column("valid_from", Instant, nullable=False),
    Column("valid_until", Instant, nullable=False),
    Column("revoked_at", Instant),
)
# An organ has one seal at a time.
Index(
    "one_seal_of_organ",
    seals.c.organ_id,
    unique=True,
    postgresql_where=seals.c.revoked_at.is_(None),
    sqlite_where=seals.c.revoked_at.is_(None),
)

notices = Table(
    "notices",
    metadata,
    Column("notice_id", String(64), primary_key=True),
    Column("case_id", String(64), nullable=False),
    Column("step_id", String(100), nullable=False),
    Column("organ_id", String(64), nullable=False),
    Column("status", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("document_id", String(64), primary_key=True),
    Column("notice_id", String(64), nullable=False, unique=True),
    Column("case_id", String(64), nullable=False),
    Column("case_number", String(64), nullable=False),
    Column("step_id", String(100), nullable=False),
    Column("organ_id", String(64), nullable=False),
    Column("applicant_id", String(64), nullable=False),
    Column("seal_id", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("signed_digest", String(64), nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("sealed_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("revocation_reason", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

_SEAL = [seals.c[name] for name in Seal.__dataclass_fields__]
_DOCUMENT = [documents.c[name] for name in Document.__dataclass_fields__]


@dataclass(frozen=True, slots=True)
class Secrets:
    """What it takes to use a seal: its encrypted key and its picture."""

    encrypted_key: bytes
    picture: bytes


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


def authority(connection: Connection, role: str) -> Row[str, bytes] | None:
    """Certificate and encrypted key of an authority, None before it was made."""
    query = select(authorities.c.certificate_pem, authorities.c.encrypted_key).where(authorities.c.role == role)
    return connection.execute(query).one_or_none()


def add_authority(connection: Connection, role: str, certificate_pem: str, encrypted_key: bytes, now: datetime) -> None:
    """Keeps a new authority; does nothing when another process has just made one."""
    row = {"role": role, "certificate_pem": certificate_pem, "encrypted_key": encrypted_key, "created_at": now}
    connection.execute(insert(connection, authorities).on_conflict_do_nothing(), [row])


def certificate(connection: Connection, role: str) -> str | None:
    """The certificate of an authority, None before it was made."""
    return connection.scalar(select(authorities.c.certificate_pem).where(authorities.c.role == role))


def add_seal(connection: Connection, seal: Seal, secrets: Secrets) -> bool:
    """Keeps a new seal; False when the organ has one that is not revoked."""
    row = {column.name: getattr(seal, column.name) for column in _SEAL}
    row |= {"encrypted_key": secrets.encrypted_key, "picture": secrets.picture}
    statement = insert(connection, seals).on_conflict_do_nothing().returning(seals.c.seal_id)
    return connection.execute(statement, row).one_or_none() is not None


def seal_of(connection: Connection, organ_id: str) -> Seal | None:
    """The seal of an organ that is not revoked, expired or not."""
    query = select(*_SEAL).where(seals.c.organ_id == organ_id, seals.c.revoked_at.is_(None))
    row = connection.execute(query).one_or_none()
    return Seal(*row) if row else None


def seal_by_id(connection: Connection, seal_id: str) -> Seal | None:
    """A seal, revoked or not."""
    row = connection.execute(select(*_SEAL).where(seals.c.seal_id == seal_id)).one_or_none()
    return Seal(*row) if row else None


def secrets_of(connection: Connection, seal_id: str) -> Secrets:
    """What it takes to use the seal."""
    query = select(seals.c.encrypted_key, seals.c.picture).where(seals.c.seal_id == seal_id)
    return Secrets(*connection.execute(query).one())


def list_seals(connection: Connection, after: str, limit: int) -> Sequence[Seal]:
    """Seals by id, from the one after `after`."""
    query = select(*_SEAL).where(seals.c.seal_id > after).order_by(seals.c.seal_id).limit(limit)
    return [Seal(*row) for row in connection.execute(query)]


def revoke_seal(connection: Connection, seal_id: str, now: datetime) -> None:
    """Ends the use of a seal; does nothing when it has ended."""
    connection.execute(
        update(seals).where(seals.c.seal_id == seal_id, seals.c.revoked_at.is_(None)).values(revoked_at=now)
    )


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
