"""Growing pauses between attempts to reach what is away."""

import random
import threading

_JITTER = 0.2


def jittered(delay: float) -> float:
    """A delay, shortened by up to a fifth at random, so that what failed together does not come back together."""
    return delay * (1 - random.uniform(0, _JITTER))  # noqa: S311  spreads load, guards nothing


class Backoff:
    """Pauses that double from `first` to `longest` seconds, with jitter, until a success resets them."""

    def __init__(self, first: float = 0.2, longest: float = 5.0) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def reset(self) -> None:
        """The last attempt succeeded."""
        self._next = self._first

    def next(self) -> float:
        """Seconds to pause now: between half and all of the step, so that clients that failed together spread out."""
        step, self._next = self._next, min(self._next * 2, self._longest)
        return step * random.uniform(0.5, 1.0)  # noqa: S311  spreads load, guards nothing

    def pause(self, stopping: threading.Event) -> None:
        """Sleep for the next pause, or until `stopping` is set."""
        stopping.wait(self.next())
