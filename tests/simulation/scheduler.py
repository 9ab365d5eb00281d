"""Simulated time: a clock that stands still while something happens, and a queue of what is to happen."""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)

Action = Callable[[], None]


class SimulatedClock:
    """The clock of everything in the simulation."""

    def __init__(self) -> None:
        self.milliseconds = 0

    def now(self) -> datetime:
        """The simulated time."""
        return START + timedelta(milliseconds=self.milliseconds)


@dataclass(eq=False, slots=True)
class Life:
    """A process from its start to its end; what it had in memory or was about to do ends with it."""

    name: str
    over: bool = False


@dataclass(order=True, slots=True)
class Timer:
    """Something that is to happen, as a part of a process's life when it has one."""

    at: int
    number: int
    action: Action = field(compare=False)
    life: Life | None = field(compare=False)
    activity: str = field(compare=False)
    """What the process then does, as crash points name it."""


class Scheduler:
    """Lets one thing happen after the other, in the order of simulated time."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.running: Timer | None = None
        self._timers: list[Timer] = []
        self._count = 0

    def after(self, seconds: float, action: Action, life: Life | None = None, activity: str = "") -> Timer:
        """Have something happen so many seconds from now, unless the life is over by then."""
        self._count += 1
        timer = Timer(self.clock.milliseconds + math.ceil(seconds * 1000), self._count, action, life, activity)
        heapq.heappush(self._timers, timer)
        return timer

    def next(self) -> Timer | None:
        """The next thing that is to happen, the clock set to its time; None when nothing is left."""
        while self._timers:
            timer = heapq.heappop(self._timers)
            if timer.life is None or not timer.life.over:
                self.clock.milliseconds = max(self.clock.milliseconds, timer.at)
                self.running = timer
                return timer
        self.running = None
        return None


class Look:
    """Something that a process does when it is woken; woken again before it has looked, it looks once."""

    def __init__(self, scheduler: Scheduler, life: Life, activity: str, action: Action) -> None:
        self._scheduler = scheduler
        self._life = life
        self._activity = activity
        self._action = action
        self._timer: Timer | None = None

    def within(self, seconds: float) -> None:
        """Look so many seconds from now at the latest."""
        at = self._scheduler.clock.milliseconds + math.ceil(seconds * 1000)
        if self._timer is None or at < self._timer.at:
            self._timer = self._scheduler.after(seconds, self._look, self._life, self._activity)

    def _look(self) -> None:
        if self._scheduler.running is self._timer:
            self._timer = None
            self._action()
