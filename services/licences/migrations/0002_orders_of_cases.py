"""What steps of cases granted."""

import sqlalchemy as sa
from alembic import op

import chassis.tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.create_table(
        "orders",
        sa.Column("order_id", sa.String(length=150), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("step_id", sa.String(length=100), nullable=False),
        sa.Column("licence_id", sa.String(length=64), nullable=False),
        sa.Column("withdrawn_at", chassis.tables.Instant(timezone=True), nullable=True),
        sa.Column("ordered_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_orders")),
    )


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_table("orders")
