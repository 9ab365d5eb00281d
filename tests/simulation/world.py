"""The platform's processes in one thread: workers, the api, the broker, and who they are between crash and restart."""

import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from chassis.bus import dead_letters
from chassis.bus.process import load_workers, subscriptions_of
from chassis.database import OUTBOX_TOPIC
from chassis.settings import SERVICES
from services.cases.domain.log import LogKey, make_key
from services.cases.plans import Plans
from services.cases.sequencer import Sequencer
from services.cases.service import Cases
from services.cases.timekeeper import Timekeeper
from services.cases.writes import TASKS_TOPIC
from services.notify.deliverer import Deliverer
from services.notify.sender import Sender
from services.notify.service import Notify
from services.notify.texts import Texts
from tests.simulation.api import Api
from tests.simulation.durable_bus import DurableBus
from tests.simulation.endpoint import Attempt, Endpoint
from tests.simulation.fates import CrashError, Fault
from tests.simulation.network import Address, Network
from tests.simulation.office import ApiDoor, Books, Office
from tests.simulation.scheduler import Life, Look
from tests.simulation.stage import Stage
from tests.simulation.volatile_bus import VolatileBus
from tests.simulation.worker import Factories, ServiceWorker, made, topics

RESTART_SECONDS = (0.2, 5.0)
MOST_HAPPENINGS = 20_000
"""In a run; one that goes on for longer does not come to rest."""
SMALL_OUTBOXES = (4, 10)
LARGE_OUTBOX = 100_000
CAPACITIES = (3, 10_000)
TASK_LOOK_SECONDS = 1.0
TASK_CHANGES = frozenset({"lease", "answer"})
"""What an api process does that changes when tasks can be had."""
LOG_KEY = LogKey.from_pem(make_key())
"""Signatures are in no trace, so a key of this process does."""
LOG_BATCH = 7
WORKER = "worker"
API = "cases-api"

WORKERS: dict[str, Any] = dict(zip(SERVICES, load_workers(()), strict=True))
WORKER_TOPICS = (OUTBOX_TOPIC, dead_letters.TOPIC, *topics(WORKERS["cases"]()))
"""What an api of cases wakes its worker for."""
TEXTS = Texts()
"""Templates, which never change; reading them takes as long as all else that a restart does."""
ROUTES = subscriptions_of(list(WORKERS.values()))


class World:
    """Everything that runs, and how it is started again."""

    def __init__(self, stage: Stage, *, volatile: bool) -> None:
        self.stage = stage
        self.volatile = volatile
        self.endpoint = Endpoint(stage)
        self.door = ApiDoor()
        self.network = Network(stage, Address())
        self.offices: dict[str, Office] = {}
        self.lives: dict[str, Life] = {}
        self._services: dict[str, ServiceWorker] = {}
        self._task_look = Look(stage.scheduler, Life("tasks"), "", self._look_for_tasks)
        self.outbox_limit = stage.fates.chance.choice((*SMALL_OUTBOXES, LARGE_OUTBOX))
        self._capacity = stage.fates.chance.choice(CAPACITIES)
        self.bus: DurableBus | VolatileBus
        if not volatile:
            self.bus = DurableBus(ROUTES, stage.scheduler, stage.fates, stage.trace, self._ready)
        self._starts: dict[str, Callable[[Life], None]] = {API: self._start_api}
        if volatile:
            self._starts[WORKER] = partial(self._start_worker, SERVICES)
        else:
            self._starts |= {f"{service}-{WORKER}": partial(self._start_worker, (service,)) for service in SERVICES}
        for name in self._starts:
            self._start(name)

    def run(self) -> bool:
        """Let things happen until nothing is left to happen; false when that does not come about."""
        for _ in range(MOST_HAPPENINGS):
            timer = self.stage.scheduler.next()
            if timer is None:
                return True
            if timer.activity in TASK_CHANGES:
                self._task_look.within(0.05)
            try:
                timer.action()
            except CrashError:
                assert timer.life is not None
                self.crashed(timer.life)
            except Exception:  # noqa: BLE001 - a finding of the run, to be shown with its seed
                self.stage.faults_seen.append(traceback.format_exc())
                return False
        return False

    def crashed(self, life: Life) -> None:
        """A process has ended; it is started again a while later."""
        life.over = True
        if isinstance(self.bus, DurableBus):
            for service in SERVICES:
                if life.name == f"{service}-{WORKER}":
                    self.bus.give_back(service)
        self.stage.after(self.stage.fates.seconds(*RESTART_SECONDS), partial(self._start, life.name))

    def kill(self, name: str) -> None:
        """End a process, whatever it is doing."""
        life = self.lives[name]
        if not life.over:
            self.stage.trace.say(f"! {name} is killed")
            self.crashed(life)

    def add_office(self, organ_id: str, name: str, books: Books, applicant: Callable[[str], None]) -> None:
        """An office whose system asks for tasks; `applicant` is told of cases that ask for something."""
        self.offices[organ_id] = Office(
            self.stage, self.network, self.door, organ_id, name, books, self._tasks_opened, applicant
        )

    def wake(self, service: str, topic: str) -> None:
        """A signal to a service's worker."""
        worker = self._services.get(service)
        if worker is not None:
            worker.wake(topic)

    def _start(self, name: str) -> None:
        life = self.lives[name] = Life(name)
        self.stage.trace.say(f"{name} starts")
        self._starts[name](life)

    def _start_api(self, life: Life) -> None:
        database = self.stage.databases.of_api
        database.forget_processes()
        for topic in WORKER_TOPICS:
            database.on_wake(topic, partial(self.wake, "cases", topic))
        database.on_wake(TASKS_TOPIC, self._tasks_opened)
        self.door.current = Api(self.stage, life, self.outbox_limit)
        self.network.address.life = life
        self._tasks_opened()

    def _start_worker(self, services: Sequence[str], life: Life) -> None:
        if self.volatile:
            self.bus = VolatileBus(
                ROUTES, self.stage.scheduler, self.stage.fates, self._ready, self._settled, life, self._capacity
            )
        for service in services:
            worker = made(WORKERS[service], self.stage.settings, self._factories(life))
            self._services[service] = ServiceWorker(self.stage, worker, self.bus, life)
        if "cases" in services:
            self.stage.databases["cases"].on_wake(TASKS_TOPIC, self._tasks_opened)
        if isinstance(self.bus, DurableBus):
            self.bus.announce(services)

    def _factories(self, life: Life) -> Factories:
        """The use cases that are made otherwise than by settings: their constructors take what is simulated."""
        vault, chance = self.stage.vault, self.stage.fates.chance.random
        return {
            "cases.cases": lambda _: Cases(Plans(), self.stage.parts.decide),
            "cases.timekeeper": lambda _: Timekeeper(Plans(), self.stage.parts.decide),
            "cases.sequencer": lambda _: Sequencer(lambda: LOG_KEY, batch=LOG_BATCH),
            "eseal.notices": lambda _: self.stage.notices,
            "notify.notify": lambda _: Notify(vault, Sender(allow_private=True), TEXTS),
            "notify.deliverer": lambda _: Deliverer(
                vault, self.endpoint, chance=chance, run=partial(Attempt, self.stage, life)
            ),
        }

    def _ready(self, service: str, seconds: float) -> None:
        worker = self._services.get(service)
        if worker is not None:
            worker.ready(seconds)

    def _settled(self, service: str) -> None:
        """The embedded broker is done with events: the relay's own waking of itself."""
        self._services[service].wake(OUTBOX_TOPIC)

    def _tasks_opened(self) -> None:
        """Wakes whoever hands out tasks, who looks every second besides."""
        lost = self.stage.fates.strikes(Fault.WAKE_LOST)
        self._task_look.within(self.stage.fates.seconds(0, TASK_LOOK_SECONDS if lost else 0.05))

    def _look_for_tasks(self) -> None:
        """Have each office ask that has a task available; look again when time makes another available."""
        now = self.stage.clock.now()
        for organ_id, available_at in self.stage.databases.rows(
            "cases", "SELECT organ_id, min(available_at) FROM tasks GROUP BY organ_id ORDER BY organ_id"
        ):
            due = (datetime.fromisoformat(available_at).replace(tzinfo=UTC) - now).total_seconds()
            if due > 0:
                self._task_look.within(due + self.stage.fates.seconds(0, TASK_LOOK_SECONDS))
            elif organ_id in self.offices:
                self.offices[organ_id].look()
