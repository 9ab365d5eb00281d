"""The loop that takes batches off a service's queue, has them handled, and settles them afterwards."""

import threading

import structlog

from chassis.bus import metrics
from chassis.bus.backoff import Backoff
from chassis.bus.broker import BrokerAwayError, Consumer, Delivery, Verdict
from chassis.bus.handling import DatabaseAwayError, Handling
from chassis.bus.trouble import Report, ignore

_LONGEST_WAIT = 15.0
"""Seconds in `receive`, at most: with a short heartbeat it comes back sooner. No limit to anything else."""

_log = structlog.get_logger(__name__)


class Consuming:
    """Runs one service's consumer until it is stopped."""

    def __init__(self, service: str, consumer: Consumer, handling: Handling, report: Report = ignore) -> None:
        self._service = service
        self._consumer = consumer
        self._handling = handling
        self._report = report
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._backoff = Backoff()

    def run(self) -> None:
        """Receive, handle, settle; comes back after `stop` only."""
        try:
            while not self._stopping.is_set():
                self._round()
        finally:
            self._consumer.close()
            self._stopped.set()

    def stop(self) -> None:
        """Finish the batch in hand, and give back what was not begun. Returns when that is done."""
        self._stopping.set()
        self._consumer.interrupt()
        self._stopped.wait()

    def _round(self) -> None:
        try:
            self._consumer.connect()
            self._report("")
            deliveries = self._consumer.receive(_LONGEST_WAIT)
            if deliveries:
                self._work_off(deliveries)
            self._backoff.reset()
        except BrokerAwayError as error:
            self._pause("broker", error)
        except DatabaseAwayError as error:
            self._pause("database", error)
        except Exception as error:  # noqa: BLE001  a fault of the bus itself: what was received comes again
            _log.exception("consumer_failed", service=self._service)
            self._consumer.close()
            self._pause("consumer", error)

    def _work_off(self, deliveries: list[Delivery]) -> None:
        """Handle a batch until its database lets it through; no attempt is counted while it is away."""
        backoff = Backoff()
        in_hand = metrics.in_hand.labels(self._service)
        in_hand.set(len(deliveries))
        try:
            with metrics.batch_seconds.labels(self._service).time():
                in_vain = 0
                while (verdicts := self._handled(deliveries, in_vain)) is None:
                    in_vain += 1
                    backoff.pause(self._stopping)
                self._consumer.settle(verdicts)
        finally:
            in_hand.set(0)

    def _handled(self, deliveries: list[Delivery], in_vain: int) -> list[Verdict] | None:
        try:
            return self._handling.handle(deliveries, in_vain=in_vain)
        except DatabaseAwayError as error:
            if self._stopping.is_set():
                raise
            _log.warning("database_away", service=self._service, error=str(error))
            self._report(f"database: {error}")
            metrics.paused.labels(self._service, "database").inc()
            return None

    def _pause(self, cause: str, error: Exception) -> None:
        if self._stopping.is_set():
            return
        self._report(f"{cause}: {error!r}")
        if cause != "consumer":
            _log.warning(f"{cause}_away", service=self._service, error=str(error))
        metrics.paused.labels(self._service, cause).inc()
        self._backoff.pause(self._stopping)
