"""The tables of materials: where each content lies, to which case it belongs, and what is on its way in."""

from dataclasses import dataclass

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, LargeBinary, MetaData, String, Table

from chassis.database import Instant


@dataclass(frozen=True, slots=True)
class MaterialTables:
    """The tables of materials."""

    blobs: Table
    uploads: Table
    contents: Table
    case_contents: Table


def material_tables(metadata: MetaData) -> MaterialTables:
    """Add the tables to those of the service."""
    return MaterialTables(_blobs(metadata), _uploads(metadata), _contents(metadata), _case_contents(metadata))


def _blobs(metadata: MetaData) -> Table:
    """The objects of the blob store: a row is there before its object, and goes after it."""
    return Table(
        "blobs",
        metadata,
        Column("sha256", String(64), primary_key=True),
        Column("size", BigInteger, nullable=False),
        # The object is there, whole. False while it is being written or deleted.
        Column("stored", Boolean, nullable=False),
        # When nobody needs it any more; null for ever, because a case has it.
        Column("kept_until", Instant, index=True),
    )


def _uploads(metadata: MetaData) -> Table:
    """Materials on their way in, and those that have arrived and may be named by an application."""
    return Table(
        "uploads",
        metadata,
        Column("owner_id", String(64), primary_key=True),
        Column("upload_id", String(64), primary_key=True),  # the client's, so it is unique only with the owner
        Column("key", String(36), nullable=False, unique=True),
        Column("media_type", String(100), nullable=False),
        Column("size", BigInteger, nullable=False),
        Column("sha256", String(64), nullable=False, index=True),
        Column("received", BigInteger, nullable=False),  # in whole parts
        Column("finished", Boolean, nullable=False),
        Column("named", Boolean, nullable=False),  # by a case
        # Later while a draft names it.
        Column("expires_at", Instant, nullable=False, index=True),
    )


def _contents(metadata: MetaData) -> Table:
    """Contents that came within an application, until they are moved to the blob store."""
    return Table(
        "contents",
        metadata,
        Column("sha256", String(64), primary_key=True),
        Column("content", LargeBinary, nullable=False),
    )


def _case_contents(metadata: MetaData) -> Table:
    return Table(
        "case_contents",
        metadata,
        Column("case_id", String(36), ForeignKey("cases.case_id"), primary_key=True),
        Column("sha256", String(64), primary_key=True),
    )
