"""The catalogue: entries, their versions, what they say, who did what, and which files came in."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.create_table(
        "catalogue_acts",
        sa.Column("act_id", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=33), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.String(length=20), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("request_id", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("act_id", name=op.f("pk_catalogue_acts")),
    )
    with op.batch_alter_table("catalogue_acts", schema=None) as batch_op:
        batch_op.create_index("ix_catalogue_acts_code", ["code", "act_id"], unique=False)
        batch_op.create_index("ix_catalogue_acts_request", ["who", "request_id", "code"], unique=False)

    op.create_table(
        "catalogue_entries",
        sa.Column("code", sa.String(length=33), nullable=False),
        sa.Column("newest", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_catalogue_entries")),
    )
    op.create_table(
        "catalogue_imports",
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("request_id", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("files", sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("outcome", sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("who", "request_id", name=op.f("pk_catalogue_imports")),
    )
    op.create_table(
        "catalogue_substances",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_catalogue_substances")),
    )
    op.create_table(
        "catalogue_versions",
        sa.Column("code", sa.String(length=33), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("catalog_code", sa.String(length=12), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("region", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("searched", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("substance", sa.String(length=64), nullable=False),
        sa.Column("placement", sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("hands", sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("begins_on", sa.Date(), nullable=True),
        sa.Column("last_on", sa.Date(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", "version", name=op.f("pk_catalogue_versions")),
    )
    with op.batch_alter_table("catalogue_versions", schema=None) as batch_op:
        batch_op.create_index("ix_catalogue_versions_catalog_code", ["catalog_code", "code", "version"], unique=False)
        batch_op.create_index("ix_catalogue_versions_region", ["region", "code", "version"], unique=False)
        batch_op.create_index("ix_catalogue_versions_state", ["state", "code", "version"], unique=False)
        batch_op.create_index("ix_catalogue_versions_substance", ["substance"], unique=False)
        batch_op.create_index("ix_catalogue_versions_uscc", ["uscc", "code", "version"], unique=False)


def downgrade() -> None:
    """Take the database back to the revision before."""
    with op.batch_alter_table("catalogue_versions", schema=None) as batch_op:
        batch_op.drop_index("ix_catalogue_versions_uscc")
        batch_op.drop_index("ix_catalogue_versions_substance")
        batch_op.drop_index("ix_catalogue_versions_state")
        batch_op.drop_index("ix_catalogue_versions_region")
        batch_op.drop_index("ix_catalogue_versions_catalog_code")

    op.drop_table("catalogue_versions")
    op.drop_table("catalogue_substances")
    op.drop_table("catalogue_imports")
    op.drop_table("catalogue_entries")
    with op.batch_alter_table("catalogue_acts", schema=None) as batch_op:
        batch_op.drop_index("ix_catalogue_acts_request")
        batch_op.drop_index("ix_catalogue_acts_code")

    op.drop_table("catalogue_acts")
