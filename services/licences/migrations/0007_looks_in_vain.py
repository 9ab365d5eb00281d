"""Looks that found nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.add_column("accesses", sa.Column("holder_person_id", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("accesses", sa.Column("none_of_type", sa.String(length=21), nullable=False, server_default=""))
    op.create_index("accesses_in_vain", "accesses", ["holder_person_id", "access_id"], unique=False)


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_index("accesses_in_vain", table_name="accesses")
    op.drop_column("accesses", "none_of_type")
    op.drop_column("accesses", "holder_person_id")
