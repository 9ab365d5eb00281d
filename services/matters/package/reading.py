"""From a YAML file's data to a model, and pydantic's errors in a developer's words."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from services.matters.package.faults import Fault, Faults, Path, did_you_mean
from services.matters.package.parts import SHAPES, Part
from services.matters.package.source import Source

Model = TypeVar("Model", bound=Part)


def read_part(model: type[Model], source: Source, faults: Faults) -> Model | None:
    """Read a file's data as a model; None, with a fault for each error, when it does not fit."""
    try:
        return model.model_validate(source.data)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        unknown = {details["loc"] for details in errors if details["type"] == "extra_forbidden"}
        for details in errors:
            if not (details["type"] == "missing" and _is_misspelt(details["loc"], unknown)):
                faults.add(_fault(model, source, details))
        return None


def _is_misspelt(missing: Path, unknown: Iterable[Path]) -> bool:
    """Tell whether a missing key stands beside an unknown one that looks like it: one slip is one fault."""
    beside = [str(path[-1]) for path in unknown if path[:-1] == missing[:-1]]
    return bool(difflib.get_close_matches(str(missing[-1]), beside, n=1, cutoff=0.6))


def _fault(model: type[Part], source: Source, details: ErrorDetails) -> Fault:
    path: Path = details["loc"]
    if details["type"] == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        return source.fault(path, f'unknown key "{path[-1]}"{did_you_mean(str(path[-1]), known)}', at_key=True)
    if path[-1:] == ("[key]",):
        return source.fault(path[:-1], _remedy(details, model.shapes), at_key=True)
    if details["type"] == "missing":
        return source.fault(path[:-1], f'"{path[-1]}" is missing: add it')
    return source.fault(path, _remedy(details, model.shapes))


def _remedy(details: ErrorDetails, shapes: Mapping[str, str]) -> str:
    """Say what to do about one error of pydantic's."""
    kind, context, given = details["type"], details.get("ctx", {}), details["input"]
    if kind == "string_type":
        return _wanted_text(given)
    if kind == "string_pattern_mismatch":
        pattern = context["pattern"]
        return f"{_shown(given)} should be {shapes.get(pattern) or SHAPES.get(pattern, pattern)}"
    remedies = {
        "bool_type": "should be true or false, without quotes",
        "int_type": "should be a whole number, without quotes",
        "list_type": "should be a list: one item a line, each after a hyphen",
        "dict_type": "should be a mapping: one `key: value` a line",
        "model_type": "should be a mapping: one `key: value` a line",
        "model_attributes_type": "should be a mapping: one `key: value` a line",
        "string_too_short": "is empty: write something",
        "string_too_long": f"is too long: {context.get('max_length')} characters at most",
        "too_long": f"has {context.get('actual_length')} items: {context.get('max_length')} at most",
        "too_short": f"needs {context.get('min_length')} at least",
        "literal_error": f"{_shown(given)} should be {context.get('expected')}",
        "greater_than_equal": f"{_shown(given)} should be {context.get('ge')} or more",
        "less_than_equal": f"{_shown(given)} should be {context.get('le')} or less",
    }
    return remedies.get(kind) or details["msg"]


def _wanted_text(given: object) -> str:
    if given is None:
        return "is empty: write something"
    if isinstance(given, bool | int | float):
        return f'should be text: put it in quotes, as "{str(given).lower() if isinstance(given, bool) else given}"'
    return "should be text"


def _shown(given: object) -> str:
    text = str(given)
    return f'"{text[:60]}…"' if len(text) > 60 else f'"{text}"'


def _keys_at(model: type[Part], path: Path) -> list[str]:
    """The keys that may stand at a path."""
    here: Any = model
    parts = iter(path)
    for part in parts:
        if isinstance(part, int):
            continue
        annotation = here.model_fields[part].annotation
        if "dict[" in str(annotation):
            next(parts, None)  # a name of the developer's own
        here = _part_in(annotation)
    return list(here.model_fields)


def _part_in(annotation: Any) -> Any:
    """Find the model in an annotation such as list[StepPart] or NoticePart | None."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if found := _part_in(argument):
            return found
    return None
