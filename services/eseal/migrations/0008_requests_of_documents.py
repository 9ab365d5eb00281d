"""What a document was asked for with, by which a request for another under the same id is told from a repeat."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.add_column("documents", sa.Column("request_digest", sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_column("documents", "request_digest")
