"""Events that routing hears, and a small directory."""

from collections.abc import Sequence

from chassis.database import Database, UnitOfWork
from chassis.testing.events import emitted
from duokua.cases.v1 import events_pb2 as cases_events
from duokua.identity.v1 import directory_pb2
from duokua.identity.v1 import events_pb2 as identity_events
from duokua.routing.v1 import events_pb2, routing_pb2
from services.routing.service import Routing

FOOD = "330131028000"
SIGN = "330119012000"


def region(code: str, parent: str = "", name: str = "", version: int = 1) -> identity_events.RegionRegistered:
    built = directory_pb2.Region(code=code, name=name or f"place {code}", parent_code=parent)
    return identity_events.RegionRegistered(region=built, version=version)


def organ(
    organ_id: str,
    region_code: str = "330106",
    level: int = 4,
    name: str = "",
    version: int = 1,
    parent: str = "",
    uscc: str = "",
) -> identity_events.OrganRegistered:
    built = directory_pb2.Organ(
        organ_id=organ_id,
        name=name or f"office {organ_id}",
        region_code=region_code,
        level=directory_pb2.OrganLevel.ValueType(level),
        parent_organ_id=parent,
        uscc=uscc,
    )
    return identity_events.OrganRegistered(organ=built, version=version)


def step(
    step_id: str = "food",
    code: str = FOOD,
    level: int = 0,
    excluded: Sequence[str] = (),
    above: str = "",
    named: str = "",
) -> routing_pb2.StepToRoute:
    return routing_pb2.StepToRoute(
        step_id=step_id,
        catalog_code=code,
        level=level,
        excluded_organ_ids=excluded,
        above_organ_id=above,
        named_uscc=named,
    )


def request(
    case_id: str, *steps: routing_pb2.StepToRoute, request_no: int = 1, region_code: str = "330106"
) -> cases_events.RoutingRequested:
    return cases_events.RoutingRequested(
        case=cases_events.CaseRef(case_id=case_id),
        region_code=region_code,
        request_no=request_no,
        steps=steps or [step()],
    )


def settle(database: Database, *organs: identity_events.OrganRegistered, codes: Sequence[str] = (FOOD,)) -> Routing:
    """A province, a city and a county, and the organs, all of which declare the codes."""
    routing = Routing()
    with database.begin() as work:
        routing.keep_regions(work, [region("330000"), region("330100", "330000"), region("330106", "330100")])
        if organs:
            routing.keep_organs(work, organs)
        for event in organs:
            routing.declare(work, event.organ.organ_id, codes)
    return routing


def answers(work: UnitOfWork) -> list[events_pb2.StepsRouted]:
    """What was announced, in the order of cases and requests."""
    found = [event for event in emitted(work) if isinstance(event, events_pb2.StepsRouted)]
    return sorted(found, key=lambda event: (event.case_id, event.request_no))


def route(
    database: Database, routing: Routing, *requests: cases_events.RoutingRequested
) -> list[events_pb2.StepsRouted]:
    """Routes the requests as one batch; gives all answers so far."""
    with database.begin() as work:
        routing.route(work, requests)
    with database.begin() as work:
        return answers(work)


def chosen(answer: events_pb2.StepsRouted) -> list[str]:
    return [decision.organ_id for decision in answer.decisions]
