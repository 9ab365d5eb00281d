"""When the light of a case's clock changes next, and by which calendar that was reckoned."""

import sqlalchemy as sa
from alembic import op

import chassis.tables

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_INDEXES = (("ix_cases_wake_at", "wake_at"), ("ix_cases_calendar_version", "calendar_version"))


def upgrade() -> None:
    """Bring the database to this revision; cases that are there have no clocks."""
    op.add_column("cases", sa.Column("wake_at", chassis.tables.Instant(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("calendar_version", sa.Integer(), nullable=True))
    for name, column in _INDEXES:
        there = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, "cases", [column], postgresql_where=there, sqlite_where=there)


def downgrade() -> None:
    """Take the database back to the revision before."""
    for name, column in _INDEXES:
        op.drop_index(name, "cases")
        op.drop_column("cases", column)
