"""What an applicant may change of a form: the fields that were asked for, and nothing else.

An amendment has the shape of the form. Each field that was asked for must be in it, changed or as it was; null leaves
the field out. Everything else may be left out of it, or be in it as it was. Below a list each element is amended in its
place.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.cases.domain.disclosure import Declared, tree_of

_ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a field cannot be taken as it was given, or was not given."""

    path: str
    """Such as "premises.area" or "staff[0].name"."""
    description: str


def amend(
    form: Mapping[str, Any], given: Mapping[str, Any], asked: Iterable[str]
) -> tuple[dict[str, Any], list[Fault]]:
    """The form with what was asked for as it is given now, and what is wrong with what was given."""
    faults: list[Fault] = []
    return _amended_object(form, given, tree_of(tuple(asked)), "", faults), faults


def _amended(before: Any, given: Any, asked: Declared, path: str, faults: list[Fault]) -> Any:
    if isinstance(given, list) and (before is _ABSENT or isinstance(before, list)):
        return _amended_list(before, given, asked, path, faults)
    if not isinstance(given, Mapping) or isinstance(before, list):
        faults.append(Fault(path, "was not asked for as a whole; give what was asked for below it"))
        return before
    if before is _ABSENT or isinstance(before, Mapping):
        amended = _amended_object({} if before is _ABSENT else before, given, asked, path, faults)
        return before if before is _ABSENT and not amended else amended
    if _amended_object({}, given, asked, path, faults):
        faults.append(Fault(path, "is no object and was not asked for; there can be nothing below it"))
    return before


def _amended_object(
    before: Mapping[str, Any], given: Mapping[str, Any], asked: Declared, path: str, faults: list[Fault]
) -> dict[str, Any]:
    amended = dict(before)
    for name, value in given.items():
        place = f"{path}.{name}" if path else name
        if name not in asked:
            if name not in before or before[name] != value:
                faults.append(Fault(place, "was not asked for; leave it as it was"))
            continue
        below = asked[name]
        new = value if below is None else _amended(before.get(name, _ABSENT), value, below, place, faults)
        if new is _ABSENT or (below is None and new is None):
            amended.pop(name, None)
        else:
            amended[name] = new
    faults.extend(
        Fault(missing, "was asked for; give it, changed or as it was (null leaves it out)")
        for name, below in asked.items()
        if name not in given
        for missing in _leaves(below, f"{path}.{name}" if path else name)
    )
    return amended


def _amended_list(before: Any, given: list[Any], asked: Declared, path: str, faults: list[Fault]) -> Any:
    if before is _ABSENT:
        amended = [_amended(_ABSENT, each, asked, f"{path}[{place}]", faults) for place, each in enumerate(given)]
        return [each for each in amended if each is not _ABSENT] or _ABSENT
    if len(given) != len(before):
        faults.append(Fault(path, f"was not asked for as a whole; it must have {len(before)} elements as before"))
        return before
    return [
        one if one == other and not isinstance(other, Mapping | list) else _amended(one, other, asked, place, faults)
        for place, one, other in zip((f"{path}[{n}]" for n in range(len(given))), before, given, strict=True)
    ]


def _leaves(below: Declared | None, path: str) -> Iterator[str]:
    if below is None:
        yield path
    else:
        for name, deeper in below.items():
            yield from _leaves(deeper, f"{path}.{name}")
