"""How much work the validation of a form can be: counted along every path, before a schema is ever compiled.

A validator follows references and combinations as often as it meets them, so a schema of a few lines can double its
work with every line. Each of the schema's parts is counted here as often as one value could be held against it.
"""

from collections.abc import Iterator
from typing import Any

from services.matters.package.faults import Path

MOST_WORK = 10_000
# Schemas inside one another, through references too; validators recurse.
DEEPEST_SCHEMA = 100

_ONE = frozenset([
    "not", "if", "then", "else", "items", "contains", "propertyNames", "additionalProperties", "unevaluatedItems",
    "unevaluatedProperties", "contentSchema",
])  # fmt: skip
_LISTED = frozenset(["allOf", "anyOf", "oneOf", "prefixItems"])
_NAMED = frozenset(["properties", "patternProperties", "dependentSchemas"])
# Keywords whose schemas apply to the value itself.
_IN_PLACE = frozenset(["$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"])
# Keywords whose schema applies to as many values as the form happens to have.
_REPEATED = frozenset([
    "items", "contains", "propertyNames", "additionalProperties", "patternProperties", "unevaluatedItems",
    "unevaluatedProperties",
])  # fmt: skip
_UNEVALUATED = frozenset(["unevaluatedItems", "unevaluatedProperties"])
# To know what was evaluated, validators look again at all that applies in place: once and up to thrice more.
_LOOKS_WITH_UNEVALUATED = 4
_REPEATED_COUNTS = 10
# So many values or names to compare with are as much work as one schema.
_VALUES_A_SCHEMA = 10
_VALUES = ("enum", "const", "required", "dependentRequired")


def work_fault(root: dict[str, Any]) -> tuple[Path, str] | None:
    """The place below the form, and why the schema is too much work; None when its work is bounded."""
    try:
        _Counter(root).count(root, (), ("#",), weight=1, repeated=False)
    except _TooMuch as found:
        return found.path, found.message
    return None


class _TooMuch(Exception):
    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


class _Counter:
    """Walks a schema that fits the dialect's own schema, without remembering where it has been."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._work = 0

    def count(self, schema: object, path: Path, references: tuple[str, ...], *, weight: int, repeated: bool) -> None:
        """Count a schema and all inside it; `weight` is how often one value can be held against it."""
        size = sum(_size(schema.get(keyword)) for keyword in _VALUES) if isinstance(schema, dict) else 0
        self._work += weight * (_REPEATED_COUNTS if repeated else 1) * (1 + size // _VALUES_A_SCHEMA)
        if self._work > MOST_WORK:
            message = "the form's references and combinations multiply, or it is too large: write it more plainly"
            raise _TooMuch((), f"{message} ({MOST_WORK} checks at most; those of items and of names count tenfold)")
        if not isinstance(schema, dict):
            return
        if len(references) + len(path) > DEEPEST_SCHEMA:
            raise _TooMuch(path, f"is nested more than {DEEPEST_SCHEMA} deep: write it more plainly")
        again = _LOOKS_WITH_UNEVALUATED if _UNEVALUATED & schema.keys() else 1
        for keyword, where, part in _parts(schema):
            inner = weight * (again if keyword in _IN_PLACE else 1)
            self.count(part, (*path, *where), references, weight=inner, repeated=repeated or keyword in _REPEATED)
        reference = schema.get("$ref")
        if isinstance(reference, str):
            here = (*path, "$ref")
            if reference in references:
                raise _TooMuch(here, f"{reference} refers to itself: a form is finite, write out what is needed")
            target = self._resolve(reference)
            place = ("$defs", reference.removeprefix("#/$defs/"))
            self.count(target, place, (*references, reference), weight=weight * again, repeated=repeated)

    def _resolve(self, reference: str) -> object:
        """The definition that is referred to; None where there is none, which compiling reports."""
        return self._root.get("$defs", {}).get(reference.removeprefix("#/$defs/"))


def _parts(schema: dict[str, Any]) -> Iterator[tuple[str, Path, object]]:
    """Yield each schema directly inside one: its keyword, its path, itself."""
    for keyword, value in schema.items():
        if keyword in _ONE:
            yield keyword, (keyword,), value
        elif keyword in _LISTED:
            for index, part in enumerate(value):
                yield keyword, (keyword, index), part
        elif keyword in _NAMED:
            for name, part in value.items():
                yield keyword, (keyword, name), part


def _size(value: object) -> int:
    """How many values a value holds; a package's files bound their depth."""
    if isinstance(value, list):
        return len(value) + sum(_size(item) for item in value)
    if isinstance(value, dict):
        return len(value) + sum(_size(item) for item in value.values())
    return 0
