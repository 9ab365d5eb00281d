"""Few at once, few that wait, and the rest is refused at once: threads that wait are those of the whole api."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from chassis.problems import Exhausted


class Turns:
    """`at_once` have their turn, `most_waiting` wait for one, no longer than `wait_seconds`."""

    def __init__(self, at_once: int, most_waiting: int, wait_seconds: float) -> None:
        self._wait_seconds = wait_seconds
        self._slots = threading.BoundedSemaphore(at_once)
        self._queue = threading.BoundedSemaphore(at_once + most_waiting)

    @contextmanager
    def one(self, busy: Exhausted) -> Iterator[None]:
        """A turn; raises `busy` when there is none."""
        if not self._queue.acquire(blocking=False):
            raise busy
        try:
            if not self._slots.acquire(timeout=self._wait_seconds):
                raise busy
            try:
                yield
            finally:
                self._slots.release()
        finally:
            self._queue.release()
