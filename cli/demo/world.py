"""Who there is in the demo: regions, offices with their systems, a portal, a firm and its agent. All of it invented."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cli.demo.waiting import once_known
from cli.scenarios.folders import overlay_sent, read_overlay, sent
from duokua.client import Platform
from duokua.errors import AlreadyExists, DuokuaError
from duokua.eseal.v1 import seal_pb2
from duokua.eseal.v1 import seal_register_service_pb2 as register_pb
from duokua.identity.v1 import directory_pb2, directory_service_pb2
from duokua.keys import ClientKey
from duokua.matters.v1 import bundle_pb2, matter_service_pb2
from duokua.routing.v1 import routing_pb2, routing_service_pb2

pb = directory_service_pb2
SCENARIO = Path(__file__).parents[2] / "scenarios" / "open-restaurant"
REGIONS = (("330000", "浙江省", ""), ("330100", "杭州市", "330000"), ("330106", "西湖区", "330100"))
REGION = "330106"
# An identity number with its check character right and nobody behind it.
AGENT_NUMBER = "330106199001010018"
CITY, COUNTY = directory_pb2.ORGAN_LEVEL_CITY, directory_pb2.ORGAN_LEVEL_COUNTY


@dataclass(frozen=True, slots=True)
class Office:
    """An office, where it is, and what it handles."""

    key: str
    name: str
    english: str
    uscc: str
    region: str
    level: directory_pb2.OrganLevel.ValueType
    matters: tuple[str, ...]
    national: bool = False
    """Whether it seals with the national algorithms, which makes its notices OFD instead of PDF."""


LEAD = Office(
    "market",
    "西湖区市场监督管理局（示例）",
    "Market regulation",
    "11330106MB1A00001G",
    "330106",
    COUNTY,
    ("331031902000", "330131903000", "332031904000"),
)
URBAN = Office(
    "urban",
    "西湖区城市管理局（示例）",
    "Urban management",
    "11330106MB1A00010E",
    "330106",
    COUNTY,
    ("330133905000",),
    national=True,
)
# Fire rescue is at city level: a case of the district goes up the tree to it.
FIRE = Office(
    "fire", "杭州市消防救援支队（示例）", "Fire rescue", "11330100MB1A00020Q", "330100", CITY, ("330132906000",)
)
# The city handles outdoor signs too: routing must pass it over for the district's own office.
CITY_URBAN = Office(
    "city-urban",
    "杭州市城市管理局（示例）",
    "Urban management",
    "11330100MB1A00031W",
    "330100",
    CITY,
    ("330133905000",),
)
OFFICES = (LEAD, URBAN, FIRE, CITY_URBAN)


@dataclass(slots=True)
class World:
    """What the platform called everybody."""

    organs: dict[str, str] = field(default_factory=dict)
    """Organ ids by the offices' keys."""
    clients: dict[str, str] = field(default_factory=dict)
    """Client ids by the offices' keys, and of the "portal"."""
    keys: dict[str, Path] = field(default_factory=dict)
    """The same clients' key files."""
    bundle: bundle_pb2.Bundle = field(default_factory=bundle_pb2.Bundle)
    firm: str = ""
    agent: str = ""

    def organs_key(self, organ_id: str) -> str:
        """The key of the office that the platform knows by this id."""
        return next(key for key, known in self.organs.items() if known == organ_id)


def register_offices(operator: Platform, world: World, folder: Path) -> None:
    """Register regions and offices, and for each office a client with a key made here."""
    folder.mkdir(mode=0o700, exist_ok=True)
    regions = [directory_pb2.Region(code=code, name=name, parent_code=parent) for code, name, parent in REGIONS]
    operator.directory.RegisterRegions(pb.RegisterRegionsRequest(regions=regions))
    for office in OFFICES:
        organ = directory_pb2.Organ(name=office.name, uscc=office.uscc, region_code=office.region, level=office.level)
        answer = operator.directory.RegisterOrgan(pb.RegisterOrganRequest(organ=organ))
        world.organs[office.key] = answer.organ.organ_id
        _register_client(operator, world, folder, office.key, f"{office.name}业务系统")
    _register_client(operator, world, folder, "portal", "政务服务网（示例）")


def _register_client(operator: Platform, world: World, folder: Path, key: str, name: str) -> None:
    made = ClientKey.generate()
    world.keys[key] = folder / f"{key}.jwk"
    made.save(world.keys[key])
    organ_id = world.organs.get(key, "")
    role = directory_pb2.CLIENT_ROLE_DEPARTMENT if organ_id else directory_pb2.CLIENT_ROLE_PORTAL
    request = pb.RegisterClientRequest(name=name, role=role, organ_id=organ_id, public_jwk=made.public_jwk)
    world.clients[key] = operator.directory.RegisterClient(request).client.client_id


def declare_matters(operator: Platform, world: World) -> None:
    """Tell routing who handles what, once it knows the offices."""
    for office in OFFICES:
        request = routing_service_pb2.DeclareCapabilitiesRequest(
            organ_id=world.organs[office.key], catalog_codes=office.matters
        )
        once_known(lambda request=request: operator.routing.DeclareCapabilities(request), {"ORGAN_NOT_FOUND"})  # type: ignore[misc] # bound now, for each office


def choose_suite(operator: Platform, organ_id: str) -> bool:
    """Have an office's seals be of the national suite, once eseal knows it; False where there is no SM2 to be had."""
    request = register_pb.SetSuiteRequest(organ_id=organ_id, suite=seal_pb2.SUITE_NATIONAL)
    try:
        once_known(lambda: operator.seal_register.SetSuite(request), {"ORGAN_NOT_FOUND"})
    except DuokuaError as error:
        if error.reason != "SUITE_NOT_AVAILABLE":
            raise
        return False
    return True


def make_seal(applicant: Platform, operator: Platform, organ_id: str) -> None:
    """Have an office's system apply for the organ's seal, once eseal knows the organ, and an operator approve it."""
    request = register_pb.ApplyForSealRequest(organ_id=organ_id, reason="启用电子印章")
    try:
        seal = once_known(lambda: applicant.seal_register.ApplyForSeal(request), {"ORGAN_NOT_FOUND"}).seal
    except AlreadyExists:
        return
    operator.seal_register.ApproveSeal(register_pb.ApproveSealRequest(seal_id=seal.seal_id, reason="同意"))


def install_scenario(operator: Platform, world: World) -> None:
    """Install the scenario as it is shipped, with the district's overlay, under the lead office."""
    request = matter_service_pb2.InstallScenarioRequest(
        package=sent(SCENARIO),
        overlay=overlay_sent(read_overlay(SCENARIO / "examples" / "overlay.yaml")),
        lead_organ_id=world.organs[LEAD.key],
    )
    answer = once_known(lambda: operator.matters.InstallScenario(request), {"ORGAN_NOT_FOUND"})
    world.bundle.CopyFrom(answer.bundle)


def register_applicant(portal: Platform, world: World, applicant: Mapping[str, Any]) -> None:
    """Register, as the portal does, the firm of a form and the person who acts for it under a mandate."""
    world.firm = _person(portal, directory_pb2.PERSON_KIND_LEGAL, applicant["name"], applicant["uscc"])
    world.agent = _person(portal, directory_pb2.PERSON_KIND_NATURAL, applicant["contact"]["name"], AGENT_NUMBER)
    request = pb.GrantMandateRequest(agent_person_id=world.agent, principal_person_id=world.firm)
    request.expires_at.FromDatetime(datetime.now(UTC) + timedelta(days=30))
    portal.directory.GrantMandate(request)


def _person(portal: Platform, kind: directory_pb2.PersonKind.ValueType, name: str, number: str) -> str:
    request = pb.RegisterPersonRequest(kind=kind, name=name, identity_number=number, assurance=3)
    return portal.directory.RegisterPerson(request).person.person_id


def explain(operator: Platform, world: World, step_id: str) -> routing_service_pb2.ExplainRouteResponse:
    """Ask routing where a step would go now, and who is passed over."""
    step = next(step for step in world.bundle.steps if step.step_id == step_id)
    asked = routing_pb2.StepToRoute(step_id=step_id, catalog_code=step.catalog_code, level=step.level)
    return operator.routing.ExplainRoute(routing_service_pb2.ExplainRouteRequest(region_code=REGION, step=asked))
