"""The register of seals: applications, lives, uses; keys in a table of their own; authorities that can be followed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from chassis.tables import Document, Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WHO = "platform"
_WHY = "there before there were applications"


def upgrade() -> None:
    """Bring the database to this revision."""
    with op.batch_alter_table("organs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("suite", sa.String(20), nullable=False, server_default="INTERNATIONAL"))
    authorities = op.get_bind().execute(sa.select(_AUTHORITIES)).all()
    seals = op.get_bind().execute(sa.select(_SEALS)).all()
    op.drop_table("seals")
    op.drop_table("authorities")
    _create_keys()
    _create_seals()
    _create_acts_and_uses()
    _carry_over(authorities, seals)


def downgrade() -> None:
    """There is no way back: what is known of seals now does not fit into the tables of before."""
    raise NotImplementedError("restore the backup that was made before the upgrade")


def _create_keys() -> None:
    op.create_table(
        "keys",
        sa.Column("key_id", sa.String(80), nullable=False),
        sa.Column("place", sa.String(20), nullable=False),
        sa.Column("algorithm", sa.String(30), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("encrypted", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_keys")),
    )
    op.create_table(
        "authorities",
        sa.Column("authority_id", sa.String(64), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("suite", sa.String(20), nullable=False),
        sa.Column("key_id", sa.String(80), nullable=False),
        sa.Column("certificate_pem", sa.Text(), nullable=False),
        sa.Column("issuer_id", sa.String(64), nullable=False),
        sa.Column("created_at", Instant(timezone=True), nullable=False),
        sa.Column("retired_at", Instant(timezone=True), nullable=True),
        sa.Column("issuing_slot", sa.String(50), nullable=True),
        sa.PrimaryKeyConstraint("authority_id", name=op.f("pk_authorities")),
        sa.UniqueConstraint("issuing_slot", name=op.f("uq_authorities_issuing_slot")),
    )


def _create_seals() -> None:
    op.create_table(
        "seals",
        sa.Column("seal_id", sa.String(64), nullable=False),
        sa.Column("organ_id", sa.String(64), nullable=False),
        sa.Column("organ_name", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("suite", sa.String(20), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("matters", Document, nullable=False),
        sa.Column("served_organs", Document, nullable=False),
        sa.Column("years", sa.BigInteger(), nullable=False),
        sa.Column("outside", sa.Boolean(), nullable=False),
        sa.Column("applied_by", sa.String(100), nullable=False),
        sa.Column("applied_at", Instant(timezone=True), nullable=False),
        sa.Column("replaces", sa.String(64), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("certificate_pem", sa.Text(), nullable=False),
        sa.Column("chain_pem", sa.Text(), nullable=False),
        sa.Column("issuer_id", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(80), nullable=False),
        sa.Column("valid_from", Instant(timezone=True), nullable=True),
        sa.Column("valid_until", Instant(timezone=True), nullable=True),
        sa.Column("picture", sa.LargeBinary(), nullable=False),
        sa.Column("width_mm", sa.BigInteger(), nullable=False),
        sa.Column("height_mm", sa.BigInteger(), nullable=False),
        sa.Column("slot_in_use", sa.String(300), nullable=True),
        sa.Column("slot_on_the_way", sa.String(300), nullable=True),
        sa.PrimaryKeyConstraint("seal_id", name=op.f("pk_seals")),
        sa.UniqueConstraint("slot_in_use", name=op.f("uq_seals_slot_in_use")),
        sa.UniqueConstraint("slot_on_the_way", name=op.f("uq_seals_slot_on_the_way")),
    )
    op.create_index(op.f("ix_seals_organ_id"), "seals", ["organ_id"])


def _create_acts_and_uses() -> None:
    op.create_table(
        "seal_acts",
        sa.Column("seal_id", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("act", sa.String(20), nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seal_id", "number", name=op.f("pk_seal_acts")),
    )
    op.create_table(
        "seal_uses",
        sa.Column("use_id", sa.String(64), nullable=False),
        sa.Column("seal_id", sa.String(64), nullable=False),
        sa.Column("organ_id", sa.String(64), nullable=False),
        sa.Column("for_organ_id", sa.String(64), nullable=False),
        sa.Column("catalog_code", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(64), nullable=False),
        sa.Column("step_id", sa.String(100), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("refusal", sa.String(50), nullable=False),
        sa.Column("document_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("use_id", name=op.f("pk_seal_uses")),
    )
    op.create_index("uses_of_seal", "seal_uses", ["seal_id", "use_id"])
    op.create_index("uses_of_organ", "seal_uses", ["organ_id", "use_id"])


_AUTHORITIES = sa.table(
    "authorities",
    sa.column("role"),
    sa.column("certificate_pem"),
    sa.column("encrypted_key"),
    sa.column("created_at", Instant),
)
_SEALS = sa.table(
    "seals",
    sa.column("seal_id"),
    sa.column("organ_id"),
    sa.column("name"),
    sa.column("certificate_pem"),
    sa.column("encrypted_key"),
    sa.column("picture"),
    sa.column("valid_from", Instant),
    sa.column("valid_until", Instant),
    sa.column("revoked_at", Instant),
)


def _carry_over(authorities: Sequence[Any], seals: Sequence[Any]) -> None:
    """Put what was there into the new tables. Keys stay encrypted as they are: their ids say what they are bound to."""
    ids = {row.role: f"first-{row.role}" for row in authorities}
    chain = "".join(row.certificate_pem for row in authorities if row.role == "issuing")
    for row in authorities:
        _insert("keys", _key(f"authority:{row.role}", row, row.created_at))
        _insert("authorities", _authority(row, ids))
    for row in seals:
        _insert("keys", _key(f"seal:{row.seal_id}", row, row.valid_from))
        _insert("seals", _seal(row, chain, ids.get("issuing", "")))
        _insert("seal_acts", _act(row, 1, "ACTIVATED", row.valid_from))
        if row.revoked_at is not None:
            _insert("seal_acts", _act(row, 2, "REVOKED", row.revoked_at))


def _key(key_id: str, row: Any, made_at: datetime) -> dict[str, Any]:
    certificate = x509.load_pem_x509_certificate(row.certificate_pem.encode())
    public = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "key_id": key_id,
        "place": "software",
        "algorithm": "ECDSA_P256_SHA256",
        "public_key": public,
        "encrypted": row.encrypted_key,
        "made_at": made_at,
    }


def _authority(row: Any, ids: dict[str, str]) -> dict[str, Any]:
    return {
        "authority_id": ids[row.role],
        "role": row.role,
        "suite": "INTERNATIONAL",
        "key_id": f"authority:{row.role}",
        "certificate_pem": row.certificate_pem,
        "issuer_id": "" if row.role == "root" else ids["root"],
        "created_at": row.created_at,
        "issuing_slot": f"{row.role}/INTERNATIONAL",
    }


def _seal(row: Any, chain: str, issuer_id: str) -> dict[str, Any]:
    active = row.revoked_at is None
    return {
        "seal_id": row.seal_id,
        "organ_id": row.organ_id,
        "organ_name": row.name,
        "kind": "ORGAN",
        "suite": "INTERNATIONAL",
        "name": row.name,
        "matters": ["*"],
        "served_organs": [],
        "years": 5,
        "outside": False,
        "applied_by": _WHO,
        "applied_at": row.valid_from,
        "replaces": "",
        "state": "ACTIVE" if active else "REVOKED",
        "certificate_pem": row.certificate_pem,
        "chain_pem": chain,
        "issuer_id": issuer_id,
        "key_id": f"seal:{row.seal_id}",
        "valid_from": row.valid_from,
        "valid_until": row.valid_until,
        "picture": row.picture,
        "width_mm": 42,
        "height_mm": 42,
        "slot_in_use": f"{row.organ_id}/INTERNATIONAL/ORGAN/" if active else None,
    }


def _act(row: Any, number: int, act: str, at: datetime) -> dict[str, Any]:
    return {"seal_id": row.seal_id, "number": number, "act": act, "actor": _WHO, "at": at, "reason": _WHY}


def _insert(table: str, row: dict[str, Any]) -> None:
    columns = [sa.column(name, _type(value)) for name, value in row.items()]
    op.get_bind().execute(sa.insert(sa.table(table, *columns)), row)


def _type(value: object) -> Any:
    if isinstance(value, datetime):
        return Instant()
    return Document if isinstance(value, list) else None
