"""The tables of the case log; which entry is which leaf stands in the history itself."""

from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table, Text

from chassis.database import Instant


@dataclass(frozen=True, slots=True)
class LogTables:
    """The tables of the case log."""

    tiles: Table
    registered: Table
    heads: Table
    keys: Table


def log_tables(metadata: MetaData) -> LogTables:
    """Add the tables to those of the service."""
    return LogTables(_tiles(metadata), _registered(metadata), _heads(metadata), _keys(metadata))


def _tiles(metadata: MetaData) -> Table:
    """The hashes of both trees; see `services.cases.domain.merkle`."""
    return Table(
        "log_tiles",
        metadata,
        Column("tree", String(8), primary_key=True),  # "entries" or "register"
        Column("level", Integer, primary_key=True),
        Column("position", BigInteger, primary_key=True),
        Column("hashes", LargeBinary, nullable=False),
    )


def _registered(metadata: MetaData) -> Table:
    """What the register says of each case."""
    return Table(
        "log_registered",
        metadata,
        Column("case_id", String(36), primary_key=True),
        Column("place", BigInteger, nullable=False, unique=True),
        Column("entries", Integer, nullable=False),
        Column("hash", String(64), nullable=False),
    )


def _heads(metadata: MetaData) -> Table:
    """Every head that was signed; none is ever changed."""
    return Table(
        "log_heads",
        metadata,
        Column("size", BigInteger, primary_key=True, autoincrement=False),
        Column("root", String(64), nullable=False),
        Column("cases", BigInteger, nullable=False),
        Column("cases_root", String(64), nullable=False),
        Column("at", Instant, nullable=False, index=True),
        Column("key_id", String(16), nullable=False),
        Column("signature", LargeBinary, nullable=False),
    )


def _keys(metadata: MetaData) -> Table:
    """The public keys of all heads."""
    return Table(
        "log_keys",
        metadata,
        Column("key_id", String(16), primary_key=True),
        Column("public_key", Text, nullable=False),  # PEM
        Column("first_used_at", Instant, nullable=False),
    )
