"""Checks the history of a case, with nothing but its entries and the rule by which they are chained.

The rule is the contract's: SHA-256 over the previous entry's hash (32 bytes; none before the first entry) followed by
the RFC 8785 form, in UTF-8, of {"case_id", "sequence", "at", "actor", "kind", "input"}, where `at` is RFC 3339 in UTC
with milliseconds. It is written down here once more on purpose: a check that used the platform's own code would say no
more than the platform's word.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC
from typing import Any

import rfc8785
from google.protobuf.struct_pb2 import Struct, Value

from duokua.cases.v1.case_pb2 import HistoryEntry


def first_broken(case_id: str, entries: Iterable[HistoryEntry]) -> int | None:
    """The sequence of the first entry, from 1, that does not follow from those before it; None when all do.

    `entries` is the whole history, oldest first. Entries that were cut off its end cannot be seen: compare their
    number with the case's version.
    """
    previous = ""
    for sequence, entry in enumerate(entries, start=1):
        if entry.sequence != sequence or entry.previous_hash != previous:
            return sequence
        if entry.hash != hash_of(case_id, entry):
            return sequence
        previous = entry.hash
    return None


def step_of(entry: HistoryEntry) -> str:
    """The step that an entry is about, from its task or notice ("case:step:number"); empty when it is about none."""
    parts = _named(entry)
    return parts[1] if len(parts) == 3 else ""


def what_of(entry: HistoryEntry) -> str:
    """What happened, in words; what an office said to an undo task (number "u1") is told apart."""
    parts = _named(entry)
    words = entry.kind.replace("_", " ")
    if "task_id" not in entry.input.fields or len(parts) != 3 or not parts[2].startswith("u"):
        return words
    return "undone" if entry.kind == "completed" else f"undo {words}"


def _named(entry: HistoryEntry) -> list[str]:
    # Looking up a missing key would add it, and change what is hashed.
    fields = entry.input.fields
    name = next((name for name in ("task_id", "notice_id") if name in fields), "")
    return fields[name].string_value.split(":") if name else []


def hash_of(case_id: str, entry: HistoryEntry) -> str:
    """The hash that an entry must have, in lower-case hexadecimal; empty when its content has no canonical form."""
    content: dict[str, Any] = {
        "case_id": case_id,
        "sequence": entry.sequence,
        "at": entry.at.ToDatetime(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z",
        "actor": entry.actor,
        "kind": entry.kind,
        "input": _object(entry.input),
    }
    try:
        previous = bytes.fromhex(entry.previous_hash)
        return hashlib.sha256(previous + rfc8785.dumps(content)).hexdigest()
    except ValueError:
        return ""


def _object(struct: Struct) -> dict[str, Any]:
    return {key: _plain(value) for key, value in struct.fields.items()}


def _plain(value: Value) -> Any:
    """A value as JSON has it; every number stays the double that RFC 8785 takes it for."""
    match value.WhichOneof("kind"):
        case "struct_value":
            return _object(value.struct_value)
        case "list_value":
            return [_plain(each) for each in value.list_value.values]
        case "number_value":
            return value.number_value
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None
