"""What a bundle saves (四减): forms, fields, materials, visits and days, from the numbers of its matters."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from services.matters.domain.bundle import Burden, Matter, Scenario
from services.matters.domain.limits import Limit, TimeUnit


@dataclass(frozen=True, slots=True)
class Savings:
    """What applying one after the other asks, and what the bundle asks."""

    before: Burden
    """Of all matters that say what they ask alone, together: one is applied for after the other."""
    after: Burden
    matters: tuple[Matter, ...]
    """Those that say it, in the order of the steps."""
    unsaid: tuple[Matter, ...]
    """Those that do not."""
    supplied_fields: int
    """Of the fields after, those that data or licences can supply."""
    given_materials: int
    """Materials that licences or earlier steps give, which are not among those after."""


def savings_of(scenario: Scenario) -> Savings:
    """Count what a scenario asks in every situation together: nobody is asked more."""
    matters = tuple({step.matter.catalog_code: step.matter for step in scenario.steps}.values())
    said = [matter.alone for matter in matters if matter.alone]
    before = Burden(**{each.name: sum(getattr(alone, each.name) for alone in said) for each in fields(Burden)})
    asked = list(_leaves(json.loads(scenario.form_schema)))
    given = [kind for kind in scenario.materials if kind.licence or kind.from_step]
    after = Burden(
        forms=1 if asked else 0,
        fields=len(asked),
        materials=len(scenario.materials) - len(given),
        visits=scenario.applicant_visits,
        days=_days(scenario.limits.promised or scenario.limits.statutory),
    )
    return Savings(
        before,
        after,
        tuple(matter for matter in matters if matter.alone),
        tuple(matter for matter in matters if not matter.alone),
        sum("x-source" in leaf for leaf in asked),
        len(given),
    )


def _leaves(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The fields that people fill in; of a list of records, those of one record."""
    for field in schema.get("properties", {}).values():
        record = field.get("items", field)
        if "properties" in record:
            yield from _leaves(record)
        else:
            yield field


def _days(limit: Limit | None) -> int:
    """A limit in working days, a started one counted whole; 0 without one."""
    day = Limit(1, TimeUnit.WORKING_DAY).minutes
    return -(-limit.minutes // day) if limit else 0
