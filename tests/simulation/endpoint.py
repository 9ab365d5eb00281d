"""The endpoints of webhooks, and the worker's attempts to reach them, without sockets and threads."""

from collections import Counter
from collections.abc import Callable, Mapping

from services.notify.domain.webhooks import Answer
from tests.simulation.fates import Fault
from tests.simulation.scheduler import Life
from tests.simulation.stage import Stage

ATTEMPT_SECONDS = (0.01, 12.0)
"""Longer than a lease at times, which is then renewed."""


class Endpoint:
    """Takes messages; now and then it does not, or its answer does not arrive."""

    def __init__(self, stage: Stage) -> None:
        self.received: Counter[str] = Counter()
        """By webhook-id."""
        self._stage = stage

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What the endpoint answers."""
        del url, body
        if self._stage.fates.strikes(Fault.ENDPOINT_FAILS):
            return Answer(503)
        self.received[headers["webhook-id"]] += 1
        if self._stage.fates.strikes(Fault.ENDPOINT_UNHEARD):
            return Answer(error="no answer within 15 s")
        return Answer(204)


class Attempt:
    """One attempt under way in a worker process: over after a while, unless the process ends before."""

    def __init__(self, stage: Stage, life: Life, deliver: Callable[[], None]) -> None:
        self._stage = stage
        self._life = life
        self._deliver = deliver

    def start(self) -> None:
        """Begin."""
        self._stage.after(self._stage.fates.seconds(*ATTEMPT_SECONDS), self._deliver, self._life, "deliver")

    def join(self) -> None:
        """Nobody waits for it here: processes are killed."""
