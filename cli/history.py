"""Checks the history of a case, with nothing but its entries and the rule by which they are chained."""

from collections.abc import Iterable
from datetime import UTC
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value

from cli.entries import commitment_to, entry_hash
from duokua.cases.v1.case_pb2 import HistoryEntry

WITHHELD = "(withheld)"


def first_broken(case_id: str, entries: Iterable[HistoryEntry]) -> int | None:
    """The sequence of the first entry, from 1, that does not follow from those before it; None when all do.

    `entries` is the whole history, oldest first. Parts that are withheld are taken by their commitments. Entries that
    were cut off its end cannot be seen: compare their number with the case's version.
    """
    previous = ""
    for sequence, entry in enumerate(entries, start=1):
        if entry.sequence != sequence or entry.previous_hash != previous:
            return sequence
        if not is_whole(case_id, entry):
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
    words = entry.kind.replace("_", " ") or WITHHELD
    if "task_id" not in entry.input.fields or len(parts) != 3 or not parts[2].startswith("u"):
        return words
    return "undone" if entry.kind == "completed" else f"undo {words}"


def _named(entry: HistoryEntry) -> list[str]:
    # Looking up a missing key would add it, and change what is hashed.
    fields = entry.input.fields
    name = next((name for name in ("task_id", "notice_id") if name in fields), "")
    return fields[name].string_value.split(":") if name else []


def actor_of(entry: HistoryEntry) -> str:
    """Who gave the input, from the part that says so; empty when that is withheld."""
    return entry.actor or entry.internal.actor


def withheld(entries: Iterable[HistoryEntry]) -> tuple[int, int]:
    """Of how many entries the open part is withheld, and of how many the internal part."""
    missing = [(not entry.salt, not entry.internal.salt) for entry in entries]
    return sum(each for each, _ in missing), sum(each for _, each in missing)


def is_whole(case_id: str, entry: HistoryEntry) -> bool:
    """Whether what an entry shows is what it commits to, and its hash covers the commitments."""
    internal = entry.internal
    shown = commitment_to(
        "open", entry.salt, {"actor": entry.actor, "kind": entry.kind, "input": object_of(entry.input)}
    )
    hidden = commitment_to("internal", internal.salt, {"actor": internal.actor, "input": object_of(internal.input)})
    if entry.salt and shown != entry.commitment.hex():
        return False
    if internal.salt and hidden != internal.commitment.hex():
        return False
    commitments = entry.commitment.hex(), internal.commitment.hex()
    at = entry.at.ToDatetime(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    return entry.hash == entry_hash(case_id, entry.sequence, at, commitments, entry.previous_hash)


def object_of(struct: Struct) -> dict[str, Any]:
    """An object as JSON has it."""
    return {key: _plain(value) for key, value in struct.fields.items()}


def _plain(value: Value) -> Any:
    """A value as JSON has it; every number stays the double that RFC 8785 takes it for."""
    match value.WhichOneof("kind"):
        case "struct_value":
            return object_of(value.struct_value)
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
