"""The matters in which licences of a type are granted."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.add_column("types", sa.Column("catalog_code", sa.String(length=12), nullable=False, server_default=""))


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_column("types", "catalog_code")
