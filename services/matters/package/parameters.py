"""Parameters: the values that a region may set, as a manifest declares them and an overlay gives them."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from pydantic import ValidationError

from services.matters.domain.limits import LONGEST
from services.matters.package.faults import Faults, Path, did_you_mean
from services.matters.package.needs import ParameterPart
from services.matters.package.parts import TIME_PATTERN
from services.matters.package.source import Source
from services.matters.package.times import limit_of

Value: TypeAlias = bool | int | float | str

_LONGEST_TEXT = 200
_LARGEST = 10**12


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter with the value that holds, and where that was said."""

    part: ParameterPart
    value: Value
    said: tuple[Source, Path] | None = None
    """None for the default."""


def settings_of(source: Source, overlay: Source | None, faults: Faults) -> dict[str, Setting]:
    """The parameters of a manifest by id, each with its value; those that do not fit the model are left out.

    That a parameter does not fit is told when the whole manifest is read; that a value does not, here.
    """
    settings: dict[str, Setting] = {}
    for index, part in declared(source):
        if part.id in settings:
            faults.add(source.fault(("parameters", index, "id"), f'"{part.id}" is here twice: rename one of them'))
            continue
        if fault := _declaration_fault(part):
            faults.add(source.fault(("parameters", index, fault[0]), fault[1]))
            continue
        settings[part.id] = Setting(part, part.default)
    known = named(source)
    return settings if overlay is None else settings | _given(overlay, settings, known, faults)


def _given(
    overlay: Source, settings: Mapping[str, Setting], known: Collection[str], faults: Faults
) -> dict[str, Setting]:
    """The parameters to which an overlay gives a value that they may have."""
    given = overlay.data.get("parameters") if isinstance(overlay.data, dict) else None
    found: dict[str, Setting] = {}
    for name, value in given.items() if isinstance(given, dict) else ():
        path: Path = ("parameters", name)
        if name not in known:
            message = f'the package has no parameter "{name}"{did_you_mean(name, known)}'
            faults.add(overlay.fault(path, message, at_key=True))
        elif name in settings and (message := value_fault(settings[name].part, value)):
            faults.add(overlay.fault(path, message))
        elif name in settings:
            found[name] = replace(settings[name], value=value, said=(overlay, path))
    return found


def value_fault(part: ParameterPart, value: object) -> str:
    """Say why a parameter cannot have a value; empty when it can."""
    shape = _shape_fault(part, value)
    if shape or isinstance(value, bool) or not isinstance(value, int | float | str):
        return shape
    if part.choices is not None and value not in part.choices:
        return f'"{value}" is none of the choices{did_you_mean(str(value), part.choices)}'
    if part.min is not None and _less(value, part.min):
        return f"{value} is too little: {part.min} or more"
    if part.max is not None and _less(part.max, value):
        return f"{value} is too much: {part.max} at most"
    return ""


def text_of_value(value: object) -> str:
    """A value as people write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _listed(source: Source) -> list[Any]:
    listed = source.data.get("parameters") if isinstance(source.data, dict) else None
    return listed if isinstance(listed, list) else []


def named(source: Source) -> list[str]:
    """The names of all parameters, also of those that are not declared as they should be."""
    return [str(each["id"]) for each in _listed(source) if isinstance(each, dict) and "id" in each]


def declared(source: Source) -> Iterator[tuple[int, ParameterPart]]:
    """The parameters that are declared as they should be, with their places."""
    for index, each in enumerate(_listed(source)):
        try:
            yield index, ParameterPart.model_validate(each)
        except ValidationError:
            continue


def _declaration_fault(part: ParameterPart) -> tuple[str, str] | None:
    """What is wrong with a declaration, as (key, message)."""
    if (part.type == "enum") != (part.choices is not None):
        return "type", "a parameter has `choices` when its type is enum, and only then"
    for key, bound in (("min", part.min), ("max", part.max)):
        if bound is None:
            continue
        if part.type not in {"integer", "number", "duration"}:
            return key, f"has no meaning for the type {part.type}: take it away"
        if fault := _shape_fault(part, bound):
            return key, fault
    if fault := value_fault(part, part.default):
        return "default", fault
    return None


def _shape_fault(part: ParameterPart, value: object) -> str:
    """Say why a value is not of the parameter's type."""
    match part.type:
        case "boolean":
            return "" if isinstance(value, bool) else "should be true or false, without quotes"
        case "integer" | "number":
            whole = part.type == "integer"
            fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
            if not fits:
                return f"should be a {'whole ' if whole else ''}number, without quotes"
            return "" if abs(value) <= _LARGEST else f"is too large: up to {_LARGEST}"  # type: ignore[arg-type]  # a number
        case "duration":
            return _duration_fault(value)
        case _:
            return _text_fault(value)


def _duration_fault(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(TIME_PATTERN, value):
        return 'should be a time, such as "5 working days"'
    limit = limit_of(value)
    longest = LONGEST[limit.unit]
    return "" if limit.amount <= longest else f"is longer than a hundred years: {longest} {limit.unit}s at most"


def _text_fault(value: object) -> str:
    if not isinstance(value, str) or not value:
        return "should be text: put it in quotes"
    if len(value) > _LONGEST_TEXT or not value.isprintable():
        return f"should be printable, on one line, and of {_LONGEST_TEXT} characters at most"
    return ""


def _less(one: Any, other: Any) -> bool:
    if isinstance(one, str):
        return limit_of(other).longer_than(limit_of(one))
    return bool(one < other)
