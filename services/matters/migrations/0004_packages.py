"""Installed packages, and the publishers who are trusted."""

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
        "archives",
        sa.Column("archive_digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("archive_digest", name=op.f("pk_archives")),
    )
    op.create_table(
        "installations",
        sa.Column("scenario_id", sa.String(length=60), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("bundle_version", sa.BigInteger(), nullable=False),
        sa.Column("package_id", sa.String(length=60), nullable=False),
        sa.Column("package_version", sa.String(length=60), nullable=False),
        sa.Column("package_digest", sa.String(length=64), nullable=False),
        sa.Column("archive_digest", sa.String(length=64), nullable=False),
        sa.Column("signers", chassis.tables.Document, nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("lead_organ_id", sa.String(length=64), nullable=False),
        sa.Column("overlay", chassis.tables.Document, nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("installed_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.Column("installed_by", sa.String(length=100), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("scenario_id", "number", name=op.f("pk_installations")),
    )
    op.create_index(
        "current_installations",
        "installations",
        ["scenario_id"],
        unique=True,
        postgresql_where=sa.text("current"),
        sqlite_where=sa.text("current = 1"),
    )
    op.create_table(
        "publishers",
        sa.Column("trust_id", sa.String(length=36), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("trusted_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.Column("trusted_by", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("distrusted_at", chassis.tables.Instant(timezone=True), nullable=True),
        sa.Column("distrusted_by", sa.String(length=100), server_default="", nullable=False),
        sa.Column("distrust_reason", sa.String(length=500), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("trust_id", name=op.f("pk_publishers")),
    )
    op.create_index(
        "trusted_keys",
        "publishers",
        ["key_id"],
        unique=True,
        postgresql_where=sa.text("distrusted_at IS NULL"),
        sqlite_where=sa.text("distrusted_at IS NULL"),
    )


def downgrade() -> None:
    """Take the database back to the revision before."""
    for table in ("publishers", "installations", "archives"):
        op.drop_table(table)
