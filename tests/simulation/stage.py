"""What everything in one run shares."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from chassis.settings import Settings
from chassis.vault import Vault
from services.eseal.notices import Notices
from tests.simulation.databases import Databases
from tests.simulation.fates import Fates
from tests.simulation.parts import Parts
from tests.simulation.scheduler import Life, Scheduler, SimulatedClock
from tests.simulation.trace import Trace

LEASE = timedelta(seconds=10)


@dataclass(slots=True)
class Stage:
    """Time, chance, databases, and what is known of the run so far."""

    clock: SimulatedClock
    scheduler: Scheduler
    trace: Trace
    fates: Fates
    databases: Databases
    settings: Settings
    vault: Vault
    notices: Notices
    """One for all lives: what it keeps is a seal's key and picture, ready for use, which cost as much as a sealing."""
    parts: Parts
    lease: timedelta = LEASE
    broken: set[str] = field(default_factory=set)
    """Event types whose handlers fail until they are put right."""
    handled: set[str] = field(default_factory=set)
    """Event types that some handler was called with."""
    faults_seen: list[str] = field(default_factory=list)
    """What somebody saw during the run that must never be."""

    def after(self, seconds: float, action: Callable[[], None], life: Life | None = None, activity: str = "") -> None:
        """Have something happen so many seconds from now."""
        self.scheduler.after(seconds, action, life, activity)
