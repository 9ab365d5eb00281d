"""One run: a platform under load and under fault, and what it comes to."""

import random
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import load, plan
from tests.faults.offices import CODES, Offices
from tests.faults.record import Books, books
from tests.faults.strikes import Strikes, Struck
from tests.laws import laws
from tests.laws.evidence import Evidence
from tests.platform.registration import register
from tests.platform.starting import Installation, embedded, on_servers
from tests.servers.process import wait_until

SCENARIO = Path(__file__).parent / "scenario"
LEASE_SECONDS = 3
SETTLE_SECONDS = 120.0
SETUPS = ("embedded", "servers")


@dataclass(frozen=True, slots=True)
class Shape:
    """How much of everything."""

    cases: int
    rounds: int
    seconds: float
    durable: bool = False
    """Whether PostgreSQL flushes to disk, as in production; a kill of the process shows no difference but in time."""


@dataclass(slots=True)
class Report:
    """What a run came to; nothing was lost or doubled when `violations` is empty."""

    setup: str
    seed: int
    cases: int
    struck: list[Struck] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    undone: int = 0
    submissions_repeated: int = 0
    tasks_repeated: int = 0
    acts_void: int = 0
    settled_seconds: float = 0.0
    """From the last fault or submission until nothing moved any more."""
    seconds: float = 0.0

    def table(self) -> str:
        """The run in a few lines."""
        recoveries: dict[str, list[float]] = defaultdict(list)
        for each in self.struck:
            recoveries[each.fault.kind].append(each.recovery)
        kinds = [
            f"  {kind:12} {len(times):3} killed; ready again after {statistics.median(times):4.1f} s, "
            f"at most {max(times):4.1f} s{self._longest(kind)}"
            for kind, times in sorted(recoveries.items())
        ]
        lines = [
            f"{self.setup}, seed {self.seed}: {self.cases} cases ({self.undone} undone) in {self.seconds:.1f} s",
            f"  at rest {self.settled_seconds:.1f} s after the last fault and the last submission",
            *kinds,
            f"  submissions repeated: {self.submissions_repeated}",
            f"  tasks that came again after they were done: {self.tasks_repeated}",
            f"  acts for tasks taken back meanwhile: {self.acts_void}",
            f"  violations: {len(self.violations)}",
            *(f"    {violation}" for violation in self.violations),
        ]
        return "\n".join(lines)

    def _longest(self, kind: str) -> str:
        longest = max((each for each in self.struck if each.fault.kind == kind), key=lambda each: each.recovery)
        down = f"itself down {longest.down:.1f} s" if kind in ("postgresql", "rabbitmq") else ""
        told = "; ".join(part for part in (down, longest.last and f"last {longest.last}") if part)
        return f" ({told})" if told else ""


def run(setup: str, seed: int, shape: Shape, folder: Path) -> Report:
    """Start a platform, put it under load and under fault, wait until it is at rest, and hold it to account."""
    with _platform(setup, shape, folder) as installation:
        registered = register(installation.settings, folder, SCENARIO, CODES, seals=True)
        with Offices(registered, folder) as offices, books(installation) as open_books:
            chance = random.Random(seed)
            servers = ("postgresql", "rabbitmq") if installation.rabbitmq else ()
            there = plan.targets(list(installation.supervisor.pids()), offices.names(), servers)
            faults = plan.draw(chance, there, rounds=shape.rounds, seconds=shape.seconds)
            submissions = load.draw(chance, shape.cases, shape.seconds, [fault.at for fault in faults])
            report = Report(setup, seed, shape.cases)
            started = time.monotonic()
            with ThreadPoolExecutor(1) as portal:
                submitting = portal.submit(load.submit, registered, submissions, started)
                report.struck = Strikes(installation, offices, faults, started).carry_out()
                submitted = submitting.result()
            _hold_to_account(report, open_books, submitted, offices)
            report.seconds = time.monotonic() - started
    return report


def _platform(setup: str, shape: Shape, folder: Path) -> AbstractContextManager[Installation]:
    if setup == "embedded":
        return embedded(folder, lease_seconds=LEASE_SECONDS)
    return on_servers(folder, durable=shape.durable, lease_seconds=LEASE_SECONDS)


def _hold_to_account(report: Report, open_books: Books, submitted: load.Submitted, offices: Offices) -> None:
    began = time.monotonic()
    try:
        wait_until(_at_rest(open_books), seconds=SETTLE_SECONDS, what="at rest")
    except TimeoutError:
        report.violations.append(f"after {SETTLE_SECONDS:g} s it was not at rest: {open_books.unfinished()}")
    report.settled_seconds = time.monotonic() - began
    ledgers = offices.ledgers().values()
    acts = [act for ledger in ledgers for act in ledger.acts()]
    ends = {case_id: submission.ends for case_id, submission in submitted.cases.items()}
    evidence = Evidence(open_books.read("under-fault"), ends, acts)
    report.violations += laws.violations(evidence)
    report.undone = sum(each.ends_undone for each in submitted.cases.values())
    report.submissions_repeated = submitted.repeats
    report.tasks_repeated = sum(ledger.repeats() for ledger in ledgers)
    report.acts_void = laws.void_acts(evidence)


def _at_rest(open_books: Books) -> Callable[[], bool]:
    """Whether nothing moves; looked at twice in a row, because an event may be on its way between two places."""
    pause = threading.Event()

    def at_rest() -> bool:
        pause.wait(0.1)
        return not open_books.unfinished() and not open_books.unfinished()

    return at_rest
