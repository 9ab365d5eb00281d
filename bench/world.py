"""A platform for benchmarks: real servers, every service in its own processes, five offices, one portal."""

import contextlib
import functools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stdnum.cn import uscc

from bench.ports import free_ports
from chassis.clock import new_id
from chassis.settings import SERVICES, Settings
from cli import supervise
from cli.connection import connect
from cli.initialise import initialise
from cli.scenarios import read_package
from duokua.client import Platform
from duokua.errors import NotFound
from duokua.identity.v1 import directory_pb2, directory_service_pb2
from duokua.keys import ClientKey
from duokua.matters.v1 import matter_service_pb2
from duokua.routing.v1 import routing_service_pb2
from tests.servers import PostgresServer, RabbitmqServer

directory = directory_service_pb2
STEPS = ("a", "b", "c", "d", "e")
CODES = {step: f"3320999{number:02d}000" for number, step in enumerate(STEPS, 1)}
SCENARIO = Path(__file__).parent / "scenarios" / "bundle5"


@dataclass(slots=True)
class World:
    """What a benchmark works with."""

    portal: Platform
    applicant: str
    cases_url: str
    pids: dict[str, int]
    """Of the platform's processes and the servers, by name."""
    departments: dict[str, int]


@contextlib.contextmanager
def world() -> Iterator[World]:
    """Start everything, register everybody, and stop it all at the end."""
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer(durable=True))
        rabbitmq = stack.enter_context(RabbitmqServer())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="duokua-bench-")))
        for service in SERVICES:
            postgres.create_database(f"duokua_{service}")
        settings = Settings(
            data_dir=folder,
            database_url=postgres.url("duokua_{service}"),
            broker_url=rabbitmq.url(),
            listen=f"127.0.0.1:{free_ports(len(SERVICES))}",
            health_listen=f"127.0.0.1:{free_ports(2 * len(SERVICES))}",
            log_level="WARNING",
        )
        initialise(settings.secrets_folder)
        environment = supervise.environment_of(settings)
        supervise.migrate(environment)
        supervisor = supervise.Supervisor(settings, environment, folder / "logs")
        stack.callback(supervisor.stop)
        supervisor.start()
        operator = stack.enter_context(connect(settings))
        portal = stack.enter_context(_register(operator, settings, folder))
        person = portal.directory.RegisterPerson(
            directory.RegisterPersonRequest(
                request_id=new_id(),
                kind=directory_pb2.PERSON_KIND_LEGAL,
                name="某某餐饮有限公司",
                identity_number=_uscc(99),
                assurance=3,
            )
        ).person
        pids = {**supervisor.pids(), "postgresql": postgres.pid, "rabbitmq": rabbitmq.pid}
        departments = {step: stack.enter_context(_department(settings, folder, step)).pid for step in STEPS}
        yield World(portal, person.person_id, postgres.url("duokua_cases"), pids, departments)


def _register(operator: Platform, settings: Settings, folder: Path) -> Platform:
    region = directory_pb2.Region(code="330106", name="西湖区")
    operator.directory.RegisterRegions(directory.RegisterRegionsRequest(request_id=new_id(), regions=[region]))
    organs = [_organ(operator, number) for number in range(len(STEPS))]
    for step, organ_id in zip(STEPS, organs, strict=True):
        declare = routing_service_pb2.DeclareCapabilitiesRequest(
            request_id=new_id(), organ_id=organ_id, catalog_codes=[CODES[step]]
        )
        _until_known(functools.partial(operator.routing.DeclareCapabilities, declare))
        _client(operator, folder, step, directory_pb2.CLIENT_ROLE_DEPARTMENT, organ_id)
    install = matter_service_pb2.InstallScenarioRequest(
        request_id=new_id(), files=read_package(SCENARIO), lead_organ_id=organs[0]
    )
    _until_known(functools.partial(operator.matters.InstallScenario, install))
    client_id = _client(operator, folder, "portal", directory_pb2.CLIENT_ROLE_PORTAL, "")
    key = ClientKey.load(folder / "portal.jwk")
    return Platform(supervise.endpoints_of(settings), client_id, key, settings.secrets_folder / "tls-root.crt")


def _organ(operator: Platform, number: int) -> str:
    organ = directory_pb2.Organ(
        name=f"第{number}局", uscc=_uscc(number), region_code="330106", level=directory_pb2.ORGAN_LEVEL_COUNTY
    )
    request = directory.RegisterOrganRequest(request_id=new_id(), organ=organ)
    return operator.directory.RegisterOrgan(request).organ.organ_id


def _client(operator: Platform, folder: Path, name: str, role: "directory_pb2.ClientRole.ValueType", organ: str) -> str:
    key = ClientKey.generate()
    key.save(folder / f"{name}.jwk")
    request = directory.RegisterClientRequest(
        request_id=new_id(), name=name, role=role, organ_id=organ, public_jwk=key.public_jwk
    )
    client_id = operator.directory.RegisterClient(request).client.client_id
    (folder / f"{name}.id").write_text(client_id)
    return client_id


@contextlib.contextmanager
def _department(settings: Settings, folder: Path, step: str) -> "Iterator[subprocess.Popen[bytes]]":
    environment = {
        **os.environ,
        "DUOKUA_ENDPOINTS": supervise.endpoints_of(settings),
        "DUOKUA_CLIENT_ID": (folder / f"{step}.id").read_text(),
        "DUOKUA_KEY_FILE": str(folder / f"{step}.jwk"),
        "DUOKUA_ROOT_CERT": str(settings.secrets_folder / "tls-root.crt"),
    }
    process = subprocess.Popen([sys.executable, "-m", "bench.department", CODES[step]], env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _until_known(call: Callable[[], Any], seconds: float = 20.0) -> None:
    """Repeat a call until the events that it needs have arrived."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            call()
        except NotFound:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _uscc(number: int) -> str:
    body = f"1133010600{number:07d}"
    check: str = uscc.calc_check_digit(body)
    return body + check
