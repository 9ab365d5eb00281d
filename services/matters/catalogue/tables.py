"""The tables of the catalogue: entries, their versions, what versions say, who did what, and which files came in."""

from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Date, Index, MetaData, String, Table, Text

from chassis.database import Document, Instant


@dataclass(frozen=True, slots=True)
class CatalogueTables:
    """All of them."""

    entries: Table
    versions: Table
    substances: Table
    acts: Table
    imports: Table


def catalogue_tables(metadata: MetaData) -> CatalogueTables:
    """Add the tables to those of the service."""
    return CatalogueTables(
        _entries(metadata), _versions(metadata), _substances(metadata), _acts(metadata), _imports(metadata)
    )


def _entries(metadata: MetaData) -> Table:
    """One row an entry: its newest version, and the lock that changes of the same entry wait for."""
    return Table(
        "catalogue_entries",
        metadata,
        Column("code", String(33), primary_key=True),
        Column("newest", BigInteger, nullable=False),
    )


def _versions(metadata: MetaData) -> Table:
    return Table(
        "catalogue_versions",
        metadata,
        Column("code", String(33), primary_key=True),
        Column("version", BigInteger, primary_key=True),
        Column("state", String(10), nullable=False),
        # What is searched for.
        Column("catalog_code", String(12), nullable=False),
        Column("uscc", String(18), nullable=False),  # empty for an item
        Column("region", String(12), nullable=False),
        Column("name", String(200), nullable=False),
        Column("searched", Text, nullable=False),
        # What it says: of its office and place here, of its substance where many versions share it.
        Column("digest", String(64), nullable=False),
        Column("substance", String(64), nullable=False),
        Column("placement", Document, nullable=False),
        Column("hands", Document, nullable=False),
        Column("effective_on", Date, nullable=True),
        Column("ends_on", Date, nullable=True),
        Column("begins_on", Date, nullable=True),
        Column("last_on", Date, nullable=True),
        Column("changed_at", Instant, nullable=False),
        Index("ix_catalogue_versions_region", "region", "code", "version"),
        Index("ix_catalogue_versions_uscc", "uscc", "code", "version"),
        Index("ix_catalogue_versions_catalog_code", "catalog_code", "code", "version"),
        Index("ix_catalogue_versions_state", "state", "code", "version"),
        Index("ix_catalogue_versions_substance", "substance"),
    )


def _substances(metadata: MetaData) -> Table:
    """What many versions say alike: a few variants serve many offices."""
    return Table(
        "catalogue_substances",
        metadata,
        Column("digest", String(64), primary_key=True),
        Column("content", Document, nullable=False),
    )


def _acts(metadata: MetaData) -> Table:
    """Who did what with which version, when and why; rows are added and never changed."""
    return Table(
        "catalogue_acts",
        metadata,
        Column("act_id", String(36), primary_key=True),
        Column("code", String(33), nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("act", String(20), nullable=False),
        Column("who", String(200), nullable=False),
        Column("at", Instant, nullable=False),
        Column("reason", Text, nullable=False),
        Column("request_id", String(100), nullable=False),
        Index("ix_catalogue_acts_code", "code", "act_id"),
        Index("ix_catalogue_acts_request", "who", "request_id", "code"),
    )


def _imports(metadata: MetaData) -> Table:
    """Imports that changed something, so that a repeat gets the first answer."""
    return Table(
        "catalogue_imports",
        metadata,
        Column("who", String(200), primary_key=True),
        Column("request_id", String(100), primary_key=True),
        Column("digest", String(64), nullable=False),
        Column("files", Document, nullable=False),
        Column("outcome", Document, nullable=False),
        Column("at", Instant, nullable=False),
    )
