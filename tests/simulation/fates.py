"""What goes wrong: every fault and every crash is drawn here, from the seed's one source of chance."""

import random
from collections import Counter
from enum import StrEnum

from tests.simulation.scheduler import Life, Scheduler
from tests.simulation.trace import Trace


class Fault(StrEnum):
    """What can go wrong without the end of a process of the platform."""

    PUBLISH_REFUSED = "publish refused"
    CONFIRM_LOST = "confirm lost"
    NOT_CONFIRMED = "event refused by the broker"
    DUPLICATED = "event duplicated"
    DELAYED = "event delayed"
    REORDERED = "events reordered"
    DELIVERY_LOST = "delivery lost and redelivered"
    ACK_LOST = "acknowledgement lost"
    SETTLING_LOST = "connection lost while settling"
    BROKER_AWAY = "broker away"
    UNBOUND = "no queue takes a type"
    DATABASE_AWAY = "database away"
    HANDLER_FAILS = "handler fails"
    HANDLER_BROKEN = "handler broken until it is put right"
    WAKE_LOST = "wake-up lost"
    REQUEST_LOST = "request lost"
    REPLY_LOST = "reply lost"
    SUBMITTED_AGAIN = "submitted again after the answer"
    OFFICE_DIES_BEFORE_ACT = "office dies before its act"
    OFFICE_DIES_AFTER_ACT = "office dies between act and answer"
    OFFICE_LATE = "office answers after its lease"
    OFFICE_SLOW = "office keeps its lease for long"
    OFFICE_TWICE = "office answers twice"
    OFFICE_FAILS = "office fails technically"
    OFFICE_RELEASES = "office gives a task back"
    ENDPOINT_FAILS = "webhook not delivered"
    ENDPOINT_UNHEARD = "webhook delivered, answer lost"
    UNDECODABLE = "undecodable event"
    UNHEARD = "event that nobody consumes"
    KILLED = "process killed at any moment"


RATES = {
    Fault.PUBLISH_REFUSED: 0.04,
    Fault.CONFIRM_LOST: 0.05,
    Fault.NOT_CONFIRMED: 0.04,
    Fault.DUPLICATED: 0.05,
    Fault.DELAYED: 0.05,
    Fault.REORDERED: 0.3,
    Fault.DELIVERY_LOST: 0.04,
    Fault.ACK_LOST: 0.03,
    Fault.SETTLING_LOST: 0.03,
    Fault.BROKER_AWAY: 0.4,
    Fault.UNBOUND: 0.3,
    Fault.DATABASE_AWAY: 0.01,
    Fault.HANDLER_FAILS: 0.03,
    Fault.HANDLER_BROKEN: 0.15,
    Fault.WAKE_LOST: 0.05,
    Fault.REQUEST_LOST: 0.05,
    Fault.REPLY_LOST: 0.05,
    Fault.SUBMITTED_AGAIN: 0.2,
    Fault.OFFICE_DIES_BEFORE_ACT: 0.03,
    Fault.OFFICE_DIES_AFTER_ACT: 0.04,
    Fault.OFFICE_LATE: 0.08,
    Fault.OFFICE_SLOW: 0.05,
    Fault.OFFICE_TWICE: 0.08,
    Fault.OFFICE_FAILS: 0.08,
    Fault.OFFICE_RELEASES: 0.04,
    Fault.ENDPOINT_FAILS: 0.1,
    Fault.ENDPOINT_UNHEARD: 0.1,
    Fault.UNDECODABLE: 0.08,
    Fault.UNHEARD: 0.05,
    Fault.KILLED: 0.2,
}
"""How likely each is, where it can strike, on average over the seeds; a `crash` is drawn at each crash point."""
CRASH_RATE = 0.012
SELDOM = {"submit": 3.0, "deliver": 6.0, "retry": 10.0}
"""How much likelier a crash is at what happens less often than other things."""
SPREAD = (0.0, 0.5, 1.0, 2.5)
"""A seed has more of some faults and none of others: what is rare with all of them at once is then seen too."""


class CrashError(BaseException):
    """The running process ends here. No handler may take it for an error of its own."""


class Fates:
    """The seed's chance, and a tally of what struck."""

    def __init__(self, chance: random.Random, scheduler: Scheduler, trace: Trace) -> None:
        self.chance = chance
        self.struck: Counter[str] = Counter()
        self.active = True
        self._scheduler = scheduler
        self._trace = trace
        self._rates = {fault: rate * chance.choice(SPREAD) for fault, rate in RATES.items()}
        self._crash_rate = CRASH_RATE * chance.choice(SPREAD)

    def strikes(self, fault: Fault) -> bool:
        """Whether the fault happens here and now."""
        if not self.active or self.chance.random() >= self._rates[fault]:
            return False
        self.note(str(fault))
        return True

    @property
    def in_process(self) -> bool:
        """Whether what happens now is the doing of a process of the platform."""
        timer = self._scheduler.running
        return timer is not None and timer.life is not None

    def note(self, what: str) -> None:
        """Count something that struck."""
        self.struck[what] += 1
        self._trace.say(f"! {what}")

    def moment(self, name: str, *, weight: float = 1.0) -> None:
        """A crash point: raises CrashError when the process that runs ends here.

        Points that are seldom reached have a `weight` by which a crash is likelier there.
        """
        timer = self._scheduler.running
        if not self.active or timer is None or timer.life is None:
            return
        if self.chance.random() >= self._crash_rate * weight * SELDOM.get(timer.activity, 1.0):
            return
        self.crash(timer.life, f"{timer.activity}, {name}")

    def crash(self, life: Life, where: str) -> None:
        """End the process that runs."""
        self.struck[f"crash: {where}"] += 1
        self._trace.say(f"! {life.name} crashes: {where}")
        raise CrashError(where)

    def seconds(self, least: float, most: float) -> float:
        """How long something takes."""
        return self.chance.uniform(least, most)

    def calm(self) -> None:
        """From now on nothing goes wrong."""
        self.active = False
        self._trace.say("- the faults end")
