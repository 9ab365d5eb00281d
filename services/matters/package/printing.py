"""What a notice template prints: paths that are there whenever it is printed, and values that sealing prints.

What an office gives as `result` is not known beforehand, and parts of the form may be missing, so a template has to ask
before it prints them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeAlias

from jinja2 import nodes

from services.matters.package.faults import did_you_mean
from services.matters.package.forms import FormField
from services.matters.package.models import MatterPart

# What a notice is rendered with; `form`, `inputs` and `result` besides, whose fields the scenario and offices decide.
KNOWN: Mapping[str, frozenset[str]] = {
    "case": frozenset(["number", "bundle_name"]),
    "step": frozenset(["name", "organ_name"]),
    "decided_at": frozenset(),
}
# In a template these names are methods of every mapping, not its entries.
METHODS = frozenset(name for name in dir(dict) if not name.startswith("_"))
# What sealing does not print, by the type of JSON Schema, and what to do instead.
UNPRINTABLE: Mapping[str, str] = {
    "array": 'is a list: print it with | join("、"), or in a loop',
    "boolean": "is true or false: ask for it with if, and write what that means",
    "object": "is made of others: name the one that is meant",
}

_Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Printer:
    """A matter that prints a template: the fields of the form that its office sees, and of its result those declared.

    `result` says of each whether every result has it; empty when the matter says nothing about its result. `form` is
    what is there of the form whenever the matter is handled. `inputs` are what its office is given of earlier results.
    `types` are those of results and inputs, by path.
    """

    form_fields: Sequence[str]
    result: Mapping[str, bool]
    form: FormField | None = None
    inputs: Collection[str] = ()
    types: Mapping[_Path, str] = field(default_factory=dict)

    @classmethod
    def of(cls, matter: MatterPart, form: FormField | None) -> Self:
        """The printer of a matter, whose office is sure to see `form`."""
        types: dict[_Path, str] = {("result", name): each.type for name, each in matter.result.items()}
        types |= {("inputs", name): kind for name, kind in matter.inputs.items()}
        required = {name: each.required for name, each in matter.result.items()}
        return cls(matter.form_fields, required, form, matter.inputs, types)


class PathReader:
    """Walks a template with the paths that are known to be there, and with the names that its loops have made."""

    def __init__(self, form: FormField | None, printers: Mapping[str, Printer]) -> None:
        """`printers` are the matters that print the template, by name."""
        self._form = form
        self._printers = printers
        self._loops: list[str] = []

    def read(self, node: nodes.Node, known: frozenset[_Path]) -> Iterator[tuple[int, str]]:
        """Yield (line, what is wrong)."""
        path = _path_of(node)
        if path:
            yield from ((node.lineno, message) for message in self._path_faults(path, known))
        elif isinstance(node, nodes.Output):
            for part in node.nodes:
                yield from ((part.lineno, message) for message in self._print_faults(_path_of(part)))
            yield from self.read_children(node, known)
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

    def _print_faults(self, path: _Path) -> Iterator[str]:
        """What sealing would refuse to print: anything but texts and numbers."""
        types = {printer.types.get(path, "") for printer in self._printers.values()}
        if path and path[0] == "form" and self._form and (found := self._form.find(".".join(path[1:]))):
            types = set(found.types)
        for kind in sorted(types & UNPRINTABLE.keys()):
            yield f"prints {'.'.join(path)}, which {UNPRINTABLE[kind]}"

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
