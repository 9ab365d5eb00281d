"""Registers what a scenario needs: a region, an office for each step, their systems, a portal and an applicant."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from stdnum.cn import uscc

from chassis.clock import new_id
from chassis.settings import Settings
from cli import supervise
from cli.connection import connect
from cli.scenarios.folders import overlay_sent, read_overlay, read_package
from duokua.client import Platform
from duokua.errors import NotFound
from duokua.eseal.v1 import seal_register_service_pb2 as register_pb
from duokua.identity.v1 import directory_pb2, directory_service_pb2
from duokua.keys import ClientKey
from duokua.matters.v1 import matter_service_pb2
from duokua.matters.v1.scenario_service_pb2 import TrustPublisherRequest
from duokua.routing.v1 import routing_service_pb2
from services.matters.package.archive import made_of, pack
from services.matters.package.keys import public_key_pem
from services.matters.package.signatures import sign

directory = directory_service_pb2
REGION = "330106"
KNOWN_SECONDS = 30.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Registered:
    """Everybody that was registered; `organs` by step. Keys and client ids lie in `folder`."""

    settings: Settings
    folder: Path
    organs: Mapping[str, str]
    applicant: str

    def portal(self) -> Platform:
        """The portal's connection; the caller closes it."""
        return _platform(self.settings, self.folder, "portal")

    def department_environment(self, step: str) -> dict[str, str]:
        """What the system of a step's office needs to reach the platform."""
        return {
            "DUOKUA_ENDPOINTS": supervise.endpoints_of(self.settings),
            "DUOKUA_CLIENT_ID": (self.folder / f"{step}.id").read_text(),
            "DUOKUA_KEY_FILE": str(self.folder / f"{step}.jwk"),
            "DUOKUA_ROOT_CERT": str(self.settings.secrets_folder / "tls-root.crt"),
        }


def register(settings: Settings, folder: Path, scenario: Path, codes: Mapping[str, str], *, seals: bool) -> Registered:
    """Register everybody and install the scenario; `codes` has the matter of each step, the lead office's first."""
    with connect(settings) as operator:
        region = directory_pb2.Region(code=REGION, name="西湖区")
        operator.directory.RegisterRegions(directory.RegisterRegionsRequest(request_id=new_id(), regions=[region]))
        organs = {step: _organ(operator, number) for number, step in enumerate(codes)}
        for step, code in codes.items():
            _declare(operator, organs[step], code)
            _client(operator, folder, step, directory_pb2.CLIENT_ROLE_DEPARTMENT, organs[step])
            if seals:
                with _platform(settings, folder, step) as office:
                    _make_seal(office, operator, organs[step])
        _client(operator, folder, "portal", directory_pb2.CLIENT_ROLE_PORTAL, "")
        install = matter_service_pb2.InstallScenarioRequest(
            request_id=new_id(),
            package=_signed(operator, scenario),
            overlay=_overlay(scenario),
            lead_organ_id=next(iter(organs.values())),
        )
        until_known(lambda: operator.matters.InstallScenario(install))
    with Registered(settings, folder, organs, "").portal() as portal:
        person = portal.directory.RegisterPerson(
            directory.RegisterPersonRequest(
                request_id=new_id(),
                kind=directory_pb2.PERSON_KIND_LEGAL,
                name="某某餐饮有限公司",
                identity_number=_uscc(99),
                assurance=3,
            )
        ).person
    return Registered(settings, folder, organs, person.person_id)


def _platform(settings: Settings, folder: Path, name: str) -> Platform:
    key, client_id = ClientKey.load(folder / f"{name}.jwk"), (folder / f"{name}.id").read_text()
    return Platform(supervise.endpoints_of(settings), client_id, key, settings.secrets_folder / "tls-root.crt")


def _signed(operator: Platform, scenario: Path) -> bytes:
    """The package, signed by a publisher who is trusted from now on."""
    key = Ed25519PrivateKey.generate()
    pem = public_key_pem(key.public_key().public_bytes_raw())
    operator.scenarios.TrustPublisher(
        TrustPublisherRequest(request_id=new_id(), public_key_pem=pem, name="出版者", reason="测试")
    )
    package = read_package(scenario)
    return pack(made_of(package.files, [sign(package.statement, key, "出版者", datetime.now(UTC))]))


def _overlay(scenario: Path) -> list[matter_service_pb2.ScenarioFile]:
    """The package's sample of an overlay, where it has one."""
    sample = scenario / "examples" / "overlay.yaml"
    return overlay_sent(read_overlay(sample)) if sample.exists() else []


def until_known(call: Callable[[], _T], seconds: float = KNOWN_SECONDS) -> _T:
    """Repeat a call until the events that it needs have arrived."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except NotFound:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _organ(operator: Platform, number: int) -> str:
    organ = directory_pb2.Organ(
        name=f"第{number}局", uscc=_uscc(number), region_code=REGION, level=directory_pb2.ORGAN_LEVEL_COUNTY
    )
    request = directory.RegisterOrganRequest(request_id=new_id(), organ=organ)
    return operator.directory.RegisterOrgan(request).organ.organ_id


def _declare(operator: Platform, organ_id: str, code: str) -> None:
    declare = routing_service_pb2.DeclareCapabilitiesRequest(
        request_id=new_id(), organ_id=organ_id, catalog_codes=[code]
    )
    until_known(lambda: operator.routing.DeclareCapabilities(declare))


def _make_seal(office: Platform, operator: Platform, organ_id: str) -> None:
    """The office's own system applies, the operator approves."""
    apply = register_pb.ApplyForSealRequest(request_id=new_id(), organ_id=organ_id, reason="启用电子印章")
    seal = until_known(lambda: office.seal_register.ApplyForSeal(apply)).seal
    operator.seal_register.ApproveSeal(register_pb.ApproveSealRequest(request_id=new_id(), seal_id=seal.seal_id))


def _client(
    operator: Platform, folder: Path, name: str, role: "directory_pb2.ClientRole.ValueType", organ: str
) -> None:
    key = ClientKey.generate()
    key.save(folder / f"{name}.jwk")
    request = directory.RegisterClientRequest(
        request_id=new_id(), name=name, role=role, organ_id=organ, public_jwk=key.public_jwk
    )
    (folder / f"{name}.id").write_text(operator.directory.RegisterClient(request).client.client_id)


def _uscc(number: int) -> str:
    body = f"1133010600{number:07d}"
    return f"{body}{uscc.calc_check_digit(body)}"
