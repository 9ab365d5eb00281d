"""Free-form data: JSON-like dictionaries of Python to and from `google.protobuf.Struct`."""

import math
from collections.abc import Mapping
from typing import Final

from google.protobuf.struct_pb2 import NULL_VALUE, Struct, Value

_JSON_TYPES: Final = "dict, list, str, int, float, bool or None"

# A Struct nests three messages a level, and protobuf refuses more than 100.
LARGEST_DEPTH: Final = 30
# A Struct holds every number as an IEEE 754 double: a whole number beyond this may lose digits.
LARGEST_INTEGER: Final = 2**53


def to_struct(data: Mapping[str, object], name: str = "data") -> Struct:
    """Make a Struct of a JSON-like dictionary; `name` is what errors call it.

    Raises TypeError for what JSON cannot hold and ValueError for a number that would change, naming the place.
    """
    struct = Struct()
    fill_struct(struct, data, name)
    return struct


def fill_struct(struct: Struct, data: object, name: str) -> None:
    """Put a JSON-like dictionary into an empty Struct; errors as `to_struct`."""
    _fill_struct(struct, data, name, LARGEST_DEPTH)


def from_struct(struct: Struct) -> dict[str, object]:
    """Make a dictionary of a Struct; a whole number comes back as int."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _fill_struct(struct: Struct, data: object, place: str, depth: int) -> None:
    if not isinstance(data, Mapping):
        raise TypeError(f"{place} is {_name(data)}; it must be a dict")
    fields = struct.fields
    for key, item in data.items():
        if not isinstance(key, str):
            raise TypeError(f"{place} has the key {key!r}, {_name(key)}; keys must be str")
        _fill_value(fields[key], item, f"{place}.{key}", depth)


def _fill_value(value: Value, item: object, place: str, depth: int) -> None:
    if isinstance(item, str):
        value.string_value = item
    elif item is None:
        value.null_value = NULL_VALUE
    elif isinstance(item, bool):
        value.bool_value = item
    elif isinstance(item, int | float):
        value.number_value = _number(item, place)
    elif depth == 0:
        raise ValueError(f"{place} is nested deeper than {LARGEST_DEPTH} levels")
    elif isinstance(item, Mapping):
        value.struct_value.SetInParent()
        _fill_struct(value.struct_value, item, place, depth - 1)
    elif isinstance(item, list | tuple):
        value.list_value.SetInParent()
        values = value.list_value.values
        for index, element in enumerate(item):
            _fill_value(values.add(), element, f"{place}[{index}]", depth - 1)
    else:
        raise TypeError(f"{place} is {_name(item)}, which JSON cannot hold; use {_JSON_TYPES}")


def _number(number: float, place: str) -> float:
    if isinstance(number, int) and abs(number) > LARGEST_INTEGER:
        raise ValueError(f"{place} is {number}: a whole number beyond 2**53 would lose digits; give it as text")
    if not math.isfinite(number):
        raise ValueError(f"{place} is {number}, which JSON cannot hold")
    return float(number)


def _from_value(value: Value) -> object:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return from_struct(value.struct_value)
        case "list_value":
            return [_from_value(element) for element in value.list_value.values]
        case _:
            return None


def _name(item: object) -> str:
    return f"of type {type(item).__name__}"
