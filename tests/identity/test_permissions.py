"""The roles against the contracts of the whole platform."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from google.protobuf.descriptor import MethodDescriptor

import duokua
from chassis.problems import Forbidden
from duokua.options.v1 import options_pb2
from services.identity.domain.permissions import PERMISSIONS, Role, granted_scope


def methods() -> Iterator[MethodDescriptor]:
    (root,) = duokua.__path__
    for file in sorted(Path(root).rglob("*_service_pb2.py")):
        module = ".".join(["duokua", *file.relative_to(root).with_suffix("").parts])
        for service in import_module(module).DESCRIPTOR.services_by_name.values():
            yield from service.methods


def declared() -> set[str]:
    policies = [method.GetOptions().Extensions[options_pb2.policy] for method in methods()]
    return {policy.permission for policy in policies if policy.permission}


def test_every_method_declares_a_permission_or_is_open_to_anybody() -> None:
    found = list(methods())
    assert len(found) > 30
    for method in found:
        policy = method.GetOptions().Extensions[options_pb2.policy]
        assert bool(policy.permission) != policy.anonymous, method.full_name


def test_every_declared_permission_is_held_by_a_role() -> None:
    assert declared() - frozenset().union(*PERMISSIONS.values()) == set()


def test_no_role_holds_a_permission_that_no_method_declares() -> None:
    for role, held in PERMISSIONS.items():
        unknown = {permission for permission in held - declared() if permission.removesuffix("_all") not in declared()}
        assert unknown == set(), role


def test_only_an_operator_sees_what_belongs_to_others() -> None:
    for role in (Role.DEPARTMENT, Role.PORTAL):
        assert not [permission for permission in PERMISSIONS[role] if permission.endswith("_all")]


def test_no_role_both_submits_cases_and_works_on_tasks() -> None:
    for held in PERMISSIONS.values():
        assert not {"cases.submit", "tasks.work"} <= held


def test_without_a_wish_a_token_gets_all_of_its_role() -> None:
    assert granted_scope(Role.DEPARTMENT, []) == tuple(sorted(PERMISSIONS[Role.DEPARTMENT]))


def test_a_token_gets_what_was_asked_for_once() -> None:
    assert granted_scope(Role.DEPARTMENT, ["tasks.work", "matters.read", "tasks.work"]) == (
        "matters.read",
        "tasks.work",
    )


def test_a_scope_beyond_the_role_is_refused_and_named() -> None:
    with pytest.raises(Forbidden) as caught:
        granted_scope(Role.DEPARTMENT, ["tasks.work", "clients.write", "cases.read_all"])
    assert caught.value.reason == "INVALID_SCOPE"
    assert caught.value.metadata["missing"] == "cases.read_all clients.write"
