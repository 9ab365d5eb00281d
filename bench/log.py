"""`python -m bench.log`: the case log on PostgreSQL: adding leaves, proving a case, and what the queries cost."""

import argparse
import json
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, select, text

from bench.accounting import machine, usage_of
from bench.timing import clock_times
from chassis.database import Database, create_tables
from cli.case_proof import FORMAT, CaseProof, faults_of
from cli.proving import entry_as_json
from cli.tree_proofs import PublicKey
from duokua.cases.v1 import log_pb2
from services.cases import proofs
from services.cases.domain.history import SALTS_BYTES, Said, link
from services.cases.domain.log import LogKey, make_key
from services.cases.messages import entry_message
from services.cases.sequencer import Sequencer
from services.cases.store import history, metadata
from services.cases.visibility import Sight
from tests.servers import PostgresServer

ENTRIES_A_CASE = 7
ROUNDS = 50
AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
INPUT = {"task_id": "t", "request_id": "r", "result": {"permit": "P" * 400}}

# Cases with the entries of a short life, half a kilobyte each. Their hashes are made up: to add an entry nobody
# computes its hash again, and the one case that is proven has real ones.
_FILL = """
INSERT INTO history (case_id, sequence, at, actor, kind, input, internal, salts, previous_hash, hash)
SELECT lpad(to_hex(c), 12, '0') || '-case', s, :at, 'client:office', 'completed',
       jsonb_build_object('task_id', c, 'result', repeat('x', 400)), '["actor"]',
       decode(repeat('00', 32), 'hex'), repeat('0', 64),
       encode(sha256(convert_to(c || ':' || s, 'UTF8')), 'hex')
FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) c,
     generate_series(1, CAST(:entries AS integer)) s
"""
_WAITING = "SELECT case_id, sequence, hash FROM history WHERE leaf IS NULL AND (case_id, sequence) > ('', 0) "
_PLANS = {
    "what waits": f"{_WAITING} ORDER BY case_id, sequence LIMIT 1000",
    "leaves of a case": "SELECT sequence, leaf FROM history WHERE case_id = 'proven-case' AND sequence > 0 "
    "AND leaf < 100000000 ORDER BY sequence LIMIT 101",
    "tiles of a path": "SELECT * FROM log_tiles WHERE tree = 'entries' "
    "AND (level, position) IN ((0, 77), (1, 2), (2, 0), (3, 0))",
    "newest head": "SELECT * FROM log_heads ORDER BY size DESC LIMIT 1",
}
_TABLES = ("history", "log_tiles", "log_registered", "log_heads")


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured."""

    leaves: int
    leaves_a_second: float
    cpu_microseconds_a_leaf: dict[str, float]
    """In full batches: of the worker, and of PostgreSQL."""
    small_batch_milliseconds: dict[str, float]
    """A batch of what 10 cases write within a merge delay, one entry each, all of them old: wall, and CPU."""
    idle_milliseconds: float
    """A look when nothing waits."""
    proof_milliseconds: dict[str, float]
    """Of a case with 7 entries and of one with 1,000: made, and verified."""
    proof_bytes: dict[str, int]
    path_hashes: int
    mebibytes: dict[str, float]
    plans: dict[str, list[str]]


def main() -> None:
    """Fill, add, prove."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leaves", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with PostgresServer(durable=True) as server, tempfile.TemporaryDirectory() as folder:
        database = Database(server.url(server.create_database()), "cases", signals_folder=Path(folder))
        create_tables(database, metadata)
        found = _measure(database, server.pid, options.leaves)
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


def _measure(database: Database, server: int, leaves: int) -> Found:
    key = LogKey.from_pem(make_key())
    sequencer = Sequencer(lambda: key)
    _fill(database, 1, leaves // ENTRIES_A_CASE, ENTRIES_A_CASE)
    seconds, cpu = _spent(server, lambda: _add_all(database, sequencer))
    added = leaves // ENTRIES_A_CASE * ENTRIES_A_CASE
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    small = _small_batches(database, sequencer, server, leaves // ENTRIES_A_CASE)
    for case_id, entries in (("proven-case", ENTRIES_A_CASE), ("long-case", 1000)):
        _write_case(database, case_id, entries)
    _add_all(database, sequencer)
    idle = _median(lambda: _look(database, sequencer))
    made, sizes, hashes = _prove(database, key)
    with database.read() as work:
        return Found(
            leaves=added,
            leaves_a_second=round(added / seconds),
            cpu_microseconds_a_leaf={name: round(value / added * 1e6, 1) for name, value in cpu.items()},
            small_batch_milliseconds=small,
            idle_milliseconds=round(idle, 2),
            proof_milliseconds=made,
            proof_bytes=sizes,
            path_hashes=hashes,
            mebibytes={name: _mebibytes(work.connection, name) for name in _TABLES},
            plans={name: _plan(work.connection, query) for name, query in _PLANS.items()},
        )


def _fill(database: Database, first: int, last: int, entries: int) -> None:
    with database.begin() as work:
        work.connection.execute(text(_FILL), {"first": first, "last": last, "entries": entries, "at": AT})


def _add_all(database: Database, sequencer: Sequencer) -> None:
    while _look(database, sequencer):
        pass


def _look(database: Database, sequencer: Sequencer) -> bool:
    """Look once, as if the merge delay were over; whether more waits."""
    sequencer._next = None  # noqa: SLF001 - what is measured is not the wait
    before = database.clock.now()
    due = sequencer.add_waiting(database)
    return due is not None and (due - before).total_seconds() < 1


def _spent(server: int, act: Callable[[], object]) -> tuple[float, dict[str, float]]:
    cpu, of_server, start = time.process_time(), usage_of(server).cpu, time.perf_counter()
    act()
    seconds = time.perf_counter() - start
    return seconds, {"worker": time.process_time() - cpu, "postgresql": usage_of(server).cpu - of_server}


def _small_batches(database: Database, sequencer: Sequencer, server: int, cases: int) -> dict[str, float]:
    """Ten entries of ten cases that lie far apart, as at a few cases a second."""
    step = max(cases // (10 * ROUNDS), 1)

    def write(number: int) -> None:
        with database.begin() as work:
            for each in range(10):
                case = 1 + (number + each * ROUNDS) * step
                work.connection.execute(
                    text(
                        "INSERT INTO history "
                        "(case_id, sequence, at, actor, kind, input, internal, salts, previous_hash, hash) VALUES "
                        "(lpad(to_hex(CAST(:c AS integer)), 12, '0') || '-case', 8, :at, 'x', 'x', '{}', '[]', '', '', "
                        "repeat('1', 64))"
                    ),
                    {"c": case, "at": AT},
                )

    seconds, worker, postgres = 0.0, 0.0, 0.0
    for number in range(ROUNDS):
        write(number)
        wall, cpu = _spent(server, lambda: _look(database, sequencer))
        seconds, worker, postgres = seconds + wall, worker + cpu["worker"], postgres + cpu["postgresql"]
    of = {"wall": seconds, "worker": worker, "postgresql": postgres}
    return {name: round(value / ROUNDS * 1000, 2) for name, value in of.items()}


def _write_case(database: Database, case_id: str, entries: int) -> None:
    rows, previous = [], ""
    for sequence in range(1, entries + 1):
        said = Said(AT, "client:x", "completed", INPUT, ["actor"], secrets.token_bytes(SALTS_BYTES))
        made = link(case_id, sequence, previous, said)
        rows.append(
            {
                "case_id": case_id,
                "sequence": sequence,
                **asdict(said),
                "previous_hash": previous,
                "hash": made.hash,
            }
        )
        previous = made.hash
    with database.begin() as work:
        work.connection.execute(history.insert(), rows)


def _prove(database: Database, key: LogKey) -> tuple[dict[str, float], dict[str, int], int]:
    public = PublicKey.from_pem(key.public_pem.encode())
    times: dict[str, float] = {}
    sizes: dict[str, int] = {}
    hashes = 0
    for case_id, entries in (("proven-case", ENTRIES_A_CASE), ("long-case", 1000)):

        def make(case_id: str = case_id) -> proofs.CaseProof:
            with database.read() as work:
                return proofs.case_proof(work, case_id, None, 0, 1001)

        found = make()
        written = _written(database, case_id, found)
        proof = CaseProof.model_validate(json.loads(written))
        assert faults_of(proof, public) == []  # noqa: S101 - a proof that does not hold is no measure
        times[f"{entries} made"] = round(_median(make), 2)
        times[f"{entries} verified"] = round(_median(lambda proof=proof: faults_of(proof, public)), 2)  # type: ignore[misc]
        sizes[f"{entries}"] = len(written)
        hashes = len(found.places[0].path)
    return times, sizes, hashes


def _written(database: Database, case_id: str, found: proofs.CaseProof) -> str:
    """The proof as `duokua case proof` writes it."""
    with database.read() as work:
        query = select(history).where(history.c.case_id == case_id).order_by(history.c.sequence)
        rows = work.connection.execute(query).all()
    assert found.registered is not None  # noqa: S101 - it is the first page
    head, registered = found.head, found.registered
    return json.dumps(
        {
            "format": FORMAT,
            "case_id": case_id,
            "entries": [
                entry_as_json(
                    entry_message(row, Sight(internal=True)),
                    log_pb2.EntryProof(sequence=place.sequence, leaf=place.leaf, path=place.path),
                )
                for row, place in zip(rows, found.places, strict=True)
            ],
            "registered": {
                "place": registered.place,
                "entries": registered.entries,
                "hash": registered.hash,
                "path": [each.hex() for each in found.register_path],
            },
            "head": {
                "size": head.size,
                "root": head.root,
                "cases": head.cases,
                "cases_root": head.cases_root,
                "at": head.at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z",
                "key_id": head.key_id,
                "signature": bytes(head.signature).hex(),
            },
        }
    )


def _median(act: Callable[[], object]) -> float:
    return statistics.median(clock_times(act, ROUNDS))


def _mebibytes(connection: Connection, table: str) -> float:
    size: int = connection.execute(text("SELECT pg_total_relation_size(:t)"), {"t": table}).scalar_one()
    return round(size / 2**20, 1)


def _plan(connection: Connection, query: str) -> list[str]:
    rows = connection.execute(text(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS) {query}"))
    return [str(row[0]) for row in rows]


if __name__ == "__main__":
    main()
