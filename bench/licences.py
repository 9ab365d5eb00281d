"""`python -m bench.licences`: licences issued, sealed, looked up and listed, every service in its own processes.

Issue: an office's system asks for licences over gRPC until all are committed, and then until their documents are
sealed; CPU a licence by process. Look-ups: another office's system asks for the one licence of a type that a holder
has; the type is freely shared, and each look is written down. Lists: a first page of 100, of holders and of an issuer
among 1,000,000 licences. `synchronous_commit=on`.
"""

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from bench.accounting import machine, usage_of
from bench.timing import clock_times
from bench.world import CODES, SCENARIO
from chassis.clock import new_id
from cli.connection import connect
from duokua import to_struct
from duokua.client import Platform, Session
from duokua.identity.v1 import directory_pb2, directory_service_pb2
from duokua.keys import ClientKey
from duokua.licences.v1 import licence_pb2, sharing_service_pb2
from duokua.licences.v1 import licence_service_pb2 as pb
from services.licences.domain.life import Status
from tests.edge import a_uscc
from tests.platform.registration import Registered, register, until_known
from tests.platform.starting import on_servers

TYPE = licence_pb2.LicenceType(
    type_code=f"{a_uscc(9)}001",
    kind="food-licence",
    name="食品经营许可证",
    valid_months=60,
    sharing=licence_pb2.SHARING_OPEN,
    template="经营者名称：{{ data.shop }}\n经营场所：{{ data.address }}\n",
    fields=[
        licence_pb2.LicenceField(
            name=name,
            label=label,
            type=licence_pb2.FIELD_TYPE_TEXT,
            required=True,
            audience=licence_pb2.AUDIENCE_EVERYONE,
        )
        for name, label in (("shop", "经营者名称"), ("address", "经营场所"))
    ],
)
DATA = {"shop": "杭州示例云栖小馆餐饮管理有限公司", "address": "浙江省杭州市西湖区虚构街8号"}
HOLDERS, THREADS, ROUNDS, PAGE = 20, 8, 40, 100
SEALED_SECONDS = 300.0
# Ten licences for most holders, a hundredth of all for one, one in fifty of which is valid.
_FILL = """
INSERT INTO licences (licence_id, identifier, type_code, issuer_organ_id, issuer_uscc, issuer_name, serial, version,
                      holder_person_id, holder_name, masked_number, number_fingerprint, valid_from, valid_until,
                      issued_at, status, previous_licence_id, next_licence_id, case_id, revision, sealed_data)
SELECT lpad(to_hex(c), 36, '0'), 'made-' || c, %(type)s, %(organ)s, %(uscc)s, '第0局', lpad(c::text, 9, '0'), 1,
       CASE WHEN c %% 100 = 0 THEN 'many' ELSE 'holder-' || (c * 7919) %% GREATEST(%(rows)s / 10, 1) END,
       '李雷', '330***********1236', md5((c %% 100000)::text), DATE '2026-01-01', DATE '2099-12-31',
       now(), CASE WHEN c %% 5000 = 0 OR c %% 100 > 0 THEN %(valid)s ELSE %(cancelled)s END, '', '', '', 1,
       decode(repeat('ab', 250), 'hex')
FROM generate_series(CAST(1 AS bigint), %(rows)s) c
"""


@dataclass(frozen=True, slots=True)
class Phase:
    """What one load showed."""

    count: int
    a_second: float
    p50_ms: float
    p95_ms: float
    cpu_ms: float
    """Each, of all processes of the platform and both servers."""
    cpu_ms_by_process: dict[str, float]


@dataclass(frozen=True, slots=True)
class Times:
    """Of one list, in milliseconds, over gRPC."""

    p50: float
    p95: float
    rows: int


@dataclass(frozen=True, slots=True)
class Town:
    """What the benchmark works with."""

    operator: Platform
    office: Platform
    other: Platform
    issuer: str
    holders: list[str]
    """Each has one licence, which is looked up."""
    firm: str
    """Has all others that are issued."""
    pids: dict[str, int]
    database_url: str


def main() -> None:
    """Issue, look up, fill, list."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--licences", type=int, default=1000, help="to issue and seal")
    parser.add_argument("--look-ups", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the table whose lists are measured")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with town() as place, psycopg.connect(place.database_url, autocommit=True) as watch:
        _issue(place, watch, place.holders)
        _note(f"issuing {options.licences} licences")
        issued, sealed_a_second = _issue(place, watch, [place.firm] * options.licences)
        _note(f"{options.look_ups} look-ups")
        looked_up = _measured(place, options.look_ups, lambda number: _look_up(place, number))
        _note(f"{options.rows} more licences")
        _fill(place, watch, options.rows)
        lists = {name: _times(ask) for name, ask in _lists(place).items()}
    if options.json:
        told = {"issued": asdict(issued), "sealed_a_second": sealed_a_second, "looked_up": asdict(looked_up)}
        told["lists"] = {name: asdict(times) for name, times in lists.items()}
        json.dump({"machine": machine(), "rows": options.rows, **told}, sys.stdout, indent=2)
        return
    print(f"machine: {machine()}")
    _show("issued and sealed", issued)
    print(f"  documents sealed a second, from the first order to the last seal: {sealed_a_second:.1f}")
    _show("looked up", looked_up)
    for name, times in lists.items():
        print(f"{name}: p50 {times.p50} ms, p95 {times.p95} ms, {times.rows} rows")


@contextlib.contextmanager
def town() -> Iterator[Town]:
    """Start everything, register everybody, define the type; stop it all at the end."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="duokua-bench-")))
        installed = stack.enter_context(on_servers(folder, log_level="WARNING"))
        assert installed.postgresql is not None  # noqa: S101 - on_servers starts both
        assert installed.rabbitmq is not None  # noqa: S101
        registered = register(installed.settings, folder, SCENARIO, CODES, seals=True)
        operator = stack.enter_context(connect(installed.settings))
        operator.licences.DefineType(pb.DefineTypeRequest(request_id=new_id(), type=TYPE))
        servers = {"postgresql": installed.postgresql.pid, "rabbitmq": installed.rabbitmq.pid}
        with registered.portal() as portal:
            holders = [_holder(portal, number) for number in range(HOLDERS)]
        yield Town(
            operator,
            stack.enter_context(_office(registered, "a")),
            stack.enter_context(_office(registered, "b")),
            registered.organs["a"],
            holders,
            registered.applicant,
            {**installed.supervisor.pids(), **servers},
            installed.database_url("licences"),
        )


def _office(registered: Registered, step: str) -> Platform:
    told = registered.department_environment(step)
    key = ClientKey.load(Path(told["DUOKUA_KEY_FILE"]))
    return Platform(told["DUOKUA_ENDPOINTS"], told["DUOKUA_CLIENT_ID"], key, Path(told["DUOKUA_ROOT_CERT"]))


def _holder(portal: Platform, number: int) -> str:
    request = directory_service_pb2.RegisterPersonRequest(
        request_id=new_id(),
        kind=directory_pb2.PERSON_KIND_LEGAL,
        name=DATA["shop"],
        identity_number=a_uscc(1000 + number),
        assurance=3,
    )
    return portal.directory.RegisterPerson(request).person.person_id


def _issue(place: Town, watch: "psycopg.Connection[tuple[int]]", holders: list[str]) -> tuple[Phase, float]:
    """Issue one to each and wait until all are sealed: what that took, and how many a second were sealed."""
    count, before, started = len(holders), _sealed(watch), time.perf_counter()

    def wait() -> None:
        deadline = time.monotonic() + SEALED_SECONDS
        while (missing := before + count - _sealed(watch)) > 0:
            if time.monotonic() > deadline:
                raise SystemExit(f"{missing} of {count} licences were not sealed within {SEALED_SECONDS:.0f} s")
            time.sleep(0.02)

    phase = _measured(place, count, lambda number: _issue_one(place, holders[number]), wait)
    return phase, round(count / (time.perf_counter() - started), 1)


def _issue_one(place: Town, holder: str) -> None:
    request = pb.IssueLicenceRequest(request_id=new_id(), type=TYPE.kind, holder_person_id=holder, data=to_struct(DATA))
    until_known(lambda: place.office.licences.IssueLicence(request))


def _look_up(place: Town, number: int) -> None:
    request = sharing_service_pb2.LookUpLicencesRequest(
        request_id=new_id(), type=TYPE.kind, holder_person_id=place.holders[number % HOLDERS], purpose="核验"
    )
    if not place.other.sharing.LookUpLicences(request).licences:
        raise SystemExit("a holder of the benchmark has no licence")


def _measured(place: Town, count: int, ask: Callable[[int], None], wait: Callable[[], None] = lambda: None) -> Phase:
    """Ask so often, several at once; `wait` is for what comes of it, whose CPU counts and whose time does not."""
    before = {name: usage_of(pid).cpu for name, pid in place.pids.items()}
    took: list[float] = []

    def timed(number: int) -> None:
        started = time.perf_counter()
        ask(number)
        took.append((time.perf_counter() - started) * 1000)

    started = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(timed, range(count)))
    seconds = time.perf_counter() - started
    wait()
    spent = {name: (usage_of(pid).cpu - before[name]) * 1000 / count for name, pid in place.pids.items()}
    return Phase(
        count=count,
        a_second=round(count / seconds, 1),
        p50_ms=round(statistics.median(took), 1),
        p95_ms=round(statistics.quantiles(took, n=20)[-1], 1),
        cpu_ms=round(sum(spent.values()), 1),
        cpu_ms_by_process={name: round(each, 2) for name, each in spent.items()},
    )


def _sealed(watch: "psycopg.Connection[tuple[int]]") -> int:
    row = watch.execute("SELECT count(*) FROM documents WHERE status = 'sealed'").fetchone()
    return row[0] if row else 0


def _fill(place: Town, watch: "psycopg.Connection[tuple[int]]", rows: int) -> None:
    values = {
        "type": TYPE.type_code,
        "organ": place.issuer,
        "uscc": a_uscc(0),
        "rows": rows,
        "valid": Status.VALID.value,
        "cancelled": Status.CANCELLED.value,
    }
    watch.execute(_FILL, values)
    watch.execute("VACUUM ANALYZE licences")


def _lists(place: Town) -> dict[str, Callable[[], int]]:
    def of(session: Session, holder: str = "", **more: object) -> Callable[[], int]:
        request = pb.ListLicencesRequest(page_size=PAGE, holder_person_id=holder, purpose="测量", **more)  # type: ignore[arg-type] # by name
        return lambda: len(session.licences.ListLicences(request).licences)

    return {
        "a holder of ten": of(place.operator, "holder-77"),
        "a holder of a hundredth of all": of(place.operator, "many"),
        "of those, the valid ones (one in fifty)": of(place.operator, "many", valid_only=True),
        "a holder of none": of(place.operator, "nobody"),
        "the organ that issued all": of(place.office),
        "of those, the valid ones": of(place.office, valid_only=True),
    }


def _times(ask: Callable[[], int]) -> Times:
    took = clock_times(ask, ROUNDS)
    return Times(round(statistics.median(took), 2), round(statistics.quantiles(took, n=20)[-1], 2), ask())


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _show(name: str, phase: Phase) -> None:
    print(f"{name}: {phase.count}, {phase.a_second} a second, p50 {phase.p50_ms} ms, p95 {phase.p95_ms} ms")
    print(f"  CPU ms each: {phase.cpu_ms}; by process:")
    for process, spent in sorted(phase.cpu_ms_by_process.items(), key=lambda item: -item[1]):
        print(f"    {process}: {spent}")


if __name__ == "__main__":
    main()
