"""What grows with each event or call is forgotten when it is old: slowly, in small batches."""

import random
import threading
from collections.abc import Callable, Sequence

import structlog

from chassis import requests
from chassis.bus import inbox
from chassis.bus.faults import database_is_away
from chassis.bus.runtime import Runtime
from chassis.database import Database, UnitOfWork

Prune = Callable[[UnitOfWork], bool]
"""Forgets some of what is old, in the transaction that it is given; true when there may be more."""

_INTERVAL = 3600.0
_PAUSE = 1.0

_log = structlog.get_logger(__name__)


class Pruning:
    """Runs a service's prunings, one small batch a transaction."""

    def __init__(self, service: str, database: Database, prunings: Sequence[Prune]) -> None:
        self._service = service
        self._database = database
        self._prunings = prunings
        self._stopping = threading.Event()

    @classmethod
    def of_service(cls, service: str, runtime: Runtime, own: Sequence[Prune]) -> "Pruning":
        """What the chassis forgets for every service, and what the service's use cases do by their `forget_old`."""
        return cls(service, runtime.database(service), [inbox.prune, requests.prune, *own])

    def run(self) -> None:
        """Prune once an hour until stopped; the first time at a random moment, so that services do not coincide."""
        wait = random.uniform(0, _INTERVAL)  # noqa: S311  spreads load, guards nothing
        while not self._stopping.wait(wait):
            more = [self._one_batch(prune) for prune in self._prunings]
            wait = _PAUSE if any(more) else _INTERVAL

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
