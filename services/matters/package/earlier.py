"""What an expression of a step reads of the steps before it: `steps["birth-certificate"].result.number`.

The cases service evaluates it over maps. Here each read is found in the expression's tree, and its text is rewritten so
that `steps` can be a message with a field for each step: then the type checker knows what every result holds.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.matters.package.expressions import children, kind_of
from services.matters.package.faults import did_you_mean
from services.matters.package.forms import FormField

# Id of a step, in quotes, where a message has a name: `steps["a-b"]` becomes `steps.s_a_b `.
_INDEXED = re.compile(r"""(?<![A-Za-z0-9_.])steps( *)\[( *)(["'])([a-z][a-z0-9-]*)\3( *)\]""")
_WRITE_OUT = 'name a step and what you read of it, as in steps["birth-certificate"].result.number'


@dataclass(frozen=True, slots=True)
class Shares:
    """What the matter of a step says of its result: by field its type, which are always there, which are shared."""

    matter: str
    types: Mapping[str, str]
    required: frozenset[str]
    shared: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reader:
    """A step whose expressions are checked: the steps before it, and which of them have certainly been completed.

    `form` is what is there of the form once the step is handled, where that is more than what is always there.
    """

    step_id: str
    before: Collection[str]
    certain: Collection[str]
    form: FormField | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """One place in an expression that reads a step."""

    step_id: str
    names: tuple[str, ...]
    start: int


def find_reads(tree: Any, text: str) -> tuple[list[Read], list[str]]:
    """The reads of an expression, and what is wrong with the way in which `steps` is used besides."""
    positions = {entry.key: entry.value for entry in tree.source.positions}
    reads: list[Read] = []
    faults: list[str] = []
    waiting: list[tuple[Any, tuple[str, ...]]] = [(tree.expr, ())]
    while waiting:
        expr, names = waiting.pop()
        kind = kind_of(expr)
        if kind == "select":
            waiting.append((expr.select.operand, (expr.select.field, *names)))
            continue
        indexes = kind == "call" and expr.call.function == "_[_]" and _is_steps(expr.call.args[0])
        found = _INDEXED.match(text, positions.get(expr.call.args[0].id, 0)) if indexes else None
        if found:
            reads.append(Read(found.group(4), names, found.start()))
        elif _is_steps(expr) or indexes:
            faults.append(_WRITE_OUT)
        else:
            waiting.extend((child, ()) for child in children(expr))
    return reads, faults


def read_faults(read: Read, reader: Reader, steps: Mapping[str, Shares]) -> Iterator[str]:
    """Yield what is wrong with a read: the step, or what is read of it."""
    shares = steps.get(read.step_id)
    if shares is None:
        yield f'there is no step "{read.step_id}"{did_you_mean(read.step_id, steps)}'
    elif read.step_id not in reader.before:
        yield f'"{read.step_id}" does not come before "{reader.step_id}": add it to `after`, here or in a step before'
    elif not read.names or read.names[0] not in {"status", "result"} or read.names == ("result",):
        yield f"of a step there is its status, and its result by field: {_WRITE_OUT}"
    elif read.names[0] == "result":
        name = read.names[1]
        if name not in shares.types:
            yield f'matters/{shares.matter}.yaml has no "{name}" in its result{did_you_mean(name, shares.types)}'
        elif name not in shares.shared:
            yield f'matters/{shares.matter}.yaml does not share "{name}": say `shared: true` there if it may be seen'


def rewritten(text: str) -> str:
    """The text with steps as fields of a message, of the same length, so that places in it stay what they are."""
    return _INDEXED.sub(_as_field, text)


def field_of(step_id: str) -> str:
    """The name of a step in the message."""
    return f"s_{step_id.replace('-', '_')}"


def spell_path(path: tuple[str, ...]) -> str:
    """A path as a developer writes it: form.shop.area, steps["birth-certificate"].result.number."""
    if path[0] != "steps" or len(path) == 1:
        return ".".join(path)
    step_id = path[1].removeprefix("s_").replace("_", "-")
    return ".".join((f'steps["{step_id}"]', *path[2:]))


def steps_field(steps: Mapping[str, Shares], reader: Reader | None) -> FormField:
    """`steps` as a field with the steps in it; a result's field is required where it is there for certain."""
    root = FormField(frozenset({"object"}), required=True)
    for step_id, shares in steps.items():
        certain = reader is not None and step_id in reader.certain
        result = FormField(frozenset({"object"}), required=True)
        for name, kind in shares.types.items():
            result.fields[name] = FormField(frozenset({kind}), required=certain and name in shares.required)
        status = FormField(frozenset({"string"}), required=True)
        root.fields[field_of(step_id)] = FormField(
            frozenset({"object"}), required=True, fields={"status": status, "result": result}
        )
    return root


def _is_steps(expr: Any) -> bool:
    return kind_of(expr) == "ident" and expr.ident.name == "steps"


def _as_field(found: re.Match[str]) -> str:
    return f"steps.{field_of(found.group(4))}".ljust(len(found.group()))
