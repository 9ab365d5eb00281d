"""The first tables of matters."""

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
        "bundles",
        sa.Column("scenario_id", sa.String(length=60), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("lead_organ_id", sa.String(length=64), nullable=False),
        sa.Column("lead_uscc", sa.String(length=18), nullable=False),
        sa.Column("lead_level", sa.Integer(), nullable=False),
        sa.Column("scenario", chassis.tables.Document, nullable=False),
        sa.Column("published_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scenario_id", "version", name=op.f("pk_bundles")),
    )
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("handled_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_inbox")),
    )
    op.create_index(op.f("ix_inbox_handled_at"), "inbox", ["handled_at"], unique=False)
    op.create_table(
        "matters",
        sa.Column("catalog_code", sa.String(length=12), nullable=False),
        sa.Column("scenario_id", sa.String(length=60), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("matter", chassis.tables.Document, nullable=False),
        sa.Column("published_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("catalog_code", "scenario_id", "version", name=op.f("pk_matters")),
    )
    op.create_index(
        "current_matters",
        "matters",
        ["catalog_code", "scenario_id"],
        unique=True,
        postgresql_where=sa.text("current"),
        sqlite_where=sa.text("current = 1"),
    )
    op.create_table(
        "organs",
        sa.Column("organ_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
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
    op.create_table(
        "scenarios",
        sa.Column("scenario_id", sa.String(length=60), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scenario_id", name=op.f("pk_scenarios")),
    )


def downgrade() -> None:
    """Take the database back to the revision before: drop everything."""
    for table in ("scenarios", "requests", "outbox", "organs", "matters", "inbox", "bundles"):
        op.drop_table(table)
