"""Bundles as published, and what is compiled from them: the saga's plan, and what checks an application."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
from jsonschema_rs import RegexOptions

from duokua.matters.v1 import bundle_pb2
from services.cases.compiling import plan_of
from services.cases.domain.plan import Plan
from services.cases.expressions import Condition, ExpressionFaultError
from services.cases.formats import FORMATS
from services.cases.prechecks import Rule
from services.cases.stepinputs import CompiledInput, compile_inputs


@dataclass(frozen=True, slots=True)
class MaterialNeed:
    """When a kind of material is asked for, and when it has to be there."""

    asked: Condition | None
    """None for always."""
    required: Condition | bool

    def may_come(self, form: Mapping[str, Any]) -> bool:
        """Whether it is taken with a form, as far as that can be told of one that is not valid."""
        try:
            return self.asked is None or self.asked.holds(form)
        except ExpressionFaultError:
            return True


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
    materials: dict[str, MaterialNeed]
    """By kind."""
    rules: tuple[Rule, ...]
    depending: dict[str, Condition]
    """The conditions that the form itself depends on, by their text."""
    digest: str
    """SHA-256 of the version as it was published, in hexadecimal."""


def compile_bundle(body: bytes) -> Published:
    """Read a published bundle."""
    bundle = bundle_pb2.Bundle.FromString(body)
    conditions = {step.step_id: Condition(step.when) for step in bundle.steps if step.when}
    plan = plan_of(bundle, {step_id for step_id, condition in conditions.items() if condition.late})
    # Nothing is fetched, and patterns cannot backtrack: the same rules with which the form was published.
    schema = json.loads(bundle.form_schema)
    form = jsonschema_rs.Draft202012Validator(
        schema,
        offline=True,
        pattern_options=RegexOptions(),
        validate_formats=True,
        formats=dict(FORMATS),
    )
    materials = {kind.kind: _need(kind) for kind in bundle.materials}
    depending = {part["x-when"]: Condition(part["x-when"]) for part in schema.get("allOf", ()) if "x-when" in part}
    return Published(
        bundle=bundle,
        plan=plan,
        form=form,
        conditions=conditions,
        inputs=compile_inputs(plan),
        materials=materials,
        rules=tuple(map(Rule.of, bundle.rules)),
        depending=depending,
        digest=hashlib.sha256(body).hexdigest(),
    )


def _need(kind: bundle_pb2.MaterialKind) -> MaterialNeed:
    return MaterialNeed(
        asked=Condition(kind.asked_when) if kind.asked_when else None,
        required=Condition(kind.required_when) if kind.required_when else kind.required,
    )
