"""Frozen dataclasses as plain JSON values, and back without loss.

A field at its default is left out: stored texts stay small, and a field can be added without rewriting what is stored.
Instants are ISO 8601 text, durations whole milliseconds, enumerations their text. What is declared as `Any`, or as a
mapping to it, is passed through as it is.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

MILLISECOND = timedelta(milliseconds=1)
Value = TypeVar("Value")


def encode(value: Any) -> Any:  # noqa: PLR0911 - one line a kind of value
    """Return the plain JSON form of a value."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value // MILLISECOND
    if isinstance(value, Mapping):
        return {name: encode(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [encode(each) for each in value]
    return {
        name: encode(each)
        for name, default in _defaults(value.__class__)
        if (each := getattr(value, name)) is not default and each != default
    }


def decode(kind: type[Value], data: Any) -> Value:
    """Read back a value of a class. Raises KeyError, TypeError or ValueError when the data is not such a value."""
    read: Callable[[Any], Value] = _decoder(cast(Hashable, kind))
    return read(data)


@cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    """Each field with its default; one without a default is always written."""
    return tuple(
        (each.name, each.default if each.default_factory is MISSING else each.default_factory())
        for each in fields(kind)
        if each.init
    )


@cache
def _decoder(kind: Any) -> Callable[[Any], Any]:  # noqa: PLR0911 - one line a kind of value
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (only,) = (each for each in arguments if each is not type(None))
        present = _decoder(only)
        return lambda data: None if data is None else present(data)
    if origin is tuple:
        element = _decoder(arguments[0])
        return lambda data: tuple(element(each) for each in data)
    if origin is not None and issubclass(origin, Mapping):
        if arguments[1] is Any:
            return dict
        element = _decoder(arguments[1])
        return lambda data: {name: element(each) for name, each in data.items()}
    if kind is datetime:
        return datetime.fromisoformat
    if kind is timedelta:
        return lambda data: data * MILLISECOND
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind
    if is_dataclass(kind):
        return _of_dataclass(kind)
    return lambda data: data


def _of_dataclass(kind: Any) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    decoders = {each.name: _decoder(hints[each.name]) for each in fields(kind) if each.init}
    return lambda data: kind(**{name: decoders[name](each) for name, each in data.items()})
