"""`python -m bench.core`: the saga's core without a database: deciding, and verifying a long history."""

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from bench.accounting import machine
from bench.timing import cpu_times
from services.cases.domain.case import Case
from services.cases.domain.clocks import BUNDLE, DECISION, Limit, LimitKind, Unit
from services.cases.domain.decide import decide
from services.cases.domain.history import SALTS_BYTES, Entry, Said, link, verify
from services.cases.domain.inputs import Accepted, Completed, Input, Routed, RoutingDecision, Submitted, to_json
from services.cases.domain.plan import Lead, Limits, Notice, Plan, PlanStep
from services.cases.domain.snapshot import from_json as case_from_json
from services.cases.domain.snapshot import to_json as case_to_json
from services.cases.domain.withholding import internal_names

STEPS = 20
ENTRIES = 1_000
ROUNDS = 300
AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
PROMISED = Limit(4, Unit.WORKING_DAY, LimitKind.PROMISED)
RESULT = {"permit": "P" * 40, "valid_until": "2031-03-02"}


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured, CPU of this process."""

    inputs_a_case: int
    decide_microseconds: dict[str, float]
    """Of one input, over whole lives of a case with 20 steps: median, 95th percentile, most."""
    kinds_microseconds: dict[str, float]
    """Median by kind of input."""
    snapshot_microseconds: dict[str, float]
    """Of the case in the middle of its life: written, and read."""
    snapshot_bytes: int
    verify_milliseconds: float
    """A history of 1,000 entries of half a kilobyte; median."""


def main() -> None:
    """Decide, and verify."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure()
    if options.json:
        json.dump({"machine": machine(), **asdict(found)}, sys.stdout, indent=2)
        print()
        return
    _show(found)


def measure() -> Found:
    """Run whole lives of a case, one input after the other."""
    plan = _plan()
    taken: dict[str, list[float]] = {}
    middles: list[Case] = []
    count = 0
    for _ in range(ROUNDS):
        case: Case | None = None
        lived = list(_life(plan))
        count = len(lived)
        for number, said in enumerate(lived):
            begun = time.process_time_ns()
            decision = decide(plan, case, said, AT + timedelta(seconds=number))
            taken.setdefault(said.kind, []).append((time.process_time_ns() - begun) / 1000)
            if not decision.changed:
                raise SystemExit(f"{said.kind} changed nothing: the life is not one")
            case = decision.case
            if number == count // 2:
                middles.append(case)
    everything = sorted(each for times in taken.values() for each in times)
    entries = _history()
    middle = middles[-1]
    data = case_to_json(middle)
    return Found(
        inputs_a_case=count,
        decide_microseconds={
            "median": statistics.median(everything),
            "95th": everything[len(everything) * 95 // 100],
            "most": everything[-1],
        },
        kinds_microseconds={kind: statistics.median(times) for kind, times in taken.items()},
        snapshot_microseconds={
            "written": _median(lambda: case_to_json(middle)) * 1000,
            "read": _median(lambda: case_from_json(data)) * 1000,
        },
        snapshot_bytes=len(json.dumps(data)),
        verify_milliseconds=_median(lambda: verify(entries), rounds=30),
    )


def _plan() -> Plan:
    """A check, 18 steps side by side with notices and all clocks, and a hand-over."""
    limits = Limits(statutory=DECISION, promised=PROMISED)
    paper = Notice("Notice", "{{ result }}")
    names = [f"step-{number:02}" for number in range(STEPS)]
    steps = [PlanStep(names[0], names[0], "340123001000", limits=limits)]
    steps += [
        PlanStep(name, name, "340123001000", (names[0],), undoable=True, notice=paper, limits=limits)
        for name in names[1:-1]
    ]
    steps.append(PlanStep(names[-1], names[-1], "340123001000", tuple(names[1:-1]), pivot=True, limits=limits))
    lead = Lead("organ-lead", "11341802003284977M", 4)
    return Plan("bench", 1, "bench", "342023028000", lead, tuple(steps), limits=Limits(statutory=BUNDLE))


def _life(plan: Plan) -> Iterator[Input]:
    yield Submitted("c1", "number", plan.bundle_id, plan.version, "person:1", "341802", form_digest="ab" * 32)
    yield Routed(1, tuple(RoutingDecision(each.step_id, f"o-{each.step_id}", "An office") for each in plan.steps))
    for step in plan.steps:
        yield Accepted(f"c1:{step.step_id}:1", f"a-{step.step_id}")
        yield Completed(f"c1:{step.step_id}:1", f"c-{step.step_id}", RESULT)


def _history() -> list[Entry]:
    said = Completed("c1:step-01:1", "request", {**RESULT, "text": "x" * 300})
    entries: list[Entry] = []
    for sequence in range(1, ENTRIES + 1):
        before = entries[-1].hash if entries else ""
        at = AT + timedelta(seconds=sequence)
        given = to_json(said)
        entry = Said(at, "client:o", said.kind, given, internal_names(said.kind, given), random.randbytes(SALTS_BYTES))
        entries.append(link("c1", sequence, before, entry))
    return entries


def _median(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Milliseconds of CPU."""
    return statistics.median(cpu_times(work, rounds))


def _show(found: Found) -> None:
    print(f"decide, {STEPS} steps, {found.inputs_a_case} inputs a case, µs of CPU:")
    print("  " + ", ".join(f"{name} {value:.0f}" for name, value in found.decide_microseconds.items()))
    print("  " + ", ".join(f"{kind} {value:.0f}" for kind, value in found.kinds_microseconds.items()))
    written, read = found.snapshot_microseconds.values()
    print(f"snapshot of {found.snapshot_bytes} bytes: written {written:.0f} µs, read {read:.0f} µs")
    print(f"history of {ENTRIES} entries verified in {found.verify_milliseconds:.1f} ms")


if __name__ == "__main__":
    main()
