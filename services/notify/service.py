"""What notify can do: each method is one use case in one transaction that the caller opens and commits."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import RowMapping

from chassis.api import Caller
from chassis.clock import new_id
from chassis.database import UnitOfWork
from chassis.problems import Exhausted, Forbidden, Invalid, NotFound, Violation
from chassis.settings import Settings
from chassis.vault import Vault
from services.notify import store
from services.notify.domain.endpoints import BadEndpointError
from services.notify.domain.messages import (
    ENDING_EVENTS,
    OPERATORS,
    STEP_EVENTS,
    WEBHOOK_EVENTS,
    Happening,
    organ,
    person,
    webhook_body,
)
from services.notify.domain.webhooks import SECRET_BYTES, Status, secret_text
from services.notify.happenings import CaseEvent, ending_of, happening_of, happenings_of_offices
from services.notify.sender import Sender, bounded, resolve
from services.notify.texts import Texts

DELIVERIES = "deliveries"
READ_ALL = "messages.read_all"
_MOST_WEBHOOKS = 20


@dataclass(frozen=True, slots=True)
class Registered:
    """A new webhook and its secret, which is not shown again."""

    webhook: RowMapping
    secret: str


def secret_context(webhook_id: str) -> str:
    """What binds a sealed secret to its webhook."""
    return f"notify.webhook:{webhook_id}"


class Notify:
    """Tells people and department systems what happens to cases."""

    def __init__(self, vault: Vault, sender: Sender, texts: Texts) -> None:
        self._vault = vault
        self._sender = sender
        self._texts = texts

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Notify as the settings have it."""
        # Registering looks a name up inside a transaction, which must not wait long for a slow name server.
        sender = Sender(allow_private=settings.allow_private_webhooks, resolve=bounded(resolve, seconds=3))
        return cls(Vault.from_settings(settings), sender, Texts())

    def tell(self, work: UnitOfWork, events: Sequence[CaseEvent]) -> None:
        """Puts a message into an inbox for each event, and deliveries in line for the webhooks that it concerns."""
        happenings = [happening_of(event) for event in events]
        store.add_messages(work.connection, [row for each in happenings for row in self._messages(each, work.now)])
        told = [happening for event in events for happening in happenings_of_offices(event)]
        steps = [happening for happening in told if happening.event_type in STEP_EVENTS]
        ends = [happening for happening in happenings if happening.event_type in ENDING_EVENTS]
        rows = (self._of_steps(work, steps) if steps else []) + (self._of_ends(work, ends) if ends else [])
        if rows:
            store.add_deliveries(work.connection, rows)
            work.wake(DELIVERIES)

    def inbox(
        self, work: UnitOfWork, caller: Caller, recipient: str, before: str | None, limit: int
    ) -> Sequence[RowMapping]:
        """Messages to the caller, newest first, or to a recipient that an operator names.

        Raises Forbidden NO_INBOX or NOT_YOUR_INBOX.
        """
        own = _own_inbox(caller)
        if recipient and recipient != own and not caller.may(READ_ALL):
            raise Forbidden("NOT_YOUR_INBOX", f"the caller may not read messages to {recipient}", recipient=recipient)
        return store.inbox(work.connection, recipient or own, before, limit)

    def mark_read(self, work: UnitOfWork, caller: Caller, message_id: str) -> RowMapping:
        """Notes that the caller has read a message of the own inbox; the first time counts.

        Raises Forbidden NO_INBOX, NotFound MESSAGE_NOT_FOUND.
        """
        message = store.mark_read(work.connection, _own_inbox(caller), message_id, work.now)
        if message is None:
            raise NotFound("MESSAGE_NOT_FOUND", f"there is no message {message_id} for you", message_id=message_id)
        return message

    def register_webhook(
        self, work: UnitOfWork, caller: Caller, url: str, event_types: Sequence[str], request_id: str
    ) -> Registered:
        """Registers an endpoint of the caller's organ; a repeat of the request gets the same webhook and secret.

        Raises Forbidden NO_ORGAN, Invalid BAD_WEBHOOK, Invalid REQUEST_ID_REUSED, Exhausted TOO_MANY_WEBHOOKS.
        """
        organ_id = _organ_of(caller)
        wanted = sorted(set(event_types))
        request_key = f"{caller.subject} {request_id}"
        known = store.webhook_of_request(work.connection, request_key)
        if known is not None:
            return self._registered_before(known, url, wanted)
        self._check_webhook(work, organ_id, url, wanted)
        secret = os.urandom(SECRET_BYTES)
        webhook_id = new_id()
        webhook = store.add_webhook(
            work.connection,
            {
                "webhook_id": webhook_id,
                "organ_id": organ_id,
                "url": url,
                "event_types": wanted,
                "sealed_secret": self._vault.encrypt(secret, context=secret_context(webhook_id)),
                "request_key": request_key,
                "created_at": work.now,
            },
        )
        return Registered(webhook, secret_text(secret))

    def webhooks(self, work: UnitOfWork, caller: Caller, after: str | None, limit: int) -> Sequence[RowMapping]:
        """The webhooks of the caller's organ. Raises Forbidden NO_ORGAN."""
        return store.list_webhooks(work.connection, _organ_of(caller), after, limit)

    def remove_webhook(self, work: UnitOfWork, caller: Caller, webhook_id: str) -> None:
        """Forgets a webhook of the caller's organ; what is pending for it is given up.

        Raises Forbidden NO_ORGAN, NotFound WEBHOOK_NOT_FOUND.
        """
        if not store.remove_webhook(work.connection, _organ_of(caller), webhook_id):
            raise NotFound("WEBHOOK_NOT_FOUND", f"your organ has no webhook {webhook_id}", webhook_id=webhook_id)
        store.fail_pending(work.connection, webhook_id, "the webhook was removed", work.now)

    def deliveries(
        self, work: UnitOfWork, caller: Caller, webhook_id: str, before: str | None, limit: int
    ) -> Sequence[RowMapping]:
        """The deliveries to the caller's organ, newest first. Raises Forbidden NO_ORGAN."""
        return store.list_deliveries(work.connection, _organ_of(caller), webhook_id, before, limit)

    def _registered_before(self, webhook: RowMapping, url: str, event_types: Sequence[str]) -> Registered:
        if (webhook["url"], webhook["event_types"]) != (url, event_types):
            fault = Violation("request_id", "was used for another request; give a fresh one")
            raise Invalid("REQUEST_ID_REUSED", "this request_id stands for another request", [fault])
        context = secret_context(webhook["webhook_id"])
        return Registered(webhook, secret_text(self._vault.decrypt(webhook["sealed_secret"], context=context)))

    def _messages(self, happening: Happening, now: datetime) -> list[dict[str, Any]]:
        title, body = self._texts.render(happening)
        return [
            {
                "recipient": recipient,
                "message_id": new_id(),
                "title": title,
                "body": body,
                "event_type": happening.event_type,
                "case_id": happening.case.case_id,
                "case_number": happening.case.case_number,
                "case_version": happening.case.version,
                "organ_id": happening.step.organ_id,
                "reason": happening.reason,
                "created_at": now,
            }
            for recipient in happening.recipients
        ]

    def _check_webhook(self, work: UnitOfWork, organ_id: str, url: str, event_types: Sequence[str]) -> None:
        violations = [
            Violation("event_types", f"{event_type} is not one of {', '.join(sorted(WEBHOOK_EVENTS))}")
            for event_type in event_types
            if event_type not in WEBHOOK_EVENTS
        ]
        try:
            self._sender.check(url)
        except BadEndpointError as error:
            violations.append(Violation("url", str(error)))
        if violations:
            raise Invalid("BAD_WEBHOOK", "the webhook cannot be registered", violations=violations)
        if len(store.list_webhooks(work.connection, organ_id, None, _MOST_WEBHOOKS)) == _MOST_WEBHOOKS:
            raise Exhausted("TOO_MANY_WEBHOOKS", f"an organ has at most {_MOST_WEBHOOKS} webhooks; remove one")

    def _of_steps(self, work: UnitOfWork, steps: Sequence[Happening]) -> list[dict[str, Any]]:
        """Deliveries of step events; also of the ends of their cases, should an end have come before its steps."""
        hooks: dict[str, list[RowMapping]] = {}
        for hook in store.webhooks_of(work.connection, {each for step in steps for each in step.organ_ids}):
            hooks.setdefault(hook["organ_id"], []).append(hook)
        if not hooks:
            return []
        ended: dict[str, list[RowMapping]] = {}  # an act that came to light after the end has a case end once more
        for row in store.endings(work.connection, {step.case.case_id for step in steps}):
            ended.setdefault(row["case_id"], []).append(row)
        rows: list[dict[str, Any]] = []
        for step in steps:
            for hook in (hook for organ_id in step.organ_ids for hook in hooks.get(organ_id, ())):
                rows += _delivery(hook, step, work.now)
                if hook["organ_id"] == step.step.organ_id:
                    for ending in ended.get(step.case.case_id, ()):
                        rows += _delivery(hook, ending_of(step, ending), work.now)
        return rows

    def _of_ends(self, work: UnitOfWork, ends: Sequence[Happening]) -> list[dict[str, Any]]:
        """Deliveries of the ends of cases to every organ that took part and has a webhook."""
        pairs = {
            (row["case_id"], row["webhook_id"]): row
            for row in store.webhooks_of_participants(work.connection, {end.case.case_id for end in ends})
        }
        return [
            row
            for (case_id, _), hook in pairs.items()
            for end in ends
            if end.case.case_id == case_id
            for row in _delivery(hook, end, work.now)
        ]


def _delivery(hook: RowMapping, happening: Happening, now: datetime) -> Iterable[dict[str, Any]]:
    if hook["event_types"] and happening.event_type not in hook["event_types"]:
        return
    yield {
        "delivery_id": new_id(),
        "webhook_id": hook["webhook_id"],
        "organ_id": hook["organ_id"],
        "event_type": happening.event_type,
        "source": happening.source,
        "body": webhook_body(happening, now),
        "status": Status.PENDING,
        "attempts": 0,
        "http_status": 0,
        "last_error": "",
        "created_at": now,
        "next_attempt_at": now,
    }


def _own_inbox(caller: Caller) -> str:
    if caller.person_id:
        return person(caller.person_id)
    if caller.organ_id:
        return organ(caller.organ_id)
    if caller.may(READ_ALL):
        return OPERATORS
    raise Forbidden("NO_INBOX", "the caller acts for no person and no organ, so has no inbox")


def _organ_of(caller: Caller) -> str:
    if not caller.organ_id:
        raise Forbidden("NO_ORGAN", "webhooks belong to an organ; the caller works for none")
    return caller.organ_id
