"""What is still to be asked (情形引导): form, materials and steps of a bundle, as far as answers decide them."""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from duokua.cases.v1 import application_service_pb2
from duokua.matters.v1 import bundle_pb2
from services.cases.expressions import Condition, ExpressionFaultError
from services.cases.published import Published
from services.cases.standing_in import NOTHING, Held, licence_message

Schema: TypeAlias = dict[str, Any]
pb = application_service_pb2


@dataclass(frozen=True, slots=True)
class Asked:
    """A form with the answers so far."""

    answers: Mapping[str, Any]
    schema: Schema
    """Without what the answers rule out; what they leave open is in its `allOf`."""
    to_come: frozenset[str] | None = None
    """Once all that has to be answered is: the fields that conditions on what was left blank make or may make required.

    None before; then every field may still be answered.
    """

    @property
    def open_fields(self) -> list[str]:
        """The required ones without an answer."""
        return list(_open_fields(self.schema, self.answers, ""))

    def decides(self, condition: Condition) -> bool | None:
        """Whether a condition holds; None when the answers so far leave that open."""
        try:
            return condition.holds_so_far(self.answers, [path for path in condition.asks_for if self._blank(path)])
        except ExpressionFaultError:
            return None

    def _blank(self, path: str) -> bool:
        """Whether a field, a group, or with "" the form, will not get an answer that it has not got."""
        if not _has(self.schema, path):
            return True
        return self.to_come is not None and not any(f"{each}.".startswith(path and f"{path}.") for each in self.to_come)


def ask(published: Published, answers: Mapping[str, Any]) -> Asked:
    """The form with the answers so far, which need not be valid."""
    schema: Schema = json.loads(published.bundle.form_schema)
    asked = Asked(answers, schema)
    while _cut(published, asked):
        continue
    if asked.open_fields:
        return asked
    settled = True
    while settled:
        to_come = frozenset(asked.open_fields)
        asked = replace(asked, to_come=to_come.union(_may_require(schema)))
        # Of rules that wait for each other, or for themselves, the first is settled by what is there.
        settled = _cut(published, asked) or _cut(published, replace(asked, to_come=to_come), most=1)
    return asked


def _cut(published: Published, asked: Asked, most: int = sys.maxsize) -> bool:
    """Settle in the form itself what is decided, so many rules at most; gives whether any was."""
    rules: list[Schema] = asked.schema.pop("allOf", [])
    left: list[Schema] = []
    for number, rule in enumerate(rules):
        holds = asked.decides(published.depending[rule["x-when"]]) if number - len(left) < most else None
        if holds is None:
            left.append(rule)
        elif holds:
            _require(asked.schema, rule.get("then", {}))
        else:
            _leave_out(asked.schema, rule.get("else", {}))
    if left:
        asked.schema["allOf"] = left
    return len(left) < len(rules)


def _may_require(schema: Schema) -> Iterator[str]:
    """The fields that rules which are open may make required."""
    for rule in schema.get("allOf", ()):
        yield from _required(rule.get("then", {}), "")


def _required(then: Schema, path: str) -> Iterator[str]:
    for name in then.get("required", ()):
        yield f"{path}{name}"
    for name, inner in then.get("properties", {}).items():
        yield from _required(inner, f"{path}{name}.")


def step_needs(published: Published, asked: Asked) -> Iterator[pb.StepNeed]:
    """Yield for each step whether the case will have it."""
    for step in published.bundle.steps:
        condition = published.conditions.get(step.step_id)
        open_still = condition is not None and condition.late
        holds = None if open_still else True if condition is None else asked.decides(condition)
        yield pb.StepNeed(step_id=step.step_id, name=step.name, need=_need(holds))


def material_needs(published: Published, form: Asked, held: Held = NOTHING) -> Iterator[pb.MaterialNeed]:
    """Yield for each kind of material whether it may come, and whether it has to; `held` is what stands for some."""
    for kind in published.bundle.materials:
        need = published.materials[kind.kind]
        asked = form.decides(need.asked) if need.asked else True
        required = need.required if isinstance(need.required, bool) else form.decides(need.required)
        message = _material(kind, asked, required)
        if kind.kind in held and asked is not False:
            message.required = pb.NEED_NO
            message.held.CopyFrom(licence_message(held[kind.kind]["licence"]))
        yield message


def _material(kind: bundle_pb2.MaterialKind, asked: bool | None, required: bool | None) -> pb.MaterialNeed:  # noqa: FBT001 - open has a third value
    return pb.MaterialNeed(
        kind=kind.kind,
        name=kind.name,
        asked=_need(asked),
        required=_need(required),
        media_types=kind.media_types,
        max_size=kind.max_size,
        licence=kind.licence if kind.HasField("licence") else None,
        from_step=kind.from_step,
    )


def _need(holds: bool | None) -> pb.Need.ValueType:  # noqa: FBT001 - open has a third value
    if holds is None:
        return pb.NEED_OPEN
    return pb.NEED_YES if holds else pb.NEED_NO


def _require(schema: Schema, then: Schema) -> None:
    """Make what a rule requires required in the form itself."""
    properties = schema.get("properties", {})
    new = [name for name in then.get("required", ()) if name in properties]
    if new:
        wanted = {*schema.get("required", ()), *new}
        schema["required"] = [name for name in properties if name in wanted]
    for name, inner in then.get("properties", {}).items():
        if name in properties:
            _require(properties[name], inner)


def _leave_out(schema: Schema, otherwise: Schema) -> None:
    """Take what is not asked for out of the form itself, and groups that have nothing left."""
    properties = schema.get("properties", {})
    for name, inner in otherwise.get("properties", {}).items():
        if name not in properties:
            continue
        if inner is not False:
            _leave_out(properties[name], inner)
        if inner is False or not properties[name].get("properties", True):
            del properties[name]
            schema["required"] = [each for each in schema.get("required", ()) if each != name]


def _has(schema: Schema, path: str) -> bool:
    """Whether a form has a field or a group; "" is the form."""
    here: Any = schema
    for name in path.split(".") if path else ():
        here = here.get("properties", {}).get(name)
        if here is None:
            return False
    return True


def _open_fields(schema: Schema, answers: object, path: str) -> Iterator[str]:
    given = answers if isinstance(answers, Mapping) else {}
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        if "properties" in field:
            if name in required or isinstance(given.get(name), Mapping):
                yield from _open_fields(field, given.get(name), f"{path}{name}.")
        elif name in required and name not in given:
            yield f"{path}{name}"
