"""Bundles as published, and the plans compiled from them: loaded once, because a version never changes."""

import json
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
from jsonschema_rs import RegexOptions
from sqlalchemy import Connection

from chassis.problems import NotFound
from duokua.matters.v1 import bundle_pb2
from services.cases import store
from services.cases.compiling import plan_of
from services.cases.domain.plan import Plan
from services.cases.expressions import Condition
from services.cases.stepinputs import CompiledInput, compile_inputs


@dataclass(frozen=True, slots=True)
class Published:
    """A version of a bundle: the contract, the saga's plan, and what checks an application."""

    bundle: bundle_pb2.Bundle
    plan: Plan
    form: Any
    """The validator of the form's JSON Schema."""
    conditions: dict[str, Condition]
    """By step id, for the steps that have one."""
    inputs: dict[str, tuple[CompiledInput, ...]]
    """By step id, for the steps that are given something of earlier results."""


class Plans:
    """The bundles that this process has met."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], Published] = {}

    def of(self, connection: Connection, bundle_id: str, version: int) -> Published:
        """A version of a bundle that is known to be there."""
        key = (bundle_id, version)
        if key not in self._known:
            self._known[key] = compile_bundle(store.bundle_body(connection, bundle_id, version))
        return self._known[key]

    def published(self, connection: Connection, bundle_id: str, version: int) -> Published:
        """A version of a bundle that somebody named; raises NotFound BUNDLE_NOT_FOUND."""
        if not store.has_bundle(connection, bundle_id, version):
            message = f"there is no version {version} of a bundle {bundle_id}; ListBundles tells which there are"
            raise NotFound("BUNDLE_NOT_FOUND", message, bundle_id=bundle_id, version=version)
        return self.of(connection, bundle_id, version)

    def newest(self, connection: Connection, bundle_id: str) -> Published:
        """The newest version of a bundle; raises NotFound BUNDLE_NOT_FOUND."""
        version = store.newest_version(connection, bundle_id)
        if version is None:
            message = f"there is no bundle {bundle_id}; ListBundles of the matters service tells which there are"
            raise NotFound("BUNDLE_NOT_FOUND", message, bundle_id=bundle_id)
        return self.of(connection, bundle_id, version)


def compile_bundle(body: bytes) -> Published:
    """Read a published bundle."""
    bundle = bundle_pb2.Bundle.FromString(body)
    conditions = {step.step_id: Condition(step.when) for step in bundle.steps if step.when}
    plan = plan_of(bundle, {step_id for step_id, condition in conditions.items() if condition.late})
    # Nothing is fetched, and patterns cannot backtrack: the same rules with which the form was published.
    form = jsonschema_rs.Draft202012Validator(
        json.loads(bundle.form_schema), offline=True, pattern_options=RegexOptions(), validate_formats=True
    )
    return Published(bundle, plan, form, conditions, compile_inputs(plan))
