"""One run: a platform under load and under fault, and what it comes to."""

import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from tests.faults import load, plan
from tests.faults.meters import Meters
from tests.faults.offices import CODES, Offices
from tests.faults.record import Books, books
from tests.faults.report import Report
from tests.faults.strikes import Strikes
from tests.laws import laws
from tests.laws.evidence import Evidence
from tests.platform.registration import Registered, register
from tests.platform.starting import Installation, embedded, on_fragile_servers

SCENARIO = Path(__file__).parent / "scenario"
LEASE_SECONDS = 3
HEARTBEAT_SECONDS = 2
PATIENCE_SECONDS = 4.0
"""Of PostgreSQL with a transaction that stands still: more than the heartbeat, less than a process is stopped for."""
TWINS = ("cases", "eseal", "notify")
STANDSTILL_SECONDS = 90.0
"""After so long without any event handled, what has not ended never will."""
SETUPS = ("embedded", "servers", "cluster")


@dataclass(frozen=True, slots=True)
class Shape:
    """How much of everything."""

    cases: int
    rounds: int
    seconds: float
    durable: bool = False
    """Whether PostgreSQL flushes to disk, as in production; a kill of the process shows no difference but in time."""


def run(setup: str, seed: int, shape: Shape, folder: Path) -> Report:
    """Start a platform, put it under load and under fault, wait until it is at rest, and hold it to account."""
    with _platform(setup, shape, folder) as installation:
        registered = register(installation.settings, folder, SCENARIO, CODES, seals=True)
        if installation.cluster:
            installation.cluster.wait_complete()
        with (
            Offices(registered, folder) as offices,
            books(installation) as open_books,
            Meters(installation.health) as meters,
        ):
            report = Report(setup, seed, shape.cases)
            started = time.monotonic()
            strikes = Strikes(installation, offices, open_books, meters)
            submitted = _under_fault(report, strikes, registered, _drawn(seed, shape, installation, offices), started)
            _hold_to_account(report, open_books, submitted, offices)
            meters.sample()
            _count(report, open_books, meters)
            report.seconds = time.monotonic() - started
    return report


def _platform(setup: str, shape: Shape, folder: Path) -> AbstractContextManager[Installation]:
    if setup == "embedded":
        return embedded(folder, lease_seconds=LEASE_SECONDS)
    return on_fragile_servers(
        folder,
        durable=shape.durable,
        clustered=setup == "cluster",
        twins=TWINS,
        patience=PATIENCE_SECONDS,
        lease_seconds=LEASE_SECONDS,
        broker_heartbeat_seconds=HEARTBEAT_SECONDS,
    )


_Drawn = tuple[Sequence[plan.Fault], Sequence[load.Submission]]


def _drawn(seed: int, shape: Shape, installation: Installation, offices: Offices) -> _Drawn:
    chance = random.Random(seed)
    nodes = len(installation.proxies.rabbitmq) if installation.proxies else 0
    there = plan.targets(installation.health, offices.names(), nodes)
    faults = plan.draw(chance, there, rounds=shape.rounds, seconds=shape.seconds)
    return faults, load.draw(chance, shape.cases, shape.seconds, [fault.at for fault in faults])


def _under_fault(
    report: Report, strikes: Strikes, registered: Registered, drawn: _Drawn, started: float
) -> load.Submitted:
    faults, submissions = drawn
    with ThreadPoolExecutor(1) as portal:
        submitting = portal.submit(load.Portal(registered).submit, submissions, started)
        report.struck = strikes.carry_out(faults, started)
        report.violations += strikes.failures
        return submitting.result()


def _hold_to_account(report: Report, open_books: Books, submitted: load.Submitted, offices: Offices) -> None:
    began = time.monotonic()
    if left := _left_standing(open_books):
        report.violations.append(f"nothing moved for {STANDSTILL_SECONDS:g} s, but {left}")
    report.settled_seconds = time.monotonic() - began
    ledgers = offices.ledgers().values()
    acts = [act for ledger in ledgers for act in ledger.acts()]
    ends = {case_id: submission.ends for case_id, submission in submitted.cases.items()}
    evidence = Evidence(open_books.read("under-fault"), ends, acts)
    report.violations += submitted.unanswered + laws.violations(evidence)
    report.undone = sum(each.ends_undone for each in submitted.cases.values())
    report.submissions_repeated = submitted.repeats
    report.tasks_repeated = sum(ledger.repeats() for ledger in ledgers)
    report.acts_void = laws.void_acts(evidence)


def _count(report: Report, open_books: Books, meters: Meters) -> None:
    report.events_handled = open_books.events_handled()
    report.duplicates_dropped = meters.total("duokua_consumer_duplicates_total")
    counted = meters.total("duokua_consumer_handled_total")
    if counted > report.events_handled:
        report.violations.append(f"{counted} events were counted as handled, and {report.events_handled} were")


def _left_standing(open_books: Books) -> str:
    """Wait until nothing is unfinished, and say what is if it stays so.

    Looked at twice in a row, because an event may be on its way between two places.
    """
    pause, handled, moved = threading.Event(), -1, time.monotonic()
    while left := open_books.unfinished() or open_books.unfinished():
        now_handled = open_books.events_handled()
        if now_handled != handled:
            handled, moved = now_handled, time.monotonic()
        if time.monotonic() - moved > STANDSTILL_SECONDS:
            return left
        pause.wait(0.1)
    return ""
