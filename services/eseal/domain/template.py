"""Templates of notices: a small, bounded part of Jinja2.

Templates come from installed scenario packages, written by people who are trusted with wording but not with the
platform's memory and time. So a template may only use what is on the lists below: values, conditions, loops over what
it is given, and a few filters. There are no assignments, macros, method calls or string multiplication, hence little
can grow. What still can is bounded by one budget a rendering (`budget.py`), and by the filters and tests themselves
(`filters.py`).
"""

from collections.abc import Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

from jinja2 import StrictUndefined, Template, Undefined, nodes
from jinja2.exceptions import TemplateError, TemplateSyntaxError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context
from jinja2.visitor import NodeTransformer

from services.eseal.domain import blocks, pictures
from services.eseal.domain.budget import BadTemplateError, Budget, number, text
from services.eseal.domain.filters import BESIDE, COUNTED, filters, tests

LARGEST_TEMPLATE = 20_000
MOST_NODES = 2_000
LONGEST_RANGE = 1_000
_DEEPEST = 60
_MOST_COMPILED = 100

_ALLOWED_NODES: frozenset[type[nodes.Node]] = frozenset({
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For,
    nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Tuple, nodes.List,
    nodes.Filter, nodes.Test, nodes.Call, nodes.CondExpr, nodes.Compare, nodes.Operand,
    nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv,
    nodes.Mod, nodes.Concat, nodes.Keyword,
})  # fmt: skip
_ARITHMETIC = frozenset({"+", "-", "*", "/", "//", "%"})


def render(source: str, variables: Mapping[str, object]) -> str:
    """The text that a template without pictures gives for these variables, at most `LARGEST_TEXT` characters.

    Raises BadTemplateError for everything that is wrong with the template or does not fit the variables.
    """
    return blocks.plain(_rendered(source, variables))


def render_blocks(source: str, variables: Mapping[str, object]) -> list[blocks.Block]:
    """What a template gives as paragraphs, tables and pictures. Raises BadTemplateError for broken ones too."""
    if not blocks.MARKS.isdisjoint(source):
        raise BadTemplateError("the template has a noncharacter of Unicode in it")
    wording, brought = pictures.take_out(source)
    return blocks.read(_rendered(wording, variables), brought)


def _rendered(source: str, variables: Mapping[str, object]) -> str:
    """The text with the marks of `blocks`. Raises BadTemplateError."""
    if len(source) > LARGEST_TEMPLATE:
        raise BadTemplateError(f"the template has {len(source)} characters, the most is {LARGEST_TEMPLATE}")
    environment = _Environment()
    try:
        template = Template.from_code(environment, _compiled(source), environment.globals)
        return text(template.generate(**variables))
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


@lru_cache(_MOST_COMPILED)
def _compiled(source: str) -> CodeType:
    """The code of a template, which takes the environment of each rendering; many documents have the same template."""
    environment = _Environment()
    return environment.compile(environment.checked(source))


class _Environment(ImmutableSandboxedEnvironment):
    """One rendering: the sandbox, less everything that is not on the lists, with the rendering's own budget."""

    intercepted_binops = _ARITHMETIC

    def __init__(self) -> None:
        # Notices are plain text set by us, not HTML: nothing is to be escaped. Nothing is computed while compiling
        # (`optimized`, and filters, tests and `finalize` that take the context): there the budget does not count.
        super().__init__(
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_shown,
            optimized=False,
        )
        self.globals = {"range": _short_range}
        self.filters = dict[str, Any](filters())
        self.tests = dict[str, Any](tests())
        self.budget = Budget()

    def checked(self, source: str) -> nodes.Template:
        """The syntax tree of a template that keeps to the lists, with loops that count, and ~ that is bounded."""
        tree = self.parse(source)
        _check(tree, depth=0)
        if sum(1 for _ in tree.find_all(nodes.Node)) > MOST_NODES:
            raise BadTemplateError(f"the template has more than {MOST_NODES} parts")
        checked: nodes.Template = _Bounding().visit(tree)
        return checked

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers, and joining of texts; never the multiplication or formatting of a text."""
        self.budget.tick()
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return text((left, right))
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise BadTemplateError(f"{operator} is for numbers (and + for two texts); use ~ to put values side by side")
        return number(super().call_binop(context, operator, number(left), number(right)))


class _Bounding(NodeTransformer):
    """Puts the filters that keep the budget where Jinja has operators and loops."""

    def visit_For(self, loop: nodes.For) -> nodes.For:  # noqa: N802 (named by Jinja)
        """A loop takes its turns from the budget."""
        self.generic_visit(loop)
        loop.iter = nodes.Filter(loop.iter, COUNTED, [], [], None, None, lineno=loop.lineno)
        return loop

    def visit_Concat(self, concat: nodes.Concat) -> nodes.Filter:  # noqa: N802 (named by Jinja)
        """`~` is a bounded filter."""
        self.generic_visit(concat)
        values = nodes.List(concat.nodes, lineno=concat.lineno)
        return nodes.Filter(values, BESIDE, [], [], None, None, lineno=concat.lineno)


@pass_context
def _shown(context: Context, value: object) -> object:
    """Lets texts and numbers through: an official document must not say None, True or [...]."""
    del context
    if isinstance(value, str):
        return blocks.keep(value)
    if isinstance(value, Undefined) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise BadTemplateError(f"a notice can show texts and numbers, not {type(value).__name__}; use if, default or join")


def _short_range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > LONGEST_RANGE:
        raise BadTemplateError(f"a range may have {LONGEST_RANGE} numbers at most")
    return numbers


def _check(node: nodes.Node, depth: int) -> None:
    if depth > _DEEPEST:
        raise BadTemplateError(f"line {node.lineno}: the template is nested too deeply")
    if type(node) not in _ALLOWED_NODES:
        raise BadTemplateError(f"line {node.lineno}: a notice may not use {type(node).__name__}")
    if isinstance(node, nodes.Call) and not (isinstance(node.node, nodes.Name) and node.node.name == "range"):
        raise BadTemplateError(f"line {node.lineno}: a notice may call nothing but range(); use a filter")
    if isinstance(node, nodes.Name) and node.name == "self":
        raise BadTemplateError(f"line {node.lineno}: a notice may not use self")
    if isinstance(node, nodes.Filter) and (node.name in (COUNTED, BESIDE) or node.node is None):
        raise BadTemplateError(f"line {node.lineno}: a notice may not use this filter")
    if isinstance(node, nodes.For) and node.recursive:
        raise BadTemplateError(f"line {node.lineno}: a loop may not be recursive")
    for child in node.iter_child_nodes():
        _check(child, depth + 1)
