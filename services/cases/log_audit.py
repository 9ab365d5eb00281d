"""Compares histories, log, register and heads with each other, row by row, and names what does not fit.

A proof tells a third party that something is wrong; this tells an operator which row it is. It runs through all leaves
of the log, then through all cases of the register, so many at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy import Connection, Row, func, select

from chassis.database import UnitOfWork
from services.cases import log_store
from services.cases.domain import merkle
from services.cases.domain.history import holds, read_entry
from services.cases.domain.log import LoggedEntry, Registered, entry_leaf
from services.cases.log_store import ENTRIES, REGISTER
from services.cases.store import cases, history, log
from services.cases.vouching import unvouched

LEAVES: Final = 0
CASES: Final = 1
"""The two parts of an audit, in this order."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written."""

    description: str
    case_id: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Audited:
    """What a page of the audit found."""

    findings: Sequence[Finding]
    leaves: int
    cases: int
    following: tuple[int, int] | None
    """The part and the place at which to go on; None at the end."""


def audit(work: UnitOfWork, part: int, start: int, limit: int) -> Audited:
    """Compare leaves from `start` on, or cases."""
    connection = work.connection
    head = log_store.newest_head(connection)
    size, registered = (head.size, head.cases) if head else (0, 0)
    start = min(start, size if part == LEAVES else registered)  # a log that lost its end is audited to the end it has
    if part == LEAVES:
        end = min(start + limit, size)
        findings = [*_tiles(connection, ENTRIES, start, end, size), *_leaves(connection, start, end)]
        findings += _heads(connection, start, end)
        return Audited(findings, end - start, 0, (LEAVES, end) if end < size else (CASES, 0))
    end = min(start + limit, registered)
    findings = [*_tiles(connection, REGISTER, start, end, registered), *_cases(connection, start, end)]
    if end == registered:
        findings += _end(connection, head)
    return Audited(findings, 0, end - start, (CASES, end) if end < registered else None)


def _tiles(connection: Connection, tree: str, start: int, end: int, size: int) -> Iterator[Finding]:
    """Whether the tiles that are full by these leaves give the hashes above them."""
    places = merkle.places_above(range(start, end), size)
    tiles = log_store.tiles(connection, tree, places)
    for level, position in sorted(places):
        tile = tiles.get((level, position), b"")
        above = tiles.get((level + 1, position // merkle.TILE_HASHES), b"")
        at = position % merkle.TILE_HASHES * merkle.HASH_BYTES
        if len(tile) == merkle.TILE_BYTES and above[at : at + merkle.HASH_BYTES] != merkle.fold(tile):
            yield Finding(f"the {tree} tree, tile {position} at level {level}: its hashes do not give the one above it")


def _leaves(connection: Connection, start: int, end: int) -> Iterator[Finding]:
    """Whether each leaf is that of an entry, which has the content that was written."""
    query = select(history, log.registered.c.place).outerjoin(
        log.registered, log.registered.c.case_id == history.c.case_id
    )
    rows = connection.execute(query.where(history.c.leaf >= start, history.c.leaf < end))
    by_leaf = {row.leaf: row for row in rows}
    hashes = _hashes(connection, ENTRIES, start, end)
    for index in range(start, end):
        row = by_leaf.get(index)
        if row is None:
            yield Finding(f"leaf {index} of the log: no history has its entry any more")
            continue
        about = (row.case_id, row.sequence)
        if not holds(read_entry(row)):
            yield Finding(f"entry {row.sequence}: its content does not give its hash", *about)
        leaf = entry_leaf(LoggedEntry(row.case_id, row.sequence, row.hash), -1 if row.place is None else row.place)
        if hashes.get(index) != leaf:
            yield Finding(f"entry {row.sequence} and leaf {index} of the log do not fit: one was changed", *about)


def _hashes(connection: Connection, tree: str, start: int, end: int) -> dict[int, bytes]:
    """The leaf hashes from one index to before another, those that there are."""
    positions = range(start // merkle.TILE_HASHES, -(-end // merkle.TILE_HASHES))
    tiles = log_store.tiles(connection, tree, [(0, position) for position in positions])
    found: dict[int, bytes] = {}
    for (_, position), tile in tiles.items():
        for at in range(0, len(tile) - merkle.HASH_BYTES + 1, merkle.HASH_BYTES):
            found[position * merkle.TILE_HASHES + at // merkle.HASH_BYTES] = tile[at : at + merkle.HASH_BYTES]
    return found


def _heads(connection: Connection, start: int, end: int) -> Iterator[Finding]:
    """Whether each head is signed, and is the root of its leaves."""
    keys = {row.key_id: _key(row.public_key) for row in log_store.keys(connection)}
    rows = connection.execute(select(log.heads).where(log.heads.c.size > start, log.heads.c.size <= end)).all()
    places: set[merkle.Place] = set()
    for row in rows:
        places |= merkle.places_read(partial(merkle.root, size=row.size))
    node = merkle.nodes_in(log_store.tiles(connection, ENTRIES, places))
    for row in rows:
        key = keys.get(row.key_id)
        if key is None or not _is_signed(row, key):
            yield Finding(f"the tree head at size {row.size}: its signature does not fit what it says")
        if _root(node, row.size) != row.root:
            yield Finding(f"the tree head at size {row.size}: its root is not that of the log's leaves")


def _key(pem: str) -> Ed25519PublicKey | None:
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError:
        return None
    return key if isinstance(key, Ed25519PublicKey) else None


def _is_signed(row: Row[Any], key: Ed25519PublicKey) -> bool:
    try:
        key.verify(bytes(row.signature), log_store.head_of(row).text())
    except InvalidSignature:
        return False
    return True


def _root(node: merkle.Node, size: int) -> str:
    try:
        return merkle.root(node, size).hex()
    except KeyError:
        return ""


def _cases(connection: Connection, start: int, end: int) -> Iterator[Finding]:
    """Whether the register's leaves are its rows, and each history has the entries that are registered."""
    table = log.registered
    rows = connection.execute(select(table).where(table.c.place >= start, table.c.place < end)).all()
    by_place = {row.place: Registered(*row) for row in rows}
    hashes = _hashes(connection, REGISTER, start, end)
    for place in range(start, end):
        case = by_place.get(place)
        if case is None:
            yield Finding(f"leaf {place} of the register: the row of its case is gone")
        elif hashes.get(place) != case.leaf():
            yield Finding(f"the row of the register and its leaf {place} do not fit: one was changed", case.case_id)
    yield from _histories(connection, {case.case_id: case for case in by_place.values()})


def _histories(connection: Connection, registered: Mapping[str, Registered]) -> Iterator[Finding]:
    counting = select(history.c.case_id, func.count().label("entries"), func.max(history.c.sequence).label("last"))
    counting = counting.where(history.c.leaf.is_not(None), history.c.case_id.in_(registered))
    counts = {row.case_id: row for row in connection.execute(counting.group_by(history.c.case_id))}
    versions = connection.execute(select(cases.c.case_id, cases.c.version).where(cases.c.case_id.in_(registered)))
    version = {row.case_id: row.version for row in versions}
    for case_id, case in registered.items():
        count = counts.get(case_id)
        if count is None or (count.entries, count.last) != (case.entries, case.entries):
            yield from _missing(connection, case)
        if case_id not in version:
            yield Finding(f"the case is gone: the log has {case.entries} entries of it", case_id)
        elif version[case_id] < case.entries:
            at = f"the case is at version {version[case_id]}"
            yield Finding(f"{at}, and the log has {case.entries} entries of it: its row was changed", case_id)
    for each in unvouched(connection, [case_id for case_id in registered if case_id in version]):
        yield Finding(each.description, each.case_id, each.sequence)


def _missing(connection: Connection, case: Registered) -> Iterator[Finding]:
    """Which registered entries a history does not have, and which it has besides."""
    query = select(history.c.sequence).where(history.c.case_id == case.case_id, history.c.leaf.is_not(None))
    there, wanted = set(connection.scalars(query)), set(range(1, case.entries + 1))
    for sequence in sorted(wanted - there):
        yield Finding(
            f"entry {sequence} is gone: the log has {case.entries} entries of the case", case.case_id, sequence
        )
    for sequence in sorted(there - wanted):
        yield Finding(f"entry {sequence} is not registered: the log has {case.entries}", case.case_id, sequence)


def _end(connection: Connection, head: Row[Any] | None) -> Iterator[Finding]:
    """What is only known at the end: the register's root, and leaves that no head covers."""
    size, count = (head.size, head.cases) if head else (0, 0)
    places = merkle.places_read(partial(merkle.root, size=count))
    if head and _root(merkle.nodes_in(log_store.tiles(connection, REGISTER, places)), count) != head.cases_root:
        yield Finding(f"the tree head at size {size}: its cases_root is not that of the register's leaves")
    last = connection.scalar(select(func.max(history.c.leaf)))
    if last is not None and last >= size:
        yield Finding(f"histories have leaves up to {last}, and the newest tree head is at size {size}: heads are gone")
