"""A few hundred seeds: no law is broken, and the simulation is no empty exercise."""

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.conftest import CI
from tests.laws.evidence import End
from tests.simulation.fates import Fault
from tests.simulation.pool import Pool
from tests.simulation.run import Result
from tests.simulation.world import ROUTES

SEEDS = 200
CRASH_POINTS = {
    "submit": ("before commit", "after commit"),
    "lease": ("before commit", "after commit"),
    "answer": ("before commit", "after commit"),
    "relay": (
        "before publish",
        "amid publish",
        "after publish, before confirm",
        "before commit",
        "after commit",
    ),
    "consume": (
        "before commit",
        "after commit",
        "before acknowledgement",
        "amid acknowledgements",
        "between retry and acknowledgement",
        "after acknowledgement",
    ),
    "background deliveries": ("before commit", "after commit"),
    "deliver": ("before commit", "after commit"),
    "background case-log": ("before commit", "after commit"),
}

# The pool's processes share the machine with all other tests.
pytestmark = pytest.mark.timeout(400)

ELSEWHERE = {
    *(f"duokua.cases.v1.{name}" for name in ("VisitScheduled", "VisitHeld", "LicenceRequested", "LicenceWithdrawn")),
    "duokua.cases.v1.LicenceShown",
    *(f"duokua.eseal.v1.{name}" for name in ("LicenceDocumentSealed", "LicenceDocumentFailed")),
    *(f"duokua.licences.v1.{name}" for name in ("LicenceDocumentRequested", "LicenceDocumentWithdrawn")),
    *(f"duokua.licences.v1.{name}" for name in ("LicenceIssued", "LicenceStatusChanged")),
}
"""The offices here make no joint visits and grant no licences; the state machine of the core and the edge tests do."""


@pytest.fixture(scope="module")
def results(pool: Pool) -> list[Result]:
    """The same seeds in CI, so that a failure is the change's; elsewhere others on each run."""
    first = 0 if CI else random.randrange(2**40)
    return list(pool.run(range(first, first + SEEDS)))


def test_no_seed_breaks_a_law(results: Sequence[Result]) -> None:
    broken = [
        f"make simulate SEED={result.seed}\n  " + "\n  ".join(result.violations[:5])
        for result in results
        if result.violations
    ]
    assert not broken, "\n".join(broken[:5])


def test_every_fault_strikes(results: Sequence[Result]) -> None:
    struck = _struck(results)
    assert [fault for fault in (*Fault, "outbox full") if not struck[fault]] == []


def test_every_crash_point_is_crashed_at(results: Sequence[Result]) -> None:
    struck = _struck(results)
    points = [f"crash: {activity}, {moment}" for activity, moments in CRASH_POINTS.items() for moment in moments]
    assert [point for point in points if not struck[point]] == []


def test_every_event_type_is_handled(results: Sequence[Result]) -> None:
    handled = set[str]().union(*(result.handled for result in results))
    assert handled == set().union(*ROUTES.values()) - ELSEWHERE


def test_cases_end_in_every_way(results: Sequence[Result]) -> None:
    ends = sum((result.ends for result in results), Counter[str]())
    assert ends.keys() == set(End)
    assert ends.total() >= 2 * len(results)


def test_both_brokers_are_used(results: Sequence[Result]) -> None:
    assert {result.volatile for result in results} == {True, False}


def test_a_seed_gives_the_same_trace_again(pool: Pool, results: Sequence[Result]) -> None:
    again = results[::12]
    assert [each.digest for each in pool.run(result.seed for result in again)] == [each.digest for each in again]


def test_a_seed_gives_the_same_trace_in_every_process(results: Sequence[Result]) -> None:
    seed = results[0].seed
    shown = {_shown(seed, hash_seed) for hash_seed in ("1", "2")}
    assert len(shown) == 1
    assert results[0].digest[:16] in shown.pop()


def _struck(results: Sequence[Result]) -> Counter[str]:
    return sum((result.struck for result in results), Counter[str]())


def _shown(seed: int, hash_seed: str) -> str:
    command = [sys.executable, "-m", "tests.simulation", "--seed", str(seed)]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
