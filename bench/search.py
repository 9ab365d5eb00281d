"""`python -m bench.search`: searching 1,000,000 cases on PostgreSQL, by each thing and by many at once."""

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, text

from bench.accounting import machine
from chassis.database import Database, create_tables
from chassis.paging import Page
from services.cases.searching import Wanted, key_of, query_of, search
from services.cases.store import metadata
from tests.servers import PostgresServer

START = datetime(2026, 1, 1, tzinfo=UTC)
ROUNDS = 40
PAGE = 100
BUDGET_MILLISECONDS = 50.0
ORGANS, BUNDLES = 2000, 40

# As `new_id` makes them, without the chance.
_CASE_ID = """
overlay(lpad(to_hex((extract(epoch FROM CAST(:start AS timestamptz) + c * interval '95 seconds') * 1000)::bigint),
             12, '0') PLACING '-' FROM 9 FOR 0) || '-7000-8000-000000000000'
"""
# One case a minute and a half over three years. Bundles and organs are as uneven as in life: the largest bundle has a
# fifth of all cases, the largest organ has a step in a quarter. The last 3 % are under way; some of those are late
# or in trouble.
_CASES = """
INSERT INTO case_search (case_id, case_number, applicant_id, bundle_id, bundle_version, status, open_incidents,
                         submitted_at, light, ended_at)
SELECT {case_id},
       '11330106MB1A00001' || chr(65 + b % 26) || '4332031901' || lpad(b::text, 3, '0')
           || to_char(submitted, 'YYYYMMDD') || lpad((c % 10000)::text, 4, '0') || c,
       'person-' || (c * 7919) % (:cases / 3), 'bundle-' || b, 1 + c % 3,
       CASE WHEN NOT ended THEN CASE WHEN c % 50 = 0 THEN 'undoing' ELSE 'running' END
            WHEN c % 40 = 0 THEN 'undone' ELSE 'completed' END,
       CASE WHEN NOT ended AND c % 100 = 7 THEN 1 ELSE 0 END, submitted,
       CASE WHEN ended THEN '' WHEN c % 60 = 3 THEN 'red' WHEN c % 25 = 1 THEN 'yellow' ELSE 'green' END,
       CASE WHEN ended THEN submitted + (c % 40) * interval '1 day' END
FROM (SELECT c, CAST(:start AS timestamptz) + c * interval '95 seconds' AS submitted, c <= :cases * 0.97 AS ended,
             floor(:bundles * power((c * 48271 % 65537) / 65537.0, 2))::integer AS b
      FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) c) AS made
"""
_ORGANS = """
INSERT INTO case_organs (organ_id, case_id)
SELECT DISTINCT 'organ-' || floor(:organs * power((c * 16807 * (n + 1) % 65521) / 65521.0, 3))::integer,
       {case_id}
FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) c, generate_series(1, 5) n
"""


@dataclass(frozen=True, slots=True)
class Times:
    """Of one search, in milliseconds."""

    p50: float
    p95: float
    rows: int
    plan: list[str]


def main() -> None:
    """Fill, search, explain."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with PostgresServer(durable=True) as server, tempfile.TemporaryDirectory() as folder:
        database = Database(server.url(server.create_database()), "cases", signals_folder=Path(folder))
        create_tables(database, metadata)
        _fill(database, options.cases)
        found = {name: _measure(database, wanted) for name, wanted in _searches(options.cases).items()}
        found["the 50th page of all"] = _measure(database, Wanted(), _page_after(database, 50))
        sizes = _sizes(database)
        database.close()
    if options.json:
        result = {name: asdict(times) for name, times in found.items()}
        json.dump({"machine": machine(), "cases": options.cases, "mebibytes": sizes, "searches": result}, sys.stdout)
        return
    print(f"machine: {machine()}; {options.cases} cases; MiB: {sizes}")
    for name, times in found.items():
        over = "" if times.p95 <= BUDGET_MILLISECONDS else "  OVER BUDGET"
        print(f"{name}: p50 {times.p50} ms, p95 {times.p95} ms, {times.rows} rows{over}")
        print(*times.plan, sep="\n    ", end="\n\n")


def _searches(cases: int) -> dict[str, Wanted]:
    month = START + timedelta(days=60), START + timedelta(days=90)
    last = START + cases * timedelta(seconds=95)
    number = f"11330106MB1A00001A4332031901000{START + timedelta(days=cases // 2000):%Y%m%d}"
    return {
        "all": Wanted(),
        "a number's beginning: one day of one bundle": Wanted(number=number),
        "a number's beginning: one organ": Wanted(number=number[:20]),
        "a number's beginning that nothing has": Wanted(number="99999999"),
        "applicant": Wanted(applicant_id="person-77"),
        "the largest bundle": Wanted(bundle_id="bundle-0"),
        "a small bundle": Wanted(bundle_id="bundle-39"),
        "no such bundle": Wanted(bundle_id="bundle-99"),
        "the largest organ": Wanted(organ_id="organ-0"),
        "a small organ": Wanted(organ_id="organ-1900"),
        "running": Wanted(status="running"),
        "undone": Wanted(status="undone"),
        "red": Wanted(light="red"),
        "green": Wanted(light="green"),
        "with incidents": Wanted(has_incidents=True),
        "one old month": Wanted(submitted_from=month[0], submitted_before=month[1]),
        "ended in one old month": Wanted(ended_from=month[0], ended_before=month[1]),
        "the largest organ, undone": Wanted(organ_id="organ-0", status="undone"),
        "the largest organ, red": Wanted(organ_id="organ-0", light="red"),
        "a small organ, red": Wanted(organ_id="organ-1900", light="red"),
        "the largest organ, with incidents": Wanted(organ_id="organ-0", has_incidents=True),
        "the largest organ, another's bundle": Wanted(organ_id="organ-0", bundle_id="bundle-99"),
        "the largest organ and bundle, an old month": Wanted(
            organ_id="organ-0",
            bundle_id="bundle-0",
            submitted_from=month[0],
            submitted_before=month[1],
        ),
        "the largest organ, ended in one old month": Wanted(
            organ_id="organ-0", ended_from=month[0], ended_before=month[1]
        ),
        "a small bundle, undone": Wanted(bundle_id="bundle-39", status="undone"),
        "the largest bundle, undone, an old month": Wanted(
            bundle_id="bundle-0",
            status="undone",
            submitted_from=month[0],
            submitted_before=month[1],
        ),
        "running, submitted long ago (none)": Wanted(status="running", submitted_before=last - timedelta(days=900)),
        "red, undone (none)": Wanted(light="red", status="undone"),
        "everything at once": Wanted(
            number="11330106",
            bundle_id="bundle-0",
            organ_id="organ-0",
            status="running",
            light="yellow",
            submitted_from=last - timedelta(days=20),
            submitted_before=last,
        ),
    }


def _fill(database: Database, cases: int) -> None:
    step = 50_000
    for first in range(1, cases + 1, step):
        values = {"first": first, "last": min(first + step - 1, cases), "start": START, "cases": cases}
        with database.begin() as work:
            work.connection.execute(text(_CASES.format(case_id=_CASE_ID)), {**values, "bundles": BUNDLES})
            organs = {name: values[name] for name in ("first", "last", "start")}
            work.connection.execute(text(_ORGANS.format(case_id=_CASE_ID)), {**organs, "organs": ORGANS})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _measure(database: Database, wanted: Wanted, page: Page | None = None) -> Times:
    page = page or Page(PAGE, None)
    times = []
    rows = 0
    for _ in range(ROUNDS):
        with database.read() as work:
            start = time.perf_counter()
            rows = len(search(work.connection, wanted, page))
            times.append((time.perf_counter() - start) * 1000)
    with database.read() as work:
        plan = _plan(work.connection, wanted, page)
    # The first look, when nothing is in memory, is among them: it is the p100 of 40.
    cuts = statistics.quantiles(times, n=20)
    return Times(round(statistics.median(times), 2), round(cuts[18], 2), rows, plan)


def _page_after(database: Database, pages: int) -> Page:
    page = Page(PAGE, None)
    for _ in range(pages - 1):
        with database.read() as work:
            rows = search(work.connection, Wanted(), page)
        page = Page(PAGE, list(key_of(Wanted(), rows[PAGE - 1])))
    return page


def _plan(connection: Connection, wanted: Wanted, page: Page) -> list[str]:
    compiled = query_of(wanted, page).compile(connection, compile_kwargs={"render_postcompile": True})
    query = f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {compiled}"
    return [line for (line,) in connection.exec_driver_sql(query, dict(compiled.params))]


def _sizes(database: Database) -> dict[str, float]:
    with database.read() as work:
        query = "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relname ~ '^(ix_|pk_|uq_)?cases?(_|$)'"
        rows = work.connection.execute(text(query)).all()
    return {name: round(size / 2**20, 1) for name, size in sorted(rows) if size > 2**20}


if __name__ == "__main__":
    main()
