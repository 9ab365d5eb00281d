"""What differs between two versions of a scenario, in words."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeVar

from services.matters.domain.bundle import Scenario
from services.matters.domain.limits import Limit, Limits
from services.matters.domain.local import Binding, Placeholder
from services.matters.domain.names import Name

Item = TypeVar("Item")
# What each attribute is called, and how its value is told.
Told = Mapping[str, tuple[str, Callable[[Any], str]]]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: of what kind of thing, of which, and what about it."""

    area: str
    subject: str
    text: str

    def __str__(self) -> str:
        return " ".join(part for part in (self.area, self.subject) if part) + f": {self.text}"


def differences(old: Scenario, new: Scenario) -> list[Change]:
    """All that differs, in the order in which people read a manifest."""
    return [
        *_attributes("package", "", _SCENARIO, old, new),
        *_items("needs", _PLACEHOLDER, old.requires, new.requires, _placeholder_id),
        *_items("parameter", _PARAMETER, old.parameters, new.parameters, lambda each: each.parameter_id),
        *_items("extension point", _POINT, old.extension_points, new.extension_points, lambda each: each.point_id),
        *_items("binding", _BINDING, old.bindings, new.bindings, _binding_id),
        *_form(old.form_schema, new.form_schema),
        *_items("material", _MATERIAL, old.materials, new.materials, lambda each: each.kind),
        *_items("matter", _MATTER, old.matters, new.matters, lambda each: each.catalog_code),
        *_items("step", _STEP, old.steps, new.steps, lambda each: each.step_id),
        *_items("visit", _VISIT, old.visits, new.visits, lambda each: each.visit_id),
    ]


def _attributes(area: str, subject: str, told: Told, old: object, new: object) -> Iterator[Change]:
    """One change for each attribute that differs."""
    for attribute, (label, tell) in told.items():
        before, now = attrgetter(attribute)(old), attrgetter(attribute)(new)
        if before != now:
            yield Change(area, subject, _from_to(label, tell(before), tell(now)))


def _from_to(label: str, before: str, now: str) -> str:
    if before == now:
        return f"{label} is another"
    return f"{label}: {before or 'none'} → {now or 'none'}"


def _items(
    area: str, told: Told, old: Sequence[Item], new: Sequence[Item], identify: Callable[[Item], str]
) -> Iterator[Change]:
    """What is gone, what is new, and what differs in those that are in both."""
    before, now = ({identify(each): each for each in items} for items in (old, new))
    yield from (Change(area, subject, "is gone") for subject in before if subject not in now)
    for subject, item in now.items():
        if subject in before:
            yield from _attributes(area, subject, told, before[subject], item)
        else:
            yield Change(area, subject, f"is new{_described(told, item)}")


def _described(told: Told, item: object) -> str:
    said = [
        f"{label} {text}" for attribute, (label, tell) in told.items() if (text := tell(attrgetter(attribute)(item)))
    ]
    return f": {'; '.join(said)}" if said else ""


def _form(old: str, new: str) -> Iterator[Change]:
    before, now = (dict(_fields(json.loads(schema))) for schema in (old, new))
    yield from (Change("form", path, "is gone") for path in before if path not in now)
    for path, (required, said) in now.items():
        if path not in before:
            yield Change("form", path, f"is new, {'required' if required else 'not required'}")
            continue
        was_required, was = before[path]
        if required != was_required:
            yield Change("form", path, "is required now" if required else "is not required any more")
        for key in sorted(was.keys() | said.keys()):
            if was.get(key) != said.get(key):
                yield Change("form", path, _from_to(key, _json(was.get(key)), _json(said.get(key))))
    rest = [{key: value for key, value in json.loads(schema).items() if key != "properties"} for schema in (old, new)]
    if old != new and before == now and rest[0] != rest[1]:
        yield Change("form", "", "its rules as a whole are others")


def _fields(schema: Any, path: str = "") -> Iterator[tuple[str, tuple[bool, dict[str, Any]]]]:
    """The fields of an object by path, each with whether it is required, and what is said of it."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    required = schema.get("required", []) if isinstance(schema, dict) else []
    for name, field in properties.items() if isinstance(properties, dict) else ():
        said = field if isinstance(field, dict) else {"": field}
        inner = f"{path}{name}"
        told = {key: value for key, value in said.items() if key not in {"properties", "required", "x-ui"}}
        if asked_when := said.get("x-ui", {}).get("visible_when"):
            told["asked when"] = asked_when
        yield inner, (name in required, told)
        yield from _fields(said, f"{inner}.")


def _json(value: object) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _limit(limit: Limit | None) -> str:
    if limit is None:
        return ""
    more = f" (+{limit.longest_extension})" if limit.longest_extension else ""
    return f"{limit.amount} {limit.unit}{'' if limit.amount == 1 else 's'}{more}"


def _limits(limits: Limits) -> str:
    names = ("acceptance", "statutory", "promised")
    return _list(f"{name} {_limit(getattr(limits, name))}" for name in names if getattr(limits, name))


def _name(name: Name | None) -> str:
    return f"{name.zh} ({name.en})" if name else ""


def _text(value: object) -> str:
    return f'"{value}"' if value else ""


def _list(values: Iterable[str]) -> str:
    return ", ".join(values)


def _yes(value: bool) -> str:  # noqa: FBT001 - a value that is told
    return "yes" if value else ""


def _placeholder_id(placeholder: Placeholder) -> str:
    return f"{placeholder.kind} {placeholder.placeholder_id}"


def _binding_id(binding: Binding) -> str:
    return f"{binding.kind} {binding.placeholder_id}"


def _plain(value: object) -> str:
    return str(value) if value else ""


_SCENARIO: Told = {
    "version": ("version", _plain),
    "name": ("name", _name),
    "summary": ("summary", _name),
    "licence": ("licence", _plain),
    "catalog_code": ("catalogue code", _plain),
    "lead_role": ("role of the lead", _plain),
    "region_field": ("field with the region", _plain),
    "region_code": ("region", _plain),
    "limits": ("limits", _limits),
    "undo_order": ("order of undoing", _list),
    "clock_rules": ("the way in which days are counted", lambda _: ""),
    "corrections": (
        "corrections",
        lambda rules: f"{rules.most} at most, {_limit(rules.limit) or 'without a limit'}",
    ),
}
_PLACEHOLDER: Told = {"name": ("name", _name), "purpose": ("purpose", _name)}
_PARAMETER: Told = {
    "name": ("name", _name),
    "type": ("type", _plain),
    "default": ("default", _plain),
    "value": ("value here", _plain),
    "minimum": ("least", _plain),
    "maximum": ("most", _plain),
    "choices": ("choices", _list),
}
_POINT: Told = {"name": ("name", _name), "after": ("comes after", _list), "before": ("comes before", _list)}
_BINDING: Told = {"organ_id": ("organ", _plain), "level": ("level", _plain)}
_MATERIAL: Told = {
    "name": ("name", _name),
    "required": ("required", _yes),
    "media_types": ("media types", _list),
    "max_size": ("largest size in bytes", _plain),
    "licence": ("given by the licence", lambda licence: licence.licence_id if licence else ""),
    "from_step": ("given by the step", _plain),
}
_MATTER: Told = {
    "type_code": ("type", _plain),
    "name": ("name", _name),
    "form_fields": ("fields that its office sees", _list),
    "materials": ("materials", _list),
    "notice": ("notice", lambda notice: notice.title if notice else ""),
    "licence": ("licence", lambda licence: licence.kind if licence else ""),
    "inputs": ("inputs", lambda inputs: _list(f"{each.name} ({each.type})" for each in inputs)),
    "result_fields": (
        "result",
        lambda fields: _list(
            f"{each.name} ({each.type}{f' of {_list(each.values)}' if each.values else ''}"
            f"{'' if each.required else ', not always'}{', shared' if each.shared else ''})"
            for each in fields
        ),
    ),
}
_STEP: Told = {
    "matter.catalog_code": ("matter", _plain),
    "after": ("comes after", _list),
    "when": ("condition", _text),
    "level": ("level", _plain),
    "office": ("office", _plain),
    "region_field": ("field with its region", _plain),
    "organ_id": ("organ", _plain),
    "seal_organ_id": ("seal of", _plain),
    "organ_field": ("field that names its organ", _plain),
    "undoable": ("undone by a task", _yes),
    "pivot": ("point of no return", _yes),
    "optional": ("optional", _yes),
    "without_application": ("without an application", _yes),
    "quorum": ("needs so many of those before", _plain),
    "choice": ("choice", _plain),
    "pre_check": ("pre-check", _yes),
    "inputs": ("given", lambda inputs: _list(f"{each.name} = {each.expression}" for each in inputs)),
    "limits": ("limits", _limits),
}
_VISIT: Told = {"name": ("name", _name), "steps": ("steps", _list)}
