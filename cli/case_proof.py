"""The proof of a case's history: what it says, and the check of it with nothing but the log's public key.

A proof holds the entries, their places in the log, and what the register says of the case, all under one signed head.
What it proves and what it does not is told in docs/case-log.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from cli.entries import commitment_to, entry_hash
from cli.tree_proofs import (
    Hash,
    Line,
    Number,
    Path64,
    PublicKey,
    Shape,
    SignedHead,
    faults_of_shape,
    leaf_hash,
    read_json,
    root_above,
    text,
)

FORMAT: Literal["duokua case proof 2"] = "duokua case proof 2"


class OpenContent(Shape):
    """The part of an entry that whoever may see the case may see."""

    actor: str
    """Empty when that is internal."""
    kind: str
    input: dict[str, Any]


class InternalContent(Shape):
    """The part of an entry that is the administration's own."""

    actor: str
    """Empty when that is open."""
    input: dict[str, Any]


OfPart = TypeVar("OfPart", OpenContent, InternalContent)


class Part(Shape, Generic[OfPart]):
    """A part of an entry: what it commits to, and what opens that, unless it is withheld."""

    commitment: Hash
    salt: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None
    content: OfPart | None = None

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.salt is None) != (self.content is None):
            raise ValueError("salt and content are shown together, or neither")
        return self


class Content(Shape):
    """What an entry says, in its two parts."""

    at: Line
    open: Part[OpenContent]
    internal: Part[InternalContent]


class Entry(Shape):
    """An entry of the history and its place in the log."""

    sequence: Number
    previous_hash: str
    hash: Hash
    content: Content | None
    """None when all of it is withheld, the time too: then only that there is such an entry is proven."""
    leaf: Number
    path: Path64


class Registered(Shape):
    """How many entries of the case the log holds, and which is the last."""

    place: Number
    entries: Number
    hash: Hash
    path: Path64


class CaseProof(Shape):
    """A proof, as a file holds it."""

    format: Literal["duokua case proof 2"]
    case_id: Line
    entries: list[Entry]
    registered: Registered
    head: SignedHead


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it should be."""

    where: str
    """"entry 3", "register" or "head"."""
    what: str

    def __str__(self) -> str:
        return f"{self.where} {self.what}"


def read_proof(path: Path) -> CaseProof:
    """Read a proof from a file. Raises ValueError, naming the file and what is wrong with it."""
    try:
        return CaseProof.model_validate(read_json(path))
    except ValidationError as error:
        raise ValueError(f"{path} is no proof of a case: {faults_of_shape(error.errors())}") from None


def faults_of(proof: CaseProof, key: PublicKey) -> list[Fault]:
    """Everything that is wrong with a proof; nothing when the history is whole and unchanged under the head."""
    return [*_head(proof, key), *_register(proof), *_order(proof), *_entries(proof)]


def _head(proof: CaseProof, key: PublicKey) -> Iterator[Fault]:
    fault = key.fault_of(proof.head)
    if fault:
        yield Fault("head", fault)


def _register(proof: CaseProof) -> Iterator[Fault]:
    registered, head = proof.registered, proof.head
    leaf = leaf_hash(text("duokua case", proof.case_id, registered.entries, registered.hash))
    if root_above(leaf, registered.place, head.cases, registered.path) != head.cases_root:
        yield Fault("register", f"does not say that the log holds {registered.entries} entries of this case")
    last = next((entry for entry in proof.entries if entry.sequence == registered.entries), None)
    if last is not None and last.hash != registered.hash:
        yield Fault(f"entry {last.sequence}", "is not the one that the register names as the last")


def _order(proof: CaseProof) -> Iterator[Fault]:
    """Missing entries, and those that are too many or in the wrong place."""
    entries = proof.registered.entries
    shown = [entry.sequence for entry in proof.entries]
    # Gaps are told as they are: how many entries there should be is only what the file says.
    known = [0, *sorted(each for each in set(shown) if 1 <= each <= entries), entries + 1]
    for before, after in pairwise(known):
        if after - before == 2:
            yield Fault(f"entry {before + 1}", f"is missing: the log holds {entries} entries of this case")
        elif after - before > 2:
            yield Fault(f"entries {before + 1} to {after - 1}", f"are missing: the log holds {entries} of this case")
    for sequence in sorted(set(shown)):
        if not 1 <= sequence <= entries:
            yield Fault(f"entry {sequence}", f"is not registered: the log holds {entries} entries of this case")
        if shown.count(sequence) > 1:
            yield Fault(f"entry {sequence}", f"is there {shown.count(sequence)} times")
    for one, following in pairwise(proof.entries):
        if following.sequence < one.sequence:
            yield Fault(f"entry {following.sequence}", f"stands after entry {one.sequence}")
        elif following.leaf <= one.leaf:
            yield Fault(f"entry {following.sequence}", f"is in the log before entry {one.sequence}")


def _entries(proof: CaseProof) -> Iterator[Fault]:
    """Changed contents, broken links, and entries that the log does not have."""
    hashes = {0: "", **{entry.sequence: entry.hash for entry in proof.entries}}
    for entry in proof.entries:
        where = f"entry {entry.sequence}"
        if entry.content is not None:
            yield from (Fault(where, what) for what in _changes(proof.case_id, entry, entry.content))
        if hashes.get(entry.sequence - 1, entry.previous_hash) != entry.previous_hash:
            yield Fault(where, f"does not follow entry {entry.sequence - 1}: it names another hash before it")
        leaf = leaf_hash(text("duokua entry", proof.case_id, proof.registered.place, entry.sequence, entry.hash))
        if root_above(leaf, entry.leaf, proof.head.size, entry.path) != proof.head.root:
            yield Fault(where, f"is not leaf {entry.leaf} of the log under this head")


def _changes(case_id: str, entry: Entry, content: Content) -> Iterator[str]:
    """What of an entry is not what its hash vouches for."""
    for name, part in (("open", content.open), ("internal", content.internal)):
        if part.content is None or part.salt is None:
            continue
        if commitment_to(name, bytes.fromhex(part.salt), dict(part.content)) != part.commitment:
            yield f"was changed: its {name} part is not the one that it commits to"
    commitments = content.open.commitment, content.internal.commitment
    if entry_hash(case_id, entry.sequence, content.at, commitments, entry.previous_hash) != entry.hash:
        yield "was changed: its content does not give its hash"


def withheld(proof: CaseProof) -> dict[str, int]:
    """Of how many entries each part is withheld, and so was not checked."""
    contents = [entry.content for entry in proof.entries]
    return {
        "open": sum(each is None or each.open.content is None for each in contents),
        "internal": sum(each is None or each.internal.content is None for each in contents),
    }
