"""What the processes counted. Counters die with their process, so they are read all the time, and before each kill."""

import re
import threading
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from chassis.health import PROCESS_HEADER

INTERVAL_SECONDS = 1.0
ANSWER_SECONDS = 0.5
_COUNTER = re.compile(r"^(duokua_\w+_total)(?:\{.*\})? (\S+)$", re.MULTILINE)


class Meters:
    """Reads the counters of processes from their /metrics in the background; `health` has each one's address."""

    def __init__(self, health: Mapping[str, str]) -> None:
        self._health = health
        self._read: dict[tuple[str, str], Mapping[str, float]] = {}
        """By the name of a process and its id: the newest counts of each process that ever was."""
        self._over = threading.Event()
        self._threads = ThreadPoolExecutor(len(health), thread_name_prefix="meters")
        self._thread = threading.Thread(target=self._run, name="meters", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._threads.shutdown()

    def sample(self, names: Collection[str] = ()) -> None:
        """Read some processes now, or all; who does not answer is left as it was."""
        list(self._threads.map(self._sample, names or self._health))

    def total(self, counter: str) -> int:
        """A counter's sum over all processes and labels, but for what a process counted after it was read last."""
        return round(sum(counts.get(counter, 0.0) for counts in tuple(self._read.values())))

    def _run(self) -> None:
        while not self._over.wait(INTERVAL_SECONDS):
            self.sample()

    def _sample(self, name: str) -> None:
        try:
            with urllib.request.urlopen(f"http://{self._health[name]}/metrics", timeout=ANSWER_SECONDS) as response:
                process, text = response.headers[PROCESS_HEADER], response.read().decode()
        except (urllib.error.URLError, OSError):
            return
        counts: defaultdict[str, float] = defaultdict(float)
        for counter, value in _COUNTER.findall(text):
            counts[counter] += float(value)
        self._read[name, process] = counts
