"""Columns that the vault encrypted, and how all of them come to be encrypted with its newest key."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Table, select, update

from chassis.database import Database
from chassis.vault import Vault

BATCH = 500


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column that the vault encrypted; a service has all of its own in `SEALED` of its module `sealed_columns`."""

    table: Table
    """With one column as its primary key, a text."""
    column: str
    """Empty where there is nothing encrypted."""
    context: Callable[[Row[Any]], str]
    """What the vault bound the value of a row to."""


def renew_all(database: Database, columns: Sequence[SealedColumn], vault: Vault) -> int:
    """Encrypts with the newest key what an older one encrypted, a batch a transaction; gives how many values.

    It may be broken off and begun anew. Raises InvalidTag when none of the vault's keys fits.
    """
    return sum(_renew(database, column, vault) for column in columns)


def _renew(database: Database, sealed: SealedColumn, vault: Vault) -> int:
    (key,) = sealed.table.primary_key.columns
    renewed, after = 0, ""
    while True:
        query = select(sealed.table).where(key > after).order_by(key).limit(BATCH).with_for_update()
        with database.begin() as work:
            rows = work.connection.execute(query).all()
            for row in rows:
                before = getattr(row, sealed.column)
                value = vault.renew(before, context=sealed.context(row)) if before else None
                if value is not None:
                    changed = update(sealed.table).where(key == getattr(row, key.name))
                    work.connection.execute(changed.values({sealed.column: value}))
                    renewed += 1
        if len(rows) < BATCH:
            return renewed
        after = getattr(rows[-1], key.name)
