"""What happens in a run: cases are submitted while faults strike, then the faults end and everything comes to rest."""

from functools import partial

from sqlalchemy import insert

from chassis.clock import new_id
from chassis.database import OUTBOX_TOPIC, service_metadata
from services.cases.calendars import CLOCKS_TOPIC
from tests.simulation.durable_bus import DurableBus
from tests.simulation.fates import Fault
from tests.simulation.office import Books
from tests.simulation.operators import Operators
from tests.simulation.portal import Portal
from tests.simulation.scheduler import Action
from tests.simulation.script import Script, draw
from tests.simulation.town import Town
from tests.simulation.world import ROUTES, SMALL_OUTBOXES, World

CASES = (2, 4)
SUBMITTING_SECONDS = 30.0
FAULTS_SECONDS = 90.0
BROKEN_SECONDS = 4000.0
"""Until a handler is put right: longer than all its attempts."""
LOOKS = 4
"""Of the operators, while faults strike."""
MOST_LOOKS = 30
_OUTBOX = service_metadata().tables["outbox"]


class Play:
    """One run, from the first submission to rest."""

    def __init__(self, town: Town, world: World) -> None:
        self.town = town
        self.world = world
        self.stage = world.stage
        self.at_rest = False
        self.bad_events: dict[str, tuple[str, str]] = {}
        """Events that can never be handled, by id: where they must lie in the end, and why."""
        chance = self.stage.fates.chance
        times = sorted(chance.uniform(0, SUBMITTING_SECONDS) for _ in range(chance.randint(*CASES)))
        scripts = [draw(chance, number, at, new_id()) for number, at in enumerate(times, 1)]
        self.books = Books({script.number: script for script in scripts})
        self.portal = Portal(self.stage, world.network, world.door)
        self.operators = Operators(self.stage, world.network, world.door, self.books)
        for name, organ_id in town.organs.items():
            self.stage.trace.name(organ_id, name)
            world.add_office(organ_id, name, self.books, self.portal.supply)
        self._plan(scripts)

    def run(self) -> None:
        """Let it all happen; then have operators do what they can, until they can do no more."""
        for _ in range(MOST_LOOKS):
            if not self.world.run():
                self.stage.faults_seen.append("it did not come to rest")
                return
            self.stage.trace.say("- nothing moves")
            if self._clocks_run():
                # A real worker looks now and then without being woken.
                self.world.wake("cases", CLOCKS_TOPIC)
            elif not self.operators.look(letters=True):
                self.at_rest = True
                return
        self.stage.faults_seen.append("there was always something left for operators to do")

    def _clocks_run(self) -> bool:
        return self.stage.databases.scalar("cases", "SELECT count(*) FROM cases WHERE wake_at IS NOT NULL") > 0

    def _plan(self, scripts: list[Script]) -> None:
        for script in scripts:
            self.portal.submit(script)
        fates = self.stage.fates
        for _ in range(LOOKS):
            self.stage.after(fates.seconds(SUBMITTING_SECONDS / 2, FAULTS_SECONDS), self._operators_look)
        for name in sorted(self.world.lives):
            if fates.strikes(Fault.KILLED):
                self.stage.after(fates.seconds(0, FAULTS_SECONDS), partial(self.world.kill, name))
        if isinstance(self.world.bus, DurableBus):
            self._plan_broker_faults(self.world.bus)
        # What the embedded broker retries is still in its outbox, which would be full for all that time.
        if self.world.outbox_limit > max(SMALL_OUTBOXES) and fates.strikes(Fault.HANDLER_BROKEN):
            event = fates.chance.choice(sorted({event for events in ROUTES.values() for event in events}))
            self.stage.broken.add(event)
            self.stage.after(BROKEN_SECONDS, partial(self.stage.broken.discard, event))
        if fates.strikes(Fault.UNDECODABLE):
            self._send_bad_event("duokua.cases.v1.CaseSubmitted", "notify", "UNDECODABLE_EVENT")
        if fates.strikes(Fault.UNHEARD):
            self._send_bad_event("duokua.cases.v1.NobodyListens", "cases", "UNROUTABLE")
        self.stage.after(FAULTS_SECONDS, fates.calm)

    def _plan_broker_faults(self, bus: DurableBus) -> None:
        fates = self.stage.fates

        def for_a_while(fault: Fault, begin: Action, end: Action) -> None:
            if fates.strikes(fault):
                at = fates.seconds(0, FAULTS_SECONDS / 2)
                self.stage.after(at, begin)
                self.stage.after(at + fates.seconds(1, 30), end)

        event = fates.chance.choice(bus.types)
        for_a_while(Fault.BROKER_AWAY, bus.go, bus.come_back)
        for_a_while(Fault.UNBOUND, partial(bus.unbound.add, event), partial(bus.unbound.discard, event))

    def _operators_look(self) -> None:
        if not self.world.lives["cases-api"].over:
            self.operators.look(letters=False)

    def _send_bad_event(self, event_type: str, lies_with: str, reason: str) -> None:
        """Put into the outbox of cases what no consumer can handle."""
        event_id = new_id()
        self.bad_events[event_id] = (lies_with, reason)

        def send() -> None:
            with self.stage.databases["cases"].begin() as work:
                row = {
                    "id": event_id,
                    "type": event_type,
                    "subject": "bad",
                    "body": b"\xff\xff",
                    "created_at": work.now,
                }
                work.connection.execute(insert(_OUTBOX).values(row))
                work.wake(OUTBOX_TOPIC)

        self.stage.after(self.stage.fates.seconds(0, SUBMITTING_SECONDS), send)
