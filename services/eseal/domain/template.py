"""Templates of notices: a small, bounded part of Jinja2.

Templates come from installed scenario packages, written by people who are trusted with wording but not with the
platform's memory and time. So a template may only use what is on the lists below: values, conditions, loops over what
it is given, and a few filters. There are no assignments, macros, method calls or string multiplication, hence nothing
can grow faster than the form it is filled with; loops share one budget of turns and time, and
the text one of characters.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from jinja2 import StrictUndefined, Undefined, nodes
from jinja2.exceptions import TemplateError, TemplateSyntaxError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context

LARGEST_TEMPLATE = 20_000
LARGEST_TEXT = 20_000
MOST_TURNS = 2_000
MOST_NODES = 2_000
MOST_CPU_SECONDS = 1.0
LONGEST_RANGE = 1_000
_DEEPEST = 60
_CHINA = timezone(timedelta(hours=8))

_ALLOWED_NODES: frozenset[type[nodes.Node]] = frozenset({
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For,
    nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Tuple, nodes.List,
    nodes.Filter, nodes.Test, nodes.Call, nodes.CondExpr, nodes.Compare, nodes.Operand,
    nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv,
    nodes.Mod, nodes.Concat, nodes.Keyword,
})  # fmt: skip
_ALLOWED_FILTERS = (
    "abs", "count", "d", "default", "first", "float", "int", "items", "last", "length", "list", "lower", "map", "max",
    "min", "reject", "rejectattr", "reverse", "round", "select", "selectattr", "sort", "string", "sum", "trim",
    "truncate", "unique", "upper",
)  # fmt: skip
_ARITHMETIC = frozenset({"+", "-", "*", "/", "//", "%"})


class BadTemplateError(Exception):
    """A template that cannot be rendered; the message says why, for the scenario's developer."""


def render(source: str, variables: Mapping[str, object]) -> str:
    """The text that a template gives for these variables, at most `LARGEST_TEXT` characters.

    Raises BadTemplateError for everything that is wrong with the template or does not fit the variables.
    """
    if len(source) > LARGEST_TEMPLATE:
        raise BadTemplateError(f"the template has {len(source)} characters, the most is {LARGEST_TEMPLATE}")
    environment = _Environment()
    try:
        template = environment.from_string(environment.checked(source))
        return _bounded(template.generate(**variables))
    except BadTemplateError:
        raise
    except TemplateSyntaxError as fault:
        raise BadTemplateError(f"line {fault.lineno}: {fault.message}") from fault
    except TemplateError as fault:
        raise BadTemplateError(str(fault.message or fault)) from fault
    except Exception as fault:
        # A template is other people's code: whatever Python says of it (adding text to a number, dividing by zero,
        # nesting too deeply) is the template's fault, and the developer's to read.
        raise BadTemplateError(f"{type(fault).__name__}: {fault}") from fault


class _Environment(ImmutableSandboxedEnvironment):
    """One rendering: the sandbox, less everything that is not on the lists, with the rendering's own budget."""

    intercepted_binops = _ARITHMETIC

    def __init__(self) -> None:
        # Notices are plain text set by us, not HTML: nothing is to be escaped.
        super().__init__(
            undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, finalize=_shown
        )
        self.globals = {"range": _short_range}
        known = self.filters
        self.filters = {name: known[name] for name in _ALLOWED_FILTERS}
        self.filters |= {"join": _join, "date": chinese_date, _COUNTED: _counted}
        self._turns_left = MOST_TURNS
        self._stop_at = time.thread_time() + MOST_CPU_SECONDS

    def checked(self, source: str) -> nodes.Template:
        """The syntax tree of a template that keeps to the lists, with every loop made to count its turns."""
        tree = self.parse(source)
        _check(tree, depth=0)
        if sum(1 for _ in tree.find_all(nodes.Node)) > MOST_NODES:
            raise BadTemplateError(f"the template has more than {MOST_NODES} parts")
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=loop.lineno)
        return tree

    def count_turn(self) -> None:
        """Takes one turn of a loop from the rendering's budget."""
        self._turns_left -= 1
        if self._turns_left < 0:
            raise BadTemplateError(f"the loops of the template take more than {MOST_TURNS} turns")
        if time.thread_time() > self._stop_at:
            raise BadTemplateError(f"the template takes longer than {MOST_CPU_SECONDS} s")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers, and joining of texts; never the multiplication or formatting of a text."""
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if not numbers and not (operator == "+" and isinstance(left, str) and isinstance(right, str)):
            raise BadTemplateError(f"{operator} is for numbers (and + for two texts); use ~ to put values side by side")
        return super().call_binop(context, operator, left, right)


def _shown(value: object) -> object:
    """Lets texts and numbers through: an official document must not say None, True or [...]."""
    if isinstance(value, str | Undefined) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise BadTemplateError(f"a notice can show texts and numbers, not {type(value).__name__}; use if, default or join")


_COUNTED = "counted"


@pass_context
def _counted(context: Context, values: Iterable[object]) -> Iterator[object]:
    environment = context.environment
    if not isinstance(environment, _Environment):
        raise TypeError("loops are counted in this module's own environment only")
    for value in values:
        environment.count_turn()
        yield value


def _short_range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > LONGEST_RANGE:
        raise BadTemplateError(f"a range may have {LONGEST_RANGE} numbers at most")
    return numbers


def _join(values: Iterable[object], separator: str = "") -> str:
    """Jinja's join, bounded: a long separator between many values would multiply."""
    return _bounded(piece for index, value in enumerate(values) for piece in ((separator if index else ""), str(value)))


def _bounded(pieces: Iterable[str]) -> str:
    kept: list[str] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > LARGEST_TEXT:
            raise BadTemplateError(f"the text is longer than {LARGEST_TEXT} characters")
        kept.append(piece)
    return "".join(kept)


def chinese_date(moment: str) -> str:
    """The date of an RFC 3339 moment in China, as an official document writes it: 2026年11月5日."""
    local = datetime.fromisoformat(moment).astimezone(_CHINA)
    return f"{local.year}年{local.month}月{local.day}日"


def _check(node: nodes.Node, depth: int) -> None:
    if depth > _DEEPEST:
        raise BadTemplateError(f"line {node.lineno}: the template is nested too deeply")
    if type(node) not in _ALLOWED_NODES:
        raise BadTemplateError(f"line {node.lineno}: a notice may not use {type(node).__name__}")
    if isinstance(node, nodes.Call) and not (isinstance(node.node, nodes.Name) and node.node.name == "range"):
        raise BadTemplateError(f"line {node.lineno}: a notice may call nothing but range(); use a filter")
    if isinstance(node, nodes.Name) and node.name == "self":
        raise BadTemplateError(f"line {node.lineno}: a notice may not use self")
    if isinstance(node, nodes.Filter) and (node.name == _COUNTED or node.node is None):
        raise BadTemplateError(f"line {node.lineno}: a notice may not use this filter")
    if isinstance(node, nodes.For) and node.recursive:
        raise BadTemplateError(f"line {node.lineno}: a loop may not be recursive")
    for child in node.iter_child_nodes():
        _check(child, depth + 1)
