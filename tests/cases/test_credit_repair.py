"""The shipped repair of credit with cases and routing: whoever made the entry decides on it, wherever that lies."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chassis.database import Database
from chassis.testing.events import emitted
from cli.scenarios.folders import read_folder
from duokua.identity.v1 import directory_pb2
from duokua.identity.v1 import events_pb2 as identity_events
from duokua.routing.v1 import events_pb2 as routing_events
from services.matters.domain.bundle import Bundle, Lead
from services.matters.messages import bundle_message
from services.matters.package.compiler import compile_package
from services.routing import store as routing_store
from services.routing.service import Routing
from tests.cases.builders import Town, a_material, completing, returning, taken
from tests.conftest import MakeDatabase
from tests.docs.pages import ROOT

FOLDER: Path = ROOT / "scenarios" / "credit-repair"
PENALTY = "331051923000"
# By id: the region, and the code by which applications name it.
ORGANS = {
    "lead": ("330106", "11330106MB1A004004"),
    "west-lake": ("330106", "11330106MB1A001003"),
    "ningbo": ("330203", "11330203MB1A00210K"),
}


@pytest.fixture(name="directory")
def _directory(make_database: MakeDatabase) -> Database:
    """Routing with the lead and two organs that repair penalties, one of them in another city."""
    database = make_database(routing_store.metadata, "routing")
    routing = Routing()
    with database.begin() as work:
        regions = {"330000": "", "330100": "330000", "330106": "330100", "330200": "330000", "330203": "330200"}
        routing.keep_regions(
            work,
            [
                identity_events.RegionRegistered(region=directory_pb2.Region(code=code, parent_code=above), version=1)
                for code, above in regions.items()
            ],
        )
        organs = [
            directory_pb2.Organ(organ_id=organ_id, name=f"{organ_id}局", region_code=region, uscc=uscc)
            for organ_id, (region, uscc) in ORGANS.items()
        ]
        for organ in organs:
            organ.level = directory_pb2.ORGAN_LEVEL_COUNTY
        routing.keep_organs(work, [identity_events.OrganRegistered(organ=organ, version=1) for organ in organs])
        codes = {"331051921000", "332051922000", "331051926000", "332051927000", "332031928000", "332051929000"}
        routing.declare(work, "lead", sorted(codes))
        for organ_id in ("west-lake", "ningbo"):
            routing.declare(work, organ_id, [PENALTY])
    return database


@pytest.fixture(name="city")
def _city(database: Database) -> Town:
    lead = Lead("lead", "11330106002491234N", 4)
    bundle = Bundle(compile_package(read_folder(FOLDER)), 1, lead, "digest", datetime(2026, 3, 2, tzinfo=UTC))
    return Town(database).publish(bundle_message(bundle))


def submit(city: Town, **entry: str) -> str:
    form = json.loads((FOLDER / "examples" / "penalty-by-another-city.json").read_text("utf-8"))
    # The dates of the example are over by any clock of a test but one that stands before them.
    form["entry"] |= {"recorded_on": "2020-08-18", **entry}
    form["penalty"] = {"performed_on": "2020-08-29", "publicity_ends": "2021-02-18"}
    materials = [a_material("credit-commitment"), a_material("penalty-performance")]
    return city.submit(form, materials, bundle_id="credit-repair")


def route(city: Town, directory: Database) -> dict[str, tuple[str, str]]:
    """Have routing answer what the case asked last: organ and reason of each step."""
    asked = city.events("RoutingRequested")[-1]
    with directory.begin() as work:
        Routing().route(work, [asked])
        answer = emitted(work)[-1]
    assert isinstance(answer, routing_events.StepsRouted)
    with city.database.begin() as work:
        city.cases.take_routes(work, [answer])
    return {each.step_id: (each.organ_id, each.reason) for each in answer.decisions}


def test_the_organ_of_another_city_that_imposed_the_penalty_gets_the_application(
    city: Town, directory: Database
) -> None:
    case_id = submit(city)
    organ_id, reason = route(city, directory)["penalty-repair"]
    assert organ_id == "ningbo"
    assert reason.startswith("ningbo局 is the organ that the application names")
    city.complete("lead", check="ok")
    (task,) = (each for each in city.lease("ningbo") if each.step_id == "penalty-repair")
    taken(city.answer(completing(task, decision_number="甬海市监信修〔2026〕6号")))
    assert city.statuses(case_id)["penalty-repair"] == "completed"
    assert city.lease("west-lake") == []


def test_what_it_returns_goes_to_nobody_else(city: Town, directory: Database) -> None:
    case_id = submit(city, organ_code=ORGANS["west-lake"][1])
    route(city, directory)
    city.complete("lead", check="ok")
    taken(city.answer(returning(city.one("west-lake"))))
    organ_id, reason = route(city, directory)["penalty-repair"]
    assert (organ_id, "returned the step as not its own" in reason) == ("", True)
    (incident,) = city.case(case_id).incidents.values()
    assert (incident.step_id, incident.reason) == ("penalty-repair", "NO_OFFICE")
    assert city.lease("ningbo") == []


def test_an_organ_that_nobody_has_registered_is_an_operators_to_find(city: Town, directory: Database) -> None:
    case_id = submit(city, organ_code="11330100MB1A00300P")
    organ_id, reason = route(city, directory)["penalty-repair"]
    assert (organ_id, "which is not registered" in reason) == ("", True)
    (incident,) = city.case(case_id).incidents.values()
    assert "Have it registered and declare the matter" in incident.description
