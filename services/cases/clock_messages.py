"""Clocks as the contract has them: read at the time of the answer, by the newest calendar."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from duokua.cases.v1 import case_pb2
from services.cases.domain.calendar import Calendar
from services.cases.domain.case import Case
from services.cases.domain.clocks import Extension
from services.cases.domain.counted_days import Rules
from services.cases.domain.proceedings import CaseClock
from services.cases.domain.reckoning import DueState, Light, Measure, read
from services.cases.timestamps import stamp

_STANDS_STILL = "the clock stands still: it will be known when it runs again"
# From the best to the worst; what is not known may be anything but late.
_WORSE = (
    case_pb2.LIGHT_UNSPECIFIED,
    case_pb2.LIGHT_GREEN,
    case_pb2.LIGHT_UNKNOWN,
    case_pb2.LIGHT_YELLOW,
    case_pb2.LIGHT_RED,
)
_LIGHTS = {each: case_pb2.Light.Value(f"LIGHT_{each.name}") for each in Light}
_MEASURES = {each: case_pb2.Measure.Value(f"MEASURE_{each.name}") for each in Measure}


@dataclass(frozen=True, slots=True)
class ClockReader:
    """What clocks of a case are read with."""

    calendar: Calendar
    now: datetime
    rules: Rules

    def clock(self, case: Case, clock_id: str) -> case_pb2.ClockState | None:
        """A clock of a case; None when there is none with that id."""
        found = case.proceedings.clocks.get(clock_id)
        return None if found is None else self._state(found)

    def clocks(self, case: Case, step_id: str) -> list[case_pb2.ClockState]:
        """The clocks of a step, or for an empty id the bundle's own, in the order of their kinds."""
        states = [self._state(each) for each in case.proceedings.clocks.values() if each.step_id == step_id]
        # A database that stores the snapshot may have put them into another order.
        return sorted(states, key=lambda state: (state.kind, state.started_at.ToNanoseconds()))

    def _state(self, told: CaseClock) -> case_pb2.ClockState:
        clock = told.clock
        reading = read(clock, self.now, self.calendar, self.rules)
        state = case_pb2.ClockState(
            kind=case_pb2.ClockKind.Value(f"CLOCK_KIND_{told.kind.name}"),
            light=_LIGHTS[reading.light],
            started_at=stamp(clock.started_at),
            due_at=stamp(reading.due.at),
            due_unknown=_STANDS_STILL if reading.due.state is DueState.STOPPED else reading.due.reason,
            measure=_MEASURES[reading.measure],
            allowed=reading.allowed,
            stands_still=clock.stopped and clock.ended_at is None,
            extensions=[_extension(each) for each in clock.extensions],
            ended_at=stamp(clock.ended_at),
        )
        if reading.used is not None and reading.stopped is not None:
            state.used, state.stopped = reading.used, reading.stopped
        return state


def worst_light(states: Iterable[case_pb2.ClockState]) -> "case_pb2.Light.ValueType":
    """The worst light of the clocks that have not ended; none when all have."""
    shown = (each.light for each in states if not each.HasField("ended_at"))
    return max(shown, key=_WORSE.index, default=case_pb2.LIGHT_UNSPECIFIED)


def _extension(extension: Extension) -> case_pb2.LimitExtension:
    return case_pb2.LimitExtension(
        amount=extension.amount,
        reason=extension.reason,
        authority=extension.authority,
        granted_at=stamp(extension.granted_at),
    )
