"""Checks on every request before its handler runs: the rules that the contract declares, and bounds on the rest."""

import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice

import re2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.unknown_fields import UnknownFieldSet

from chassis.problems import Invalid, Violation
from duokua.options.v1 import options_pb2

LONGEST_TEXT = 1000
MOST_ITEMS = 1000
DEEPEST_STRUCT = 16
MOST_STRUCT_VALUES = 5000
LONGEST_STRUCT_TEXT = 20_000
LARGEST_STRUCT_NUMBER = 2**53
"""Beyond it a double skips whole numbers: what is stored could not be told as it was given."""
MOST_VIOLATIONS = 50
MOST_UNKNOWN_BYTES = 10_000
"""So much that the contract lacks is looked through for its numbers; more is only told."""
MOST_NUMBERS = 5
_UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
"""Categories of characters that nobody sees: spaces, controls, and those that only order others."""

Check = Callable[[Message, str], Iterator[Violation]]


def check_request(request: Message) -> None:
    """Raise Invalid, with every fault named, when a request breaks a rule of its contract."""
    _refuse(list(_hoard(request)) or list(islice(_faults(request, ""), MOST_VIOLATIONS)))


def check_known(*messages: Message) -> None:
    """Raise Invalid when one of the messages, apart from those inside it, has a field that the contract lacks."""
    _refuse([fault for message in messages for fault in _hoard(message)])
    _refuse([fault for message in messages for fault in _unknown(message, "")])


def _refuse(violations: list[Violation]) -> None:
    if violations:
        where = ", ".join(sorted({violation.field for violation in violations})[:5])
        raise Invalid("BAD_REQUEST", f"the request does not fit the contract: {where}", violations)


def _hoard(message: Message) -> Iterator[Violation]:
    """A fault when unknown fields, at whatever depth, are so many that to look at each would take long."""
    size = message.ByteSize()
    if size <= MOST_UNKNOWN_BYTES:
        return
    known = type(message)()
    known.CopyFrom(message)
    known.DiscardUnknownFields()
    unknown = size - known.ByteSize()
    if unknown > MOST_UNKNOWN_BYTES:
        yield Violation("request", f"has {unknown} bytes of unknown fields: remove them")


def _unknown(message: Message, path: str) -> Iterator[Violation]:
    unknown = UnknownFieldSet(message)
    count = len(unknown)
    if count:
        numbers = ", ".join(str(unknown[index].field_number) for index in range(min(count, MOST_NUMBERS)))
        told = numbers if count <= MOST_NUMBERS else f"{numbers}, ..., {count} in all"
        yield Violation(path.rstrip(".") or "request", f"unknown fields (numbers {told}): remove them")


def _faults(message: Message, path: str) -> Iterator[Violation]:
    yield from _unknown(message, path)
    for check in _checks(message.DESCRIPTOR):
        yield from check(message, path)


@cache
def _checks(descriptor: Descriptor) -> tuple[Check, ...]:
    return tuple(check for field in descriptor.fields for check in _checks_of(field))


def _checks_of(field: FieldDescriptor) -> Iterator[Check]:
    rule = field.GetOptions().Extensions[options_pb2.rule]
    if rule.required:
        yield _required(field)
    if field.is_repeated:
        yield _items(field, rule.max_items or MOST_ITEMS, tuple(_checks_of_content(field, rule)))
        return
    if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
        yield _length(field, rule.max_length or LONGEST_TEXT)
    if rule.pattern:
        yield _pattern(field, rule.pattern)
    yield from _checks_of_content(field, rule)


def _checks_of_content(field: FieldDescriptor, rule: options_pb2.FieldRule) -> Iterator[Check]:
    if field.message_type is not None:
        yield _nested(field)
    elif field.is_repeated and field.type == FieldDescriptor.TYPE_STRING:
        yield _each_length(field, rule.max_length or LONGEST_TEXT)
    if field.enum_type is not None and not field.is_repeated:
        yield _known_value(field)


def _required(field: FieldDescriptor) -> Check:
    def check(message: Message, path: str) -> Iterator[Violation]:
        value = getattr(message, field.name)
        present = message.HasField(field.name) if _has_presence(field) else bool(value)
        if not present:
            yield Violation(path + field.name, "required")
        elif isinstance(value, str) and all(unicodedata.category(each) in _UNSEEN for each in value):
            yield Violation(path + field.name, "required, and must not be blank")

    return check


def _has_presence(field: FieldDescriptor) -> bool:
    return bool(field.has_presence)


def _length(field: FieldDescriptor, longest: int) -> Check:
    unit = "characters" if field.type == FieldDescriptor.TYPE_STRING else "bytes"

    def check(message: Message, path: str) -> Iterator[Violation]:
        value = getattr(message, field.name)
        if len(value) > longest:
            yield Violation(path + field.name, f"has {len(value)} {unit}; at most {longest} are allowed")
        elif isinstance(value, str) and "\0" in value:
            yield Violation(path + field.name, "must not contain NUL")

    return check


def _each_length(field: FieldDescriptor, longest: int) -> Check:
    def check(message: Message, path: str) -> Iterator[Violation]:
        for index, value in enumerate(getattr(message, field.name)):
            if len(value) > longest or "\0" in value:
                yield Violation(f"{path}{field.name}[{index}]", f"at most {longest} characters, and no NUL")

    return check


def _items(field: FieldDescriptor, most: int, further: tuple[Check, ...]) -> Check:
    """The number of items; the `further` checks look at each, so they come only when these are not too many."""

    def check(message: Message, path: str) -> Iterator[Violation]:
        count = len(getattr(message, field.name))
        if count > most:
            yield Violation(path + field.name, f"has {count} items; at most {most} are allowed")
            return
        for each in further:
            yield from each(message, path)

    return check


def _pattern(field: FieldDescriptor, pattern: str) -> Check:
    compiled = re2.compile(pattern)

    def check(message: Message, path: str) -> Iterator[Violation]:
        value = getattr(message, field.name)
        if value and compiled.fullmatch(value) is None:
            yield Violation(path + field.name, f"must match {pattern}")

    return check


def _known_value(field: FieldDescriptor) -> Check:
    enum = field.enum_type
    assert enum is not None  # noqa: S101 - the caller has looked
    values = frozenset(enum.values_by_number)

    def check(message: Message, path: str) -> Iterator[Violation]:
        if getattr(message, field.name) not in values:
            yield Violation(path + field.name, f"must be a value of {enum.name}")

    return check


def _nested(field: FieldDescriptor) -> Check:
    nested = field.message_type
    assert nested is not None  # noqa: S101 - the caller has looked
    if nested is Struct.DESCRIPTOR:
        return _struct(field)
    if nested in (Duration.DESCRIPTOR, Timestamp.DESCRIPTOR) and not field.is_repeated:
        return _in_range(field)
    is_map = nested.GetOptions().map_entry

    def check(message: Message, path: str) -> Iterator[Violation]:
        if is_map:
            return
        if field.is_repeated:
            for index, item in enumerate(getattr(message, field.name)):
                yield from _faults(item, f"{path}{field.name}[{index}].")
        elif message.HasField(field.name):
            yield from _faults(getattr(message, field.name), f"{path}{field.name}.")

    return check


def _in_range(field: FieldDescriptor) -> Check:
    def check(message: Message, path: str) -> Iterator[Violation]:
        if message.HasField(field.name):
            value = getattr(message, field.name)
            yield from _faults(value, f"{path}{field.name}.")
            try:
                value.ToJsonString()
            except ValueError:
                yield Violation(path + field.name, f"is beyond what a {value.DESCRIPTOR.name} may say")

    return check


def _struct(field: FieldDescriptor) -> Check:
    def check(message: Message, path: str) -> Iterator[Violation]:
        if message.HasField(field.name):
            yield from _struct_faults(getattr(message, field.name), path + field.name)

    return check


def _struct_faults(struct: Struct, path: str) -> Iterator[Violation]:
    left = MOST_STRUCT_VALUES - len(struct.fields)
    if left < 0:
        yield _too_many(path)
        return
    stack: list[tuple[Value, str, int]] = [(item, f"{path}.{key}", 1) for key, item in struct.fields.items()]
    while stack:
        value, where, depth = stack.pop()
        if depth > DEEPEST_STRUCT:
            yield Violation(where, f"is nested deeper than {DEEPEST_STRUCT} levels")
            return
        if len(where) > LONGEST_TEXT or "\0" in where:
            yield Violation(where[:LONGEST_TEXT], f"names must not contain NUL, nor have {LONGEST_TEXT} characters")
            return
        yield from _value_faults(value, where)
        left -= _members(value)
        if left < 0:
            yield _too_many(path)
            return
        stack += [(item, f"{where}{name}", depth + 1) for name, item in _inside(value)]


def _too_many(path: str) -> Violation:
    return Violation(path, f"has more than {MOST_STRUCT_VALUES} values")


def _value_faults(value: Value, where: str) -> Iterator[Violation]:
    kind = value.WhichOneof("kind")
    if kind == "string_value" and (len(value.string_value) > LONGEST_STRUCT_TEXT or "\0" in value.string_value):
        yield Violation(where, f"at most {LONGEST_STRUCT_TEXT} characters, and no NUL")
    elif kind == "number_value" and not abs(value.number_value) <= LARGEST_STRUCT_NUMBER:  # nor is NaN
        yield Violation(where, "must be a number from -2**53 to 2**53; give a larger one as text")


def _members(value: Value) -> int:
    """How many values are directly inside a value, at no cost."""
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return len(value.struct_value.fields)
    return len(value.list_value.values) if kind == "list_value" else 0


def _inside(value: Value) -> Iterator[tuple[str, Value]]:
    """What is directly inside a value, with how it is called there."""
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        yield from ((f".{key}", item) for key, item in value.struct_value.fields.items())
    elif kind == "list_value":
        yield from ((f"[{number}]", item) for number, item in enumerate(value.list_value.values))
