"""What holders consent to, and by which consent somebody looked."""

import sqlalchemy as sa
from alembic import op

import chassis.tables

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.create_table(
        "grants",
        sa.Column("grant_id", sa.String(length=64), nullable=False),
        sa.Column("holder_person_id", sa.String(length=64), nullable=False),
        sa.Column("organ_id", sa.String(length=64), nullable=False),
        sa.Column("type_code", sa.String(length=21), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("granted_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.Column("expires_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.Column("withdrawn_at", chassis.tables.Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_grants")),
    )
    op.create_index("grants_of_holder", "grants", ["holder_person_id", "grant_id"], unique=False)
    op.create_index("grants_of_organ", "grants", ["organ_id", "grant_id"], unique=False)
    op.add_column("accesses", sa.Column("grant_id", sa.String(length=64), server_default="", nullable=False))


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_column("accesses", "grant_id")
    op.drop_table("grants")
