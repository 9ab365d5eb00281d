"""Which official had a seal used."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.add_column("seal_uses", sa.Column("official", sa.String(100), nullable=False, server_default=""))


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_column("seal_uses", "official")
