"""The fields of the bundle's one form, as expressions and notices read them, and how large a form may be."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

from services.matters.package.faults import did_you_mean
from services.matters.package.formwork import work_fault
from services.matters.package.patterns import LARGEST_PATTERNS, pattern_size


@dataclass(slots=True)
class FormField:
    """A field of the form. `required` means: whenever the object that holds it is there."""

    types: frozenset[str] = frozenset()
    required: bool = False
    item_types: frozenset[str] = frozenset()
    fields: dict[str, "FormField"] = field(default_factory=dict)

    def find(self, path: str) -> "FormField | None":
        """The field at a dotted path below this one."""
        here = self
        for name in path.split("."):
            if name not in here.fields:
                return None
            here = here.fields[name]
        return here

    def always_has(self, path: str) -> bool:
        """Tell whether every valid form has the field at this path."""
        here = self
        for name in path.split("."):
            here = here.fields[name]
            if not here.required:
                return False
        return True

    def paths(self, prefix: str = "") -> Iterator[str]:
        """Every path below this field."""
        for name, child in self.fields.items():
            yield prefix + name
            yield from child.paths(f"{prefix}{name}.")

    def unknown(self, path: str) -> str:
        """Say that the form has no such field, and which one may be meant."""
        return f'the form has no field "{path}"{did_you_mean(path, self.paths())}'


def bound_fault(schema: dict[str, Any]) -> str:
    """What makes a form's validation impossible, or take more time or memory than it may; empty for nothing."""
    if message := work_fault(schema):
        return message
    if sum(map(pattern_size, _patterns(schema))) > LARGEST_PATTERNS:
        return "the form's patterns are too large together: use fewer and smaller repetitions, or max_length"
    try:
        # As the cases service will.
        jsonschema_rs.Draft202012Validator(schema, offline=True, pattern_options=jsonschema_rs.RegexOptions())
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        return f"cannot be used as a schema: {str(error).splitlines()[0][:200]}"
    return ""


def _patterns(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for value in (*schema.get("properties", {}).values(), schema.get("items")):
            yield from _patterns(value)
