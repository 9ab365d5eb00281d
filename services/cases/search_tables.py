"""What cases are searched by: rows of their own, narrow and seldom written, unlike those that every input changes."""

from dataclasses import dataclass

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, text

from chassis.database import Instant

_LATE = text("light IN ('yellow', 'red', 'unknown')")
_TROUBLED, _ENDED = text("open_incidents > 0"), text("ended_at IS NOT NULL")


@dataclass(frozen=True, slots=True)
class SearchTables:
    """The tables of the search."""

    cases: Table
    organs: Table


def search_tables(metadata: MetaData) -> SearchTables:
    """Add them to the tables of the service."""
    return SearchTables(_cases(metadata), _organs(metadata))


def _cases(metadata: MetaData) -> Table:
    """A line for each case. Ids are in the order of submission, and each index in the order of the answer."""
    return Table(
        "case_search",
        metadata,
        Column("case_id", String(36), primary_key=True),
        Column("case_number", String(50), nullable=False),
        Column("applicant_id", String(64), nullable=False),
        Column("bundle_id", String(100), nullable=False),
        Column("bundle_version", Integer, nullable=False),
        Column("status", String(20), nullable=False),
        Column("light", String(10), nullable=False),  # the worst of the clocks that run; empty when none does
        Column("open_incidents", Integer, nullable=False),
        Column("submitted_at", Instant, nullable=False),
        Column("ended_at", Instant, nullable=True),
        Index("ix_case_search_applicant_id", "applicant_id", "case_id"),
        Index("ix_case_search_bundle_id", "bundle_id", "case_id"),
        Index("ix_case_search_status", "status", "case_id"),
        Index("ix_case_search_light", "light", "case_id", postgresql_where=_LATE, sqlite_where=_LATE),
        Index("ix_case_search_incidents", "case_id", postgresql_where=_TROUBLED, sqlite_where=_TROUBLED),
        Index("ix_case_search_ended_at", "ended_at", "case_id", postgresql_where=_ENDED, sqlite_where=_ENDED),
        Index("ix_case_search_case_number", "case_number", postgresql_ops={"case_number": "varchar_pattern_ops"}),
    )


def _organs(metadata: MetaData) -> Table:
    """The offices that have a step of a case now."""
    return Table(
        "case_organs",
        metadata,
        Column("organ_id", String(64), primary_key=True),
        Column("case_id", String(36), primary_key=True),
    )
