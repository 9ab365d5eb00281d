"""When a delivery ended, by which the log is pruned."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DELIVERED, FAILED = 2, 3


def upgrade() -> None:
    """Bring the database to this revision; a failure's end was not noted before, and its beginning stands for it."""
    op.add_column("deliveries", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    log = sa.table("deliveries", *map(sa.column, ("ended_at", "delivered_at", "created_at", "status")))
    end = sa.func.coalesce(log.c.delivered_at, log.c.created_at)
    op.execute(sa.update(log).where(log.c.status.in_((DELIVERED, FAILED))).values(ended_at=end))
    op.create_index(op.f("ix_deliveries_ended_at"), "deliveries", ["ended_at"], unique=False)


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_index(op.f("ix_deliveries_ended_at"), table_name="deliveries")
    op.drop_column("deliveries", "ended_at")
