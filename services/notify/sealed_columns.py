"""What the vault encrypted in notify's database."""

from chassis.sealed import SealedColumn
from services.notify.service import secret_context
from services.notify.store import webhooks

SEALED = (SealedColumn(webhooks, "sealed_secret", lambda row: secret_context(row.webhook_id)),)
