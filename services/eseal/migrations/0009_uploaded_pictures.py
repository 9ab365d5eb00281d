"""Whose pictures came from outside: they go on when the seal is renewed."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.add_column("seals", sa.Column("uploaded", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_column("seals", "uploaded")
