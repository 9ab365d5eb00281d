"""The names of the organs that lead bundles."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision; bundles that are there say no name."""
    op.add_column("bundles", sa.Column("lead_name", sa.String(length=100), server_default="", nullable=False))
