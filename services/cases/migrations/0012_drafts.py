"""Applications that are not handed in yet, and uploads by their content; tree heads by their time, for exports."""

import sqlalchemy as sa
from alembic import op

import chassis.tables

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.create_table(
        "drafts",
        sa.Column("draft_id", sa.String(length=36), nullable=False),
        sa.Column("applicant_id", sa.String(length=64), nullable=False),
        sa.Column("bundle_id", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("form", chassis.tables.Document, nullable=False),
        sa.Column("materials", chassis.tables.Document, nullable=False),
        sa.Column("created_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.Column("changed_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.Column("expires_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("draft_id", name=op.f("pk_drafts")),
    )
    op.create_index("ix_drafts_applicant_id", "drafts", ["applicant_id", "draft_id"])
    op.create_index(op.f("ix_drafts_expires_at"), "drafts", ["expires_at"])
    op.create_index(op.f("ix_uploads_sha256"), "uploads", ["sha256"])
    op.create_index(op.f("ix_log_heads_at"), "log_heads", ["at"])


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_index(op.f("ix_log_heads_at"), table_name="log_heads")
    op.drop_index(op.f("ix_uploads_sha256"), table_name="uploads")
    op.drop_table("drafts")
