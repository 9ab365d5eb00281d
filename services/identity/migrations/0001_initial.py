"""The tables as the service began with them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.create_table(
        "assertions",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("assertion_id", sa.String(length=128), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "assertion_id", name="pk_assertions"),
    )
    op.create_index("assertions_by_expiry", "assertions", ["expires_at"])

    op.create_table(
        "inbox",
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_inbox"),
    )
    op.create_index("ix_inbox_handled_at", "inbox", ["handled_at"])

    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("type", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("traceparent", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_table(
        "persons",
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("masked_number", sa.String(length=18), nullable=False),
        sa.Column("assurance", sa.Integer(), nullable=False),
        sa.Column("number_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("sealed_number", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_persons"),
        sa.UniqueConstraint("number_fingerprint", name="uq_persons_number_fingerprint"),
    )
    op.create_table(
        "regions",
        sa.Column("code", sa.String(length=6), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("parent_code", sa.String(length=6), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["parent_code"], ["regions.code"], name="fk_regions_parent_code"),
        sa.PrimaryKeyConstraint("code", name="pk_regions"),
    )
    op.create_table(
        "requests",
        sa.Column("caller", sa.String(length=100), nullable=False),
        sa.Column("request_id", sa.String(length=100), nullable=False),
        sa.Column("method", sa.String(length=200), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("caller", "request_id", name="pk_requests"),
    )
    op.create_index("ix_requests_answered_at", "requests", ["answered_at"])

    op.create_table(
        "signing_keys",
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("slot", sa.String(length=16), nullable=True),
        sa.Column("public_jwk", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name="pk_signing_keys"),
        sa.UniqueConstraint("slot", name="uq_signing_keys_slot"),
    )
    op.create_table(
        "mandates",
        sa.Column("mandate_id", sa.String(length=64), nullable=False),
        sa.Column("agent_person_id", sa.String(length=64), nullable=False),
        sa.Column("principal_person_id", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["agent_person_id"], ["persons.person_id"], name="fk_mandates_agent_person_id"),
        sa.ForeignKeyConstraint(["principal_person_id"], ["persons.person_id"], name="fk_mandates_principal_person_id"),
        sa.PrimaryKeyConstraint("mandate_id", name="pk_mandates"),
    )
    op.create_index("mandates_of_agent", "mandates", ["agent_person_id", "principal_person_id", "expires_at"])

    op.create_table(
        "organs",
        sa.Column("organ_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("parent_organ_id", sa.String(length=64), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["parent_organ_id"], ["organs.organ_id"], name="fk_organs_parent_organ_id"),
        sa.ForeignKeyConstraint(["region_code"], ["regions.code"], name="fk_organs_region_code"),
        sa.PrimaryKeyConstraint("organ_id", name="pk_organs"),
        sa.UniqueConstraint("uscc", name="uq_organs_uscc"),
    )
    op.create_table(
        "clients",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("organ_id", sa.String(length=64), nullable=True),
        sa.Column("public_jwk", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organ_id"], ["organs.organ_id"], name="fk_clients_organ_id"),
        sa.PrimaryKeyConstraint("client_id", name="pk_clients"),
    )


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_table("clients")
    op.drop_table("organs")
    op.drop_index("mandates_of_agent", table_name="mandates")

    op.drop_table("mandates")
    op.drop_table("signing_keys")
    op.drop_index("ix_requests_answered_at", table_name="requests")

    op.drop_table("requests")
    op.drop_table("regions")
    op.drop_table("persons")
    op.drop_table("outbox")
    op.drop_index("ix_inbox_handled_at", table_name="inbox")

    op.drop_table("inbox")
    op.drop_index("assertions_by_expiry", table_name="assertions")

    op.drop_table("assertions")
