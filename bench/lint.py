"""`python -m bench.lint`: what a developer waits for: checking a package of 50 steps, and running its tests."""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

from bench.accounting import machine
from bench.timing import cpu_times
from cli.rehearsal.publishing import publish
from cli.rehearsal.running import run_trial
from cli.scenarios.linting import look_over
from services.matters.package.compiler import examine_package
from services.matters.package.trialchecks import read_trials
from tests.scenarios.large import a_large_package

ROUNDS = 40


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured, CPU of this process; median and least of 40 rounds."""

    steps: int
    files: int
    bytes: int
    tests: int
    lint_milliseconds: dict[str, float]
    """Everything: faults, examples, tests read, advice."""
    compile_milliseconds: dict[str, float]
    """Of that, what publishing does too."""
    test_milliseconds: dict[str, float]
    """One test, over all of them."""


def main() -> None:
    """Lint, compile, test."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure()
    if options.json:
        json.dump({"machine": machine(), **asdict(found)}, sys.stdout, indent=2)
        print()
        return
    print(f"{found.steps} steps, {found.files} files, {found.bytes} bytes, {found.tests} tests; ms of CPU:")
    for name in ("lint", "compile", "test"):
        times = getattr(found, f"{name}_milliseconds")
        print(f"  {name}: median {times['median']:.1f}, least {times['least']:.1f}")


def measure() -> Found:
    """Lint a package and run its tests, again and again."""
    files = a_large_package()
    said = look_over(files)
    if said.faults or said.advice:
        raise SystemExit(f"the package is not in order: {[*said.faults, *said.advice][0]}")
    examined = examine_package(files)
    assert examined.scenario is not None  # noqa: S101 - it has no fault
    trials, _ = read_trials(files, examined)
    published = publish(examined.scenario)
    return Found(
        steps=len(examined.scenario.steps),
        files=len(files),
        bytes=sum(map(len, files.values())),
        tests=len(trials),
        lint_milliseconds=_summed_up(cpu_times(lambda: look_over(files), ROUNDS)),
        compile_milliseconds=_summed_up(cpu_times(lambda: examine_package(files), ROUNDS)),
        test_milliseconds=_summed_up(
            [each for trial in trials for each in cpu_times(partial(run_trial, published, trial, files), 1)]
        ),
    )


def _summed_up(times: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(times), "least": min(times)}


if __name__ == "__main__":
    main()
