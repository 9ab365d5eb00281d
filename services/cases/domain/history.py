"""The history of a case as a hash chain: whoever has the entries can prove that none was changed, left out or moved.

The hash of an entry is SHA-256 over the previous entry's hash (32 bytes; none before the first entry) followed by the
RFC 8785 canonical JSON, in UTF-8, of {"case_id", "sequence", "at", "actor", "kind", "input"}. ``at`` is RFC 3339 in UTC
with milliseconds, such as "2025-01-02T03:04:05.678Z". Numbers are IEEE 754 doubles, as RFC 8785 has them: an integer
beyond 2**53 - 1 stands for the nearest double, so that a store which rewrites 1e+20 as 100000000000000000000 breaks
nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import rfc8785

LARGEST_EXACT_INTEGER = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One input that was taken, chained to the one before; hashes are in lower-case hexadecimal."""

    case_id: str
    sequence: int
    """From 1, without gaps."""
    at: datetime
    """Aware; what is beyond milliseconds is not part of the proof."""
    actor: str
    """Who gave the input: "client:...", "person:...", or "platform"."""
    kind: str
    input: Mapping[str, Any]
    hash: str
    previous_hash: str
    """Empty in the first entry."""


def chain(
    previous: Entry | None, *, case_id: str, at: datetime, actor: str, kind: str, given: Mapping[str, Any]
) -> Entry:
    """Return the entry that follows ``previous`` (None before the first).

    Raises ValueError when the input is not JSON: a number that is not finite, or text that is not Unicode.
    """
    sequence = previous.sequence + 1 if previous else 1
    return link(
        sequence, previous.hash if previous else "", case_id=case_id, at=at, actor=actor, kind=kind, given=given
    )


def link(
    sequence: int, previous_hash: str, *, case_id: str, at: datetime, actor: str, kind: str, given: Mapping[str, Any]
) -> Entry:
    """Return the entry with this sequence after the entry with this hash, for callers that keep only these two."""
    content = {
        "case_id": case_id,
        "sequence": sequence,
        "at": timestamp(at),
        "actor": actor,
        "kind": kind,
        "input": given,
    }
    digest = sha256(bytes.fromhex(previous_hash) + canonical(content)).hexdigest()
    return Entry(case_id, sequence, at, actor, kind, given, digest, previous_hash)


def verify(entries: Iterable[Entry], previous: Entry | None = None) -> int | None:
    """Return the sequence of the first entry that does not follow from the ones before it; None when all do.

    A page is verified against the last entry of the page before it. A missing entry is reported at the place where
    it should be; entries cut off the end cannot be seen, compare with the case's version for that.
    """
    for entry in entries:
        sequence = previous.sequence + 1 if previous else 1
        if entry.sequence != sequence or (previous and entry.case_id != previous.case_id):
            return sequence
        try:
            expected = chain(
                previous, case_id=entry.case_id, at=entry.at, actor=entry.actor, kind=entry.kind, given=entry.input
            )
        except ValueError:
            return sequence
        if (entry.hash, entry.previous_hash) != (expected.hash, expected.previous_hash):
            return sequence
        previous = entry
    return None


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 form of plain JSON values. Raises ValueError when they are not such values."""
    try:
        return rfc8785.dumps(value)
    except rfc8785.IntegerDomainError:
        return rfc8785.dumps(_doubles(value))


def timestamp(at: datetime) -> str:
    """Return an aware instant as RFC 3339 in UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _doubles(value: Any) -> Any:
    """Turn the integers that a double does not hold exactly into the nearest double."""
    if isinstance(value, Mapping):
        return {key: _doubles(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_doubles(each) for each in value]
    if isinstance(value, int) and abs(value) > LARGEST_EXACT_INTEGER:
        try:
            return float(value)
        except OverflowError as overflow:
            raise ValueError("a number is too large for JSON as RFC 8785 has it") from overflow
    return value
