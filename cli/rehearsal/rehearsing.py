"""All tests of a package with the decisions of a region: its own, and those that the region has for its own steps."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chassis.problems import Invalid, Violation
from cli.rehearsal.publishing import publish
from cli.rehearsal.running import Outcome, run_trial
from services.matters.package.compiler import examine_package
from services.matters.package.faults import Fault
from services.matters.package.trialchecks import Trial, is_about, read_trials, with_examples

MOST_SECONDS = 60.0
"""Of CPU, for all tests of a package that somebody else made; one test takes some milliseconds."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What became of the tests; none was run where the package, the overlay or a test is faulty."""

    faults: list[Fault] = field(default_factory=list)
    of_tests: bool = False
    """Whether it is the tests that are faulty, not the package or the overlay."""
    outcomes: list[Outcome] = field(default_factory=list)
    left_out: list[Trial] = field(default_factory=list)
    """Those about other values of parameters than the region's."""


def rehearse(
    files: Mapping[str, bytes],
    overlay: Mapping[str, bytes] | None = None,
    chosen: Callable[[Trial], bool] = lambda _: True,
    most_seconds: float = float("inf"),
) -> Rehearsed:
    """Run the chosen tests. Raises Invalid TESTS_TOO_LONG when they take more CPU than that."""
    examined = examine_package(files, overlay)
    if examined.scenario is None:
        return Rehearsed(examined.faults)
    trials, faults = read_trials(files, examined, overlay)
    if faults:
        return Rehearsed(faults, of_tests=True)
    published = publish(examined.scenario)
    added = examined.here.organs
    readable = with_examples(files, overlay)
    outcomes, left_out = [], []
    until = time.process_time() + most_seconds
    for trial in filter(chosen, trials):
        if not is_about(trial.part.given, examined.scenario):
            left_out.append(trial)
            continue
        if time.process_time() > until:
            message = (
                f"the tests take more than {most_seconds:.0f} s: run them by themselves, and give --skip-tests here"
            )
            raise Invalid("TESTS_TOO_LONG", message)
        outcomes.append(run_trial(published, trial, readable, () if trial.local else added))
    return Rehearsed(outcomes=outcomes, left_out=left_out)


def hold(files: Mapping[str, bytes], overlay: Mapping[str, bytes] | None) -> int:
    """How many tests a package has, all of which hold with a region's decisions.

    Raises Invalid TESTS_FAILED, TESTS_INVALID, TESTS_TOO_LONG. Of a faulty package nothing is said here: whoever takes
    it tells the faults.
    """
    rehearsed = rehearse(files, overlay, most_seconds=MOST_SECONDS)
    if rehearsed.of_tests:
        raise _tests_invalid(rehearsed.faults)
    outcomes = rehearsed.outcomes
    failed = [each for each in outcomes if not each.passed]
    if failed:
        message = (
            f"{len(failed)} of {len(outcomes)} tests fail with this region's decisions: `duokua scenario test` with "
            "the same overlay tells why; --skip-tests goes on all the same"
        )
        raise Invalid("TESTS_FAILED", message, [Violation(f"{each.file}:{each.line}", each.name) for each in failed])
    return len(outcomes)


def _tests_invalid(faults: Sequence[Fault]) -> Invalid:
    """Tests of which not one can be run, because some cannot be read."""
    count = "a fault" if len(faults) == 1 else f"{len(faults)} faults"
    message = f"the tests have {count}, so none was run: have them mended; --skip-tests goes on all the same"
    return Invalid("TESTS_INVALID", message, [Violation(fault.place, fault.message) for fault in faults])
