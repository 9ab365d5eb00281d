"""A prepared town: regions, organs, seals, capabilities, a webhook and a published bundle. Made once a process.

The last of it is only in the senders' outboxes: a renamed region, a renamed organ, a person and a new version of the
bundle, so that these events too travel under faults.
"""

import random
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stdnum.cn import uscc

from chassis.api import Caller
from chassis.database import UnitOfWork
from chassis.settings import Settings
from chassis.testing import repeatable_ids
from chassis.vault import KEY_SECRET, Vault, make_key
from services.cases.calendars import Calendars
from services.eseal.keys.keystore import KeyStore
from services.eseal.notices import Notices
from services.eseal.seals.desk import SealDesk
from services.eseal.seals.register import Register
from services.identity.domain.directory import Level, Organ, PersonKind, Region
from services.identity.service import Identity
from services.matters.package.archive import made_of
from services.matters.service import Matters
from services.notify.service import Notify
from services.routing.service import Routing
from tests.platform.sealing import ensure_seal
from tests.simulation.databases import Databases
from tests.simulation.fates import Fates
from tests.simulation.parts import REAL, Parts
from tests.simulation.scheduler import Scheduler, SimulatedClock
from tests.simulation.script import STEPS
from tests.simulation.stage import Stage
from tests.simulation.trace import Trace
from tests.simulation.world import World

SCENARIO = Path(__file__).parent / "scenario"
REGION = "330106"
CODES = {step: f"33209980{number}000" for number, step in enumerate(STEPS, 1)}
OFFICES = (*STEPS, "food-2")
_OF_COUNTY = tuple(enumerate(OFFICES))
ABOVE = "fire-above"
"""The office to which the one for fire passes what it leaves to others."""
CITY = "330100"
WITH_WEBHOOK = "food"


@dataclass(frozen=True, slots=True)
class Town:
    """The prepared state, and who is in it."""

    settings: Settings
    vault: Vault
    notices: Notices
    databases: Databases
    copies: Mapping[str, sqlite3.Connection]
    organs: Mapping[str, str]
    """Ids by the offices' names."""
    prepared_at: int
    """On the simulated clock, in milliseconds."""

    def stage(self, chance: random.Random, parts: Parts = REAL) -> Stage:
        """Everything for a run in this town; whatever ran here before is forgotten."""
        clock = SimulatedClock()
        clock.milliseconds = self.prepared_at
        stage = _stage(clock, chance, self.databases, self.settings, self.vault, self.notices, parts)
        self.databases.restore(self.copies, clock, stage.fates)
        return stage


def prepare(folder: Path) -> Town:
    """Make the town, with the same ids each time."""
    (folder / "secrets").mkdir(parents=True)
    (folder / "secrets" / KEY_SECRET).write_bytes(make_key())
    settings = Settings(data_dir=folder, allow_private_webhooks=True)
    vault = Vault.from_settings(settings)
    clock, chance = SimulatedClock(), random.Random("town")
    databases = Databases(folder / "signals", clock)
    stage = _stage(clock, chance, databases, settings, vault, Notices(SealDesk(KeyStore(vault))), REAL)
    stage.fates.active = False
    with repeatable_ids(clock, chance):
        world = World(stage, volatile=False)
        organs = _register(databases, settings)
        _settle(world)
        _equip(databases, settings, organs)
        _settle(world)
        _change(databases, settings, organs)
        # Nothing runs any more: what was changed last stays in the outboxes.
    copies = databases.copy()
    return Town(settings, vault, stage.notices, databases, copies, organs, clock.milliseconds)


def _stage(
    clock: SimulatedClock,
    chance: random.Random,
    databases: Databases,
    settings: Settings,
    vault: Vault,
    notices: Notices,
    parts: Parts,
) -> Stage:
    scheduler, trace = Scheduler(clock), Trace(clock)
    fates = Fates(chance, scheduler, trace)
    return Stage(clock, scheduler, trace, fates, databases, settings, vault, notices, parts)


def _settle(world: World) -> None:
    for service in world.stage.databases.by_service:
        world.wake(service, "outbox")
    assert world.run(), world.stage.faults_seen
    assert not world.stage.faults_seen, world.stage.faults_seen


def _register(databases: Databases, settings: Settings) -> dict[str, str]:
    identity = Identity.from_settings(settings)
    with databases["identity"].begin() as work:
        identity.register_regions(work, [Region(CITY, "杭州市"), Region(REGION, "西湖区", CITY)])
        above = identity.register_organ(work, Organ("", "市局", _uscc(99), CITY, Level.CITY)).organ_id
        made = {name: identity.register_organ(work, _organ(number, above)).organ_id for number, name in _OF_COUNTY}
        return {**made, ABOVE: above}


def _organ(number: int, above: str, name: str = "") -> Organ:
    return Organ("", name or f"第{number}局", _uscc(number), REGION, Level.COUNTY, above)


def _uscc(number: int) -> str:
    body = f"1133010600{number:07d}"
    return f"{body}{uscc.calc_check_digit(body)}"


def _equip(databases: Databases, settings: Settings, organs: Mapping[str, str]) -> None:
    with databases["routing"].begin() as work:
        for name, organ_id in organs.items():
            Routing().declare(work, organ_id, [CODES[name.partition("-")[0]]])
    with databases["eseal"].begin() as work:
        ensure_seal(Register.from_settings(settings), work, organs["sign"])
    with databases["matters"].begin() as work:
        _install(work, _files(), organs["check"])
    with databases["cases"].begin() as work:
        Calendars().install(work)
    with databases["notify"].begin() as work:
        department = Caller("client:food", organ_id=organs[WITH_WEBHOOK])
        Notify.from_settings(settings).register_webhook(work, department, "http://127.0.0.1:9/", [], "r-1")


def _change(databases: Databases, settings: Settings, organs: Mapping[str, str]) -> None:
    identity = Identity.from_settings(settings)
    with databases["identity"].begin() as work:
        identity.register_regions(work, [Region(REGION, "西湖新区", CITY)])
        identity.register_organ(work, _organ(OFFICES.index("food-2"), organs[ABOVE], "改名局"))
        identity.register_person(work, PersonKind.NATURAL, "李雷", "330106199003071236", 3)
    changed = {
        path: content.replace("模拟一件事".encode(), "模拟一件新事".encode()) for path, content in _files().items()
    }
    with databases["matters"].begin() as work:
        _install(work, changed, organs["check"])


def _install(work: UnitOfWork, files: Mapping[str, bytes], lead: str) -> None:
    Matters().install(work, Matters().ready(work, made_of(files), lead))


def _files() -> dict[str, bytes]:
    return {path.relative_to(SCENARIO).as_posix(): path.read_bytes() for path in sorted(SCENARIO.rglob("*.*"))}
