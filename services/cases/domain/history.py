"""The history of a case as a hash chain: whoever has the entries can prove that none was changed, left out or moved.

An entry is in two parts, and its hash covers no more of them than a salted commitment to each. So either can be
withheld from somebody, and the chain still holds: without the salt nobody can find out by trying what was committed to.

The hash is SHA-256 over seven lines in UTF-8, each of which ends in a line feed: "duokua history", the case's id, the
sequence, the time, the commitments to the open part and to the internal part, and the hash of the entry before (an
empty line in the first entry). A commitment is SHA-256 over the line "duokua open part" or "duokua internal part", 16
random bytes, and the RFC 8785 canonical JSON of the part: {"actor", "kind", "input"} of the open one, {"actor",
"input"} of the internal one. The actor and each field of the input are in one of them; an actor in the other part is
"". Hashes are lower-case hexadecimal. Times are RFC 3339 in UTC with milliseconds, such as "2025-01-02T03:04:05.678Z".
Numbers are IEEE 754 doubles, as RFC 8785 has them: an integer beyond 2**53 - 1 stands for the nearest double, so that a
store which rewrites 1e+20 as 100000000000000000000 breaks nothing. Written down for others in docs/case-log.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import rfc8785

LARGEST_EXACT_INTEGER = 2**53 - 1
SALT_BYTES: Final = 16
SALTS_BYTES: Final = 2 * SALT_BYTES
"""Of both parts, one after the other."""
ACTOR: Final = "actor"
"""Stands for the actor among the names of internal fields; no input has a field of this name."""
_OPEN_TAG: Final = b"duokua open part\n"
_INTERNAL_TAG: Final = b"duokua internal part\n"


@dataclass(frozen=True, slots=True)
class Said:
    """What an entry says, and which of it is internal."""

    at: datetime
    """Aware; what is beyond milliseconds is not part of the proof."""
    actor: str
    """Who gave the input: "client:...", "person:...", or "platform"."""
    kind: str
    input: Mapping[str, Any]
    internal: Sequence[str]
    """The fields of the input that are in the internal part, and `ACTOR` when the actor is."""
    salts: bytes
    """`SALTS_BYTES` that nobody can foresee: the open part's and the internal part's."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One input that was taken, chained to the one before; hashes are in lower-case hexadecimal."""

    case_id: str
    sequence: int
    """From 1, without gaps."""
    said: Said
    hash: str
    previous_hash: str
    """Empty in the first entry."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an entry, with what opens its commitment."""

    commitment: str
    salt: bytes
    content: Mapping[str, Any]


def chain(previous: Entry | None, case_id: str, said: Said) -> Entry:
    """Return the entry that follows ``previous`` (None before the first).

    Raises ValueError when the input is not JSON: a number that is not finite, or text that is not Unicode.
    """
    return link(case_id, previous.sequence + 1 if previous else 1, previous.hash if previous else "", said)


def link(case_id: str, sequence: int, previous_hash: str, said: Said) -> Entry:
    """Return the entry with this sequence after the entry with this hash, for callers that keep only these two."""
    commitments = open_part(said).commitment, internal_part(said).commitment
    lines = ("duokua history", case_id, sequence, timestamp(said.at), *commitments, previous_hash)
    digest = sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    return Entry(case_id, sequence, said, digest, previous_hash)


def open_part(said: Said) -> Part:
    """What whoever may see the case may see of an entry."""
    given = {name: value for name, value in said.input.items() if name not in said.internal}
    actor = "" if ACTOR in said.internal else said.actor
    return _part(_OPEN_TAG, said.salts[:SALT_BYTES], {"actor": actor, "kind": said.kind, "input": given})


def internal_part(said: Said) -> Part:
    """What only the administration may see of an entry."""
    given = {name: value for name, value in said.input.items() if name in said.internal}
    actor = said.actor if ACTOR in said.internal else ""
    return _part(_INTERNAL_TAG, said.salts[SALT_BYTES:], {"actor": actor, "input": given})


def _part(tag: bytes, salt: bytes, content: Mapping[str, Any]) -> Part:
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    return Part(sha256(tag + salt + canonical(content)).hexdigest(), salt, content)


def verify(entries: Iterable[Entry], previous: Entry | None = None) -> int | None:
    """Return the sequence of the first entry that does not follow from the ones before it; None when all do.

    A page is verified against the last entry of the page before it. A missing entry is reported at the place where
    it should be; entries cut off the end cannot be seen, compare with the case's version for that.
    """
    for entry in entries:
        sequence = previous.sequence + 1 if previous else 1
        if entry.sequence != sequence or (previous and entry.case_id != previous.case_id):
            return sequence
        if entry.previous_hash != (previous.hash if previous else "") or not holds(entry):
            return sequence
        previous = entry
    return None


def holds(entry: Entry) -> bool:
    """Whether an entry says what its hash vouches for."""
    try:
        return link(entry.case_id, entry.sequence, entry.previous_hash, entry.said).hash == entry.hash
    except ValueError:
        return False


def read_entry(row: Any) -> Entry:
    """The entry that a row of a history is: anything that has its columns as attributes."""
    said = Said(row.at, row.actor, row.kind, row.input, row.internal, bytes(row.salts))
    return Entry(row.case_id, row.sequence, said, row.hash, row.previous_hash)


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
