"""What the vault encrypted in eseal's database."""

from chassis.sealed import SealedColumn
from services.eseal.keys.keystore import key_context
from services.eseal.tables import keys

SEALED = (SealedColumn(keys, "encrypted", lambda row: key_context(row.key_id)),)
