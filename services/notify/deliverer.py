"""Delivers what is due: claims it, sends it outside any transaction, and records what came of it.

A crash between sending and recording lets the lease run out, and the message is sent again with the same webhook-id,
by which the receiver knows it. Nothing is lost; a message may come twice.
"""

import random
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, Self

import structlog

from chassis.database import Database, UnitOfWork
from chassis.settings import Settings
from chassis.vault import Vault
from services.notify import store
from services.notify.domain.webhooks import Answer, outcome, signed_headers
from services.notify.sender import Sender
from services.notify.service import DELIVERIES, secret_context

log = structlog.get_logger(__name__)

# How long what a killed process had in hand waits for another one. What is being sent renews its lease in time.
LEASE = timedelta(seconds=10)
RENEWAL = timedelta(seconds=4)
RETENTION = timedelta(days=90)
"""How long the log tells of a delivery that has ended."""
FORGOTTEN_AT_ONCE = 500


class Sends(Protocol):
    """Posts one message; whatever goes wrong on the way is an answer too."""

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The endpoint's answer."""


class Runs(Protocol):
    """One attempt under way."""

    def start(self) -> None:
        """Begin, and return at once."""

    def join(self) -> None:
        """Return when it is over."""


def in_a_thread(attempt: Callable[[], None]) -> Runs:
    """An attempt in a thread of its own, a green one in a worker process.

    No pool: there are never more than `at_once`, and none while nothing is sent.
    """
    return threading.Thread(target=attempt, name="deliver", daemon=True)


class Deliverer:
    """Sends to at most `at_once` endpoints at once, and to each of them one message at a time.

    `chance`, between 0 and 1, spreads attempts; `run` says where one runs.
    """

    def __init__(
        self,
        vault: Vault,
        sender: Sends,
        *,
        at_once: int = 10,
        chance: Callable[[], float] = random.random,
        run: Callable[[Callable[[], None]], Runs] = in_a_thread,
    ) -> None:
        self._vault = vault
        self._sender = sender
        self._at_once = at_once
        self._chance = chance
        self._run = run
        self._busy: dict[str, str] = {}
        """The delivery that is being sent, by webhook."""
        self._under_way: dict[tuple[str, int], Runs] = {}
        """By delivery and the number of its attempt."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """A deliverer as the settings have it."""
        return cls(Vault.from_settings(settings), Sender(allow_private=settings.allow_private_webhooks))

    def deliver_due(self, database: Database) -> datetime | None:
        """Starts to send what is due, and gives the time at which more will be.

        It does not wait for answers: each one, once it is recorded, wakes the topic `deliveries`, so that what waits
        for a place or for the same endpoint goes next.
        """
        with database.begin() as work:
            busy = set(self._busy)
            free = self._at_once - len(busy)
            store.renew(work.connection, work.now + LEASE, list(self._busy.values()))
            taken = store.claim(work.connection, work.now, LEASE, busy, free) if free > 0 else []
            busy |= {claim.webhook_id for claim in taken}
            following = store.next_due(work.connection, work.now, busy) if len(busy) < self._at_once else None
            now = work.now
        for claim in taken:
            self._busy[claim.webhook_id] = claim.delivery_id
            attempt = self._run(partial(self._deliver, database, claim, now))
            self._under_way[claim.delivery_id, claim.attempt] = attempt
            attempt.start()
        if not busy:
            return following
        return min(following or now + RENEWAL, now + RENEWAL)

    def forget_old(self, work: UnitOfWork) -> bool:
        """Forgets some of the deliveries that ended longer ago than `RETENTION`; true when there may be more."""
        forgotten = store.forget_deliveries(work.connection, work.now - RETENTION, FORGOTTEN_AT_ONCE)
        return forgotten >= FORGOTTEN_AT_ONCE

    def shut_down(self) -> None:
        """Returns when what was started is recorded."""
        for attempt in tuple(self._under_way.values()):
            attempt.join()

    def _deliver(self, database: Database, claim: store.Claim, now: datetime) -> None:
        """One attempt. Whatever goes wrong is logged here: nobody waits for the thread."""
        try:
            self._record(database, claim, self._attempt(claim, now))
        except Exception:
            # The lease runs out and the delivery is attempted again.
            self._busy.pop(claim.webhook_id, None)
            log.exception("delivery_not_recorded", delivery_id=claim.delivery_id, webhook_id=claim.webhook_id)
        finally:
            self._under_way.pop((claim.delivery_id, claim.attempt), None)

    def _attempt(self, claim: store.Claim, now: datetime) -> Answer:
        try:
            secret = self._vault.decrypt(claim.sealed_secret, context=secret_context(claim.webhook_id))
            body = claim.body.encode()
            return self._sender.send(claim.url, signed_headers(secret, claim.delivery_id, now, body), body)
        except Exception as error:
            # A fault of ours: it must follow the schedule like others, or it would come back with every lease.
            log.exception("delivery_broke", delivery_id=claim.delivery_id, webhook_id=claim.webhook_id)
            return Answer(error=f"the platform could not send it ({type(error).__name__})")

    def _record(self, database: Database, claim: store.Claim, answer: Answer) -> None:
        with database.begin() as work:
            result = outcome(answer, claim.attempt, work.now, self._chance())
            store.record(work.connection, claim, answer.http_status, result, work.now)
            if answer.gone:
                store.disable_webhook(work.connection, claim.webhook_id, work.now)
                told = "the endpoint answered 410 Gone to another message"
                store.fail_pending(work.connection, claim.webhook_id, told, work.now)
            work.wake(DELIVERIES)
            # Free before the wake-up that follows the commit, and after all is written: whoever looks in between finds
            # this endpoint's deliveries locked.
            self._busy.pop(claim.webhook_id, None)
        log.info(
            "webhook_attempted",
            delivery_id=claim.delivery_id,
            webhook_id=claim.webhook_id,
            attempt=claim.attempt,
            status=result.status.name,
            http_status=answer.http_status,
            error=result.error,
        )
