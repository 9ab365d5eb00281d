"""The command line: many seeds with progress, or one seed with its trace."""

import argparse
import random
import sys
import time
from collections import Counter

from tests.simulation.bugs import BUGS
from tests.simulation.parts import REAL
from tests.simulation.pool import Pool, prepare_process
from tests.simulation.run import Result, run

PROGRESS_SECONDS = 2.0
SHOWN = 20
"""Violations of a seed that are printed."""


def main(arguments: list[str] | None = None) -> int:
    """Run, and return the exit status: 1 when a law was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--seeds", type=int, help="how many seeds to run, on all cores")
    what.add_argument("--seed", type=int, help="the one seed to run and show")
    parser.add_argument("--first", type=int, help="the first of the seeds (a random one)")
    parser.add_argument("--bug", choices=BUGS, default="", help="plant a known bug, to see it found")
    parser.add_argument("--processes", type=int, default=0, help="how many at once (one a core)")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        return show(options.seed, options.bug)
    first = random.randrange(2**40) if options.first is None else options.first
    with Pool(options.processes) as pool:
        return run_seeds(pool, range(first, first + options.seeds), options.bug)


def show(seed: int, bug: str) -> int:
    """Run one seed here, and print all that happened."""
    prepare_process()
    result = run(seed, BUGS[bug] if bug else REAL, trace=True)
    print("\n".join(result.trace))
    print(f"seed {seed}: {_told(result.ends)}; trace {result.digest[:16]}")
    _print_violations(result)
    return 1 if result.violations else 0


def run_seeds(pool: Pool, seeds: range, bug: str) -> int:
    """Run many, and print those that break a law as they are found."""
    started = shown = time.monotonic()
    struck: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    bad: list[int] = []
    cpu, count = 0.0, 0
    for count, result in enumerate(pool.run(seeds, bug), 1):
        struck += result.struck
        ends += result.ends
        cpu += result.cpu
        if result.violations:
            bad.append(result.seed)
            print(f"seed {result.seed} breaks laws; see it with: make simulate SEED={result.seed}", flush=True)
            _print_violations(result)
        if time.monotonic() - shown > PROGRESS_SECONDS:
            shown = time.monotonic()
            print(_progress(count, len(seeds), shown - started, len(bad)), file=sys.stderr, flush=True)
    print(_table(struck))
    seconds = time.monotonic() - started
    print(f"{count} seeds from {seeds.start} in {seconds:.0f} s, {1000 * cpu / max(count, 1):.0f} ms CPU each")
    print(f"{ends.total()} cases: {_told(ends)}; {struck.total()} faults and crashes")
    print(f"{len(bad)} seeds break laws{': ' + ' '.join(map(str, bad[:SHOWN])) if bad else ''}")
    return 1 if bad else 0


def _progress(count: int, of: int, seconds: float, bad: int) -> str:
    left = (of - count) * seconds / count
    return f"{count} of {of} seeds, {count / seconds:.1f} a second, {left:.0f} s left, {bad} break laws"


def _table(struck: Counter[str]) -> str:
    return "\n".join(f"{count:9}  {what}" for what, count in sorted(struck.items()))


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))


def _print_violations(result: Result) -> None:
    for violation in result.violations[:SHOWN]:
        print(f"  ! {violation}", flush=True)
