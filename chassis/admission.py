"""Back-pressure: while a service's outbox is full, whoever wants to add to it is told to come back later.

For api processes only. A worker must never be refused: where the broker lives in the worker process, the outbox shrinks
only as events are handled, and handling them emits others (docs/adr/0014-bounded-outbox.md).
"""

import math
import random
import threading
import time
from collections.abc import Callable

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import Connection, text

from chassis.problems import Exhausted

LOOK_SECONDS = 1.0
"""The outbox is looked at so often at most, however many transactions there are."""
SHORTEST_WAIT = 2.0
LONGEST_WAIT = 30.0
_CURRENT_SECONDS = 60.0

FULL = Gauge(
    "duokua_outbox_full", "1 while writes that tell others are refused, because the outbox is full.", ["service"]
)
REFUSED = Counter("duokua_outbox_refused", "Transactions refused because the outbox was full.", ["service"])

# In no order: a planner whose statistics are of an empty table would sort all rows first (20 times the cost).
_HOLDS_MORE_THAN = text("SELECT 1 FROM outbox LIMIT 1 OFFSET :rows")

log = structlog.get_logger()


class Admission:
    """The high-water mark of one outbox, as one process sees it.

    Once full, it has room again below nine tenths of its limit, so that it does not open and close with every look.
    """

    def __init__(self, service: str, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._service = service
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_at = -math.inf
        self._full_since: float | None = None
        FULL.labels(service).set_function(self._refuses)

    def check(self, connection: Connection) -> None:
        """Raise Exhausted OUTBOX_FULL while the outbox is full; looks at most once a second, at `connection`."""
        if self._looks():
            self._note(full=self._is_full(connection))
        if self._full_since is None:
            return
        REFUSED.labels(self._service).inc()
        raise Exhausted(
            "OUTBOX_FULL",
            f"{self._limit} events or more of {self._service} wait for the broker; try again later",
            retry_after=self._wait(self._full_since),
            service=self._service,
            limit=self._limit,
        )

    def _looks(self) -> bool:
        """Whether it is this caller's turn to look; others go by what was seen last."""
        with self._lock:
            now = self._clock()
            if now - self._looked_at < LOOK_SECONDS:
                return False
            self._looked_at = now
            return True

    def _is_full(self, connection: Connection) -> bool:
        mark = self._limit if self._full_since is None else self._limit * 9 // 10
        return connection.execute(_HOLDS_MORE_THAN, {"rows": mark - 1}).first() is not None

    def _note(self, *, full: bool) -> None:
        since, now = self._full_since, self._clock()
        if full and since is None:
            self._full_since = now
            log.warning("outbox_full", service=self._service, limit=self._limit)
        elif not full and since is not None:
            self._full_since = None
            log.info("outbox_has_room", service=self._service, limit=self._limit, seconds=round(now - since, 1))

    def _wait(self, since: float) -> float:
        """As long as it has been full by now, within bounds, and spread, so that not all come back at once."""
        step = min(max(self._clock() - since, SHORTEST_WAIT), LONGEST_WAIT)
        return step * random.uniform(0.75, 1.25)  # noqa: S311  spreads load, guards nothing

    def _refuses(self) -> float:
        """For the metric: what was seen long ago says nothing about now, and with nobody to refuse nobody is."""
        current = self._clock() - self._looked_at < _CURRENT_SECONDS
        return float(self._full_since is not None and current)
