"""Since when nothing is left to happen to a case, for the archive."""

import sqlalchemy as sa
from alembic import op

import chassis.tables

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_IDLE = sa.text("idle_since IS NOT NULL")


def upgrade() -> None:
    """Bring the database to this revision; rows that are there count as idle for long, until somebody looks."""
    long_ago = "1970-01-01 00:00:00.000000"
    op.add_column(
        "cases",
        sa.Column("idle_since", chassis.tables.Instant(timezone=True), nullable=True, server_default=long_ago),
    )
    op.create_index("ix_cases_idle_since", "cases", ["idle_since"], postgresql_where=_IDLE, sqlite_where=_IDLE)


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_index("ix_cases_idle_since", table_name="cases")
    op.drop_column("cases", "idle_since")
