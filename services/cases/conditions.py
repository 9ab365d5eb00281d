"""Conditions of steps, in CEL over the form; the same language and declarations with which they were published."""

from collections.abc import Mapping
from typing import Any

from cel_expr_python import cel

_environment = cel.NewEnv(variables={"form": cel.Type.Map(cel.Type.STRING, cel.Type.DYN)})


class ConditionFaultError(Exception):
    """A condition cannot be decided for this form."""


class Condition:
    """A compiled condition."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._compiled = _environment.compile(expression)

    def holds(self, form: Mapping[str, Any]) -> bool:
        """Whether the step is to be done; raises ConditionFaultError when the form leaves that open."""
        try:
            value = self._compiled.eval(data={"form": dict(form)}).value()
        except RuntimeError as error:  # how the library tells that it gave up, on a form with too many items
            raise ConditionFaultError(f"{self._expression!r}: {error}") from error
        if not isinstance(value, bool):
            message = f"{self._expression!r} gives {value!r} for this form, neither true nor false"
            raise ConditionFaultError(message)
        return value
