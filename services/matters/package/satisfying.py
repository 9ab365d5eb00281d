"""Whether a condition can hold at all, and whether it can fail: told where the form's own bounds decide it.

A condition is read as alternatives of what fields have to be. What is not a comparison of a field with a constant, or
of the like, may be anything; so whoever is told "never" can rely on it, and not the other way round.
"""

import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Self, TypeAlias, get_args

from cel_expr_python import cel

from services.matters.domain.bundle import Scenario
from services.matters.package.earlier import field_of, rewritten
from services.matters.package.expectations import StepStatus
from services.matters.package.expressions import children, constant_of, kind_of, path_of, read_tree

_DATA = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
# More alternatives are not looked at.
MOST_ALTERNATIVES = 128
_MIRRORED = {"_>_": "_<_", "_>=_": "_<=_", "_<_": "_>_", "_<=_": "_>=_", "_==_": "_==_", "_!=_": "_!=_"}
_NEGATED = {"_>_": "_<=_", "_>=_": "_<_", "_<_": "_>=_", "_<=_": "_>_", "_==_": "_!=_", "_!=_": "_==_"}
Path: TypeAlias = tuple[str, ...]
NO_RESULTS: Mapping[Path, frozenset[Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Values:
    """What a field may be. Open bounds of whole numbers are closed ones of the next."""

    low: float = -math.inf
    low_open: bool = False
    high: float = math.inf
    high_open: bool = False
    whole: bool = False
    among: frozenset[Any] | None = None
    """One of these; None for no such list."""
    apart: frozenset[Any] = frozenset()
    """None of these."""
    present: bool | None = None
    """Whether it is there; None when it may be or not."""
    items: frozenset[Any] | None = None
    """What may be in a list; None for no such list."""

    @property
    def possible(self) -> bool:
        """Whether there is such a value."""
        if self.among is not None:
            return any(self._fits(value) for value in self.among - self.apart)
        low, high = self.low, self.high
        if self.whole:
            low = math.floor(low) + 1 if self.low_open and math.isfinite(low) else _rounded(math.ceil, low)
            high = math.ceil(high) - 1 if self.high_open and math.isfinite(high) else _rounded(math.floor, high)
            return low < high or (low == high and low not in self.apart)
        return low < high or (low == high and not self.low_open and not self.high_open and low not in self.apart)

    def _fits(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True
        above = value > self.low if self.low_open else value >= self.low
        return above and (value < self.high if self.high_open else value <= self.high)


Alternative: TypeAlias = dict[Path, Values]
"""What fields have to be, all together."""


class Satisfying:
    """Judges conditions over the form of one scenario, and what its steps find out."""

    def __init__(
        self,
        form_schema: Mapping[str, Any],
        statuses: Collection[str],
        results: Mapping[Path, frozenset[Any]] = NO_RESULTS,
    ) -> None:
        """`statuses` are those that a step may have, `results` the values of fields of results that have a list."""
        self._schema = form_schema
        self._statuses = frozenset(statuses)
        self._results = results
        self._environment = cel.NewEnv(variables={"form": _DATA, "steps": _DATA})

    @classmethod
    def of(cls, scenario: Scenario) -> Self:
        """The judge of a scenario's conditions."""
        results: dict[Path, frozenset[Any]] = {
            ("steps", field_of(step.step_id), "result", field.name): frozenset[Any](field.values)
            for step in scenario.steps
            for field in step.matter.result_fields
            if field.values
        }
        return cls(json.loads(scenario.form_schema), get_args(StepStatus), results)

    def never(self, condition: str) -> bool:
        """Whether it holds for no form that is valid; the condition has no other fault."""
        return self._impossible(condition, wanted=True)

    def always(self, condition: str) -> bool:
        """Whether it holds for every form that is valid."""
        return self._impossible(condition, wanted=False)

    def _impossible(self, condition: str, *, wanted: bool) -> bool:
        tree = read_tree(self._environment.compile(rewritten(condition)).serialize())
        if tree is None:
            return False
        found = list(self._alternatives(tree.expr, wanted))
        if len(found) >= MOST_ALTERNATIVES:
            return False
        return not any(all(values.possible for values in each.values()) for each in found)

    def _alternatives(self, expr: Any, wanted: bool) -> list[Alternative]:  # noqa: FBT001 - the value that it has
        """In which ways an expression has a truth value; as many as are looked at."""
        function = expr.call.function if kind_of(expr) == "call" else ""
        if function == "!_":
            return self._alternatives(expr.call.args[0], not wanted)
        if function in {"_&&_", "_||_"}:
            left, right = (self._alternatives(part, wanted) for part in expr.call.args)
            together = (function == "_&&_") == wanted
            return _joined(left, right) if together else [*left, *right][:MOST_ALTERNATIVES]
        if function == "_?_:_":
            test, positive, negative = expr.call.args
            yes = _joined(self._alternatives(test, True), self._alternatives(positive, wanted))  # noqa: FBT003
            no = _joined(self._alternatives(test, False), self._alternatives(negative, wanted))  # noqa: FBT003
            return [*yes, *no][:MOST_ALTERNATIVES]
        return self._atom(expr, function, wanted=wanted)

    def _atom(self, expr: Any, function: str, *, wanted: bool) -> list[Alternative]:
        path = path_of(expr)
        if path is not None and expr.select.test_only:
            return [self._with(path, present=wanted)]
        if path is not None:
            return [self._with(path, among=frozenset([wanted]))]
        value = constant_of(expr) if kind_of(expr) == "const" else None
        if isinstance(value, bool):
            return [{}] if value is wanted else []
        if function in _MIRRORED:
            return self._comparison(expr, function if wanted else _NEGATED[function])
        if function == "@in":
            return self._membership(expr, wanted=wanted)
        return [{}]

    def _comparison(self, expr: Any, function: str) -> list[Alternative]:
        left, right = expr.call.args
        if kind_of(left) == "const":
            left, right, function = right, left, _MIRRORED[function]
        path, value = path_of(left), constant_of(right) if kind_of(right) == "const" else None
        if path is None or value is None:
            return [{}]
        if function == "_==_":
            return [self._with(path, among=frozenset([value]))]
        if function == "_!=_":
            return [self._with(path, apart=frozenset([value]))]
        if isinstance(value, bool | str):
            return [{}]
        if function in {"_>_", "_>=_"}:
            return [self._with(path, low=value, low_open=function == "_>_")]
        return [self._with(path, high=value, high_open=function == "_<_")]

    def _membership(self, expr: Any, *, wanted: bool) -> list[Alternative]:
        left, right = expr.call.args
        path = path_of(left)
        if path is not None and kind_of(right) == "list":
            listed = [constant_of(each) if kind_of(each) == "const" else None for each in children(right)]
            if None not in listed:
                values = frozenset(listed)
                return [self._with(path, among=values) if wanted else self._with(path, apart=values)]
        inside = path_of(right)
        if inside is not None and kind_of(left) == "const" and wanted:
            items = self._of(inside).items
            if items is not None and constant_of(left) not in items:
                return []
        return [{}]

    def _with(self, path: Path, **said: Any) -> Alternative:
        return {path: _narrowed(self._of(path), Values(**said))}

    def _of(self, path: Path) -> Values:
        """What the form lets a field be."""
        if path[0] == "steps":
            return Values(among=self._statuses if path[2:] == ("status",) else self._results.get(path))
        found: list[Any] = [self._schema]
        required = True
        for name in path[1:]:
            required = required and any(name in each.get("required", ()) for each in self._parts(found))
            found = [each["properties"][name] for each in self._parts(found) if name in each.get("properties", {})]
        values = Values(present=True if required else None)
        for part in self._parts(found):
            values = _narrowed(values, _values_of(part))
        return values

    def _parts(self, schemas: Collection[Any]) -> list[Mapping[str, Any]]:
        """The schemas, and those that hold for the same value whenever they do."""
        waiting = list(schemas)
        found: list[Mapping[str, Any]] = []
        while waiting and len(found) < MOST_ALTERNATIVES:
            schema = waiting.pop()
            if isinstance(schema, Mapping):
                found.append(schema)
                waiting.extend(schema.get("allOf", ()))
                name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
                waiting.extend([self._schema["$defs"][name]] if name in self._schema.get("$defs", {}) else [])
        return found


def _values_of(schema: Mapping[str, Any]) -> Values:
    """What the keywords of one schema let a value be."""
    low, low_open = schema.get("minimum", -math.inf), False
    if "exclusiveMinimum" in schema and schema["exclusiveMinimum"] >= low:
        low, low_open = schema["exclusiveMinimum"], True
    high, high_open = schema.get("maximum", math.inf), False
    if "exclusiveMaximum" in schema and schema["exclusiveMaximum"] <= high:
        high, high_open = schema["exclusiveMaximum"], True
    items = schema.get("items")
    return Values(
        low,
        low_open,
        high,
        high_open,
        whole=schema.get("type") == "integer",
        among=next(_listed(schema), None),
        items=next(_listed(items), None) if isinstance(items, Mapping) else None,
    )


def _listed(schema: Mapping[str, Any]) -> Iterator[frozenset[Any]]:
    """The list of values that a schema names, when all of them are plain."""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if values is None and schema.get("type") == "boolean":
        values = [True, False]
    if values is not None and all(isinstance(each, str | int | float | bool) for each in values):
        yield frozenset(values)


def _joined(left: list[Alternative], right: list[Alternative]) -> list[Alternative]:
    """Each of the one together with each of the other; what is impossible already is dropped."""
    found: list[Alternative] = []
    for one in left:
        for other in right:
            both = {**one}
            for path, values in other.items():
                both[path] = _narrowed(both[path], values) if path in both else values
            if all(values.possible for values in both.values()):
                found.append(both)
            if len(found) >= MOST_ALTERNATIVES:
                return found
    return found


def _narrowed(one: Values, other: Values) -> Values:
    """What a value is that is both."""
    low, low_open = max((one.low, one.low_open), (other.low, other.low_open))
    high, high_closed = min((one.high, not one.high_open), (other.high, not other.high_open))
    among = one.among if other.among is None else other.among if one.among is None else one.among & other.among
    absent = {one.present, other.present} == {True, False}
    return replace(
        one,
        low=low,
        low_open=low_open,
        high=high,
        high_open=not high_closed,
        whole=one.whole or other.whole,
        among=frozenset() if absent else among,
        apart=one.apart | other.apart,
        present=one.present if other.present is None else other.present,
        items=one.items if other.items is None else other.items,
    )


def _rounded(how: Callable[[float], int], value: float) -> float:
    return how(value) if math.isfinite(value) else value
