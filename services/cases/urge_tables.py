"""The table of urges, by which they are counted for each office."""

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, String, Table

from chassis.database import Instant


def urge_table(metadata: MetaData) -> Table:
    """Add the table to those of the service."""
    return Table(
        "urges",
        metadata,
        # One change of a case urges a step once at most.
        Column("case_id", String(36), primary_key=True),
        Column("version", Integer, primary_key=True),
        Column("step_id", String(50), primary_key=True),
        Column("organ_id", String(64), nullable=False),  # empty while no office has the step
        Column("organ_name", String(100), nullable=False),
        Column("kind", String(20), nullable=False),
        Column("automatic", Boolean, nullable=False),
        Column("late", Boolean, nullable=False),  # a limit of the step itself is over
        Column("superior_id", String(64), nullable=False),
        Column("at", Instant, nullable=False),
        Index("ix_urges_organ_id", "organ_id", "at"),
    )
