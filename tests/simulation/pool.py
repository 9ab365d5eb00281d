"""Many seeds on all cores, each process with a town of its own."""

import gc
import logging
import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from typing import Self

import structlog

from tests.simulation.bugs import BUGS
from tests.simulation.parts import REAL
from tests.simulation.run import Result, run, town

CHUNK = 3
"""Seeds that a process takes at a time."""
AHEAD = 2
"""Chunks that wait for each process."""


def prepare_process() -> None:
    """Make this process's town; what the platform logs of simulated faults is of no interest, the trace tells it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    town()
    # What is there by now stays: each collection would look through all of it in vain.
    gc.freeze()


def run_chunk(seeds: list[int], bug: str) -> list[Result]:
    """Run a few seeds in this process."""
    return [run(seed, BUGS[bug] if bug else REAL) for seed in seeds]


class Pool:
    """Processes that run seeds; use it in a `with` statement.

    They are spawned: what a parent process has in memory, and its threads, are none of theirs.
    """

    def __init__(self, processes: int = 0) -> None:
        self._size = processes or os.cpu_count() or 1
        spawn = multiprocessing.get_context("spawn")
        self._executor = ProcessPoolExecutor(self._size, spawn, prepare_process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    def run(self, seeds: Iterable[int], bug: str = "") -> Iterator[Result]:
        """The results in the order of the seeds, by the real parts or with a planted bug.

        No more is begun than is soon asked for: whoever has seen enough stops asking.
        """
        rest = iter(seeds)
        under_way: deque[Future[list[Result]]] = deque()
        try:
            while True:
                while len(under_way) < self._size * AHEAD and (chunk := list(islice(rest, CHUNK))):
                    under_way.append(self._executor.submit(run_chunk, chunk, bug))
                if not under_way:
                    return
                yield from under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()
