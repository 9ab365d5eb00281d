"""Room for the ids of notices: a case's id, a step's id of up to 50 characters, and a number."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    _resize(64, 100)


def downgrade() -> None:
    """Take the database back to the revision before."""
    _resize(100, 64)


def _resize(before: int, after: int) -> None:
    for table in ("notices", "documents"):
        with op.batch_alter_table(table) as batch:
            batch.alter_column("notice_id", existing_type=sa.String(before), type_=sa.String(after), nullable=False)
