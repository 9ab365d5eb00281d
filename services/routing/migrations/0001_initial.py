"""The first tables of routing."""

import sqlalchemy as sa
from alembic import op

import chassis.tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.create_table(
        "capabilities",
        sa.Column("catalog_code", sa.String(length=12), nullable=False),
        sa.Column("organ_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("catalog_code", "organ_id", name=op.f("pk_capabilities")),
    )
    op.create_index("capabilities_of_organ", "capabilities", ["organ_id", "catalog_code"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("request_no", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.String(length=100), nullable=False),
        sa.Column("organ_id", sa.String(length=64), nullable=False),
        sa.Column("organ_name", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "request_no", "step_id", name=op.f("pk_decisions")),
    )
    op.create_index(
        "open_decisions_of_organ",
        "decisions",
        ["organ_id", "decided_at"],
        unique=False,
        postgresql_where=sa.text("open"),
        sqlite_where=sa.text("open = 1"),
    )
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("handled_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_inbox")),
    )
    op.create_index(op.f("ix_inbox_handled_at"), "inbox", ["handled_at"], unique=False)
    op.create_table(
        "organs",
        sa.Column("organ_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organ_id", name=op.f("pk_organs")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("type", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("traceparent", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_table(
        "regions",
        sa.Column("code", sa.String(length=6), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("parent_code", sa.String(length=6), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_regions")),
    )
    op.create_table(
        "requests",
        sa.Column("caller", sa.String(length=100), nullable=False),
        sa.Column("request_id", sa.String(length=100), nullable=False),
        sa.Column("method", sa.String(length=200), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.Column("answered_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("caller", "request_id", name=op.f("pk_requests")),
    )
    op.create_index(op.f("ix_requests_answered_at"), "requests", ["answered_at"], unique=False)


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_table("requests")
    op.drop_table("regions")
    op.drop_table("outbox")
    op.drop_table("organs")
    op.drop_table("inbox")
    op.drop_table("decisions")
    op.drop_table("capabilities")
