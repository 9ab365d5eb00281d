"""The filters and tests that a template may use, each bounded.

Some of Jinja's own can be made to run for minutes in one call: `round` computes 10**precision, `odd` and `divisibleby`
format a text that is given to them (`'%999999999d' is odd`), `sum` joins lists, `trim` compares all with all.
Those are replaced here; all the others get weighed arguments, and what they give is weighed too.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, Protocol, cast

from jinja2.filters import FILTERS
from jinja2.runtime import Context
from jinja2.tests import TESTS
from jinja2.utils import pass_context, pass_environment

from chassis.clock import BEIJING
from services.eseal.domain.budget import BadTemplateError, Budget, number, text, weigh

COUNTED = "counted"
BESIDE = "beside"
MOST_DIGITS = 10
LONGEST_TRIM = 100

_FILTERS = (
    "abs", "count", "d", "default", "first", "float", "int", "items", "last", "length", "list", "lower", "map", "max",
    "min", "reject", "rejectattr", "reverse", "select", "selectattr", "sort", "string", "truncate", "unique", "upper",
)  # fmt: skip
_TESTS = (
    "boolean", "defined", "eq", "==", "equalto", "false", "float", "ge", ">=", "gt", "greaterthan", ">", "in",
    "integer", "iterable", "le", "<=", "lower", "lt", "lessthan", "<", "mapping", "ne", "!=", "none", "number",
    "sequence", "string", "true", "undefined", "upper",
)  # fmt: skip


class Budgeted(Protocol):
    """The environment of one rendering."""

    budget: Budget


Function = Callable[..., Any]


@cache
def filters() -> Mapping[str, Function]:
    """The filters by name."""
    own: dict[str, Function] = {
        "join": _join, "round": _round, "sum": _sum, "trim": _trim, "date": chinese_date, BESIDE: _beside,
    }  # fmt: skip
    bounded = {name: _bounded(function) for name, function in _picked(FILTERS, _FILTERS, own).items()}
    return bounded | {COUNTED: _counted}


@cache
def tests() -> Mapping[str, Function]:
    """The tests by name."""
    own: dict[str, Function] = {"odd": _odd, "even": _even, "divisibleby": _divisible}
    return {name: _bounded(function) for name, function in _picked(TESTS, _TESTS, own).items()}


def _picked(known: dict[str, Any], names: Iterable[str], own: dict[str, Function]) -> dict[str, Function]:
    return {name: known[name] for name in names} | own


def _bounded(function: Function) -> Function:
    """The function with arguments and result weighed. As it takes the context, Jinja cannot call it while compiling."""
    wanted = getattr(function, "jinja_pass_arg", None)

    @pass_context
    def call(context: Context, *values: object, **options: object) -> object:
        budget = _budget(context)
        budget.tick()
        weigh(values, options)
        passed = {"context": context, "eval_context": context.eval_ctx, "environment": context.environment}
        result = function(passed[wanted.name], *values, **options) if wanted else function(*values, **options)
        if isinstance(result, Iterator):
            return budget.steps(result)
        weigh(result)
        return result

    return call


def _budget(context: Context) -> Budget:
    return cast("Budgeted", context.environment).budget


@pass_context
def _counted(context: Context, values: Iterable[object]) -> Iterator[object]:
    budget = _budget(context)
    for value in budget.steps(values):
        budget.take_turn()
        yield value


def _join(values: Iterable[object], separator: str = "") -> str:
    return text(piece for index, value in enumerate(values) for piece in ((separator if index else ""), str(value)))


def _beside(values: Iterable[object]) -> str:
    """The operator ~."""
    return text(str(value) for value in values)


def _round(value: object, precision: object = 0) -> float:
    """The nearest number with so many decimals. Jinja's ways "ceil" and "floor" are left out."""
    if not isinstance(precision, int) or not 0 <= precision <= MOST_DIGITS:
        raise BadTemplateError(f"round takes 0 to {MOST_DIGITS} decimals")
    return round(float(_number(value)), precision)


@pass_environment
def _sum(environment: object, values: Iterable[object], attribute: str | int | None = None, start: object = 0) -> float:
    total = _number(start)
    attributes: Iterable[object] = values
    if attribute is not None:
        attributes = _attributes(environment, values, attribute)
    for value in attributes:
        total = number(total + _number(value))
    return total


def _attributes(environment: Any, values: Iterable[object], attribute: str | int) -> Iterator[object]:
    for value in values:
        found = value
        for part in str(attribute).split("."):
            found = environment.getitem(found, int(part) if part.isdigit() else part)
        yield found


def _trim(value: object, characters: str | None = None) -> str:
    if characters is not None and len(characters) > LONGEST_TRIM:
        raise BadTemplateError(f"trim takes {LONGEST_TRIM} characters at most")
    return str(value).strip(characters)


def _odd(value: object) -> bool:
    return _number(value) % 2 == 1


def _even(value: object) -> bool:
    return _number(value) % 2 == 0


def _divisible(value: object, by: object) -> bool:
    return _number(value) % _number(by) == 0


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise BadTemplateError(f"a number is wanted, not {type(value).__name__}")
    return number(value)


def chinese_date(moment: str) -> str:
    """The date of an RFC 3339 moment in China, as an official document writes it: 2026年11月5日."""
    local = datetime.fromisoformat(moment).astimezone(BEIJING)
    return f"{local.year}年{local.month}月{local.day}日"
