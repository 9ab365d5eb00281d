"""What incidents are looked up by: case, bundle, office."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OPEN = sa.text("resolved_at IS NULL")


def upgrade() -> None:
    """Bring the database to this revision; the office of incidents that are there is not known."""
    op.add_column("incidents", sa.Column("bundle_id", sa.String(length=100), server_default="", nullable=False))
    op.add_column("incidents", sa.Column("organ_id", sa.String(length=64), server_default="", nullable=False))
    op.execute("UPDATE incidents SET bundle_id = (SELECT bundle_id FROM cases WHERE cases.case_id = incidents.case_id)")
    op.create_index(op.f("ix_incidents_case_id"), "incidents", ["case_id"])
    op.create_index("ix_incidents_open", "incidents", ["incident_id"], postgresql_where=_OPEN, sqlite_where=_OPEN)


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_index("ix_incidents_open", table_name="incidents")
    op.drop_index(op.f("ix_incidents_case_id"), table_name="incidents")
    op.drop_column("incidents", "organ_id")
    op.drop_column("incidents", "bundle_id")
