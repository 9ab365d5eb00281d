"""The conditions of steps (`when`): CEL over `form`, checked so that evaluating one on a valid form cannot fail.

The cases service evaluates a condition over the form as a map. Here it is compiled a second time over a message that
has the form's own fields and types, so that a misspelt field or a number compared with a word is found at publishing.
"""

import re
from collections.abc import Iterator
from typing import Any

from cel_expr_python import cel
from google.protobuf import descriptor_pb2, descriptor_pool, struct_pb2

from services.matters.package.conditionwork import work_faults
from services.matters.package.expressions import children, kind_of, path_of, read_tree
from services.matters.package.faults import did_you_mean
from services.matters.package.forms import FormField

_FIELD = descriptor_pb2.FieldDescriptorProto
_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_UNDEFINED = re.compile(r"undefined field '([^']*)' not found in struct")
_ARITHMETIC = frozenset(["_+_", "_-_", "_*_", "_/_", "_%_", "-_"])
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Conditions:
    """Checks conditions against one form."""

    def __init__(self, form: FormField) -> None:
        self._form = form
        self._typed = _typed_environment(form)
        # The environment that the cases service has.
        self._plain = cel.NewEnv(variables={"form": cel.Type.Map(cel.Type.STRING, cel.Type.DYN)})

    def faults(self, condition: str) -> list[str]:
        """Say all that is wrong with a condition; empty when it can be evaluated on every valid form."""
        try:
            self._plain.compile(condition)
            expression = self._typed.compile(condition)
        except RuntimeError as error:
            return self._compile_faults(str(error))
        if (kind := expression.return_type().name()) != "BOOL":
            return [f"gives {_type_word(kind)}, a condition gives true or false: compare it with something"]
        tree = read_tree(expression.serialize())
        if tree is None:
            return ["is nested too deeply: write it more plainly"]
        unguarded = set(_unguarded(tree.expr, frozenset(), self._form))
        return sorted(unguarded | set(_arithmetic(tree)) | set(work_faults(tree.expr, self._form)))

    def _compile_faults(self, text: str) -> list[str]:
        found = []
        for line, column, message in _ERROR.findall(text):
            place = f"character {column}" if line == "1" else f"line {line}, character {column}"
            found.append(f"{self._in_words(message)} (at {place} of the condition)")
        return found or [" ".join(text.split())[:200]]

    def _in_words(self, message: str) -> str:
        undefined = _UNDEFINED.match(message)
        if undefined is None:
            return message.removesuffix(" [INVALID_ARGUMENT]").partition(" expecting {")[0]
        names = [path.rpartition(".")[2] for path in self._form.paths()]
        return f'the form has no field "{undefined.group(1)}" there{did_you_mean(undefined.group(1), names)}'


def _typed_environment(form: FormField) -> Any:
    """A CEL environment in which `form` is a message with the form's fields."""
    file = descriptor_pb2.FileDescriptorProto(
        name="form.proto", package="form_of_scenario", syntax="proto3", dependency=["google/protobuf/struct.proto"]
    )
    _add_message(file, form)
    struct = descriptor_pb2.FileDescriptorProto()
    struct_pb2.DESCRIPTOR.CopyToProto(struct)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(struct)
    pool.Add(file)
    return cel.NewEnv(descriptor_pool=pool, variables={"form": cel.Type("form_of_scenario.M0")})


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
            made.type, made.type_name = _FIELD.TYPE_MESSAGE, f".form_of_scenario.{_add_message(file, child)}"
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


def _unguarded(expr: Any, known: frozenset[tuple[str, ...]], form: FormField) -> Iterator[str]:
    """Yield a fault for each field that a valid form may lack, read where nothing has asked `has(...)`."""
    kind = kind_of(expr)
    path = path_of(expr) if kind == "select" else None
    if path is not None:
        # has(form.a.b) reads form.a only.
        read = path[:-1] if expr.select.test_only else path
        missing = _first_missing(read, known, form)
        if missing:
            name = f"form.{'.'.join(missing)}"
            yield f"{name} may be missing, and then the case could not be decided: ask has({name}) && ... first"
        return
    function = expr.call.function if kind == "call" else ""
    if function in {"_&&_", "_||_"}:
        # CEL takes the answer of either side when it decides alone, so a guard counts on both sides.
        left, right = expr.call.args
        implied = _when_true if function == "_&&_" else _when_false
        yield from _unguarded(left, known | implied(right), form)
        yield from _unguarded(right, known | implied(left), form)
    elif function == "_?_:_":
        test, positive, negative = expr.call.args
        yield from _unguarded(test, known, form)
        yield from _unguarded(positive, known | _when_true(test), form)
        yield from _unguarded(negative, known | _when_false(test), form)
    else:
        for part in children(expr):
            yield from _unguarded(part, known, form)


def _first_missing(path: tuple[str, ...], known: frozenset[tuple[str, ...]], form: FormField) -> tuple[str, ...] | None:
    here: FormField | None = form
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


def _arithmetic(tree: Any) -> Iterator[str]:
    """Yield a fault where a field of the form is computed with: it may be whole or decimal, and CEL mixes neither."""
    free = {entry.key for entry in tree.types if _is_free(entry.value)}
    waiting = [tree.expr]
    while waiting:
        expr = waiting.pop()
        waiting.extend(children(expr))
        computes = kind_of(expr) == "call" and expr.call.function in _ARITHMETIC
        if computes and any(argument.id in free for argument in expr.call.args):
            yield "computes with a number of the form: write double(...) around it, and constants as 1.0"


def _is_free(kind: Any) -> bool:
    # Wrapped and well-known types are those of google.protobuf.Value fields.
    return kind.HasField("dyn") or bool(kind.wrapped or kind.well_known)
