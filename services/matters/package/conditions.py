"""The expressions of steps, in CEL, checked so that evaluating one on a valid form cannot fail: `when`, and inputs.

The cases service evaluates them over maps: `form`, and `steps` with the steps before. Here they are compiled a second
time over messages that have the form's own fields, and those of the steps' results, with their types: so a misspelt
field or a number compared with a word is found at publishing.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from cel_expr_python import cel
from google.protobuf import descriptor_pb2, descriptor_pool, struct_pb2

from services.matters.package.comparisons import arithmetic_faults, comparison_faults
from services.matters.package.conditionwork import work_faults
from services.matters.package.earlier import (
    Reader,
    Shares,
    find_reads,
    read_faults,
    rewritten,
    spell_path,
    steps_field,
)
from services.matters.package.expressions import children, kind_of, path_of, read_tree
from services.matters.package.faults import did_you_mean
from services.matters.package.forms import FormField

_FIELD = descriptor_pb2.FieldDescriptorProto
_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_UNDEFINED = re.compile(r"undefined field '([^']*)' not found in struct")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DATA = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
NO_STEPS: Mapping[str, Shares] = MappingProxyType({})
NO_OTHERS: Mapping[str, Any] = MappingProxyType({})
# What is nested deeper cannot be read back as a tree.
_TOO_DEEP = ["is nested too deeply: write it more plainly"]
# Types of CEL as those of JSON Schema; what is not here is not JSON.
_JSON_TYPES = {
    "STRING": "string",
    "BOOL": "boolean",
    "INT": "integer",
    "UINT": "integer",
    "DOUBLE": "number",
    "NULL": "null",
}
# Known only once there is a value.
_UNKNOWN = frozenset(["DYN", "google.protobuf.Value"])


class Conditions:
    """Checks expressions against one form, and the results of some steps."""

    def __init__(
        self, form: FormField, steps: Mapping[str, Shares] = NO_STEPS, others: Mapping[str, Any] = NO_OTHERS
    ) -> None:
        """`others` are further variables, with their types in CEL."""
        self._form = form
        self._steps = steps
        self._typed = _typed_environment(_data(form, steps, None), others)
        # The environment that the cases service has.
        self._plain = cel.NewEnv(variables={"form": _DATA, "steps": _DATA, **others})

    def faults(
        self, condition: str, reader: Reader | None = None, *, on_form: bool = False, given: str = ""
    ) -> list[str]:
        """Say all that is wrong with a condition; empty when it can be evaluated on every valid form.

        Without a reader, and `on_form`, it may read the form alone. It is evaluated only where the condition `given`
        holds, which has been checked.
        """
        expression, faults = self._compiled(condition, None if on_form else reader)
        if expression is None:
            return faults
        if (kind := expression.return_type().name()) != "BOOL":
            return [f"gives {_type_word(kind)}, a condition gives true or false: compare it with something"]
        tree = read_tree(expression.serialize())
        return _tree_faults(tree, self._known(given), _data(self._form, self._steps, reader)) if tree else _TOO_DEEP

    def _known(self, given: str) -> frozenset[tuple[str, ...]]:
        """The paths that are there when a condition holds."""
        tree = read_tree(self._plain.compile(given).serialize()) if given else None
        return _when_true(tree.expr) if tree else frozenset()

    def input_faults(self, text: str, wanted: str, visible: Collection[str], reader: Reader) -> list[str]:
        """Say all that is wrong with an input of a step, whose office sees the `visible` paths of the form."""
        expression, faults = self._compiled(text, reader)
        if expression is None:
            return faults
        tree = read_tree(expression.serialize())
        if tree is None:
            return _TOO_DEEP
        data = _data(self._form, self._steps, reader)
        given = _types_of(tree.expr, expression.return_type().name(), data)
        allowed = {wanted, "integer"} if wanted == "number" else {wanted}
        if given - allowed:
            words = " or ".join(sorted(given - allowed))
            return [f"gives {words}, and should give {wanted}, as `inputs` of the matter says"]
        return [*_tree_faults(tree, frozenset(), data), *sorted(set(_hidden(tree.expr, visible)))]

    def _compiled(self, text: str, reader: Reader | None) -> tuple[Any, list[str]]:
        """The type-checked expression, or what is wrong with it."""
        try:
            plain = read_tree(self._plain.compile(text).serialize())
            if plain is None:
                return None, _TOO_DEEP
            reads, faults = find_reads(plain, text)
            if reader is None and (reads or faults):
                return None, [
                    "reads `form` alone: it is decided when the case is submitted, and no results are there yet"
                ]
            if reader:
                faults.extend(fault for read in reads for fault in read_faults(read, reader, self._steps))
            return (None, sorted(set(faults))) if faults else (self._typed.compile(rewritten(text)), [])
        except RuntimeError as error:
            return None, self._compile_faults(str(error))

    def _compile_faults(self, text: str) -> list[str]:
        found = []
        for line, column, message in _ERROR.findall(text):
            place = f"character {column}" if line == "1" else f"line {line}, character {column}"
            found.append(f"{self._in_words(message)} (at {place})")
        return found or [" ".join(text.split())[:200]]

    def _in_words(self, message: str) -> str:
        undefined = _UNDEFINED.match(message)
        if undefined is None:
            return message.removesuffix(" [INVALID_ARGUMENT]").partition(" expecting {")[0]
        names = [path.rpartition(".")[2] for path in self._form.paths()]
        return f'the form has no field "{undefined.group(1)}" there{did_you_mean(undefined.group(1), names)}'


def _tree_faults(tree: Any, known: frozenset[tuple[str, ...]], data: FormField) -> list[str]:
    """What is wrong with a type-checked expression, evaluated where the paths `known` are there."""
    unguarded, work = set(_unguarded(tree.expr, known, data)), set(work_faults(tree.expr, data))
    return sorted(unguarded | set(arithmetic_faults(tree)) | set(comparison_faults(tree, data)) | work)


def _data(form: FormField, steps: Mapping[str, Shares], reader: Reader | None) -> FormField:
    """All that an expression can name, as one field."""
    root = FormField(frozenset({"object"}), required=True)
    known = reader.form if reader and reader.form else form
    root.fields["form"] = FormField(known.types, required=True, item_types=known.item_types, fields=known.fields)
    root.fields["steps"] = steps_field(steps, reader)
    return root


def _typed_environment(data: FormField, others: Mapping[str, Any]) -> Any:
    """A CEL environment in which `form` and `steps` are messages with their fields."""
    file = descriptor_pb2.FileDescriptorProto(
        name="data.proto", package="data_of_scenario", syntax="proto3", dependency=["google/protobuf/struct.proto"]
    )
    messages = {name: cel.Type(f"data_of_scenario.{_add_message(file, field)}") for name, field in data.fields.items()}
    struct = descriptor_pb2.FileDescriptorProto()
    struct_pb2.DESCRIPTOR.CopyToProto(struct)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(struct)
    pool.Add(file)
    return cel.NewEnv(descriptor_pool=pool, variables={**messages, **others})


def _add_message(file: descriptor_pb2.FileDescriptorProto, described: FormField) -> str:
    name = f"M{len(file.message_type)}"
    message = file.message_type.add(name=name)
    for number, (field_name, child) in enumerate(described.fields.items(), start=1):
        if not _IDENTIFIER.fullmatch(field_name):
            continue
        made = message.field.add(name=field_name, json_name=field_name, number=number, label=_FIELD.LABEL_OPTIONAL)
        if child.types == {"string"}:
            made.type = _FIELD.TYPE_STRING
        elif child.types == {"boolean"}:
            made.type = _FIELD.TYPE_BOOL
        elif child.types == {"object"} and child.fields:
            made.type, made.type_name = _FIELD.TYPE_MESSAGE, f".data_of_scenario.{_add_message(file, child)}"
        else:
            # Numbers too: the type checker would refuse `area > 300`, which evaluation allows.
            made.type, made.type_name = _FIELD.TYPE_MESSAGE, ".google.protobuf.Value"
            if child.types == {"array"}:
                made.label = _FIELD.LABEL_REPEATED
                if child.item_types == {"string"}:
                    made.ClearField("type_name")
                    made.type = _FIELD.TYPE_STRING
    return name


def _type_word(kind: str) -> str:
    return {"STRING": "text", "DYN": "a field's value", "INT": "a number", "DOUBLE": "a number"}.get(kind, kind.lower())


def _types_of(expr: Any, kind: str, data: FormField) -> set[str]:
    """The types of JSON Schema that an expression may give, as far as they are known; `kind` is what CEL says."""
    if (path := path_of(expr)) is not None and (field := data.find(".".join(path))) is not None and field.types:
        return set(field.types)
    if kind_of(expr) == "call" and expr.call.function == "_?_:_":
        return _types_of(expr.call.args[1], kind, data) | _types_of(expr.call.args[2], kind, data)
    if kind.startswith(("LIST", "MAP")):
        return {"array" if kind.startswith("LIST") else "object"}
    if kind in _JSON_TYPES:
        return {_JSON_TYPES[kind]}
    return set() if kind in _UNKNOWN else {f"{kind.lower()} (not JSON)"}


def _hidden(expr: Any, visible: Collection[str]) -> Iterator[str]:
    """Yield a fault for each part of the form that is read and that the step's office does not see."""
    path = path_of(expr)
    if path is None:
        for part in children(expr):
            yield from _hidden(part, visible)
    elif path[0] == "form":
        dotted = ".".join(path[1:])
        if not any(dotted == seen or dotted.startswith(f"{seen}.") for seen in visible):
            yield f"reads {spell_path(path)}, which its office does not see: add it to fields of the matter"


def _unguarded(expr: Any, known: frozenset[tuple[str, ...]], data: FormField) -> Iterator[str]:
    """Yield a fault for each field that may be missing, read where nothing has asked `has(...)`."""
    kind = kind_of(expr)
    path = path_of(expr) if kind == "select" else None
    if path is not None:
        # has(form.a.b) reads form.a only.
        read = path[:-1] if expr.select.test_only else path
        missing = _first_missing(read, known, data)
        if missing:
            name = spell_path(missing)
            yield f"{name} may be missing, and then the case could not be decided: ask has({name}) && ... first"
        return
    function = expr.call.function if kind == "call" else ""
    if function in {"_&&_", "_||_"}:
        # CEL takes the answer of either side when it decides alone, so a guard counts on both sides.
        left, right = expr.call.args
        implied = _when_true if function == "_&&_" else _when_false
        yield from _unguarded(left, known | implied(right), data)
        yield from _unguarded(right, known | implied(left), data)
    elif function == "_?_:_":
        test, positive, negative = expr.call.args
        yield from _unguarded(test, known, data)
        yield from _unguarded(positive, known | _when_true(test), data)
        yield from _unguarded(negative, known | _when_false(test), data)
    else:
        for part in children(expr):
            yield from _unguarded(part, known, data)


def _first_missing(path: tuple[str, ...], known: frozenset[tuple[str, ...]], data: FormField) -> tuple[str, ...] | None:
    here: FormField | None = data
    for end, name in enumerate(path, start=1):
        here = here.fields.get(name) if here else None
        if not (here and here.required) and path[:end] not in known:
            return path[:end]
    return None


def _when_true(expr: Any) -> frozenset[tuple[str, ...]]:
    """The paths that are there when the expression is true."""
    if kind_of(expr) == "select" and expr.select.test_only:
        path = path_of(expr) or ()
        return frozenset(path[:end] for end in range(1, len(path) + 1))
    if kind_of(expr) != "call":
        return frozenset()
    if expr.call.function == "_&&_":
        return frozenset().union(*map(_when_true, expr.call.args))
    return _when_false(expr.call.args[0]) if expr.call.function == "!_" else frozenset()


def _when_false(expr: Any) -> frozenset[tuple[str, ...]]:
    """The paths that are there when the expression is false."""
    if kind_of(expr) != "call":
        return frozenset()
    if expr.call.function == "_||_":
        return frozenset().union(*map(_when_false, expr.call.args))
    return _when_true(expr.call.args[0]) if expr.call.function == "!_" else frozenset()
