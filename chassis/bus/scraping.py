"""What waits at the services of a process, counted anew at each scrape of its metrics.

Each database is read by a thread of its own, so that one that is away costs a scrape a bounded time and nothing else.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chassis.bus.backlog import Backlog, backlog
from chassis.database import Database

SCRAPE_SECONDS = 2.0
"""How long a scrape waits for databases, all together."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Look:
    """One reading of a database, perhaps still under way."""

    done: threading.Event = field(default_factory=threading.Event)
    backlog: Backlog | None = None


class BacklogCollector(Collector):
    """Gauges of outboxes and dead letters, one label set a service; nothing for one that did not answer in time."""

    def __init__(self, databases: Mapping[str, Database], seconds: float = SCRAPE_SECONDS) -> None:
        self._databases = databases
        self._seconds = seconds
        self._lock = threading.Lock()
        self._looks: dict[str, _Look] = {}

    def describe(self) -> Iterable[Metric]:
        """The names, without a look at any database."""
        return _families({})

    def collect(self) -> Iterator[Metric]:
        """What there is now."""
        looks = {service: self._look(service) for service in self._databases}
        end = time.monotonic() + self._seconds
        for look in looks.values():
            look.done.wait(max(0.0, end - time.monotonic()))
        yield from _families({service: look.backlog for service, look in looks.items()})

    def _look(self, service: str) -> _Look:
        """The reading under way, or else a new one: a database that hangs holds one thread, not one a scrape."""
        with self._lock:
            look = self._looks.get(service)
            if look is None or look.done.is_set():
                look = self._looks[service] = _Look()
                arguments = (service, look)
                threading.Thread(target=self._read, args=arguments, name=f"scrape-{service}", daemon=True).start()
            return look

    def _read(self, service: str, look: _Look) -> None:
        try:
            with self._databases[service].read() as work:
                look.backlog = backlog(work)
        except Exception as error:  # noqa: BLE001  shown as a gauge; the readiness of the process says more
            _log.info("backlog_not_read", service=service, error=f"{type(error).__name__}: {error}".splitlines()[0])
        finally:
            look.done.set()


def _families(backlogs: Mapping[str, Backlog | None]) -> list[Metric]:
    of_service, of_type = ["service"], ["service", "type"]
    read = GaugeMetricFamily(
        "duokua_backlog_read", "Whether the database could be read for the gauges.", None, of_service
    )
    events = GaugeMetricFamily("duokua_outbox_events", "Events in the outbox.", None, of_service)
    oldest = GaugeMetricFamily("duokua_outbox_oldest_seconds", "Age of the oldest event there.", None, of_service)
    held = GaugeMetricFamily("duokua_outbox_held_events", "Events there that no queue takes.", None, of_type)
    letters = GaugeMetricFamily("duokua_dead_letters", "Dead letters that wait for an operator.", None, of_service)
    for service, seen in backlogs.items():
        read.add_metric([service], seen is not None)
        if seen is None:
            continue
        since = seen.outbox_oldest_at
        events.add_metric([service], seen.outbox_events)
        oldest.add_metric([service], (seen.at - since).total_seconds() if since else 0.0)
        letters.add_metric([service], seen.dead_letters)
        for each in seen.held:
            held.add_metric([service, each.event_type], each.events)
    return [read, events, oldest, held, letters]
