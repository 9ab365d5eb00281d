"""Where what is stored is not what it should be: the first place at which two values differ, and how that is told."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_KEYS = ("task_id", "incident_id", "step_id")


@dataclass(frozen=True, slots=True)
class Difference:
    """The first thing that is not as it should be."""

    sequence: int
    """Of the entry that cannot be replayed; 0 when all could."""
    path: str
    """What differs, such as "steps.food.status"."""
    description: str


def difference(path: str, rebuilt: Any, stored: Any) -> Difference:
    """A value that is stored and not what the history leads to."""
    told = f"{path}: the history leads to {_short(rebuilt)}, and {_short(stored)} is stored"
    return Difference(0, path, told)


def first_difference(one: Any, other: Any) -> tuple[str, ...] | None:
    """The path to where two JSON values first differ, in the order of the first; None when they are equal."""
    if type(one) is not type(other) or not isinstance(one, list | dict):
        numbers = {type(one), type(other)} == {int, float}
        return None if one == other and (type(one) is type(other) or numbers) else ()
    ordered = isinstance(one, list)
    one, other = _by_key(one), _by_key(other)
    for name in [*one, *(name for name in other if name not in one)]:
        if name not in one or name not in other:
            return (str(name),)
        below = first_difference(one[name], other[name])
        if below is not None:
            return (str(name), *below)
    return () if ordered and list(one) != list(other) else None


def _by_key(value: Any) -> Any:
    """A list as an object: by the ids of what it holds, or by the places."""
    if not isinstance(value, list):
        return value
    for key in _KEYS:
        ids = [each.get(key) for each in value if isinstance(each, Mapping)]
        if value and len(set(ids)) == len(value) and all(isinstance(each, str) for each in ids):
            return dict(zip(ids, value, strict=True))
    return {str(place): each for place, each in enumerate(value)}


def value_at(value: Any, path: Sequence[str]) -> Any:
    """What a JSON value has at a path; None when it has nothing there."""
    for name in path:
        value = _by_key(value)
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def _short(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(_plain(value), ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _plain(value: Any) -> Any:
    """A value of a column, to be shown."""
    if isinstance(value, frozenset):
        return sorted(value)
    return value.isoformat() if isinstance(value, datetime) else value
