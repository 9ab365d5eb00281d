"""From a region's overlay to the desk: what was bound at installation handles the step, and seals its notice."""

from datetime import UTC, datetime

from chassis.database import Database
from chassis.testing.events import emitted
from duokua.cases.v1 import events_pb2 as cases_events
from duokua.identity.v1 import directory_pb2
from duokua.identity.v1 import events_pb2 as identity_events
from duokua.routing.v1 import events_pb2 as routing_events
from services.matters.domain.bundle import Bundle, Lead
from services.matters.messages import bundle_message
from services.matters.package.compiler import compile_package
from services.routing import store as routing_store
from services.routing.service import Routing
from tests.cases.builders import Town, accepting, completing, returning, taken
from tests.cases.builders import a_material as material
from tests.conftest import MakeDatabase
from tests.matters.overlays import left_open, organ_id, overlay

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
REGION = "330106"
FORM = {"shop": {"region": REGION, "area": 900.0}, "owner": "王某"}


def bound_town(database: Database) -> Town:
    scenario = compile_package(left_open(), overlay(), organ_id)
    bundle = Bundle(scenario, 1, Lead("lead", "11330106002491234N", 4), "digest", NOON)
    return Town(database).publish(bundle_message(bundle))


def offices(make_database: MakeDatabase) -> Database:
    """Routing with the offices; the nearest that declares the permit is not the one that the region bound it to."""
    database = make_database(routing_store.metadata, "routing")
    organs = ["lead", "permit-office", "tobacco-office", "nearest", "checkers"]
    with database.begin() as work:
        routing = Routing()
        routing.keep_regions(
            work, [identity_events.RegionRegistered(region=directory_pb2.Region(code=REGION, name="区"), version=1)]
        )
        routing.keep_organs(work, [_organ(each) for each in organs])
        routing.declare(work, "nearest", ["330131903000", "330131907000"])
        routing.declare(work, "checkers", ["331031902000"])
        routing.declare(work, "lead", ["332031904000"])
    return database


def _organ(organ: str) -> identity_events.OrganRegistered:
    made = directory_pb2.Organ(
        organ_id=organ, name=f"{organ}局", region_code=REGION, level=directory_pb2.ORGAN_LEVEL_COUNTY
    )
    return identity_events.OrganRegistered(organ=made, version=1)


def route(town: Town, directory: Database) -> dict[str, tuple[str, str]]:
    """Have routing answer what the case asked last: organ and reason of each step."""
    asked = town.events("RoutingRequested")[-1]
    assert isinstance(asked, cases_events.RoutingRequested)
    with directory.begin() as work:
        Routing().route(work, [asked])
        answer = emitted(work)[-1]
    assert isinstance(answer, routing_events.StepsRouted)
    with town.database.begin() as work:
        town.cases.take_routes(work, [answer])
    return {each.step_id: (each.organ_id, each.reason) for each in answer.decisions}


def test_a_bound_office_gets_the_step_whatever_it_declares_and_others_are_found(
    database: Database, make_database: MakeDatabase
) -> None:
    town, directory = bound_town(database), offices(make_database)
    town.submit(FORM, [material()])
    routed = route(town, directory)
    assert {step: organ for step, (organ, _) in routed.items()} == {
        "check": "checkers",
        "permit": "permit-office",
        "deliver": "lead",
        "tobacco": "tobacco-office",
    }
    assert routed["permit"][1] == "bound to the step where the bundle was installed"


def test_the_bound_office_does_the_work_and_the_bound_seal_goes_on_its_notice(
    database: Database, make_database: MakeDatabase
) -> None:
    town, directory = bound_town(database), offices(make_database)
    town.submit(FORM, [material()])
    route(town, directory)
    taken(town.answer(completing(town.one("checkers"))))
    task = town.one("permit-office")
    taken(town.answer(accepting(task)))
    taken(town.answer(completing(task)))
    taken(town.answer(completing(town.one("tobacco-office"))))
    asked = {each.step.step_id: each for each in town.events("NoticeRequested")}
    assert asked["permit"].seal_organ_id == "lead"
    assert asked["permit"].step.organ_id == "permit-office"
    assert asked["tobacco"].seal_organ_id == ""


def test_a_bound_office_that_returns_the_step_is_not_asked_again(
    database: Database, make_database: MakeDatabase
) -> None:
    town, directory = bound_town(database), offices(make_database)
    town.submit(FORM, [material()])
    route(town, directory)
    taken(town.answer(completing(town.one("checkers"))))
    taken(town.answer(returning(town.one("permit-office"))))
    assert route(town, directory)["permit"][0] == "nearest"
