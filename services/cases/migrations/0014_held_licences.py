"""The licences that applicants hold, so that they are not asked for them."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.create_table(
        "held_licences",
        sa.Column("licence_id", sa.String(length=64), nullable=False),
        sa.Column("holder_person_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("identifier", sa.String(length=110), nullable=False),
        sa.Column("issuer_name", sa.String(length=100), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("valid", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("licence_id", name=op.f("pk_held_licences")),
    )
    op.create_index("ix_held_licences_holder", "held_licences", ["holder_person_id", "kind"])


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_table("held_licences")
