"""Proofs from the case log: that it holds the entries of a case and no more of them, and that it only grew."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from chassis.database import UnitOfWork
from chassis.paging import Page
from chassis.problems import Conflict, Invalid, NotFound, Violation
from services.cases import log_store
from services.cases.domain.log import Registered
from services.cases.domain.merkle import consistency_proof, inclusion_proof
from services.cases.log_store import ENTRIES, REGISTER

LARGEST_SIZE = 2**63 - 1
"""Of a log, as databases count; the contract can name larger ones."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry is in the log, with the path from its leaf to the root."""

    sequence: int
    leaf: int
    path: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class CaseProof:
    """A page of the proof of a case."""

    head: Row[Any]
    registered: Registered | None
    """On the first page only: under an older head than the newest it cannot be proven any more."""
    register_path: Sequence[bytes]
    places: Sequence[Place]


def case_proof(work: UnitOfWork, case_id: str, size: int | None, after: int, limit: int) -> CaseProof:
    """Entries of a case after a sequence under the head of a size, or of all pages' first under the newest.

    Raises Conflict NOT_LOGGED and LOG_DAMAGED, NotFound TREE_HEAD_NOT_FOUND.
    """
    connection = work.connection
    head = log_store.newest_head(connection) if size is None else head_at(work, size)
    registered = log_store.registered(connection, [case_id]).get(case_id)
    if head is None or registered is None:
        message = "no entry of the case is in the log yet; entries are added some seconds after they were written"
        raise Conflict("NOT_LOGGED", message, case_id=case_id)
    register_path: Sequence[bytes] = ()
    if size is None:
        register_path = log_store.build(
            connection, REGISTER, lambda node: inclusion_proof(node, registered.place, head.cases)
        )
    rows = log_store.leaves_of(connection, case_id, after, head.size, limit)
    paths = log_store.build(
        connection, ENTRIES, lambda node: [inclusion_proof(node, row.leaf, head.size) for row in rows]
    )
    places = [Place(row.sequence, row.leaf, path) for row, path in zip(rows, paths, strict=True)]
    return CaseProof(head, registered if size is None else None, register_path, places)


def head_at(work: UnitOfWork, size: int) -> Row[Any]:
    """The head of a size, the newest for 0; raises NotFound TREE_HEAD_NOT_FOUND."""
    connection = work.connection
    head = None
    if size <= LARGEST_SIZE:
        head = log_store.head_at(connection, size) if size else log_store.newest_head(connection)
    if head is None:
        message = f"no tree head was signed at size {size}" if size else "the case log is empty"
        raise NotFound("TREE_HEAD_NOT_FOUND", message, size=size)
    return head


def heads(work: UnitOfWork, asked: Page) -> Sequence[Row[Any]]:
    """Heads, the newest first."""
    return log_store.heads_before(work.connection, int(asked.after[0]) if asked.after else None, asked.fetch)


def consistency(work: UnitOfWork, first: int, second: int) -> tuple[Row[Any], Sequence[bytes]]:
    """The later head, and the proof that the log of `first` entries is the beginning of its own.

    Raises NotFound TREE_HEAD_NOT_FOUND, Invalid, Conflict LOG_DAMAGED.
    """
    head = head_at(work, second)
    if not 0 < first <= head.size:
        fault = Violation("first_size", f"give a size from 1 to {head.size}, that of the later tree head")
        raise Invalid("BAD_REQUEST", f"there is no proof from {first} entries to {head.size}", [fault])
    path = log_store.build(work.connection, ENTRIES, lambda node: consistency_proof(node, first, head.size))
    return head, path
