"""Notice templates: a small part of Jinja2 that yields the notice's text, one paragraph or row of a table a line.

Templates come from elsewhere, so they are held to what a notice needs: names, conditions, loops over a list, a few
filters; no calls, no arithmetic, no other templates. What an office gives as `result` is not known beforehand, and
parts of the form may be missing, so a template has to ask before it prints them: a notice that cannot be rendered
would be found out only when the office has decided.

What a filter is given besides its value is constant and small, and checking evaluates nothing of a template: a filter
can take minutes over one large number.
"""

from collections.abc import Iterator, Mapping

from jinja2 import StrictUndefined, TemplateError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.matters.package.faults import Fault, Faults, did_you_mean
from services.matters.package.forms import FormField
from services.matters.package.printing import PathReader, Printer
from services.matters.package.rows import row_faults

# The filters, and how many constants each takes at most.
FILTERS: Mapping[str, int] = {
    **dict.fromkeys(["date", "length", "lower", "trim", "upper"], 0),
    **dict.fromkeys(["int", "join", "round"], 1),
    "default": 2,
}
# Not even, odd and divisibleby: they apply %, which on a text is formatting, to any width that the text asks for.
TESTS = frozenset([
    "boolean", "defined", "false", "mapping", "none", "number", "sequence", "string", "true", "undefined",
])  # fmt: skip
MOST_CHARACTERS = 20_000
MOST_DEPTH = 50
LONGEST_CONSTANT = 200
LARGEST_NUMBER = 10**15
MOST_DECIMALS = 10


_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr),
    *(nodes.Filter, nodes.Test, nodes.If, nodes.For, nodes.CondExpr, nodes.Compare, nodes.Operand),
    *(nodes.And, nodes.Or, nodes.Not, nodes.List, nodes.Tuple, nodes.Keyword),
)


def check_template(
    file: str, text: str, form: FormField | None, printers: Mapping[str, Printer], faults: Faults
) -> None:
    """Check that a template compiles, and that it can be rendered for every valid form and every result.

    `printers` are the matters that print it, by name.
    """
    if len(text) > MOST_CHARACTERS:
        faults.add(Fault(file, 0, 0, "", f"has {len(text)} characters: {MOST_CHARACTERS} at most"))
        return
    if not text.strip():
        faults.add(Fault(file, 1, 1, "", "is empty: write the notice's text, one paragraph a line"))
        return
    checking = environment()
    try:
        tree = checking.parse(text)
        forbidden = next(_forbidden(file, tree, depth=0), None)
        if forbidden:
            faults.add(forbidden)
            return
        checking.compile(tree)
    except TemplateError as error:
        line = getattr(error, "lineno", None) or 1
        faults.add(Fault(file, line, 1, "", f"is not a template: {error.message or 'syntax error'}"))
        return
    except (RecursionError, SyntaxError, MemoryError):
        faults.add(Fault(file, 1, 1, "", "is not a template: it is nested too deeply"))
        return
    except ValueError:
        # Python does not read whole numbers of more than 4300 digits.
        faults.add(Fault(file, 1, 1, "", f"is not a template: a number in it is larger than {LARGEST_NUMBER}"))
        return
    for line, message in [*PathReader(form, printers).read(tree, frozenset()), *row_faults(text)]:
        faults.add(Fault(file, line, 1, "", message))


@pass_context
def _inert(_: Context, *__: object, **___: object) -> str:
    """Stand in for every filter and test; because it asks for the context, compiling never calls it."""
    return ""


def environment() -> ImmutableSandboxedEnvironment:
    """The environment of the check: it parses and compiles, but evaluates no filter and no test.

    Without the optimiser Jinja still folds constants that are printed; so the functions are not there at all.
    """
    made = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, optimized=False)
    made.globals = {}
    made.filters = dict.fromkeys(FILTERS, _inert)
    made.tests = dict.fromkeys(TESTS, _inert)
    return made


def _forbidden(file: str, node: nodes.Node, depth: int) -> Iterator[Fault]:
    if depth > MOST_DEPTH:
        yield Fault(file, node.lineno, 1, "", "is nested too deeply: write it more plainly")
        return
    for message in _node_faults(node):
        yield Fault(file, node.lineno, 1, "", message)
    for child in node.iter_child_nodes():
        yield from _forbidden(file, child, depth + 1)


def _node_faults(node: nodes.Node) -> Iterator[str]:
    if not isinstance(node, _ALLOWED):
        yield f"uses {type(node).__name__.lower()}: a notice has names, if, for, comparisons and filters only"
    elif isinstance(node, nodes.Const):
        if isinstance(node.value, int | float) and not abs(node.value) <= LARGEST_NUMBER:
            yield f"has a number larger than {LARGEST_NUMBER}"
    elif isinstance(node, nodes.For) and node.recursive:
        yield "has a recursive loop: a notice has plain ones"
    elif isinstance(node, nodes.Filter):
        if node.name not in FILTERS:
            yield f'there is no filter "{node.name}"{did_you_mean(node.name, FILTERS)}'
        else:
            yield from _argument_faults(node)
    elif isinstance(node, nodes.Test):
        if node.name not in TESTS:
            yield f'there is no test "{node.name}"{did_you_mean(node.name, TESTS)}'
        elif node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            yield f'"is {node.name}" takes nothing after it'


def _argument_faults(node: nodes.Filter) -> Iterator[str]:
    """Hold what a filter is given to constants whose cost is known."""
    if node.kwargs or node.dyn_args or node.dyn_kwargs or len(node.args) > FILTERS[node.name]:
        yield f'the filter "{node.name}" takes {FILTERS[node.name] or "no"} plain values at most, without names'
        return
    values = [argument.value for argument in node.args if isinstance(argument, nodes.Const)]
    if len(values) < len(node.args):
        yield f'what the filter "{node.name}" is given should be a constant'
    elif any(isinstance(value, str) and len(value) > LONGEST_CONSTANT for value in values):
        yield f'the filter "{node.name}" is given a text of more than {LONGEST_CONSTANT} characters'
    elif node.name == "join" and not all(isinstance(value, str) for value in values):
        yield 'join takes a text to put between, such as join("、")'
    elif node.name == "round" and not all(type(value) is int and 0 <= value <= MOST_DECIMALS for value in values):
        yield f"round takes the number of decimals, 0 to {MOST_DECIMALS}"
