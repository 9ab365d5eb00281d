"""The organs above each organ, and those that were told with a decision."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision; an organ's place becomes known with its next registration."""
    op.add_column("organs", sa.Column("parent_organ_id", sa.String(length=64), server_default="", nullable=False))
    op.add_column(
        "decisions",
        sa.Column(
            "superior_organ_ids",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            server_default="[]",
            nullable=False,
        ),
    )


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_column("decisions", "superior_organ_ids")
    op.drop_column("organs", "parent_organ_id")
