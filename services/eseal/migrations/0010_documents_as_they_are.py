"""Sealed documents are kept as they are: they are compressed already, and PostgreSQL's attempt costs 1 ms of CPU each."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    _store("EXTERNAL")


def downgrade() -> None:
    """Take the database back to the revision before."""
    _store("EXTENDED")


def _store(how: str) -> None:
    """For what is written from now on; nothing is rewritten."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE documents ALTER COLUMN content SET STORAGE {how}")
