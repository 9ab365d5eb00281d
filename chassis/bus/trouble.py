"""What keeps a part of a worker from its work right now, for the readiness of its process."""

import math
import time
from collections.abc import Callable

Report = Callable[[str], None]
"""Takes what is wrong, or an empty string once it works (again)."""


def ignore(_trouble: str) -> None:
    """A report that nobody reads."""


def consumer_part(service: str) -> str:
    """How the consumer of a service is called."""
    return f"{service} consumer"


class Troubles:
    """The troubles of a process's parts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by_part: dict[str, str] = {}
        self._well_since: dict[str, float] = {}

    def reporter(self, part: str, trouble: str = "") -> Report:
        """How a part reports; `trouble` stands until its first report."""
        self._note(part, trouble)
        return lambda trouble: self._note(part, trouble)

    def well_for(self, part: str) -> float:
        """For how many seconds a part has had no trouble; none while it has, or has not reported yet."""
        return max(0.0, self._clock() - self._well_since.get(part, math.inf))

    def check(self) -> None:
        """Raise when a part is in trouble."""
        if present := [f"{part}: {trouble}" for part, trouble in sorted(self._by_part.items()) if trouble]:
            raise RuntimeError("; ".join(present))

    def _note(self, part: str, trouble: str) -> None:
        self._by_part[part] = trouble
        if trouble:
            self._well_since.pop(part, None)
        else:
            self._well_since.setdefault(part, self._clock())
