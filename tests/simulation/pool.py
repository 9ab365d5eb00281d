"""Many seeds on all cores, each process with a town of its own."""

import gc
import logging
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor

import structlog

from tests.simulation.bugs import BUGS
from tests.simulation.parts import REAL
from tests.simulation.run import Result, run, town

CHUNK = 4
"""Seeds that a process takes at a time."""


def prepare_process() -> None:
    """Make this process's town; what the platform logs of simulated faults is of no interest, the trace tells it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    town()
    # What is there by now stays: each collection would look through all of it in vain.
    gc.freeze()


def run_many(seeds: Iterable[int], bug: str = "", *, processes: int = 0) -> Iterator[Result]:
    """Run seeds, by the real parts or with a planted bug; results come in the order of the seeds.

    Processes are spawned: what a parent process has in memory, and its threads, are none of theirs.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes or os.cpu_count() or 1, spawn, prepare_process) as pool:
        try:
            yield from pool.map(_Job(bug), seeds, chunksize=CHUNK)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class _Job:
    """A seed's run, in a form that can be sent to a process."""

    def __init__(self, bug: str) -> None:
        self._bug = bug

    def __call__(self, seed: int) -> Result:
        return run(seed, BUGS[self._bug] if self._bug else REAL)
