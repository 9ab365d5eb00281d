"""The worker that `bench.bus` measures: `python -m bench.ledger`, with settings in the environment.

A service with the real machinery around it; its handler writes one row for each event. With `DUOKUA_BENCH_PROFILE` it
writes a profile of itself (cProfile) to that file at its end.
"""

# isort: off
import chassis.bus.green  # noqa: F401  first, as in chassis.worker_process

import cProfile
import os
import sys

from google.protobuf.wrappers_pb2 import DoubleValue

from chassis.bus import OutboxRelay, UseCases, subscribe
from chassis.bus.process import run_worker
from chassis.database import UnitOfWork
from chassis.settings import Settings
from bench.ledger_tables import entries
# isort: on


class Ledger:
    """Its only use case."""

    def enter(self, work: UnitOfWork, events: list[DoubleValue]) -> None:
        """Write one row an event."""
        work.connection.execute(entries.insert(), [{"emitted_at": event.value} for event in events])

    @classmethod
    def from_settings(cls, _settings: Settings) -> "Ledger":
        """There is nothing to set."""
        return cls()


class LedgerWorker:
    """Sends and receives on one database."""

    name = "ledger"
    relay = OutboxRelay()
    ledger = UseCases(Ledger.from_settings)

    @subscribe(DoubleValue)
    def on_values(self, work: UnitOfWork, events: list[DoubleValue]) -> None:
        """Writes them down."""
        self.ledger.enter(work, events)


def main() -> int:
    """Run until SIGTERM."""
    profile = os.environ.get("DUOKUA_BENCH_PROFILE")
    if not profile:
        return run_worker([LedgerWorker], Settings())
    profiler = cProfile.Profile()
    # Runs in all green threads of the process: they share the one real thread that it watches.
    status = profiler.runcall(run_worker, [LedgerWorker], Settings())
    profiler.dump_stats(profile)
    return status


if __name__ == "__main__":
    sys.exit(main())
