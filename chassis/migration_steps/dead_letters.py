"""Dead letters in the service's own database, their repairs, and events that no queue takes."""

import sqlalchemy as sa
from alembic import op

import chassis.tables


def upgrade() -> None:
    """Bring the database to this revision."""
    op.add_column("outbox", sa.Column("held_since", chassis.tables.Instant(timezone=True), nullable=True))
    op.create_table(
        "dead_letters",
        sa.Column("letter_id", sa.String(length=36), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("time", sa.Text(), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("stack", sa.Text(), nullable=False),
        sa.Column("parked_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.Column("replay_requested_at", chassis.tables.Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("letter_id", name=op.f("pk_dead_letters")),
    )
    op.create_index(op.f("ix_dead_letters_parked_at"), "dead_letters", ["parked_at"], unique=False)
    op.create_table(
        "repairs",
        sa.Column("repair_id", sa.String(length=36), nullable=False),
        sa.Column("at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=10), nullable=False),
        sa.Column("letter_id", sa.String(length=36), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("repair_id", name=op.f("pk_repairs")),
    )


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_table("repairs")
    op.drop_table("dead_letters")
    op.drop_column("outbox", "held_since")
