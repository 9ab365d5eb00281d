"""`python -m bench.bus`: events from the outbox's commit to their committed effect, on real durable servers.

One service sends and receives: worker processes with relay and consumer, RabbitMQ with quorum queues and confirms,
PostgreSQL with `synchronous_commit=on`; the handler writes one row an event. For one and for two workers it prints

- drain: so many events are committed in one transaction, and then flow: events a second from that commit to the last
  committed effect, and CPU an event by process. Who emitted them does nothing meanwhile.
- steady: events come one a transaction, at a rate: CPU an event (the emitter apart), and the latency of each from
  its emission to the commit of its effect, by PostgreSQL's clock.

Each run ends only when every effect is there once, and outbox, inbox and dead letters are as they must be.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from google.protobuf.wrappers_pb2 import DoubleValue

from bench.accounting import busy, machine, usage_of
from bench.ledger_tables import metadata
from chassis.database import Database, create_tables
from tests.servers import PostgresServer, RabbitmqServer
from tests.servers.process import free_ports, wait_until

SECONDS = 120.0
WARM_UP = 2000


@dataclass(frozen=True, slots=True)
class Drain:
    """What one full outbox showed."""

    workers: int
    events: int
    seconds: float
    events_per_second: float
    cpu_ms_per_event: float
    """All workers and both servers."""
    cpu_ms_by_process: dict[str, float]
    others: float
    """Cores that were busy with something else, this program among it: above some tenths, do not trust the speed."""


@dataclass(frozen=True, slots=True)
class Steady:
    """What one rate showed."""

    workers: int
    events_per_second: float
    cpu_ms_per_event: float
    cpu_ms_by_process: dict[str, float]
    p50_ms: float
    p95_ms: float


@dataclass(slots=True)
class Place:
    """Servers, workers, and the database of the service, as an api process has it."""

    database: Database
    watch: "psycopg.Connection[tuple[float]]"
    pids: dict[str, int]

    def emit(self, count: int) -> None:
        """Commit events in one transaction."""
        with self.database.begin() as work:
            for _ in range(count):
                work.emit(DoubleValue(value=time.time()), subject="bench")

    def entered(self) -> int:
        """How many rows were begun; an effect that was rolled back counts too, so `check` counts what there is."""
        return int(self._one("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM entries_id_seq"))

    def wait_for(self, entered: int) -> None:
        """Until so many rows were begun, and the last transaction has committed."""
        wait_until(lambda: self.entered() >= entered, seconds=SECONDS, what=f"fewer than {entered} effects")
        wait_until(
            lambda: (
                self._one("SELECT count(*) FROM outbox") == 0 and self._one("SELECT count(*) FROM entries") == entered
            ),
            seconds=SECONDS,
            what="not every effect is there once",
        )

    def check(self, events: int) -> None:
        """Raise SystemExit unless all events had their effect once, and nothing is left over."""
        counts = [
            int(self._one(f"SELECT count(*) FROM {table}"))  # noqa: S608
            for table in ("entries", "inbox", "outbox", "dead_letters")
        ]
        if counts != [events, events, 0, 0]:
            raise SystemExit(f"{events} events left {counts} rows in entries, inbox, outbox and dead letters")

    def cpu(self) -> dict[str, float]:
        """CPU seconds of each process until now."""
        return {name: usage_of(pid).cpu for name, pid in self.pids.items()}

    def latencies(self, last: int) -> list[float]:
        """From emission to the commit of the effect, in milliseconds, of the last rows."""
        query = (
            "SELECT (extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 - emitted_at) * 1000"
            " FROM entries ORDER BY id DESC LIMIT %s"
        )
        return [row[0] for row in self.watch.execute(query, [last])]

    def _one(self, query: str) -> float:
        row = self.watch.execute(query).fetchone()
        assert row is not None  # noqa: S101 - each gives a row
        return row[0]


def main() -> None:
    """Run all and print what they showed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--events", type=int, default=20_000, help="in the outbox of a drain")
    parser.add_argument("--runs", type=int, default=3, help="drains for each number of workers")
    parser.add_argument("--rate", type=float, default=200.0, help="events a second of the steady load")
    parser.add_argument("--seconds", type=float, default=15.0, help="length of the steady load; 0 leaves it out")
    parser.add_argument("--profile", type=Path, help="a file for the profile of the first worker; slows it down")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    drains, steadies = [], []
    for workers in options.workers:
        with _place(workers, options.profile) as place:
            _note(f"{workers} worker(s) are up; warming up")
            place.emit(WARM_UP)
            place.wait_for(WARM_UP)
            total = WARM_UP
            for _ in range(options.runs):
                drains.append(_drain(place, workers, total, options.events))
                total += options.events
                _note(_told(drains[-1]))
            if options.seconds:
                steadies.append(_steady(place, workers, total, options.rate, options.seconds))
                total += int(options.rate * options.seconds)
            place.check(total)
    if options.json:
        json.dump({"machine": machine(), "drain": _dicts(drains), "steady": _dicts(steadies)}, sys.stdout, indent=2)
        return
    print(f"machine: {machine()}")
    for workers in options.workers:
        _show(workers, [run for run in drains if run.workers == workers], [s for s in steadies if s.workers == workers])


def _drain(place: Place, workers: int, before: int, events: int) -> Drain:
    place.emit(events)
    cpu, all_before, started = place.cpu(), busy(), time.perf_counter()
    wait_until(lambda: place.entered() >= before + events, seconds=SECONDS, what="the events do not drain")
    seconds = time.perf_counter() - started
    spent, all_spent = _spent(place, cpu, events), busy() - all_before
    place.wait_for(before + events)
    cost = sum(spent.values())
    others = (all_spent - cost * events / 1000) / seconds
    return Drain(workers, events, round(seconds, 2), round(events / seconds), round(cost, 3), spent, round(others, 2))


def _steady(place: Place, workers: int, before: int, rate: float, seconds: float) -> Steady:
    events = int(rate * seconds)
    cpu, started = place.cpu(), time.perf_counter()
    for number in range(events):
        time.sleep(max(0.0, started + number / rate - time.perf_counter()))
        place.emit(1)
    place.wait_for(before + events)
    reached = events / (time.perf_counter() - started)
    spent = _spent(place, cpu, events)
    late = place.latencies(events)
    p50, p95 = statistics.median(late), statistics.quantiles(late, n=20)[-1]
    return Steady(workers, round(reached, 1), round(sum(spent.values()), 3), spent, round(p50, 1), round(p95, 1))


def _spent(place: Place, before: dict[str, float], events: int) -> dict[str, float]:
    """CPU milliseconds an event, by process."""
    return {name: round((cpu - before[name]) * 1000 / events, 3) for name, cpu in place.cpu().items()}


@contextlib.contextmanager
def _place(workers: int, profile: Path | None) -> Iterator[Place]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="duokua-bench-")))
        postgresql = stack.enter_context(PostgresServer(durable=True))
        rabbitmq = stack.enter_context(RabbitmqServer())
        url = _durable_database(postgresql)
        database = Database(url, "ledger", signals_folder=folder)
        stack.callback(database.close)
        create_tables(database, metadata)
        pids = {
            f"worker {number}": stack.enter_context(
                _worker(folder, postgresql.url("duokua_{service}"), rabbitmq.url(), profile if number == 1 else None)
            )
            for number in range(1, workers + 1)
        }
        watch = stack.enter_context(psycopg.connect(url, autocommit=True))
        yield Place(database, watch, {**pids, "postgresql": postgresql.pid, "rabbitmq": rabbitmq.pid})


def _durable_database(server: PostgresServer) -> str:
    """The service's database, on a server that writes to disk and knows when each transaction committed."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    server.stop()
    server.start()
    return server.url(server.create_database("duokua_ledger"))


@contextlib.contextmanager
def _worker(folder: Path, database_url: str, broker_url: str, profile: Path | None) -> Iterator[int]:
    (port,) = free_ports(1)
    environment = {
        **os.environ,
        "DUOKUA_DATA_DIR": str(folder),
        "DUOKUA_DATABASE_URL": database_url,
        "DUOKUA_BROKER_URL": broker_url,
        "DUOKUA_HEALTH_LISTEN": f"127.0.0.1:{port}",
        "DUOKUA_LOG_LEVEL": "WARNING",
        "DUOKUA_BENCH_PROFILE": str(profile.absolute()) if profile else "",
    }
    process = subprocess.Popen([sys.executable, "-m", "bench.ledger"], env=environment)
    try:
        wait_until(lambda: process.poll() is not None or _is_ready(port), seconds=SECONDS, what="no worker is ready")
        if process.poll() is not None:
            raise SystemExit(f"the worker ended with status {process.returncode}")
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def _is_ready(port: int) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _dicts(results: Sequence[Drain | Steady]) -> list[dict[str, object]]:
    return [asdict(result) for result in results]


def _told(run: Drain) -> str:
    by_process = ", ".join(f"{name} {spent:.3f}" for name, spent in run.cpu_ms_by_process.items())
    cost = f"{run.cpu_ms_per_event:.3f} CPU ms an event ({by_process})"
    return f"{run.events_per_second} events/s, {cost}; {run.others:.2f} cores busy otherwise"


def _show(workers: int, drains: Sequence[Drain], steadies: Sequence[Steady]) -> None:
    speeds = [run.events_per_second for run in drains]
    costs = [run.cpu_ms_per_event for run in drains]
    print(
        f"{workers} worker(s), drain of {drains[0].events}: {min(speeds)} / {statistics.median(speeds):.0f} events/s"
        f" (least / median of {len(drains)}), {statistics.median(costs):.3f} / {max(costs):.3f} CPU ms an event"
        f" (median / most)"
    )
    for name in drains[0].cpu_ms_by_process:
        print(f"  {name}: {statistics.median(run.cpu_ms_by_process[name] for run in drains):.3f} CPU ms an event")
    for steady in steadies:
        print(
            f"{workers} worker(s), {steady.events_per_second:g} events/s, one a transaction: p50 {steady.p50_ms} ms,"
            f" p95 {steady.p95_ms} ms, {steady.cpu_ms_per_event:.3f} CPU ms an event"
        )
        for name, spent in steady.cpu_ms_by_process.items():
            print(f"  {name}: {spent:.3f}")


if __name__ == "__main__":
    main()
