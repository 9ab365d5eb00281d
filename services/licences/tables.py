"""The tables of licences."""

from sqlalchemy import BigInteger, Column, Date, Index, Integer, LargeBinary, String, Table, Text

from chassis.database import Document, Instant, service_metadata
from services.licences.domain.life import IN_USE

metadata = service_metadata()

organs = Table(
    "organs",
    metadata,
    Column("organ_id", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("uscc", String(18), nullable=False),
    Column("version", BigInteger, nullable=False),
)

# Numbers of persons are known by their keyed fingerprints only.
persons = Table(
    "persons",
    metadata,
    Column("person_id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(100), nullable=False),
    Column("masked_number", String(18), nullable=False),
    Column("number_fingerprint", String(64), nullable=False, index=True),
    Column("version", BigInteger, nullable=False),
)

types = Table(
    "types",
    metadata,
    Column("type_code", String(21), primary_key=True),
    Column("kind", String(64), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("holder_kind", String(16), nullable=False),
    Column("fields", Document, nullable=False),
    Column("template", Text, nullable=False),
    Column("valid_months", Integer, nullable=False),
    Column("sharing", String(16), nullable=False),
    Column("version", BigInteger, nullable=False),
    # Unified social credit codes of those who issue it; none for any.
    Column("issuers", Document, nullable=False, server_default="[]"),
    Column("catalog_code", String(12), nullable=False, server_default=""),
)

licences = Table(
    "licences",
    metadata,
    Column("licence_id", String(64), primary_key=True),
    Column("identifier", String(110), nullable=False, unique=True),
    Column("type_code", String(21), nullable=False),
    Column("issuer_organ_id", String(64), nullable=False),
    Column("issuer_uscc", String(18), nullable=False),
    Column("issuer_name", String(100), nullable=False),
    Column("serial", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("holder_person_id", String(64), nullable=False),
    Column("holder_name", String(100), nullable=False),
    Column("masked_number", String(18), nullable=False),
    Column("number_fingerprint", String(64), nullable=False, index=True),
    Column("valid_from", Date, nullable=False),
    Column("valid_until", Date),
    Column("issued_at", Instant, nullable=False),
    Column("status", String(2), nullable=False),
    Column("previous_licence_id", String(64), nullable=False),
    Column("next_licence_id", String(64), nullable=False),
    Column("case_id", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    # Encrypted by the vault: it may hold numbers of people.
    Column("sealed_data", LargeBinary, nullable=False),
    Index("licences_of_holder", "holder_person_id", "licence_id"),
    Index("licences_of_issuer", "issuer_organ_id", "licence_id"),
)
_IN_USE = [status.value for status in sorted(IN_USE)]
Index(
    "licences_to_expire",
    licences.c.valid_until,
    postgresql_where=licences.c.status.in_(_IN_USE),
    sqlite_where=licences.c.status.in_(_IN_USE),
)

changes = Table(
    "changes",
    metadata,
    Column("licence_id", String(64), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("act", String(20), nullable=False),
    Column("status", String(2), nullable=False),
    Column("actor", String(100), nullable=False),
    Column("reason", Text, nullable=False),
)

# What steps of cases granted, by the cases' own ids: each is issued once, and never once it is withdrawn.
orders = Table(
    "orders",
    metadata,
    Column("order_id", String(150), primary_key=True),
    Column("case_id", String(64), nullable=False),
    Column("step_id", String(100), nullable=False),
    # Empty while, or because, none was issued.
    Column("licence_id", String(64), nullable=False),
    Column("withdrawn_at", Instant),
    Column("ordered_at", Instant, nullable=False),
)

# The last number that an organ gave to a licence of a type.
serials = Table(
    "serials",
    metadata,
    Column("type_code", String(21), primary_key=True),
    Column("issuer_uscc", String(18), primary_key=True),
    Column("last", BigInteger, nullable=False),
)

# Who looked at which licence, when and why; for its holder. Never changed.
accesses = Table(
    "accesses",
    metadata,
    Column("access_id", String(64), primary_key=True),
    # Empty for a look that found nothing.
    Column("licence_id", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Column("subject", String(100), nullable=False),
    Column("organ_id", String(64), nullable=False),
    Column("action", String(20), nullable=False),
    Column("purpose", Text, nullable=False),
    # The consent that it was by; empty for none.
    Column("grant_id", String(64), nullable=False, server_default=""),
    Column("request_id", String(100), nullable=False),
    # Of a look that found nothing: whose licences of which type there were not. Else empty.
    Column("holder_person_id", String(64), nullable=False, server_default=""),
    Column("none_of_type", String(21), nullable=False, server_default=""),
    Index("accesses_of_licence", "licence_id", "access_id"),
    Index("accesses_in_vain", "holder_person_id", "access_id"),
    Index("one_access_a_request", "subject", "request_id", "licence_id", unique=True),
)

# 授权: the holder lets an organ look up licences of a type, for a while.
grants = Table(
    "grants",
    metadata,
    Column("grant_id", String(64), primary_key=True),
    Column("holder_person_id", String(64), nullable=False),
    Column("organ_id", String(64), nullable=False),
    Column("type_code", String(21), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("granted_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("withdrawn_at", Instant),
    # Who did so for the holder: themself or an agent.
    Column("granted_by", String(100), nullable=False, server_default=""),
    Column("withdrawn_by", String(100), nullable=False, server_default=""),
    Index("grants_of_holder", "holder_person_id", "grant_id"),
    Index("grants_of_organ", "organ_id", "grant_id"),
)

# Sealed documents of licences: each licence itself, and copies for one use.
documents = Table(
    "documents",
    metadata,
    Column("request_id", String(64), primary_key=True),
    Column("licence_id", String(64), nullable=False),
    # What a copy is for; empty for the licence itself.
    Column("annotation", Text, nullable=False),
    # The organ that may read it beside the holder.
    Column("reader_organ_id", String(64), nullable=False),
    Column("status", String(20), nullable=False),
    Column("document_id", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Index("documents_of_licence", "licence_id", "request_id"),
)
