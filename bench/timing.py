"""How long something takes in this process, round by round."""

import time
from collections.abc import Callable
from functools import partial


def _milliseconds(now_ns: Callable[[], int], work: Callable[[], object], rounds: int) -> list[float]:
    work()
    times = []
    for _ in range(rounds):
        begun = now_ns()
        work()
        times.append((now_ns() - begun) / 1_000_000)
    return times


cpu_times = partial(_milliseconds, time.process_time_ns)
"""Milliseconds of CPU of each round, after one that does not count: other work on the machine changes them little."""
clock_times = partial(_milliseconds, time.perf_counter_ns)
"""Milliseconds by the clock of each round, after one that does not count."""
