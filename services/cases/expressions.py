"""CEL over a case: conditions of steps and inputs of steps, in the language and declarations of their publishing.

`form` is the form. `steps` has, by the id of each earlier step, its `status` and, of its `result`, what is shared.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from cel_expr_python import cel

_DATA = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
_form_alone = cel.NewEnv(variables={"form": _DATA})
_environment = cel.NewEnv(variables={"form": _DATA, "steps": _DATA})
_of_rules = cel.NewEnv(
    variables={"form": _DATA, "materials": cel.Type.Map(cel.Type.STRING, cel.Type.INT), "today": cel.Type.STRING}
)
# Which fields of the form, by their paths, will not be filled in any more; a path that is not there may be.
_BLANK = "__blank"
_filling = cel.NewEnv(variables={"form": _DATA, "steps": _DATA, _BLANK: cel.Type.Map(cel.Type.STRING, cel.Type.BOOL)})
# Comments and strings as CEL reads them, which come out as they are; `has(form.a.b)`; `has(x.y)` of a loop's variable;
# and other ways to read the form than by the names of its fields.
_WORD = re.compile(
    r"""//[^\n]*
    | "{3}(?:\\.|[^\\])*?"{3} | '{3}(?:\\.|[^\\])*?'{3} | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'
    | \bhas\s*\(\s*form(?P<path>(?:\s*\.\s*\w+)+)\s*\)
    | \bhas\s*\(\s*(?!form\b)\w+(?:\s*\.\s*\w+)+\s*\)
    | (?P<other>\b(?:has|dyn)\s*\( | \bform\b(?!\s*\.\s*\w))""",
    re.VERBOSE | re.DOTALL,
)
NO_STEPS: Mapping[str, Any] = MappingProxyType({})


class ExpressionFaultError(Exception):
    """An expression gives nothing that can be used, for this form and these steps.

    The text may repeat values of the data; ``missing`` says without them whether something was not there.
    """

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


class Expression:
    """A compiled expression."""

    def __init__(self, expression: str) -> None:
        self.text = expression
        self._compiled = _environment.compile(expression)

    @property
    def reads_steps(self) -> bool:
        """Whether it needs what earlier steps gave; a variable of a loop that is called `steps` does not."""
        try:
            _form_alone.compile(self.text)
        except RuntimeError:
            return True
        return False

    def value(self, form: Mapping[str, Any], steps: Mapping[str, Any] = NO_STEPS) -> Any:
        """What it gives, as plain Python; raises ExpressionFaultError when that is an error."""
        return _value(self.text, self._compiled, {"form": dict(form), "steps": dict(steps)})


class Condition:
    """A compiled condition."""

    def __init__(self, expression: str) -> None:
        self._expression = Expression(expression)
        self.text = expression
        self.late = self._expression.reads_steps
        """Whether it can be decided only when the steps before it have ended."""
        self.asks_for = frozenset(_paths_asked_for(expression))
        """The fields that it looks for with has(...), by their paths in the form; "" where it may be any."""

    @cached_property
    def _so_far(self) -> Any | None:
        """With `_unless_blank`, when first asked for; None when that is more than CEL takes, or has the name itself."""
        if _BLANK in self.text:
            return None
        try:
            return _filling.compile(_WORD.sub(_unless_blank, self.text))
        except RuntimeError:  # too long, or nested too deep
            return None

    def holds(self, form: Mapping[str, Any], steps: Mapping[str, Any] = NO_STEPS) -> bool:
        """Whether the step is to be done; raises ExpressionFaultError when the data leave that open."""
        return _truth(self.text, self._expression.value(form, steps))

    def holds_so_far(self, answers: Mapping[str, Any], blank: Collection[str]) -> bool:
        """As `holds`, for a form that is being filled in: of what it looks for, only `blank` will stay away."""
        open_still = self.asks_for.difference(blank)
        if not open_still:
            return self.holds(answers)
        if "" in open_still or self._so_far is None:
            message = f"{self.text!r} looks for what may still be answered"
            raise ExpressionFaultError(message, missing=True)
        data = {"form": dict(answers), "steps": {}, _BLANK: dict.fromkeys(blank, False)}
        return _truth(self.text, _value(self.text, self._so_far, data))


class RuleCondition:
    """A compiled condition of a pre-check rule, over form, materials (by kind, how many come) and today."""

    def __init__(self, expression: str) -> None:
        self.text = expression
        self._compiled = _of_rules.compile(expression)

    def holds(self, form: Mapping[str, Any], materials: Mapping[str, int], today: str) -> bool:
        """Whether it holds; raises ExpressionFaultError when the data leave that open."""
        data = {"form": dict(form), "materials": dict(materials), "today": today}
        return _truth(self.text, _value(self.text, self._compiled, data))


def _paths_asked_for(expression: str) -> Iterator[str]:
    for found in _WORD.finditer(expression):
        if found["path"]:
            yield _path(found)
        elif found["other"]:
            yield ""


def _unless_blank(found: re.Match[str]) -> str:
    """An error, which CEL passes on unless the rest decides alone, for a field that is not there yet but may come."""
    return f'({found[0]} || {_BLANK}["{_path(found)}"])' if found["path"] else found[0]


def _path(found: re.Match[str]) -> str:
    """`a.b` of `has(form.a.b)`."""
    return "".join(found["path"].split()).removeprefix(".")


def _value(text: str, compiled: Any, data: dict[str, Any]) -> Any:
    try:
        given = compiled.eval(data=data)
        kind, value = given.type().name(), given.plain_value()
    except RuntimeError as error:  # how the library tells that it gave up, on data with too many items
        raise ExpressionFaultError(f"{text!r}: {error}") from error
    if kind in {"ERROR", "UNKNOWN"}:
        raise ExpressionFaultError(f"{text!r}: {value}", missing=str(value).startswith("NOT_FOUND"))
    return value


def _truth(text: str, value: Any) -> bool:
    if not isinstance(value, bool):
        message = f"{text!r} gives {value!r}, neither true nor false"
        raise ExpressionFaultError(message)
    return value
