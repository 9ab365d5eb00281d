"""Urges, by which they are counted for each office."""

import sqlalchemy as sa
from alembic import op

import chassis.tables

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.create_table(
        "urges",
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.String(length=50), nullable=False),
        sa.Column("organ_id", sa.String(length=64), nullable=False),
        sa.Column("organ_name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("superior_id", sa.String(length=64), nullable=False),
        sa.Column("at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "version", "step_id", name=op.f("pk_urges")),
    )
    op.create_index("ix_urges_organ_id", "urges", ["organ_id", "at"], unique=False)


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_table("urges")
