"""A bundle with limits, and time that passes, as tests of clocks need them."""

from datetime import datetime
from typing import Any

from chassis.testing import ManualClock
from duokua.matters.v1 import bundle_pb2
from services.cases import store
from services.cases.domain import inputs
from services.cases.domain.case import Case
from services.cases.domain.decide import replay
from services.cases.domain.proceedings import CaseClock
from services.cases.plans import Plans
from services.cases.timekeeper import Timekeeper
from tests.cases.builders import Town, a_bundle
from tests.cases.calendar.days import at

WORKING_DAY = bundle_pb2.TIME_UNIT_WORKING_DAY


def a_timed_bundle(version: int = 1) -> bundle_pb2.Bundle:
    """The shop's bundle; food has the limits of the law and a promise of 10 working days, the bundle the law's."""
    bundle = a_bundle(version)
    limits = next(step for step in bundle.steps if step.step_id == "food").limits
    limits.acceptance.CopyFrom(bundle_pb2.Limit(amount=5, unit=WORKING_DAY))
    limits.statutory.CopyFrom(bundle_pb2.Limit(amount=20, unit=WORKING_DAY, longest_extension=10))
    limits.promised.CopyFrom(bundle_pb2.Limit(amount=10, unit=WORKING_DAY))
    bundle.limits.statutory.CopyFrom(bundle_pb2.Limit(amount=45, unit=WORKING_DAY, longest_extension=15))
    return bundle


def a_timekeeper(batch: int = 200) -> Timekeeper:
    return Timekeeper(Plans(), batch=batch)


def until(clock: ManualClock, text: str) -> datetime:
    """Let it be that time in China, such as "2026-09-30 09:00"."""
    clock.advance(seconds=(at(text) - clock.now()).total_seconds())
    return clock.now()


def clocks(town: Town, case_id: str) -> dict[str, CaseClock]:
    return dict(town.case(case_id).proceedings.clocks)


def history(town: Town, case_id: str) -> list[Any]:
    """The rows of a case's history."""
    with town.database.read() as work:
        return list(store.history_page(work.connection, case_id, 0, 1000))


def turned(town: Town, case_id: str) -> list[tuple[str, str]]:
    """Clock and light of each change that a case was told of."""
    rows = [row for row in history(town, case_id) if row.kind == "clock_turned"]
    return [(row.input["clock_id"], row.input["light"]) for row in rows]


def replayed(town: Town, case_id: str) -> Case:
    """The case that its history leads to."""
    row = town.row(case_id)
    with town.database.read() as work:
        plan = town.cases.plans.of(work.connection, row.bundle_id, row.bundle_version).plan
    return replay(plan, [(inputs.from_json(each.kind, each.input), each.at) for each in history(town, case_id)])
