"""Work that nobody asks for by an event: due deliveries, timers, leases that run out."""

import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from chassis.bus.backoff import Backoff
from chassis.bus.faults import database_is_away
from chassis.database import Database

_LONGEST_SLEEP = 60.0
"""Seconds; covers signals that were lost, and clocks that were set."""

_log = structlog.get_logger(__name__)


class BackgroundLoop:
    """Calls `call` at the start, whenever `topic` is woken, and at the time that it returned last."""

    def __init__(self, name: str, database: Database, topic: str, call: Callable[[], datetime | None]) -> None:
        self._name = name
        self._database = database
        self._call = call
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._backoff = Backoff(first=0.5, longest=60.0)
        database.callbacks.add(topic, self._woken.set)

    def run(self) -> None:
        """Work until stopped; a failing call is made again after growing pauses."""
        try:
            while not self._stopping.is_set():
                # Cleared before the call: what wakes it meanwhile causes another.
                self._woken.clear()
                self._woken.wait(self._sleep_after_call())
        finally:
            self._stopped.set()

    def stop(self) -> None:
        """Let the call in hand end. Returns when it has."""
        self._stopping.set()
        self._woken.set()
        self._stopped.wait()

    def _sleep_after_call(self) -> float:
        try:
            due = self._call()
        except Exception as error:  # noqa: BLE001  a fault of one call must not end the loop
            pause = self._backoff.next()
            if database_is_away(error):
                _log.warning("database_away", name=self._name, error=str(error), retry_seconds=round(pause, 1))
            else:
                _log.exception("background_failed", name=self._name, retry_seconds=round(pause, 1))
            self._stopping.wait(pause)
            return 0.0
        self._backoff.reset()
        if due is None:
            return _LONGEST_SLEEP
        return min(max((due - self._database.clock.now()).total_seconds(), 0.0), _LONGEST_SLEEP)
