"""What grows with each event or call is forgotten when it is old: slowly, in small batches.

Dead letters and what operators did to them are never forgotten by themselves.
"""

import random
import threading
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy import select

from chassis import requests
from chassis.bus import inbox
from chassis.bus.faults import database_is_away
from chassis.bus.runtime import Runtime
from chassis.bus.trouble import consumer_part
from chassis.database import Database, UnitOfWork, service_metadata

Prune = Callable[[UnitOfWork], bool]
"""Forgets some of what is old, in the transaction that it is given; true when there may be more."""

SETTLED_SECONDS = 3600.0
"""After so long without trouble a consumer has had whatever waited at the broker from before."""
PAUSE_SECONDS = 1.0
"""Between two batches, so that whoever writes gets in between."""
_INTERVAL = 3600.0

_outbox = service_metadata().tables["outbox"]
_log = structlog.get_logger(__name__)


class Pruning:
    """Runs a service's prunings, one small batch a transaction."""

    def __init__(
        self, service: str, database: Database, prunings: Sequence[Prune], *, pause: float = PAUSE_SECONDS
    ) -> None:
        self._service = service
        self._database = database
        self._prunings = prunings
        self._pause = pause
        self._stopping = threading.Event()

    @classmethod
    def of_service(cls, service: str, runtime: Runtime, own: Sequence[Prune]) -> "Pruning":
        """What the chassis forgets for every service, and what the service's use cases do by their `forget_old`."""

        def prune_inbox(work: UnitOfWork) -> bool:
            return may_forget(service, runtime, work.now) and inbox.prune(work)

        return cls(service, runtime.database(service), [prune_inbox, requests.prune, *own])

    def run(self) -> None:
        """Prune once an hour until stopped; the first time at a random moment, so that services do not coincide."""
        wait = random.uniform(0, _INTERVAL)  # noqa: S311  spreads load, guards nothing
        while not self._stopping.wait(wait):
            self.forget_all()
            wait = _INTERVAL

    def forget_all(self) -> None:
        """Batch after batch of each, until nothing that is old is left."""
        left = list(self._prunings)
        while left := [prune for prune in left if self._one_batch(prune)]:
            if self._stopping.wait(self._pause):
                return

    def stop(self) -> None:
        """Make `run` return."""
        self._stopping.set()

    def _one_batch(self, prune: Prune) -> bool:
        try:
            with self._database.begin() as work:
                return prune(work)
        except Exception as error:  # noqa: BLE001  tried again in an hour; a database that is away shows elsewhere
            _log.warning("prune_failed", service=self._service, error=repr(error), away=database_is_away(error))
            return False


def may_forget(service: str, runtime: Runtime, now: datetime) -> bool:
    """Whether no event that was handled longer ago than the inbox's retention can come again.

    A broker that keeps nothing gets again, at the next start, what is still in an outbox of this process. RabbitMQ
    delivers again what it was not told of; after a long absence that comes first, so a consumer that has been well for
    long has had it.
    """
    if runtime.broker.volatile:
        return not any(_holds_older(database, now - inbox.RETENTION) for database in runtime.databases.values())
    return runtime.troubles.well_for(consumer_part(service)) >= SETTLED_SECONDS


def _holds_older(database: Database, than: datetime) -> bool:
    with database.read() as work:
        return (
            work.connection.execute(select(_outbox.c.id).where(_outbox.c.created_at < than).limit(1)).first()
            is not None
        )
