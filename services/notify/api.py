"""The gRPC face of notify: contract to rules and back."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import RowMapping

from chassis.api import Call, Servicer
from chassis.paging import Page, page
from chassis.settings import Settings
from duokua.notify.v1 import notify_service_pb2 as pb
from services.notify.service import Notify


class NotifyApi:
    """duokua.notify.v1.NotifyService."""

    service = pb.DESCRIPTOR.services_by_name["NotifyService"]
    # Its answer holds the secret; the service keeps that sealed and makes the method idempotent itself.
    unstored = frozenset({"register_webhook"})

    def __init__(self, notify: Notify) -> None:
        self._notify = notify

    def list_messages(self, call: Call, request: pb.ListMessagesRequest) -> pb.ListMessagesResponse:
        """Lists an inbox, newest first."""
        wanted = page(request.page_size, request.page_token)
        rows = self._notify.inbox(call.work, call.caller, request.recipient, _key(wanted), wanted.fetch)
        rows, token = wanted.cut(rows, key=lambda row: [row["message_id"]])
        return pb.ListMessagesResponse(messages=[_message(row) for row in rows], next_page_token=token)

    def mark_read(self, call: Call, request: pb.MarkReadRequest) -> pb.MarkReadResponse:
        """Notes that a message was read."""
        row = self._notify.mark_read(call.work, call.caller, request.message_id)
        return pb.MarkReadResponse(message=_message(row))

    def register_webhook(self, call: Call, request: pb.RegisterWebhookRequest) -> pb.RegisterWebhookResponse:
        """Registers an endpoint and shows its secret."""
        made = self._notify.register_webhook(
            call.work, call.caller, request.url, request.event_types, request.request_id
        )
        return pb.RegisterWebhookResponse(webhook=_webhook(made.webhook), secret=made.secret)

    def list_webhooks(self, call: Call, request: pb.ListWebhooksRequest) -> pb.ListWebhooksResponse:
        """Lists the webhooks of the caller's organ."""
        wanted = page(request.page_size, request.page_token)
        rows = self._notify.webhooks(call.work, call.caller, _key(wanted), wanted.fetch)
        rows, token = wanted.cut(rows, key=lambda row: [row["webhook_id"]])
        return pb.ListWebhooksResponse(webhooks=[_webhook(row) for row in rows], next_page_token=token)

    def remove_webhook(self, call: Call, request: pb.RemoveWebhookRequest) -> pb.RemoveWebhookResponse:
        """Forgets a webhook."""
        self._notify.remove_webhook(call.work, call.caller, request.webhook_id)
        return pb.RemoveWebhookResponse()

    def list_deliveries(self, call: Call, request: pb.ListDeliveriesRequest) -> pb.ListDeliveriesResponse:
        """Lists what was sent to the caller's organ, newest first."""
        wanted = page(request.page_size, request.page_token)
        rows = self._notify.deliveries(call.work, call.caller, request.webhook_id, _key(wanted), wanted.fetch)
        rows, token = wanted.cut(rows, key=lambda row: [row["delivery_id"]])
        return pb.ListDeliveriesResponse(deliveries=[_delivery(row) for row in rows], next_page_token=token)


def _key(wanted: Page) -> str | None:
    return None if wanted.after is None else str(wanted.after[0])


def _message(row: RowMapping) -> pb.InboxMessage:
    return pb.InboxMessage(
        message_id=row["message_id"],
        recipient=row["recipient"],
        title=row["title"],
        body=row["body"],
        event_type=row["event_type"],
        case_id=row["case_id"],
        case_number=row["case_number"],
        created_at=_timestamp(row["created_at"]),
        read_at=_timestamp(row["read_at"]),
    )


def _webhook(row: RowMapping) -> pb.Webhook:
    return pb.Webhook(
        webhook_id=row["webhook_id"],
        organ_id=row["organ_id"],
        url=row["url"],
        event_types=row["event_types"],
        created_at=_timestamp(row["created_at"]),
        disabled_at=_timestamp(row["disabled_at"]),
    )


def _delivery(row: RowMapping) -> pb.Delivery:
    return pb.Delivery(
        delivery_id=row["delivery_id"],
        webhook_id=row["webhook_id"],
        event_type=row["event_type"],
        status=row["status"],
        attempts=row["attempts"],
        http_status=row["http_status"],
        last_error=row["last_error"],
        created_at=_timestamp(row["created_at"]),
        next_attempt_at=_timestamp(row["next_attempt_at"]),
        delivered_at=_timestamp(row["delivered_at"]),
    )


def _timestamp(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp


def build(settings: Settings) -> list[Servicer]:
    """The servicers of this service."""
    return [NotifyApi(Notify.from_settings(settings))]
