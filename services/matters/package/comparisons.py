"""What an expression compares and computes with, where a field of the form is a number.

CEL's type checker lets any value pass there, as a number of JSON is whole or decimal: what never meets would be told at
evaluation only, when the case is already there.
"""

from collections.abc import Iterator
from typing import Any

from services.matters.package.expressions import children, constant_of, kind_of, path_of
from services.matters.package.forms import FormField

_ARITHMETIC = frozenset(["_+_", "_-_", "_*_", "_/_", "_%_", "-_"])
_COMPARISONS = frozenset(["_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in"])
_NUMBERS = frozenset(["integer", "number"])
# cel.expr.Type.PrimitiveType.
_PRIMITIVES = {1: "boolean", 2: "integer", 3: "integer", 4: "number", 5: "string"}
_CONSTANTS = {bool: "boolean", int: "integer", float: "number", str: "string"}
_WORDS = {"boolean": "true/false", "integer": "a number", "number": "a number", "string": "text"}


def comparison_faults(tree: Any, data: FormField) -> Iterator[str]:
    """Yield a fault for each comparison whose sides are of types that never meet."""
    types = {entry.key: entry.value for entry in tree.types}
    for expr in _calls(tree.expr, _COMPARISONS):
        left, right = expr.call.args
        one = _type_of(left, types, data)
        others = _item_types(right, types, data) if expr.call.function == "@in" else [_type_of(right, types, data)]
        for other in others:
            if one and other and one != other and not {one, other} <= _NUMBERS:
                yield f"compares {_WORDS[one]} with {_WORDS[other]}: they never meet"


def arithmetic_faults(tree: Any) -> Iterator[str]:
    """Yield a fault where a field of the form is computed with: it may be whole or decimal, and CEL mixes neither."""
    free = {entry.key for entry in tree.types if _is_free(entry.value)}
    for expr in _calls(tree.expr, _ARITHMETIC):
        if any(argument.id in free for argument in expr.call.args):
            yield "computes with a number: write double(...) around it and constants as 1.0; in a text, string(...)"


def _calls(expr: Any, functions: frozenset[str]) -> Iterator[Any]:
    waiting = [expr]
    while waiting:
        expr = waiting.pop()
        waiting.extend(children(expr))
        if kind_of(expr) == "call" and expr.call.function in functions:
            yield expr


def _type_of(expr: Any, types: dict[int, Any], data: FormField) -> str:
    """The scalar type of JSON Schema that an expression gives; empty where it is not known, or none of these."""
    if (path := path_of(expr)) is not None:
        field = data.find(".".join(path))
        return _scalar(field.types) if field else ""
    if kind_of(expr) == "const":
        return _CONSTANTS.get(type(constant_of(expr)), "")
    return _PRIMITIVES.get(types[expr.id].primitive, "") if expr.id in types else ""


def _item_types(expr: Any, types: dict[int, Any], data: FormField) -> list[str]:
    """The types of what is in a list, each as `_type_of` has it."""
    if kind_of(expr) == "list":
        return [_type_of(element, types, data) for element in expr.list.elements]
    field = data.find(".".join(path)) if (path := path_of(expr)) is not None else None
    return [_scalar(field.item_types)] if field else []


def _scalar(kinds: frozenset[str]) -> str:
    if kinds <= _NUMBERS and kinds:
        return "number"
    return next(iter(kinds)) if len(kinds) == 1 and kinds <= _WORDS.keys() else ""


def _is_free(kind: Any) -> bool:
    # Wrapped and well-known types are those of google.protobuf.Value fields.
    return kind.HasField("dyn") or bool(kind.wrapped or kind.well_known)
