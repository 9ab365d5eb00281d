"""Who gave a holder's consent, and who took it back."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.add_column("grants", sa.Column("granted_by", sa.String(length=100), nullable=False, server_default=""))
    op.add_column("grants", sa.Column("withdrawn_by", sa.String(length=100), nullable=False, server_default=""))


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_column("grants", "withdrawn_by")
    op.drop_column("grants", "granted_by")
