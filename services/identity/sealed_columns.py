"""What the vault encrypted in identity's database."""

from chassis.sealed import SealedColumn
from services.identity.service import number_context
from services.identity.store import persons, signing_keys
from services.identity.token_service import key_context

SEALED = (
    SealedColumn(persons, "sealed_number", lambda row: number_context(row.kind, row.person_id)),
    SealedColumn(signing_keys, "sealed", lambda row: key_context(row.key_id)),
)
