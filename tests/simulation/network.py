"""Calls from outside to an api process: each takes its time, may get lost on its way, and so may its answer."""

from collections.abc import Callable
from dataclasses import dataclass

from chassis.problems import Problem, Unavailable
from tests.simulation.fates import Fault
from tests.simulation.scheduler import Life
from tests.simulation.stage import Stage

Reply = Callable[[object], None]
"""Takes an answer, or the Problem that came in its place."""
Handle = Callable[[Reply], None]

LATENCY = (0.001, 0.05)
PATIENCE = (1.0, 5.0)
"""Seconds after which a caller asks again; they grow with each time."""
LONGEST_PATIENCE = 30.0


@dataclass(slots=True)
class Address:
    """Where an api process is reached, while there is one."""

    life: Life | None = None


class Network:
    """Between everybody outside and the api process."""

    def __init__(self, stage: Stage, address: Address) -> None:
        self._stage = stage
        self.address = address

    def call(self, activity: str, handle: Handle, reply: Reply, caller: Life) -> None:
        """Have the api handle a request; `reply` gets the answer, or nothing when either is lost."""
        fates = self._stage.fates
        if fates.strikes(Fault.REQUEST_LOST):
            return
        life = self.address.life

        def answered(answer: object) -> None:
            if not fates.strikes(Fault.REPLY_LOST):
                self._stage.after(fates.seconds(*LATENCY), lambda: reply(answer), caller, "office")

        if life is None or life.over:
            answered(Unavailable("UNREACHABLE", "nobody answers there"))
        else:
            self._stage.after(fates.seconds(*LATENCY), lambda: handle(answered), life, activity)


class Inquiry:
    """A request that is repeated, the same each time, until it has an answer that is final."""

    def __init__(
        self, stage: Stage, network: Network, activity: str, handle: Handle, done: Reply, caller: Life
    ) -> None:
        self._stage = stage
        self._network = network
        self._activity = activity
        self._handle = handle
        self._done = done
        self._caller = caller
        self._over = False
        self.sent = 0
        self._send()

    def _send(self) -> None:
        if self._over:
            return
        self.sent += 1
        self._network.call(self._activity, self._handle, self._heard, self._caller)
        patience = min(self._stage.fates.seconds(*PATIENCE) * 1.5**self.sent, LONGEST_PATIENCE)
        self._stage.after(patience, self._send, self._caller)

    def _heard(self, answer: object) -> None:
        if self._over or (isinstance(answer, Problem) and answer.passing):
            return
        self._over = True
        self._done(answer)
