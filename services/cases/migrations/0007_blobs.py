"""Contents in the blob store, and uploads; what is in the database stays until it is moved."""

import sqlalchemy as sa
from alembic import op

import chassis.tables

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision; the api processes move the contents that are there."""
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("stored", sa.Boolean(), nullable=False),
        sa.Column("kept_until", chassis.tables.Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blobs")),
    )
    op.create_index(op.f("ix_blobs_kept_until"), "blobs", ["kept_until"])
    op.create_table(
        "uploads",
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("upload_id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("named", sa.Boolean(), nullable=False),
        sa.Column("expires_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "upload_id", name=op.f("pk_uploads")),
        sa.UniqueConstraint("key", name=op.f("uq_uploads_key")),
    )
    op.create_index(op.f("ix_uploads_expires_at"), "uploads", ["expires_at"])
    with op.batch_alter_table("case_contents") as batch_op:
        batch_op.drop_constraint("fk_case_contents_sha256", type_="foreignkey")


def downgrade() -> None:
    """Take the database back to the revision before; fails when contents have left the database."""
    with op.batch_alter_table("case_contents") as batch_op:
        batch_op.create_foreign_key("fk_case_contents_sha256", "contents", ["sha256"], ["sha256"])
    op.drop_index(op.f("ix_uploads_expires_at"), table_name="uploads")
    op.drop_table("uploads")
    op.drop_index(op.f("ix_blobs_kept_until"), table_name="blobs")
    op.drop_table("blobs")
