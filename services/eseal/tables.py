"""The tables of eseal: organs, keys, authorities, the register of seals and their uses, notices and documents."""

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, String, Table, Text, false

from chassis.database import Document, Instant, service_metadata

metadata = service_metadata()

organs = Table(
    "organs",
    metadata,
    Column("organ_id", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("version", BigInteger, nullable=False),
    # Of the seals that it applies for from now on.
    Column("suite", String(20), nullable=False, server_default="INTERNATIONAL"),
)

# Private keys of seals and authorities; `encrypted` is empty for one that lies in a token.
keys = Table(
    "keys",
    metadata,
    Column("key_id", String(80), primary_key=True),
    Column("place", String(20), nullable=False),
    Column("algorithm", String(30), nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("encrypted", LargeBinary, nullable=False),
    Column("made_at", Instant, nullable=False),
)

# The platform's own certification authorities. Of each role ("root", "issuing") one issues in each suite; those before
# it are retired, and stay trusted for what they signed.
authorities = Table(
    "authorities",
    metadata,
    Column("authority_id", String(64), primary_key=True),
    Column("role", String(20), nullable=False),
    Column("suite", String(20), nullable=False),
    Column("key_id", String(80), nullable=False),
    Column("certificate_pem", Text, nullable=False),
    # The authority that issued it; empty for a root.
    Column("issuer_id", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("retired_at", Instant),
    # "role/suite" while it issues, NULL afterwards.
    Column("issuing_slot", String(50), unique=True),
)

seals = Table(
    "seals",
    metadata,
    Column("seal_id", String(64), primary_key=True),
    Column("organ_id", String(64), nullable=False, index=True),
    Column("organ_name", String(100), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("suite", String(20), nullable=False),
    Column("name", String(100), nullable=False),
    Column("matters", Document, nullable=False),
    Column("served_organs", Document, nullable=False),
    Column("years", BigInteger, nullable=False),
    Column("outside", Boolean, nullable=False),
    Column("applied_by", String(100), nullable=False),
    Column("applied_at", Instant, nullable=False),
    Column("replaces", String(64), nullable=False),
    Column("state", String(20), nullable=False),
    Column("certificate_pem", Text, nullable=False),
    Column("chain_pem", Text, nullable=False),
    Column("issuer_id", String(64), nullable=False),
    # Of its certificate, in decimal; empty before it was made.
    Column("serial_number", String(50), nullable=False, index=True, server_default=""),
    Column("key_id", String(80), nullable=False),
    Column("valid_from", Instant),
    Column("valid_until", Instant),
    # Whether its picture came from outside; else it was drawn here.
    Column("uploaded", Boolean, nullable=False, server_default=false()),
    Column("picture", LargeBinary, nullable=False),
    Column("width_mm", BigInteger, nullable=False),
    Column("height_mm", BigInteger, nullable=False),
    # The seal's slot while it is in use, and while it is on the way; else NULL: of each there is one at a time.
    Column("slot_in_use", String(300), unique=True),
    Column("slot_on_the_way", String(300), unique=True),
)

# Seals of the national suite as GB/T 38540 has them, with the numbers that they have there.
national_seals = Table(
    "national_seals",
    metadata,
    Column("seal_id", String(64), primary_key=True),
    Column("es_id", String(14), nullable=False, unique=True),
    Column("encoded", LargeBinary, nullable=False),
)

seal_acts = Table(
    "seal_acts",
    metadata,
    Column("seal_id", String(64), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("act", String(20), nullable=False),
    Column("actor", String(100), nullable=False),
    Column("at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
)

# Uses of seals, and attempts that were refused; never changed.
seal_uses = Table(
    "seal_uses",
    metadata,
    Column("use_id", String(64), primary_key=True),
    Column("seal_id", String(64), nullable=False),
    Column("organ_id", String(64), nullable=False),
    Column("for_organ_id", String(64), nullable=False),
    Column("catalog_code", String(64), nullable=False),
    Column("case_id", String(64), nullable=False),
    Column("step_id", String(100), nullable=False),
    Column("title", Text, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("at", Instant, nullable=False),
    # Empty when it was used.
    Column("refusal", String(50), nullable=False),
    Column("document_id", String(64), nullable=False),
    # The person in office who had it used; empty for a case's step or a licence.
    Column("official", String(100), nullable=False, server_default=""),
)
Index("uses_of_seal", seal_uses.c.seal_id, seal_uses.c.use_id)
Index("uses_of_organ", seal_uses.c.organ_id, seal_uses.c.use_id)

notices = Table(
    "notices",
    metadata,
    Column("notice_id", String(100), primary_key=True),
    Column("case_id", String(64), nullable=False),
    Column("step_id", String(100), nullable=False),
    Column("organ_id", String(64), nullable=False),
    Column("status", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("document_id", String(64), primary_key=True),
    Column("notice_id", String(100), nullable=False, unique=True),
    Column("case_id", String(64), nullable=False),
    Column("case_number", String(64), nullable=False),
    Column("step_id", String(100), nullable=False),
    Column("organ_id", String(64), nullable=False),
    Column("applicant_id", String(64), nullable=False),
    Column("seal_id", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("signed_digest", String(64), nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(50), nullable=False, server_default="application/pdf"),
    Column("sealed_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("revocation_reason", Text, nullable=False),
    # SHA-256 of the request, in hexadecimal; empty for what was sealed before it was kept, and by hand.
    Column("request_digest", String(64), nullable=False, server_default=""),
    Column("content", LargeBinary, nullable=False),
)
