"""A checked CEL expression as a tree: the part of cel.expr.CheckedExpr that the rules here read.

The CEL library gives its tree only in serialised form, and no distribution carries the Python stubs of that message.
Field numbers are those of cel/expr/checked.proto and cel/expr/syntax.proto of the CEL specification.
"""

from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _FIELD.TYPE_STRING,
    "int64": _FIELD.TYPE_INT64,
    "int32": _FIELD.TYPE_INT32,
    "bool": _FIELD.TYPE_BOOL,
    "bytes": _FIELD.TYPE_BYTES,
    "uint64": _FIELD.TYPE_UINT64,
    "double": _FIELD.TYPE_DOUBLE,
}
# Message -> field -> (number, type); a type with [] is repeated. Maps are repeated entries on the wire.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Checked": {"types": (3, "TypeEntry[]"), "expr": (4, "Expr"), "source": (5, "Source")},
    "Source": {"positions": (4, "PositionEntry[]")},
    "PositionEntry": {"key": (1, "int64"), "value": (2, "int32")},
    "TypeEntry": {"key": (1, "int64"), "value": (2, "Type")},
    "Type": {"dyn": (1, "Empty"), "primitive": (3, "int32"), "wrapped": (4, "int32"), "well_known": (5, "int32")},
    "Empty": {},
    "Expr": {
        "id": (2, "int64"),
        "const": (3, "Const"),
        "ident": (4, "Ident"),
        "select": (5, "Select"),
        "call": (6, "Call"),
        "list": (7, "List"),
        "struct": (8, "Struct"),
        "comprehension": (9, "Comprehension"),
    },
    "Const": {
        "truth": (2, "bool"),
        "whole": (3, "int64"),
        "natural": (4, "uint64"),
        "decimal": (5, "double"),
        "text": (6, "string"),
    },
    "Ident": {"name": (1, "string")},
    "Select": {"operand": (1, "Expr"), "field": (2, "string"), "test_only": (3, "bool")},
    "Call": {"target": (1, "Expr"), "function": (2, "string"), "args": (3, "Expr[]")},
    "List": {"elements": (1, "Expr[]")},
    "Struct": {"entries": (2, "Entry[]")},
    "Entry": {"map_key": (3, "Expr"), "value": (4, "Expr")},
    "Comprehension": {
        "iter_range": (2, "Expr"),
        "accu_init": (4, "Expr"),
        "loop_condition": (5, "Expr"),
        "loop_step": (6, "Expr"),
        "result": (7, "Expr"),
    },
}
# Messages whose fields exclude each other: which one it is is known even where the value is 0 or empty.
_ONE_OF = frozenset(["Const"])


def _checked_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="duokua/cel_tree.proto", package="duokua.cel_tree", syntax="proto3")
    for message_name, fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        if message_name in _ONE_OF:
            message.oneof_decl.add(name="kind")
        for field_name, (number, kind) in fields.items():
            label = _FIELD.LABEL_REPEATED if kind.endswith("[]") else _FIELD.LABEL_OPTIONAL
            made = message.field.add(name=field_name, number=number, label=label)
            if message_name in _ONE_OF:
                made.oneof_index = 0
            base = kind.removesuffix("[]")
            if base in _SCALARS:
                made.type = _SCALARS[base]
            else:
                made.type, made.type_name = _FIELD.TYPE_MESSAGE, f".duokua.cel_tree.{base}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("duokua.cel_tree.Checked"))


_CHECKED = _checked_class()


def read_tree(serialised: bytes) -> Any | None:
    """Read what the CEL library serialised; None when it is nested deeper than protobuf reads (100 messages)."""
    wrapped = any_pb2.Any.FromString(serialised)
    try:
        return _CHECKED.FromString(wrapped.value)
    except DecodeError:
        return None


def children(expr: Any) -> list[Any]:
    """The expressions directly inside one."""
    kind = kind_of(expr)
    if kind == "select":
        return [expr.select.operand]
    if kind == "call":
        return [*([expr.call.target] if expr.call.HasField("target") else []), *expr.call.args]
    if kind == "list":
        return list(expr.list.elements)
    if kind == "struct":
        return [part for entry in expr.struct.entries for part in (entry.map_key, entry.value)]
    if kind == "comprehension":
        loop = expr.comprehension
        return [loop.iter_range, loop.accu_init, loop.loop_condition, loop.loop_step, loop.result]
    return []


def kind_of(expr: Any) -> str:
    """Which kind of expression it is: const, ident, select, call, list, struct or comprehension."""
    kinds = ("const", "ident", "select", "call", "list", "struct", "comprehension")
    return next((kind for kind in kinds if expr.HasField(kind)), "")


def constant_of(expr: Any) -> str | int | float | bool | None:
    """The value of a constant; None for null, and for bytes, which JSON does not have."""
    const = expr.const
    given = (name for name in ("truth", "whole", "natural", "decimal", "text") if const.HasField(name))
    name = next(given, "")
    return getattr(const, name) if name else None


def path_of(expr: Any) -> tuple[str, ...] | None:
    """The path in the data that an expression names, such as ("form", "shop", "area"); None for something else."""
    names: list[str] = []
    while kind_of(expr) == "select":
        names.append(expr.select.field)
        expr = expr.select.operand
    if kind_of(expr) != "ident" or expr.ident.name not in {"form", "steps"}:
        return None
    return (expr.ident.name, *reversed(names))
