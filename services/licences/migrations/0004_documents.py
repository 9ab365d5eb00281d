"""Sealed documents of licences."""

import sqlalchemy as sa
from alembic import op

import chassis.tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.create_table(
        "documents",
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("licence_id", sa.String(length=64), nullable=False),
        sa.Column("annotation", sa.Text(), nullable=False),
        sa.Column("reader_organ_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("document_id", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_documents")),
    )
    op.create_index("documents_of_licence", "documents", ["licence_id", "request_id"], unique=False)


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_table("documents")
