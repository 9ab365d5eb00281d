"""The tables of packages: those that were installed, how, and the publishers who are trusted."""

from typing import NamedTuple

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, MetaData, String, Table, true

from chassis.database import Document, Instant


class PackageTables(NamedTuple):
    """The tables."""

    archives: Table
    installations: Table
    publishers: Table


def package_tables(metadata: MetaData) -> PackageTables:
    """Add the tables to those of the service."""
    return PackageTables(_archives(metadata), _installations(metadata), _publishers(metadata))


def _archives(metadata: MetaData) -> Table:
    return Table(
        "archives",
        metadata,
        Column("archive_digest", String(64), primary_key=True),
        # A `*.duokua` file.
        Column("content", LargeBinary, nullable=False),
        Column("kept_at", Instant, nullable=False),
    )


def _installations(metadata: MetaData) -> Table:
    table = Table(
        "installations",
        metadata,
        Column("scenario_id", String(60), primary_key=True),
        Column("number", BigInteger, primary_key=True),
        Column("bundle_version", BigInteger, nullable=False),
        Column("package_id", String(60), nullable=False),
        Column("package_version", String(60), nullable=False),
        Column("package_digest", String(64), nullable=False),
        Column("archive_digest", String(64), nullable=False),
        Column("signers", Document, nullable=False),
        Column("region_code", String(6), nullable=False),
        Column("lead_organ_id", String(64), nullable=False),
        Column("overlay", Document, nullable=True),
        Column("name", String(200), nullable=False),
        Column("installed_at", Instant, nullable=False),
        Column("installed_by", String(100), nullable=False),
        # The newest of its bundle.
        Column("current", Boolean, nullable=False),
    )
    Index(
        "current_installations",
        table.c.scenario_id,
        unique=True,
        postgresql_where=table.c.current == true(),
        sqlite_where=table.c.current == true(),
    )
    return table


def _publishers(metadata: MetaData) -> Table:
    """A row for each time that a key was trusted; none is ever deleted."""
    table = Table(
        "publishers",
        metadata,
        Column("trust_id", String(36), primary_key=True),
        Column("key_id", String(32), nullable=False),
        Column("public_key", LargeBinary, nullable=False),
        Column("name", String(100), nullable=False),
        Column("trusted_at", Instant, nullable=False),
        Column("trusted_by", String(100), nullable=False),
        Column("reason", String(500), nullable=False),
        Column("distrusted_at", Instant, nullable=True),
        Column("distrusted_by", String(100), nullable=False, server_default=""),
        Column("distrust_reason", String(500), nullable=False, server_default=""),
    )
    Index(
        "trusted_keys",
        table.c.key_id,
        unique=True,
        postgresql_where=table.c.distrusted_at.is_(None),
        sqlite_where=table.c.distrusted_at.is_(None),
    )
    return table
