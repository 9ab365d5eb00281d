"""docker-compose.yml is sound: what it names exists, every service has both processes, secrets stay in files."""

import re

import pytest

from chassis.settings import SERVICES, Settings
from tests.deploy.compose import ROOT, compose, platform_processes

KINDS = ("api", "worker")
EVERY = sorted(compose().services)
PROCESSES = sorted(platform_processes())


def test_every_service_has_an_api_and_a_worker() -> None:
    folders = {path.parent.name for path in (ROOT / "services").glob("*/worker.py")}
    assert folders == set(SERVICES)
    expected = {f"{service}-{kind}": ["duokua", "serve", service, kind] for service in folders for kind in KINDS}
    assert {name: process.command for name, process in platform_processes().items()} == expected


@pytest.mark.parametrize("name", EVERY)
def test_a_container_that_stays_has_a_health_check(name: str) -> None:
    service = compose().services[name]
    if service.restart == "no":
        assert service.healthcheck.disable
    else:
        assert service.healthcheck.test[0] == "CMD"


@pytest.mark.parametrize("name", EVERY)
def test_whatever_a_container_names_is_declared(name: str) -> None:
    service = compose().services[name]
    assert set(service.secrets) <= set(compose().secrets)
    assert set(service.networks) <= set(compose().networks)
    assert set(service.depends_on) <= set(compose().services)
    for volume in service.volumes:
        source = volume.split(":")[0]
        assert source in compose().volumes or (source.startswith("./") and (ROOT / source).is_file()), volume


@pytest.mark.parametrize("name", EVERY)
def test_one_waits_only_for_what_can_become_so(name: str) -> None:
    for other, dependency in compose().services[name].depends_on.items():
        ends = compose().services[other].restart == "no"
        assert dependency.condition == ("service_completed_successfully" if ends else "service_healthy")


@pytest.mark.parametrize("name", EVERY)
def test_no_secret_is_in_an_environment(name: str) -> None:
    for key, value in compose().services[name].environment.items():
        if re.search("PASSWORD|SECRET|KEY|TOKEN", key):
            assert key.endswith(("_FILE", "_DIR")), key
            assert value.startswith("/run/secrets"), key
        assert not re.search(r"//[^/@]*:[^/@]*@", value), f"{key} has a password in its URL"


@pytest.mark.parametrize("name", EVERY)
def test_a_secret_file_that_is_named_is_mounted(name: str) -> None:
    service = compose().services[name]
    files = {value.removeprefix("/run/secrets/") for key, value in service.environment.items() if key.endswith("_FILE")}
    # It has the environment of the workers, and does not talk to the broker.
    if name == "migrate":
        files -= {"broker-password"}
    assert files <= set(service.secrets)


def test_every_secret_is_used() -> None:
    used = {secret for service in compose().services.values() for secret in service.secrets}
    assert used == set(compose().secrets)
    assert {secret.file for secret in compose().secrets.values()} == {f"./secrets/{name}" for name in used}


@pytest.mark.parametrize("name", [*PROCESSES, "migrate"])
def test_a_process_of_the_platform_may_do_no_more_than_it_needs(name: str) -> None:
    service = compose().services[name]
    assert service.user.partition(":")[0] not in {"", "0", "root"}
    assert service.read_only
    assert service.cap_drop == ["ALL"]
    assert service.security_opt == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", [*PROCESSES, "migrate"])
def test_every_setting_is_one_that_the_platform_reads(name: str) -> None:
    known = {f"DUOKUA_{field.upper()}" for field in Settings.model_fields}
    assert set(compose().services[name].environment) <= known


def test_published_ports_are_distinct_and_on_loopback_by_default() -> None:
    published = [port for service in compose().services.values() for port in service.ports]
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert len({port.split(":")[1] for port in published}) == len(published)


def test_the_endpoints_are_the_api_processes() -> None:
    for service in SERVICES:
        settings = Settings.model_validate(
            {"endpoints": compose().services["cases-api"].environment["DUOKUA_ENDPOINTS"]}
        )
        assert settings.endpoint(service) == f"{service}-api:7443"
