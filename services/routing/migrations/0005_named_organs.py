"""The unified social credit code of each organ, by which applications name them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision; an organ's code becomes known with its next registration."""
    op.add_column("organs", sa.Column("uscc", sa.String(length=18), server_default="", nullable=False))
    op.create_index("organs_by_uscc", "organs", ["uscc"])


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_index("organs_by_uscc", table_name="organs")
    op.drop_column("organs", "uscc")
