"""What the vault encrypted in the database of licences."""

from chassis.sealed import SealedColumn
from services.licences.service import data_context
from services.licences.tables import licences

SEALED = (SealedColumn(licences, "sealed_data", lambda row: data_context(row.licence_id)),)
