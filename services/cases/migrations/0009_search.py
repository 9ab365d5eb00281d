"""What cases are searched by."""

import sqlalchemy as sa
from alembic import op

import chassis.tables

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_LATE = sa.text("light IN ('yellow', 'red', 'unknown')")
_TROUBLED, _ENDED = sa.text("open_incidents > 0"), sa.text("ended_at IS NOT NULL")
_CASES = """
INSERT INTO case_search (case_id, case_number, applicant_id, bundle_id, bundle_version, status, light, open_incidents,
                         submitted_at, ended_at)
SELECT case_id, case_number, applicant_id, bundle_id, bundle_version, status, '', open_incidents, submitted_at, {ended}
FROM cases
"""
_ENDED_AT = {
    "postgresql": "CAST(snapshot ->> 'ended_at' AS timestamptz)",
    # As the column's type writes it: in UTC, without the zone.
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', json_extract(snapshot, '$.ended_at')) || '000'",
}
_ORGANS = {
    "postgresql": "INSERT INTO case_organs (organ_id, case_id) "
    "SELECT DISTINCT step ->> 'organ_id', case_id "
    "FROM cases, jsonb_array_elements(snapshot -> 'steps') AS step WHERE step ->> 'organ_id' <> ''",
    "sqlite": "INSERT INTO case_organs (organ_id, case_id) "
    "SELECT DISTINCT json_extract(step.value, '$.organ_id'), case_id "
    "FROM cases, json_each(snapshot, '$.steps') AS step WHERE json_extract(step.value, '$.organ_id') <> ''",
}


def upgrade() -> None:
    """Bring the database to this revision; cases of earlier releases have no clocks, and so no light."""
    op.create_table(
        "case_search",
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("case_number", sa.String(length=50), nullable=False),
        sa.Column("applicant_id", sa.String(length=64), nullable=False),
        sa.Column("bundle_id", sa.String(length=100), nullable=False),
        sa.Column("bundle_version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("light", sa.String(length=10), nullable=False),
        sa.Column("open_incidents", sa.Integer(), nullable=False),
        sa.Column("submitted_at", chassis.tables.Instant(timezone=True), nullable=False),
        sa.Column("ended_at", chassis.tables.Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_search")),
    )
    op.create_table(
        "case_organs",
        sa.Column("organ_id", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("organ_id", "case_id", name=op.f("pk_case_organs")),
    )
    dialect = op.get_bind().dialect.name
    op.execute(_CASES.format(ended=_ENDED_AT[dialect]))
    op.execute(_ORGANS[dialect])
    _create_indexes()


def _create_indexes() -> None:
    for name in ("applicant_id", "bundle_id", "status"):
        op.create_index(f"ix_case_search_{name}", "case_search", [name, "case_id"])
    for name, columns, where in (
        ("light", ["light", "case_id"], _LATE),
        ("incidents", ["case_id"], _TROUBLED),
        ("ended_at", ["ended_at", "case_id"], _ENDED),
    ):
        op.create_index(f"ix_case_search_{name}", "case_search", columns, postgresql_where=where, sqlite_where=where)
    prefix = {"case_number": "varchar_pattern_ops"}
    op.create_index("ix_case_search_case_number", "case_search", ["case_number"], postgresql_ops=prefix)


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_table("case_organs")
    op.drop_table("case_search")
