"""Queries on the case log."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Row, bindparam, select, text, tuple_, update
from sqlalchemy import insert as plain_insert

from chassis.database import insert
from chassis.problems import Conflict
from services.cases.domain.log import Head, LoggedEntry, LogKey, Registered
from services.cases.domain.merkle import Node, Place, nodes_in, places_read
from services.cases.store import history, log

ENTRIES: Final = "entries"
REGISTER: Final = "register"
TILES_AT_ONCE = 500
"""Places in one query, each with two parameters."""
_ADVISORY_LOCK: Final = 0x64756F6C
Built = TypeVar("Built")


def try_lock(connection: Connection) -> bool:
    """Have this transaction be the only one that adds to the log; false when another one is."""
    if connection.dialect.name != "postgresql":
        return True  # SQLite lets one writer in
    taken: bool = connection.execute(
        text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK}
    ).scalar_one()
    return taken


def newest_head(connection: Connection) -> Row[Any] | None:
    """The head of the log as it is, or None while it is empty."""
    return connection.execute(select(log.heads).order_by(log.heads.c.size.desc()).limit(1)).one_or_none()


def head_of(row: Row[Any]) -> Head:
    """The head that a row tells of."""
    return Head(row.size, row.root, row.cases, row.cases_root, row.at)


def head_at(connection: Connection, size: int) -> Row[Any] | None:
    """The head that was signed at a size, or None."""
    return connection.execute(select(log.heads).where(log.heads.c.size == size)).one_or_none()


def heads_before(connection: Connection, size: int | None, limit: int) -> Sequence[Row[Any]]:
    """Heads below a size, or from the newest on when it is None; the largest first."""
    query = select(log.heads).order_by(log.heads.c.size.desc()).limit(limit)
    return connection.execute(query if size is None else query.where(log.heads.c.size < size)).all()


def add_head(connection: Connection, head: Head, key_id: str, signature: bytes) -> None:
    """Keep a signed head."""
    row = {name: getattr(head, name) for name in ("size", "root", "cases", "cases_root", "at")}
    connection.execute(plain_insert(log.heads), {**row, "key_id": key_id, "signature": signature})


def add_key(connection: Connection, key: LogKey, head: Head) -> None:
    """Keep a public key; one that is there already stays as it is."""
    statement = insert(connection, log.keys).on_conflict_do_nothing()
    connection.execute(statement, {"key_id": key.key_id, "public_key": key.public_pem, "first_used_at": head.at})


def keys(connection: Connection) -> Sequence[Row[Any]]:
    """The public keys, the newest first."""
    return connection.execute(select(log.keys).order_by(log.keys.c.first_used_at.desc(), log.keys.c.key_id)).all()


def waiting(connection: Connection, after: tuple[str, int], limit: int) -> list[LoggedEntry]:
    """Entries that are not in the log, by case and sequence."""
    case_id, sequence = history.c.case_id, history.c.sequence
    query = select(case_id, sequence, history.c.hash).where(history.c.leaf.is_(None), tuple_(case_id, sequence) > after)
    rows = connection.execute(query.order_by(case_id, sequence).limit(limit)).all()
    return [LoggedEntry(row.case_id, row.sequence, row.hash) for row in rows]


def registered(connection: Connection, case_ids: Collection[str]) -> dict[str, Registered]:
    """What the register says of cases, those that it has."""
    query = select(log.registered).where(log.registered.c.case_id.in_(sorted(case_ids)))
    return {row.case_id: Registered(*row) for row in connection.execute(query)}


def register(connection: Connection, cases: Iterable[Registered]) -> None:
    """Write what the register says of cases from now on."""
    rows = [
        {"case_id": each.case_id, "place": each.place, "entries": each.entries, "hash": each.hash} for each in cases
    ]
    statement = insert(connection, log.registered)
    changed = {name: statement.excluded[name] for name in ("entries", "hash")}
    connection.execute(statement.on_conflict_do_update(index_elements=["case_id"], set_=changed), rows)


_number = (
    update(history)
    .where(
        history.c.case_id == bindparam("key"),
        history.c.sequence.between(bindparam("first"), bindparam("last")),
        history.c.leaf.is_(None),
    )
    .values(leaf=history.c.sequence + bindparam("shift"))
)


def leaves_of(connection: Connection, case_id: str, after: int, below: int, limit: int) -> Sequence[Row[Any, Any]]:
    """Entries of a case after a sequence that the log of so many leaves holds: sequence and leaf."""
    query = select(history.c.sequence, history.c.leaf).where(
        history.c.case_id == case_id, history.c.sequence > after, history.c.leaf < below
    )
    return connection.execute(query.order_by(history.c.sequence).limit(limit)).all()


def number_entries(connection: Connection, indexes: Mapping[tuple[str, int], int]) -> None:
    """Write down which leaf each entry is; those of one case follow one another in both orders."""
    runs: dict[str, dict[str, Any]] = {}
    for (case_id, sequence), index in indexes.items():
        run = runs.setdefault(case_id, {"key": case_id, "first": sequence, "shift": index - sequence})
        run["last"] = sequence
    connection.execute(_number, list(runs.values()))


def tiles(connection: Connection, tree: str, places: Iterable[Place]) -> dict[Place, bytes]:
    """The tiles that there are at places of a tree."""
    wanted = sorted(places)
    table = log.tiles
    found: dict[Place, bytes] = {}
    for start in range(0, len(wanted), TILES_AT_ONCE):
        some = tuple_(table.c.level, table.c.position).in_(wanted[start : start + TILES_AT_ONCE])
        rows = connection.execute(select(table).where(table.c.tree == tree, some))
        found.update({(row.level, row.position): bytes(row.hashes) for row in rows})
    return found


def write_tiles(connection: Connection, tree: str, changed: Mapping[Place, bytes]) -> None:
    """Write tiles, new ones and others anew."""
    statement = insert(connection, log.tiles)
    statement = statement.on_conflict_do_update(
        index_elements=["tree", "level", "position"], set_={"hashes": statement.excluded.hashes}
    )
    rows = [
        {"tree": tree, "level": place[0], "position": place[1], "hashes": changed[place]} for place in sorted(changed)
    ]
    connection.execute(statement, rows)


def build(connection: Connection, tree: str, make: Callable[[Node], Built]) -> Built:
    """What `make` makes of a tree's nodes; raises Conflict LOG_DAMAGED when a hash that it needs is not there."""
    try:
        return make(cache(nodes_in(tiles(connection, tree, places_read(make)))))
    except KeyError as lost:
        level, position = lost.args[0]
        message = f"tile {position} at level {level} of the tree of {tree} is missing or cut"
    except ValueError as impossible:
        message = f"the tree of {tree} does not fit its head: {impossible}"
    raise Conflict("LOG_DAMAGED", f"{message}; `duokua log audit` says more", tree=tree)
