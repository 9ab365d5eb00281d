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
from operator import attrgetter
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

_PLAIN = frozenset({str, int, float, bool, type(None)})
MILLISECOND = timedelta(milliseconds=1)
Value = TypeVar("Value")


def encode(value: Any) -> Any:  # noqa: PLR0911 - one line a kind of value
    """Return the plain JSON form of a value."""
    if type(value) in _PLAIN:
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
    return _of_fields(value)


def decode(kind: type[Value], data: Any) -> Value:
    """Read back a value of a class. Raises KeyError, TypeError or ValueError when the data is not such a value."""
    read: Callable[[Any], Value] = _decoder(cast(Hashable, kind)) or _same
    return read(data)


def _of_fields(value: Any) -> dict[str, Any]:
    defaults, values_of = _fields(value.__class__)
    data = {}
    for (name, default), each in zip(defaults, values_of(value), strict=True):
        if each is not default and each != default:
            data[name] = each if type(each) in _PLAIN else encode(each)
    return data


@cache
def _fields(kind: Any) -> tuple[tuple[tuple[str, Any], ...], Callable[[Any], tuple[Any, ...]]]:
    """Each field with its default (one without is always written), and what reads them all."""
    defaults = tuple(
        (each.name, each.default if each.default_factory is MISSING else each.default_factory())
        for each in fields(kind)
        if each.init
    )
    names = [name for name, _ in defaults]
    if len(names) == 1:
        return defaults, lambda value: (getattr(value, names[0]),)
    return defaults, attrgetter(*names) if names else lambda _: ()


def _same(data: Any) -> Any:
    return data


@cache
def _decoder(kind: Any) -> Callable[[Any], Any] | None:  # noqa: PLR0911 - one line a kind of value
    """What reads a value of a kind; None when it is as it stands."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (only,) = (each for each in arguments if each is not type(None))
        return _of_optional(_decoder(only))
    if origin is tuple:
        return _of_tuple(_decoder(arguments[0]))
    if origin is not None and issubclass(origin, Mapping):
        return _of_mapping(_decoder(arguments[1]))
    if kind is datetime:
        return datetime.fromisoformat
    if kind is timedelta:
        return lambda data: data * MILLISECOND
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {str(each): each for each in kind}.__getitem__
    return _of_dataclass(kind) if is_dataclass(kind) else None


def _of_optional(present: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    return None if present is None else lambda data: None if data is None else present(data)


def _of_tuple(element: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    return tuple if element is None else lambda data: tuple(map(element, data))


def _of_mapping(element: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    return None if element is None else lambda data: {name: element(each) for name, each in data.items()}


def _of_dataclass(kind: Any) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    known = {each.name: _decoder(hints[each.name]) for each in fields(kind) if each.init}

    def read(data: Mapping[str, Any]) -> Any:
        values = {}
        for name, each in data.items():
            decoder = known[name]
            values[name] = each if decoder is None else decoder(each)
        return kind(**values)

    return read
