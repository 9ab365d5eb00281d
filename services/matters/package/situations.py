"""Conditions over the form (情形) as JSON Schema, so that the form itself can say when it asks for something.

What JSON Schema can say: comparisons of a field with a constant, `in` with a list that is written out or in a list that
the applicant fills in, `has(...)`, and `&&`, `||`, `!`, `? :` of these.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from cel_expr_python import cel

from services.matters.package.expressions import children, constant_of, kind_of, path_of, read_tree

Situation: TypeAlias = tuple[str, ...]
"""Conditions that hold together; without any, always."""
ALWAYS: Situation = ()

_DATA = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
OF_RULES = {"materials": cel.Type.Map(cel.Type.STRING, cel.Type.INT), "today": cel.Type.STRING}
"""What pre-check rules read besides the form: how many materials of each kind come, and the day, as 2026-03-02."""
_ORDER = {"_>_": "exclusiveMinimum", "_>=_": "minimum", "_<_": "exclusiveMaximum", "_<=_": "maximum"}
_MIRRORED = {"_>_": "_<_", "_>=_": "_<=_", "_<_": "_>_", "_<=_": "_>=_"}


class _Beyond(Exception):
    """JSON Schema cannot say it."""


class Situations:
    """The conditions of one package, each read once."""

    def __init__(self) -> None:
        self._environment = cel.NewEnv(variables={"form": _DATA, "steps": _DATA, **OF_RULES})
        self._trees: dict[str, Any] = {}

    def is_late(self, condition: str) -> bool:
        """Whether it names results of steps, so that nobody knows at submission whether it holds."""
        tree = self.tree(condition)
        return tree is not None and any(path[0] == "steps" for path in _paths(tree.expr))

    def reads(self, condition: str) -> set[tuple[str, ...]]:
        """The paths of the form that it reads."""
        tree = self.tree(condition)
        return {path[1:] for path in _paths(tree.expr) if path[0] == "form"} if tree else set()

    def can_say(self, condition: str) -> bool:
        """Whether JSON Schema can say it."""
        try:
            self._schema(condition)
        except _Beyond:
            return False
        return True

    def schema(self, situations: Iterable[Situation]) -> dict[str, Any]:
        """What a form fits when one of the situations is there; each of their conditions can be said."""
        return _one_or_all("anyOf", [_one_or_all("allOf", [*map(self._schema, each)]) for each in situations])

    def _schema(self, condition: str) -> dict[str, Any]:
        tree = self.tree(condition)
        if tree is None:
            raise _Beyond
        return _said(tree.expr)

    def tree(self, condition: str) -> Any:
        """The condition as a tree; None when it is none, which is told elsewhere."""
        if condition not in self._trees:
            try:
                self._trees[condition] = read_tree(self._environment.compile(condition).serialize())
            except RuntimeError:
                self._trees[condition] = None
        return self._trees[condition]


def simplest(situations: Iterable[Situation]) -> tuple[Situation, ...]:
    """The same situations in one order, without those that are part of another."""
    given = {tuple(dict.fromkeys(each)) for each in situations}
    return tuple(sorted(each for each in given if not any(set(other) < set(each) for other in given)))


def text_of(situations: Iterable[Situation]) -> str:
    """The situations as one CEL condition; empty for always."""
    texts = [" && ".join(map(_bracketed, each)) if len(each) > 1 else "".join(each) for each in situations]
    if "" in texts:
        return ""
    return texts[0] if len(texts) == 1 else " || ".join(map(_bracketed, texts))


def _bracketed(text: str) -> str:
    return f"({text})"


def _paths(expr: Any) -> Iterator[tuple[str, ...]]:
    path = path_of(expr)
    if path is not None:
        yield path
        return
    for part in children(expr):
        yield from _paths(part)


def _said(expr: Any) -> dict[str, Any]:
    path = path_of(expr)
    if path is not None:
        return _at(path if expr.select.test_only else _field(expr), {} if expr.select.test_only else {"const": True})
    if kind_of(expr) == "const" and isinstance(value := constant_of(expr), bool):
        return {} if value else {"not": {}}
    if kind_of(expr) != "call":
        raise _Beyond
    function, arguments = expr.call.function, list(expr.call.args)
    if function in _ORDER or function in {"_==_", "_!=_"}:
        return _comparison(function, *arguments)
    if function not in _COMBINING:
        raise _Beyond
    return _COMBINING[function](*arguments)


def _comparison(function: str, left: Any, right: Any) -> dict[str, Any]:
    if kind_of(left) == "const":
        left, right, function = right, left, _MIRRORED.get(function, function)
    path, value = _field(left), _constant(right)
    if function in _ORDER:
        if isinstance(value, bool | str):
            raise _Beyond
        return _at(path, {_ORDER[function]: value})
    return _at(path, {"const": value} if function == "_==_" else {"not": {"const": value}})


def _in(left: Any, right: Any) -> dict[str, Any]:
    if kind_of(right) == "list":
        return _at(_field(left), {"enum": [_constant(each) for each in children(right)]})
    return _at(_field(right), {"contains": {"const": _constant(left)}})


def _field(expr: Any) -> tuple[str, ...]:
    """The path of a field whose value is read."""
    path = path_of(expr)
    if path is None or path[0] != "form" or expr.select.test_only:
        raise _Beyond
    return path


def _constant(expr: Any) -> str | int | float | bool:
    value = constant_of(expr) if kind_of(expr) == "const" else None
    if value is None:
        raise _Beyond
    return value


def _choice(test: Any, positive: Any, negative: Any) -> dict[str, Any]:
    holds = _said(test)
    return {"anyOf": [{"allOf": [holds, _said(positive)]}, {"allOf": [{"not": holds}, _said(negative)]}]}


_COMBINING: dict[str, Callable[..., dict[str, Any]]] = {
    "_&&_": lambda left, right: _one_or_all("allOf", [_said(left), _said(right)]),
    "_||_": lambda left, right: _one_or_all("anyOf", [_said(left), _said(right)]),
    "!_": lambda inner: {"not": _said(inner)},
    "_?_:_": _choice,
    "@in": _in,
}


def _one_or_all(keyword: str, schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """One schema as it is, several under the keyword; the same keyword inside is opened up."""
    flat = [part for each in schemas for part in (each[keyword] if [*each] == [keyword] else [each])]
    return flat[0] if len(flat) == 1 else {keyword: flat}


def _at(path: tuple[str, ...], schema: dict[str, Any]) -> dict[str, Any]:
    """What a form fits that has a value at the path, which fits the schema."""
    for name in reversed(path[1:]):
        inner = {"properties": {name: schema}} if schema else {}
        schema = {"required": [name], **inner}
    return schema
