"""The table of applications that are not handed in yet."""

from sqlalchemy import Column, Index, Integer, MetaData, String, Table

from chassis.database import Document, Instant


def draft_table(metadata: MetaData) -> Table:
    """Add the table to those of the service."""
    return Table(
        "drafts",
        metadata,
        Column("draft_id", String(36), primary_key=True),
        Column("applicant_id", String(64), nullable=False),
        Column("bundle_id", String(100), nullable=False),
        Column("version", Integer, nullable=False),
        # Empty, as the materials, once it is submitted.
        Column("form", Document, nullable=False),
        Column("materials", Document, nullable=False),
        Column("created_at", Instant, nullable=False),
        Column("changed_at", Instant, nullable=False),
        Column("expires_at", Instant, nullable=False, index=True),
        # What it became; empty until then.
        Column("case_id", String(36), nullable=False),
        Index("ix_drafts_applicant_id", "applicant_id", "draft_id"),
    )
