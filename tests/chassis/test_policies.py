"""Every rpc of every service says who may call it, and every write can be repeated safely."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from chassis.api import Servicer
from chassis.operations import BusApi
from chassis.rpc import method_of
from chassis.settings import SERVICES, Settings
from chassis.vault import make_key
from duokua.options.v1 import options_pb2
from services.identity.domain.permissions import PERMISSIONS

ANONYMOUS = {
    "duokua.eseal.v1.SealService.GetTrustAnchors",  # whoever has a sealed notice may check it
    "duokua.identity.v1.TokenService.GetKeys",  # public keys, with which the other services check tokens
    "duokua.identity.v1.TokenService.IssueToken",  # who has no token yet; the request proves who asks
}
WRITES_WITHOUT_REQUEST_ID = {
    "duokua.cases.v1.MaterialService.Upload": "its upload id stands for one content, whose hash it checks",
    "duokua.cases.v1.TaskService.AnswerTask": "the answer has its own, which the case itself remembers",
    "duokua.identity.v1.TokenService.IssueToken": "an assertion is good for one token",
    "duokua.matters.v1.CatalogueService.ImportMatters": "its first message has one, and the import remembers it",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(data_dir=tmp_path)
    made.secrets_folder.mkdir()
    (made.secrets_folder / "vault.key").write_bytes(make_key())
    return made


def servicers(settings: Settings) -> Iterator[Servicer]:
    for service in SERVICES:
        yield from importlib.import_module(f"services.{service}.api").build(settings)
    yield BusApi(settings, {})


def policy(method: MethodDescriptor) -> options_pb2.MethodPolicy:
    declared: options_pb2.MethodPolicy = method.GetOptions().Extensions[options_pb2.policy]
    return declared


def test_every_service_of_the_contracts_is_implemented_whole(settings: Settings) -> None:
    found = list(servicers(settings))
    for servicer in found:
        for method in servicer.service.methods:
            assert method_of(servicer, method).full_name == method.full_name
    contracts = Path(__file__).parents[2] / "proto"
    declared = sum(path.read_text().count("\nservice ") for path in contracts.rglob("*.proto"))
    assert len({servicer.service.full_name for servicer in found}) == len(found) == declared


def test_every_method_needs_a_permission_that_a_role_has_or_is_known_to_be_anonymous(settings: Settings) -> None:
    given = frozenset[str]().union(*PERMISSIONS.values())
    anonymous = set()
    for servicer in servicers(settings):
        for method in servicer.service.methods:
            if policy(method).anonymous:
                anonymous.add(method.full_name)
            else:
                assert policy(method).permission in given, f"nobody may call {method.full_name}"
    assert anonymous == ANONYMOUS


def test_every_write_has_a_request_id_or_a_reason_to_have_none(settings: Settings) -> None:
    without = {
        method.full_name
        for servicer in servicers(settings)
        for method in servicer.service.methods
        if policy(method).write and "request_id" not in method.input_type.fields_by_name
    }
    assert without == set(WRITES_WITHOUT_REQUEST_ID)


def test_whatever_has_a_request_id_is_a_write(settings: Settings) -> None:
    for servicer in servicers(settings):
        for method in servicer.service.methods:
            if "request_id" in method.input_type.fields_by_name:
                assert policy(method).write, f"{method.full_name} would not remember its requests"


def test_every_list_is_given_by_pages(settings: Settings) -> None:
    for servicer in servicers(settings):
        for method in servicer.service.methods:
            if method.name.startswith("List"):
                assert {"page_size", "page_token"} <= set(method.input_type.fields_by_name), method.full_name
                assert "next_page_token" in method.output_type.fields_by_name, method.full_name


def a_service(name: str, *, permission: str = "") -> ServiceDescriptor:
    """A service with one rpc, `Do`."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package=name, syntax="proto3")
    file.message_type.add(name="Thing")
    method = file.service.add(name="Service").method.add(
        name="Do", input_type=f".{name}.Thing", output_type=f".{name}.Thing"
    )
    if permission:
        method.options.Extensions[options_pb2.policy].permission = permission
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool.FindServiceByName(f"{name}.Service")


class Implementation:
    def __init__(self, service: ServiceDescriptor) -> None:
        self.service = service


class WholeImplementation(Implementation):
    def do(self) -> None: ...


def test_a_method_without_a_policy_cannot_be_served() -> None:
    service = a_service("lawless")
    with pytest.raises(TypeError, match=r"lawless\.Service\.Do declares no permission"):
        method_of(WholeImplementation(service), service.methods[0])


def test_a_method_without_an_implementation_cannot_be_served() -> None:
    service = a_service("lazy", permission="x")
    with pytest.raises(TypeError, match="has no method do"):
        method_of(Implementation(service), service.methods[0])
    assert method_of(WholeImplementation(service), service.methods[0]).policy.permission == "x"
