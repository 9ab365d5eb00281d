"""What happened in a run, a line each: the same seed gives the same lines, in every process."""

import hashlib

from chassis.bus.events import Envelope
from tests.simulation.scheduler import SimulatedClock


class Trace:
    """The lines so far. Ids are shortened to the order in which they came up."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.lines: list[str] = []
        self._clock = clock
        self._names: dict[str, str] = {}

    def say(self, text: str) -> None:
        """Note that something happened."""
        self.lines.append(f"{self._clock.milliseconds / 1000:10.3f}  {text}")

    def name(self, identifier: str, name: str) -> None:
        """Call something by a better name than its id."""
        self._names.setdefault(identifier, name)

    def short(self, identifier: str) -> str:
        """A readable name for an id, the same throughout; parts of a compound id each for themselves."""
        first, colon, rest = identifier.partition(":")
        if first not in self._names:
            self._names[first] = f"#{len(self._names) + 1}"
        return self._names[first] + colon + rest

    def event(self, envelope: Envelope) -> str:
        """An event, in short."""
        about = self.short(envelope.subject)
        return f"{envelope.type.rpartition('.')[2]} {self.short(envelope.id)} ({about})"

    def digest(self) -> str:
        """A hash of all lines."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()
