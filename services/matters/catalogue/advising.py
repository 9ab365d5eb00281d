"""What the catalogue would say otherwise than a scenario: advice for who installs it, which hinders nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from chassis.clock import day_of
from chassis.database import UnitOfWork
from services.matters.catalogue.domain import codelists
from services.matters.catalogue.domain.rules import limit_of
from services.matters.catalogue.domain.versions import Phase
from services.matters.catalogue.searching import Wanted, search
from services.matters.catalogue.store import kept_of
from services.matters.domain.bundle import Scenario, Step

MOST_IMPLEMENTATIONS = 500
"""Of one item, that are looked at."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Something about a step that the catalogue says otherwise."""

    step_id: str
    catalog_code: str
    message: str


def advise(work: UnitOfWork, scenario: Scenario) -> list[Advice]:
    """What the catalogue, as it is in force today, says otherwise than a scenario; of unknown matters nothing."""
    connection, day = work.connection, day_of(work.now)
    codes = tuple(sorted({step.matter.catalog_code for step in scenario.steps}))
    known = {row.code for row in search(connection, Wanted(day, codes=codes), None, len(codes) * 100)}
    in_force = search(connection, Wanted(day, (Phase.IN_FORCE,), codes=codes), None, len(codes))
    names = {row.code: row.name for row in in_force}
    found = []
    for step in scenario.steps:
        if (code := step.matter.catalog_code) in known:
            messages = [*_about_item(step, names), *_about_limits(connection, step, day)]
            found += [Advice(step.step_id, code, message) for message in messages]
    return found


def _about_item(step: Step, names: dict[str, str]) -> Iterator[str]:
    name = names.get(step.matter.catalog_code)
    if name is None:
        yield "is in the catalogue, and not in force: see whether the code is right"
    elif name != step.matter.name.zh:
        yield f"is called {step.matter.name.zh} here and {name} in the catalogue"


def _about_limits(connection: Connection, step: Step, day: date) -> Iterator[str]:
    promised = step.limits.promised
    if promised is None:
        return
    wanted = Wanted(day, (Phase.IN_FORCE,), catalog_code=step.matter.catalog_code, implementations=True)
    for row in search(connection, wanted, None, MOST_IMPLEMENTATIONS, whole=True):
        content = kept_of(row).content
        amount, unit = content.get("statutory_limit"), content.get("statutory_unit", "")
        statutory = limit_of(amount, unit)
        if statutory and promised.longer_than(statutory):
            yield (
                f"promises {promised.amount} {promised.unit.value}s, and by law {row.placement.get('organ_name', '')} "
                f"({row.code}) has {amount} {codelists.UNITS.name_of(unit)}"
            )
            return
