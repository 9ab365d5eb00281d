"""`python -m bench.bundle5`: cases of five steps (A, then B, C and D side by side, then E) on real servers.

Each department is a process of its own over the SDK; 1 KB form, 0.5 KB result, no document; PostgreSQL with
`synchronous_commit=on`, RabbitMQ with quorum queues and confirms. Prints cases a second at saturation, CPU a case by
process, and the latency at a steady rate (submission to end, by the platform's clock).
"""

import argparse
import concurrent.futures
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass

import psycopg

from bench.accounting import machine, usage_of
from bench.world import World, world
from chassis.clock import new_id
from duokua import to_struct
from duokua.cases.v1 import case_service_pb2

FORM = {"region": "330106", "name": "某某餐饮有限公司", "text": "文" * 300}
IN_FLIGHT = 200
DRAIN_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Phase:
    """What one load showed."""

    cases: int
    seconds: float
    cases_per_second: float
    cpu_ms_per_case: float
    """All processes of the platform and both servers; departments and the load's driver apart."""
    cpu_ms_by_process: dict[str, float]
    departments_cpu_ms: float
    p50_ms: float
    p95_ms: float
    memory_mib: dict[str, float]


def main() -> None:
    """Run both loads and print what they showed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1500, help="cases at saturation")
    parser.add_argument("--rate", type=float, default=5.0, help="cases a second of the steady load")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the steady load")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with world() as place:
        _note("everything is up; warming up")
        _run(place, 100, None)
        _note(f"saturation: {options.cases} cases")
        saturation = _run(place, options.cases, None)
        _note(f"steady: {options.rate:g} cases/s for {options.seconds:g} s")
        steady = _run(place, int(options.rate * options.seconds), options.rate)
    result = {"machine": machine(), "saturation": asdict(saturation), "steady": asdict(steady)}
    if options.json:
        json.dump(result, sys.stdout, indent=2)
    else:
        print(f"machine: {result['machine']}")
        _show("saturation", saturation)
        _show(f"steady {options.rate:g}/s", steady)


def _run(place: World, cases: int, rate: float | None) -> Phase:
    with psycopg.connect(place.cases_url, autocommit=True) as watch:
        before_completed = _completed(watch)
        before = {name: usage_of(pid).cpu for name, pid in {**place.pids, **_named(place.departments)}.items()}
        started = time.perf_counter()
        _submit_all(place, watch, cases, rate, before_completed)
        _drain(watch, before_completed + cases)
        seconds = time.perf_counter() - started
        latencies = _latencies(watch, cases)
    after = {name: usage_of(pid) for name, pid in {**place.pids, **_named(place.departments)}.items()}
    spent = {name: (after[name].cpu - before[name]) * 1000 / cases for name in after}
    own = {name: round(spent[name], 2) for name in place.pids}
    return Phase(
        cases=cases,
        seconds=round(seconds, 2),
        cases_per_second=round(cases / seconds, 1),
        cpu_ms_per_case=round(sum(own.values()), 1),
        cpu_ms_by_process=own,
        departments_cpu_ms=round(sum(spent[name] for name in _named(place.departments)), 2),
        p50_ms=round(statistics.median(latencies), 1),
        p95_ms=round(statistics.quantiles(latencies, n=20)[-1], 1),
        memory_mib={name: round(after[name].memory, 1) for name in place.pids},
    )


def _submit_all(
    place: World, watch: "psycopg.Connection[tuple[int]]", cases: int, rate: float | None, base: int
) -> None:
    session = place.portal.acting_for(place.applicant)
    form = to_struct(FORM)

    def submit(_: int) -> None:
        session.cases.SubmitCase(
            case_service_pb2.SubmitCaseRequest(request_id=new_id(), bundle_id="bundle5", form=form)
        )

    started = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        pending: set[concurrent.futures.Future[None]] = set()
        for number in range(cases):
            if rate is not None:
                time.sleep(max(0.0, started + number / rate - time.perf_counter()))
            elif number % 20 == 0:
                while number - (_completed(watch) - base) > IN_FLIGHT:
                    time.sleep(0.01)
            pending.add(threads.submit(submit, number))
        for future in pending:
            future.result()


def _completed(watch: "psycopg.Connection[tuple[int]]") -> int:
    row = watch.execute("SELECT count(*) FROM cases WHERE status = 'completed'").fetchone()
    return row[0] if row else 0


def _drain(watch: "psycopg.Connection[tuple[int]]", wanted: int) -> None:
    deadline = time.monotonic() + DRAIN_SECONDS
    while _completed(watch) < wanted:
        if time.monotonic() > deadline:
            message = f"only {_completed(watch)} of {wanted} cases were completed"
            raise SystemExit(message)
        time.sleep(0.02)


def _latencies(watch: "psycopg.Connection[tuple[int]]", cases: int) -> list[float]:
    query = """
        SELECT extract(epoch FROM (snapshot->>'ended_at')::timestamptz - submitted_at) * 1000
        FROM cases ORDER BY case_id DESC LIMIT %s
    """
    return [float(row[0]) for row in watch.execute(query, [cases])]


def _named(departments: dict[str, int]) -> dict[str, int]:
    return {f"department {step}": pid for step, pid in departments.items()}


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _show(name: str, phase: Phase) -> None:
    print(f"{name}: {phase.cases} cases in {phase.seconds} s = {phase.cases_per_second} cases/s")
    print(f"  CPU ms a case: {phase.cpu_ms_per_case} (departments apart: {phase.departments_cpu_ms})")
    for process, cpu in sorted(phase.cpu_ms_by_process.items(), key=lambda pair: -pair[1]):
        print(f"    {process:18} {cpu:7.2f} ms   {phase.memory_mib[process]:6.1f} MiB")
    print(f"  latency: p50 {phase.p50_ms} ms, p95 {phase.p95_ms} ms; memory {sum(phase.memory_mib.values()):.0f} MiB")


if __name__ == "__main__":
    main()
