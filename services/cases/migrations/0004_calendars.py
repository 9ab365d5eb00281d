"""The versions of the working-day calendar."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import chassis.tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision; the first api process that starts fills the table."""
    op.create_table(
        "calendars",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_year", sa.Integer(), nullable=False),
        sa.Column("last_year", sa.Integer(), nullable=False),
        sa.Column(
            "years", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("loaded_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.Column("loaded_by", sa.String(length=100), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_calendars")),
    )


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_table("calendars")
