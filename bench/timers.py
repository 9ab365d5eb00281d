"""`python -m bench.timers`: 1,000,000 waiting timers on PostgreSQL: a look that finds nothing, and 1,000 that fire."""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from bench.accounting import machine, usage_of
from chassis.database import Database, create_tables
from chassis.testing import ManualClock
from services.cases import store
from services.cases.calendars import Calendars
from services.cases.plans import Plans
from services.cases.timekeeper import BATCH, Timekeeper
from tests.cases.builders import Town
from tests.cases.timed import a_timed_bundle, until
from tests.servers import PostgresServer

FIRING = 1000
ROUNDS = 50
# Copies of one case that waits for its first office: the snapshot is a real one, with two clocks that run.
_COPY = """
INSERT INTO cases (case_id, case_number, wake_at, snapshot, {others})
SELECT made.case_id, lpad(c::text, 50, '0'),
       CASE WHEN c <= :firing THEN wake_at ELSE wake_at + interval '8 days' + c * interval '5 seconds' END,
       replace(snapshot::text, :original, made.case_id)::jsonb, {others}
FROM cases, generate_series(1, CAST(:cases AS integer)) c,
     LATERAL (SELECT lpad(to_hex(c), 8, '0') || '-0000-7000-8000-000000000000' AS case_id) made
WHERE cases.case_id = :original
"""
_COPY_TASKS = """
INSERT INTO tasks (task_id, case_id, {others})
SELECT replace(task_id, :original, made.case_id), made.case_id, {others}
FROM tasks, generate_series(1, CAST(:firing AS integer)) c,
     LATERAL (SELECT lpad(to_hex(c), 8, '0') || '-0000-7000-8000-000000000000' AS case_id) made
WHERE tasks.case_id = :original
"""
_PLANS = {
    "late": "SELECT case_id FROM cases WHERE wake_at <= :now ORDER BY wake_at LIMIT 200 FOR UPDATE SKIP LOCKED",
    "of an older calendar": "SELECT case_id FROM cases WHERE calendar_version < 1 ORDER BY calendar_version LIMIT 200 "
    "FOR UPDATE SKIP LOCKED",
    "the next": "SELECT wake_at FROM cases WHERE wake_at IS NOT NULL ORDER BY wake_at LIMIT 1",
}


@dataclass(frozen=True, slots=True)
class Fired:
    """What it took to tell 1,000 cases of a light."""

    seconds: float
    cpu_milliseconds_a_case: dict[str, float]
    """Of the worker, and of PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured."""

    waiting: int
    mebibytes: dict[str, float]
    idle_milliseconds: dict[str, float]
    """A look that finds nothing: wall, and CPU of the worker and of PostgreSQL."""
    yellow: Fired
    """A light is told and nothing follows."""
    silence: Fired
    """The office's silence is acceptance: other clocks start, and everybody is told."""
    plans: dict[str, list[str]]


def main() -> None:
    """Fill, look, fire."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    clock = ManualClock()
    with PostgresServer(durable=True) as server, tempfile.TemporaryDirectory() as folder:
        url = server.url(server.create_database())
        database = Database(url, "cases", signals_folder=Path(folder), clock=clock)
        create_tables(database, store.metadata)
        found = _measure(database, clock, server.pid, options.cases)
        database.close()
    if options.json:
        json.dump({"machine": machine(), **asdict(found)}, sys.stdout, indent=2)
        return
    print(f"machine: {machine()}")
    for name, value in asdict(found).items():
        if name == "plans":
            for what, lines in value.items():
                print(f"{what}:", *lines, sep="\n    ")
        else:
            print(f"{name.replace('_', ' ')}: {value}")


def _measure(database: Database, clock: ManualClock, server: int, cases: int) -> Found:
    _fill(database, clock, cases)
    timekeeper = Timekeeper(Plans())
    timekeeper.look(database)
    with database.begin() as work:  # what locks cannot be asked in a transaction that only reads
        plans = {name: _plan(work.connection, query, clock) for name, query in _PLANS.items()}
        sizes = {
            name: round(work.connection.execute(text(f"SELECT pg_relation_size('{name}')")).scalar_one() / 2**20, 1)
            for name in ("cases", "ix_cases_wake_at", "ix_cases_calendar_version")
        }
    idle = [_spent(server, lambda: timekeeper.look(database)) for _ in range(ROUNDS)]
    # The fourth of five days begins; and the day after the fifth.
    until(clock, "2026-10-12")
    yellow = _fire(server, lambda: _look_at_all(timekeeper, database, clock))
    until(clock, "2026-10-14")
    silence = _fire(server, lambda: _look_at_all(timekeeper, database, clock))
    return Found(
        waiting=cases,
        mebibytes=sizes,
        idle_milliseconds={
            "median": round(statistics.median(wall for wall, _ in idle) * 1000, 2),
            **{name: round(sum(cpu[name] for _, cpu in idle) / ROUNDS * 1000, 2) for name in ("worker", "postgresql")},
        },
        yellow=yellow,
        silence=silence,
        plans=plans,
    )


def _fill(database: Database, clock: ManualClock, cases: int) -> None:
    """One case that is made as all are, and copies of it."""
    with database.begin() as work:
        Calendars().install(work)
    until(clock, "2026-09-30 09:00")
    original = Town(database).publish(a_timed_bundle()).running()
    values = {"cases": cases, "firing": FIRING, "original": original}
    for table, statement, own in (
        (store.cases, _COPY, {"case_id", "case_number", "wake_at", "snapshot"}),
        (store.tasks, _COPY_TASKS, {"task_id", "case_id"}),
    ):
        others = ", ".join(f'{table.name}."{each.name}"' for each in table.columns if each.name not in own)
        plain = others.replace(f"{table.name}.", "")
        written = statement.replace("{others}", plain, 1).replace("{others}", others, 1)
        with database.begin() as work:
            work.connection.execute(text(written), values)
    with database.begin() as work:
        work.connection.execute(text("UPDATE cases SET wake_at = NULL WHERE case_id = :original"), values)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _look_at_all(timekeeper: Timekeeper, database: Database, clock: ManualClock) -> int:
    """Look until nothing is late; how often that was."""
    looks = 1
    while timekeeper.look(database) == clock.now():
        looks += 1
    return looks


def _fire(server: int, look: Callable[[], int]) -> Fired:
    looks: list[int] = []
    seconds, cpu = _spent(server, lambda: looks.append(look()))
    assert looks == [FIRING // BATCH + 1], looks  # noqa: S101 - the copies are due, and no others
    return Fired(round(seconds, 2), {name: round(value / FIRING * 1000, 2) for name, value in cpu.items()})


def _spent(server: int, act: Callable[[], object]) -> tuple[float, dict[str, float]]:
    cpu, of_server, start = time.process_time(), usage_of(server).cpu, time.perf_counter()
    act()
    seconds = time.perf_counter() - start
    return seconds, {"worker": time.process_time() - cpu, "postgresql": usage_of(server).cpu - of_server}


def _plan(connection: Connection, query: str, clock: ManualClock) -> list[str]:
    values: dict[str, Any] = {"now": clock.now()} if ":now" in query else {}
    rows = connection.execute(text(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {query}"), values)
    return [row[0] for row in rows]


if __name__ == "__main__":
    main()
