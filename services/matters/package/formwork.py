"""How much work the validation of a form can be: counted before a schema is ever compiled."""

from collections.abc import Iterator
from typing import Any

MOST_WORK = 10_000
# What applies to as many values as the form happens to have counts so often.
_REPEATED_COUNTS = 10
# So many values or names to compare with are as much work as one schema.
_VALUES_A_SCHEMA = 10
_VALUES = ("enum", "const", "required")
_INNER = ("if", "then", "else", "not")
_LISTED = ("allOf", "anyOf")
_REPEATED = ("items", "contains")


def work_fault(schema: dict[str, Any]) -> str:
    """Why a form is too much work; empty when its work is bounded."""
    work = _work(schema)
    if work <= MOST_WORK:
        return ""
    what = "the form has too many fields, values and conditions together"
    return f"{what}: they are {work} checks, {MOST_WORK} at most; those of items in a list count tenfold"


def _work(schema: object) -> int:
    """One for the schema, and for all inside it."""
    if not isinstance(schema, dict):
        return 1
    values = sum(_size(schema.get(keyword)) for keyword in _VALUES)
    return 1 + values // _VALUES_A_SCHEMA + sum(weight * _work(part) for weight, part in _parts(schema))


def _parts(schema: dict[str, Any]) -> Iterator[tuple[int, object]]:
    """Yield each schema directly inside one, and how often it applies."""
    for keyword in _INNER:
        if keyword in schema:
            yield 1, schema[keyword]
    for keyword in _LISTED:
        for part in schema.get(keyword, ()):
            yield 1, part
    for keyword in _REPEATED:
        if keyword in schema:
            yield _REPEATED_COUNTS, schema[keyword]
    for part in schema.get("properties", {}).values():
        yield 1, part


def _size(value: object) -> int:
    return len(value) if isinstance(value, list) else 1 if value is not None else 0
