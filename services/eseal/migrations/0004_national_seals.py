"""Seals of the national suite, and in which format a document is."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.create_table(
        "national_seals",
        sa.Column("seal_id", sa.String(64), nullable=False),
        sa.Column("es_id", sa.String(14), nullable=False),
        sa.Column("encoded", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seal_id", name=op.f("pk_national_seals")),
        sa.UniqueConstraint("es_id", name=op.f("uq_national_seals_es_id")),
    )
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("media_type", sa.String(50), nullable=False, server_default="application/pdf"))


def downgrade() -> None:
    """Bring the database back to the revision before."""
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.drop_column("media_type")
    op.drop_table("national_seals")
