"""When cases ended, so that a request that comes late is no load."""

import sqlalchemy as sa
from alembic import op

import chassis.tables

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("ended_at", chassis.tables.Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_cases")),
    )


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_table("cases")
