"""Notice templates: a small part of Jinja2 that yields the notice's text, one paragraph a line.

Templates come from elsewhere, so they are held to what a notice needs: names, conditions, loops over a list, a few
filters; no calls, no arithmetic, no other templates. What an office gives as `result` is not known beforehand, and
parts of the form may be missing, so a template has to ask before it prints them: a notice that cannot be rendered
would be found out only when the office has decided.

What a filter is given besides its value is constant and small, and checking evaluates nothing of a template: a filter
can take minutes over one large number.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from jinja2 import StrictUndefined, TemplateError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.matters.package.faults import Fault, Faults, did_you_mean
from services.matters.package.forms import FormField

# What a notice is rendered with; `form`, `inputs` and `result` besides, whose fields the scenario and offices decide.
KNOWN: Mapping[str, frozenset[str]] = {
    "case": frozenset(["number", "bundle_name"]),
    "step": frozenset(["name", "organ_name"]),
    "decided_at": frozenset(),
}
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
# In a template these names are methods of every mapping, not its entries.
METHODS = frozenset(name for name in dir(dict) if not name.startswith("_"))
MOST_CHARACTERS = 20_000
MOST_DEPTH = 50
LONGEST_CONSTANT = 200
LARGEST_NUMBER = 10**15
MOST_DECIMALS = 10

_Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Printer:
    """A matter that prints a template: the fields of the form that its office sees, and of its result those declared.

    `result` says of each whether every result has it; empty when the matter says nothing about its result. `form` is
    what is there of the form whenever the matter is handled. `inputs` are what its office is given of earlier results.
    """

    form_fields: Sequence[str]
    result: Mapping[str, bool]
    form: FormField | None = None
    inputs: Collection[str] = ()


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
    for line, message in _Reader(form, printers).read(tree, frozenset()):
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


class _Reader:
    """Walks a template with the paths that are known to be there, and with the names that its loops have made."""

    def __init__(self, form: FormField | None, printers: Mapping[str, Printer]) -> None:
        self._form = form
        self._printers = printers
        self._loops: list[str] = []

    def read(self, node: nodes.Node, known: frozenset[_Path]) -> Iterator[tuple[int, str]]:
        """Yield (line, what is wrong)."""
        path = _path_of(node)
        if path:
            yield from ((node.lineno, message) for message in self._path_faults(path, known))
        elif isinstance(node, nodes.If | nodes.CondExpr):
            yield from self._read_choice(node, known)
        elif isinstance(node, nodes.And):
            yield from self.read(node.left, known)
            yield from self.read(node.right, known | _defined(node.left))
        elif isinstance(node, nodes.For):
            yield from self.read(node.iter, known)
            self._loops.extend(name.name for name in node.target.find_all(nodes.Name))
            self._loops.extend([node.target.name] if isinstance(node.target, nodes.Name) else [])
            for child in [*node.body, *node.else_, *([node.test] if node.test else [])]:
                yield from self.read(child, known)
        elif isinstance(node, nodes.Test | nodes.Filter) and node.name in {"defined", "undefined", "default"}:
            # Asking whether a.b.c is there reads a.b, not a.b.c.
            asked = _path_of(node.node)
            yield from self.read_children(node, known | {asked})
        else:
            yield from self.read_children(node, known)

    def read_children(self, node: nodes.Node, known: frozenset[_Path]) -> Iterator[tuple[int, str]]:
        """Read what is inside a node."""
        for child in node.iter_child_nodes():
            yield from self.read(child, known)

    def _read_choice(self, node: nodes.If | nodes.CondExpr, known: frozenset[_Path]) -> Iterator[tuple[int, str]]:
        yield from self.read(node.test, known)
        positive: list[nodes.Node] = node.body if isinstance(node, nodes.If) else [node.expr1]
        negative: list[nodes.Node | None] = [*node.elif_, *node.else_] if isinstance(node, nodes.If) else [node.expr2]
        for child in positive:
            yield from self.read(child, known | _defined(node.test))
        for other in negative:
            if other is not None:
                yield from self.read(other, known)

    def _path_faults(self, path: _Path, known: frozenset[_Path]) -> Iterator[str]:
        root, names = path[0], path[1:]
        if method := next((name for name in names if name in METHODS), ""):
            yield f'"{method}" means something else in templates: give the field another name'
            return
        if root in {*self._loops, "loop"}:
            return
        dotted = ".".join(path)
        if root == "form":
            yield from self._form_faults(".".join(names), asked=path in known)
        elif root == "result":
            yield from self._result_faults(names, asked=path in known)
        elif root == "inputs":
            yield from self._input_faults(names, asked=path in known)
        elif root not in KNOWN:
            yield f'a notice knows no "{root}"{did_you_mean(root, [*KNOWN, "form", "result", "inputs"])}'
        elif names and names[0] not in KNOWN[root]:
            yield f'a notice knows no "{dotted}"{did_you_mean(names[0], KNOWN[root])}'

    def _form_faults(self, path: str, *, asked: bool) -> Iterator[str]:
        if self._form is None:
            return
        if not path:
            yield "prints or loops over the whole form: name the field, such as form.premises.address"
            return
        if self._form.find(path) is None:
            yield self._form.unknown(path)
            return
        forms = [printer.form or self._form for printer in self._printers.values()] or [self._form]
        if not asked and not all(form.always_has(path) for form in forms):
            yield _ask_first(f"form.{path}")
        for matter, printer in self._printers.items():
            if not any(path == field or path.startswith(f"{field}.") for field in printer.form_fields):
                yield f"the office does not see form.{path}: add {path} to fields of matters/{matter}.yaml"

    def _result_faults(self, names: _Path, *, asked: bool) -> Iterator[str]:
        if not names:
            return
        there = len(names) == 1
        for matter, printer in self._printers.items():
            if printer.result and names[0] not in printer.result:
                yield f'matters/{matter}.yaml has no "{names[0]}" in its result{did_you_mean(names[0], printer.result)}'
                return
            there = there and printer.result.get(names[0], False)
        if not asked and not there:
            yield _ask_first(".".join(("result", *names)))

    def _input_faults(self, names: _Path, *, asked: bool) -> Iterator[str]:
        if not names:
            yield "prints or loops over all inputs: name one of those that the matter takes"
            return
        for matter, printer in self._printers.items():
            if names[0] not in printer.inputs:
                yield f'matters/{matter}.yaml takes no input "{names[0]}"{did_you_mean(names[0], printer.inputs)}'
                return
        if not asked and len(names) > 1:
            yield _ask_first(".".join(("inputs", *names)))


def _ask_first(dotted: str) -> str:
    return f'{dotted} may be missing: put it inside {{% if {dotted} is defined %}}, or add | default("...")'


def _path_of(node: nodes.Node | None) -> _Path:
    """The names of a.b.c; empty for anything else."""
    names: list[str] = []
    here: nodes.Node | None = node
    while isinstance(here, nodes.Getattr):
        names.append(here.attr)
        here = here.node
    return (here.name, *reversed(names)) if isinstance(here, nodes.Name) else ()


def _defined(test: nodes.Node) -> frozenset[_Path]:
    """The paths that are there when a test holds."""
    if isinstance(test, nodes.And):
        return _defined(test.left) | _defined(test.right)
    if isinstance(test, nodes.Test) and test.name == "defined":
        path = _path_of(test.node)
        return frozenset(path[:end] for end in range(1, len(path) + 1))
    return frozenset()
