"""Forms and materials of cases as they were before corrections."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import chassis.tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    document = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
    op.create_table(
        "case_forms",
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("form", document, nullable=False),
        sa.Column("materials", document, nullable=False),
        sa.Column("at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_case_forms_case_id_cases")),
        sa.PrimaryKeyConstraint("case_id", "version", name=op.f("pk_case_forms")),
    )


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_table("case_forms")
