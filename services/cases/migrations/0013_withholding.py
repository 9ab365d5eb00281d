"""Entries of histories in two parts, of which their hashes cover salted commitments; the log begins anew with them."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from alembic import op

import chassis.tables
from services.cases.domain.history import canonical, timestamp

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

AT_ONCE = 500
Entry = Mapping[str, Any]
Hash = Callable[[Entry], str]
_history = sa.table(
    "history",
    sa.column("case_id", sa.String),
    sa.column("sequence", sa.Integer),
    sa.column("at", chassis.tables.Instant(timezone=True)),
    sa.column("actor", sa.String),
    sa.column("kind", sa.String),
    sa.column("input", chassis.tables.Document),
    sa.column("internal", chassis.tables.Document),
    sa.column("salts", sa.LargeBinary),
    sa.column("previous_hash", sa.String),
    sa.column("hash", sa.String),
    sa.column("leaf", sa.BigInteger),
)
_cases = sa.table("cases", sa.column("case_id", sa.String), sa.column("history_hash", sa.String))


def upgrade() -> None:
    """Bring the database to this revision.

    Whose hash does not cover what an entry says was changed by somebody; a fresh hash would hide that, so the migration
    ends there. Heads that had been handed out before contradict the new log.
    """
    with op.batch_alter_table("history") as batch:
        batch.add_column(sa.Column("internal", chassis.tables.Document, nullable=True))
        batch.add_column(sa.Column("salts", sa.LargeBinary(), nullable=True))
    _chain_anew(_hash_whole, _hash_in_parts)
    with op.batch_alter_table("history") as batch:
        batch.alter_column("internal", existing_type=chassis.tables.Document, nullable=False)
        batch.alter_column("salts", existing_type=sa.LargeBinary(), nullable=False)


def downgrade() -> None:
    """Take the database back to the revision before; the log begins anew once more."""
    _chain_anew(_hash_in_parts, _hash_whole)
    with op.batch_alter_table("history") as batch:
        batch.drop_column("salts")
        batch.drop_column("internal")


def _chain_anew(before: Hash, after: Hash) -> None:
    connection = op.get_bind()
    for case_id in _case_ids(connection):
        _chain_case(connection, case_id, before, after)
    for table in ("log_tiles", "log_registered", "log_heads"):
        connection.execute(sa.delete(sa.table(table)))


def _case_ids(connection: sa.Connection) -> Iterator[str]:
    after = ""
    while True:
        query = sa.select(_cases.c.case_id).where(_cases.c.case_id > after).order_by(_cases.c.case_id).limit(AT_ONCE)
        found = connection.scalars(query).all()
        if not found:
            return
        yield from found
        after = found[-1]


def _chain_case(connection: sa.Connection, case_id: str, before: Hash, after: Hash) -> None:
    query = sa.select(_history).where(_history.c.case_id == case_id).order_by(_history.c.sequence)
    link, fresh_link = "", ""
    for row in connection.execute(query).all():
        entry = row._asdict()
        if (row.previous_hash, row.hash) != (link, before(entry)):
            message = (
                f"entry {row.sequence} of case {case_id} was changed: restore it from a backup, then migrate again"
            )
            raise ValueError(message)
        link = row.hash
        # Nobody has said of it what may be shown: all of it but its kind is internal.
        fresh = {
            "internal": ["actor", *row.input],
            "salts": secrets.token_bytes(32),
            "previous_hash": fresh_link,
            "leaf": None,
        }
        fresh_link = fresh["hash"] = after(entry | fresh)
        own = _history.c.case_id == case_id, _history.c.sequence == row.sequence
        connection.execute(sa.update(_history).where(*own).values(fresh))
    connection.execute(sa.update(_cases).where(_cases.c.case_id == case_id).values(history_hash=fresh_link))


def _hash_whole(entry: Entry) -> str:
    """The hash of an entry as it was before this revision: over all that it says."""
    content = {name: entry[name] for name in ("case_id", "sequence", "actor", "kind", "input")}
    content["at"] = timestamp(entry["at"])
    return sha256(bytes.fromhex(entry["previous_hash"]) + canonical(content)).hexdigest()


def _hash_in_parts(entry: Entry) -> str:
    """The hash of an entry as it is from this revision on: over commitments to its parts."""
    names, salts = entry["internal"], entry["salts"]
    actors = ("", entry["actor"]) if "actor" in names else (entry["actor"], "")
    given = {name: value for name, value in entry["input"].items() if name not in names}
    internal = {name: value for name, value in entry["input"].items() if name in names}
    shown = canonical({"actor": actors[0], "kind": entry["kind"], "input": given})
    hidden = canonical({"actor": actors[1], "input": internal})
    commitments = (
        sha256(b"duokua open part\n" + salts[:16] + shown).hexdigest(),
        sha256(b"duokua internal part\n" + salts[16:] + hidden).hexdigest(),
    )
    at, previous = timestamp(entry["at"]), entry["previous_hash"]
    lines = ("duokua history", entry["case_id"], entry["sequence"], at, *commitments, previous)
    return sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
