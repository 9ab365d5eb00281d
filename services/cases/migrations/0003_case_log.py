"""The case log: a Merkle tree over the entries of all histories, its register of cases, and signed heads."""

import sqlalchemy as sa
from alembic import op

import chassis.tables

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision; the entries that are there are added to the log by the worker."""
    op.add_column("history", sa.Column("leaf", sa.BigInteger(), nullable=True))
    logged, waiting = sa.text("leaf IS NOT NULL"), sa.text("leaf IS NULL")
    op.create_index("ix_history_leaf", "history", ["leaf"], unique=True, postgresql_where=logged, sqlite_where=logged)
    op.create_index(
        "ix_history_waiting", "history", ["case_id", "sequence"], postgresql_where=waiting, sqlite_where=waiting
    )
    op.create_table(
        "log_tiles",
        sa.Column("tree", sa.String(length=8), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tree", "level", "position", name=op.f("pk_log_tiles")),
    )
    op.create_table(
        "log_registered",
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_log_registered")),
        sa.UniqueConstraint("place", name=op.f("uq_log_registered_place")),
    )
    op.create_table(
        "log_heads",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("cases", sa.BigInteger(), nullable=False),
        sa.Column("cases_root", sa.String(length=64), nullable=False),
        sa.Column("at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_log_heads")),
    )
    op.create_table(
        "log_keys",
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("first_used_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_log_keys")),
    )


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_table("log_keys")
    op.drop_table("log_heads")
    op.drop_table("log_registered")
    op.drop_table("log_tiles")
    op.drop_index("ix_history_waiting", table_name="history")
    op.drop_index("ix_history_leaf", table_name="history")
    op.drop_column("history", "leaf")
